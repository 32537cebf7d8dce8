//! The agent: does on schedule what a person would otherwise have to think of.
//!
//! ```text
//! memory   what it did, in a file that outlives it
//! order    a run of this program that is to come, on schedule or because somebody asked for it
//! run      carries out an order: waits for the program, and notes how it ended
//! desk     where people leave orders, and see what is done
//! outcome  the end of a run, for later
//! tonight  a removal that waits for the night
//! at_night  carries it out
//! awake    keeps the computer awake during a job
//! power    lets jobs wait on a battery that is nearly empty
//! job      a job as a process of this program
//! journal  what people order, until it is sealed in the repository
//! promise  how old a backup may become
//! lines    what such a process prints
//! saved    the newest snapshot of the sources of enamel.toml, whoever made it
//! seal     what people have ordered, into the repository
//! timetable  when each job is due, and what was done
//! service  signs of life for the service manager
//! ```
//!
//! The schedule decides (`crate::schedule`). One job runs at a time. A backup that is due stops any other job, which goes on later.

mod at_night;
mod awake;
mod desk;
mod job;
pub mod journal;
mod lines;
mod memory;
mod order;
mod outcome;
mod power;
mod promise;
mod run;
mod saved;
mod seal;
mod service;
mod timetable;
mod tonight;

use std::sync::Arc;
use std::time::{Duration, Instant};

use engine::error::chain;
use engine::monitor::Monitor;
use engine::{Error, ErrorKind, Result};
use jiff::Zoned;
use jiff::tz::TimeZone;
use repo_format::config::Access;

use crate::console::{self, Console, Inside, Kept, Office};
use crate::context::Context;
use crate::exit::Exit;
use crate::global::Global;
use crate::notify::{Ended, Notifier};
use crate::schedule::Job;
use crate::settings::SecretSource;

pub use desk::{Busy, Desk, Ended as EndedRun, Progress, Running as RunningRun, UnderWay};
use job::command;
pub use journal::{Ask, Journal, Orderer};
pub use memory::RunRecord;
pub use order::{Order, Task};
pub use outcome::{CopyLook, Outcome};
use power::Power;
pub use promise::{Promise, Schedule, schedule};
use run::end_of;
pub use run::words_of;
pub use saved::has_all;
use seal::SEAL_AFTER;
use service::Service;
pub use timetable::{Timetable, now, tonight_at};
pub use tonight::{Removal, Stage, Tonight, Why, Wish};

/// How often the schedule is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(20);
/// How often it is looked whether a job has ended, or the user wishes to stop.
const POLL: Duration = Duration::from_millis(100);
/// A clock that goes on by so much more than time passed was changed, or the machine slept.
const JUMP: Duration = Duration::from_secs(3600);

/// How long an agent goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Until {
    /// Until it is asked to end.
    Stopped,
    /// Until nothing is due.
    NothingDue,
}

/// Why an agent has come to its end.
enum Left {
    /// It was asked to end, or nothing is due.
    Ended(Exit),
    /// The settings have changed.
    NewSettings,
}

/// The orders of people, in files that outlive the agent.
#[derive(Clone)]
pub struct Books {
    /// Everything that they order.
    pub journal: Arc<Journal>,
    /// The removal that waits for the night.
    pub tonight: Arc<Tonight>,
    /// The last look at the second copy.
    pub copy_look: Arc<CopyLook>,
}

/// The console of an agent, which stays open when another agent takes over.
#[derive(Default)]
struct Open {
    console: Option<Console>,
    books: Option<Books>,
}

/// An agent for one repository.
pub struct Agent<'a> {
    context: &'a Context<'a>,
    global: &'a Global,
    timetable: Timetable,
    notifier: Notifier<'a>,
    service: Service,
    desk: Arc<Desk>,
    /// Open until the agent ends.
    console: Option<Console>,
    /// The orders that people leave by it.
    books: Option<Books>,
    /// When the journal could not be sealed.
    unsealed: Option<Instant>,
    power: Power,
}

impl<'a> Agent<'a> {
    /// Reads the schedule and what was done.
    ///
    /// # Errors
    /// The settings do not say what to save, or a password would have to be asked for; the repository cannot be opened.
    pub fn new(context: &'a Context<'a>, global: &'a Global, desk: Arc<Desk>) -> Result<Self> {
        let mut notifier = Notifier::new(context, &now())?;
        let opened = check_unattended(context).and_then(|()| read_timetable(context));
        if let Err(error) = &opened
            && !context.ui.is_interrupted()
        {
            // Nobody else says that no backup is made.
            notifier.closed(Exit::of(error.kind()), &now());
        }
        Ok(Agent {
            context,
            global,
            timetable: opened?,
            notifier,
            service: Service::of_environment(),
            desk,
            console: None,
            books: None,
            unsealed: None,
            power: Power::of_computer(),
        })
    }

    /// Opens the console. It closes with the agent. `kept` is what the page of a first start has left.
    ///
    /// # Errors
    /// Its port is taken, or another agent of this repository has one.
    pub fn open_console(&mut self, kept: Option<Kept>) -> Result<()> {
        let state_dir = self.context.state_dir().ok_or_else(console::no_state_dir)?;
        let office = Office::new(self.context, self.global, self.desk.clone());
        let inside = Inside { state_dir: &state_dir, repository: self.timetable.repository() };
        let (console, books) = Console::open(self.context, office, &inside, kept)?;
        (self.console, self.books) = (Some(console), Some(books));
        Ok(())
    }

    /// Works. A job that fails is told, and tried again in its time.
    ///
    /// # Errors
    /// The memory cannot be written, or jobs cannot be started.
    pub fn run(mut self, until: Until) -> Result<Exit> {
        let (global, ui, desk) = (self.global, self.context.ui, self.desk.clone());
        let mut left = self.work_on(until)?;
        let mut open = self.into_open();
        loop {
            if let Left::Ended(exit) = left {
                return Ok(exit);
            }
            let context = Context::new(global, ui)?;
            let mut agent = Agent::new(&context, global, desk.clone())?;
            (agent.console, agent.books) = (open.console, open.books);
            ui.say("the settings have changed: the schedule is read again");
            left = agent.work_on(until)?;
            open = agent.into_open();
        }
    }

    fn into_open(self) -> Open {
        Open { console: self.console, books: self.books }
    }

    /// Works until it is asked to end, or the settings change.
    fn work_on(&mut self, until: Until) -> Result<Left> {
        self.service.ready();
        // An agent before this one may have been killed.
        self.seal(0);
        let mut worst = Exit::Done;
        let mut looked = (Instant::now(), now());
        while !self.context.ui.is_interrupted() {
            self.tell_of_jump(&mut looked);
            if self.desk.take_new_settings() && self.can_begin_again() {
                return Ok(Left::NewSettings);
            }
            if let Some(order) = self.desk.take_order(now().timestamp()) {
                self.obey(&order)?;
                continue;
            }
            if self.remove_tonight() {
                continue;
            }
            let due = self.due();
            if due.is_none() {
                self.tell();
            }
            match due {
                Some(job) => worst = worst.then(self.work(job)?),
                None if until == Until::NothingDue => break,
                None => self.rest(),
            }
        }
        self.service.stopping();
        self.close_console();
        // An agent that was stopped has told of each failure, and jobs were tried again.
        Ok(Left::Ended(if until == Until::Stopped { Exit::Done } else { worst }))
    }

    /// Whether an agent could work with the settings as they are now. If not, this one goes on with the old ones.
    fn can_begin_again(&self) -> bool {
        let fresh = Context::new(self.global, self.context.ui);
        let opened = fresh.and_then(|fresh| check_unattended(&fresh).and_then(|()| read_timetable(&fresh)));
        if let Err(error) = &opened {
            self.context.ui.warn(format_args!("the new settings are not used yet: {}", chain(error)));
        }
        opened.is_ok()
    }

    fn due(&mut self) -> Option<Job> {
        let job = self.timetable.due()?;
        if self.power.makes_wait(now().timestamp()) {
            self.service.alive("waits: the battery is nearly empty");
            return None;
        }
        if job != Job::Backup {
            return Some(job);
        }
        let looked = self.context.open(Access::Read).and_then(|repo| self.timetable.look(self.context, &repo));
        if let Err(error) = looked {
            // The backup fails for the same reason, and is tried again.
            self.context.ui.warn(format_args!("cannot see the newest snapshot: {}", chain(&error)));
        }
        self.timetable.due()
    }

    /// Tells somebody what is due to be told.
    fn tell(&mut self) {
        if let Some(books) = &self.books {
            self.notifier.note_undone(books.tonight.last().and_then(|removal| removal.undone()));
        }
        self.notifier.look(&self.timetable.history(), self.timetable.seen(), &now());
    }

    /// Looks at what a job has left behind, and tells of it.
    fn tell_of(&mut self, run: &RunRecord) {
        let RunRecord { job, seconds, exit, .. } = *run;
        self.notifier.ended(&Ended { job, at: now().timestamp(), seconds, exit, is_done: run.is_done() });
        if run.is_done() && !self.notifier.is_silent() {
            let looked = self.context.open(Access::Read).and_then(|repo| self.timetable.look(self.context, &repo));
            if let Err(error) = looked {
                self.context.ui.warn(format_args!("cannot see the newest snapshot: {}", chain(&error)));
            }
        }
        self.tell();
    }

    /// Runs one job to its end.
    fn work(&mut self, job: Job) -> Result<Exit> {
        let order = Order {
            task: job.into(),
            words: command(job, self.timetable.rules(), self.timetable.drill_copy()),
            by: None,
            record: None,
        };
        self.desk.begin(&order, now().timestamp());
        let run = self.carry_out(&order)?.record_of(job);
        self.context.ui.say(format_args!("{}: {}", job.name(), words_of(&run)));
        let exit = if run.is_failure() { Exit::Failed } else { Exit::Done };
        self.note(run)?;
        Ok(exit)
    }

    /// Does what a person asked for. It counts as the job that it is, but a failure is theirs to repeat.
    fn obey(&mut self, order: &Order) -> Result<()> {
        let run = self.carry_out(order);
        let status = run.as_ref().ok().and_then(|run| run.end.status);
        if let (Some(books), Some(record)) = (&self.books, order.record) {
            books.journal.end(record, end_of(status))?;
        }
        let run = match run {
            Ok(run) => run,
            Err(error) => {
                // The schedule goes on, and who ordered it sees why.
                self.context.ui.warn(format_args!("{}: {}", order.task.name(), chain(&error)));
                return Ok(());
            }
        };
        let ended = status.map_or_else(|| "was killed".to_owned(), |code| format!("ended with {code}"));
        self.context.ui.say(format_args!("{}: {ended}", order.task.name()));
        if let Some(job) = order.task.job() {
            let run = run.record_of(job);
            if run.is_done() || run.was_stopped {
                self.note(run)?;
            }
        }
        Ok(())
    }

    /// Keeps a run, and tells of it.
    fn note(&mut self, run: RunRecord) -> Result<()> {
        self.timetable.note(run.clone())?;
        if run.is_done() || run.is_failure() {
            self.tell_of(&run);
        }
        Ok(())
    }

    /// Waits a little, and tells what comes next.
    fn rest(&mut self) {
        self.seal(SEAL_AFTER);
        let next = self.timetable.next();
        let doing = next.map_or_else(
            || "nothing is on schedule".to_owned(),
            |due| format!("next {} at {}", due.job.name(), due.at.to_zoned(TimeZone::system()).strftime("%a %H:%M")),
        );
        self.service.alive(&doing);
        let until = Instant::now() + LOOK_EVERY;
        let is_wanted = || self.context.ui.is_interrupted() || self.desk.has_order() || self.desk.has_new_settings();
        while Instant::now() < until && !is_wanted() {
            std::thread::sleep(POLL);
        }
    }

    /// Says that the clock was changed or the machine slept: it explains why a job runs at an unusual time.
    fn tell_of_jump(&self, looked: &mut (Instant, Zoned)) {
        let (instant, time) = std::mem::replace(looked, (Instant::now(), now()));
        let passed = i64::try_from(instant.elapsed().as_secs()).unwrap_or(i64::MAX);
        let jump = looked.1.timestamp().as_second() - time.timestamp().as_second() - passed;
        if jump.unsigned_abs() >= JUMP.as_secs() {
            let (hours, way) = (jump.unsigned_abs() as f64 / 3600.0, if jump > 0 { "on" } else { "back" });
            self.context
                .ui
                .note(&format!("the clock went {way} by {hours:.1} hours: the machine slept, or it was set"));
        }
    }
}

/// Opens the repository for the first time.
fn read_timetable(context: &Context<'_>) -> Result<Timetable> {
    let repository = context.open(Access::Read)?;
    let mut timetable = Timetable::read(context, &repository)?;
    timetable.begin()?;
    Ok(timetable)
}

/// Refuses settings with which nobody could leave the agent alone.
///
/// # Errors
/// They do not say what to save, or a password would have to be asked for.
pub fn check_unattended(context: &Context<'_>) -> Result<()> {
    let file = &context.settings.file;
    if file.sources.is_empty() && file.database.is_none() {
        return Err(Error::new(
            ErrorKind::Usage,
            "enamel.toml does not say what to save: it has no `sources` and no `database`",
        )
        .with_hint("`enamel setup` asks for what is needed, and writes the file."));
    }
    if matches!(context.settings.secret.value, SecretSource::Prompt) {
        return Err(Error::new(ErrorKind::Usage, "an agent cannot ask for the password of the repository").with_hint(
            "Make a key for it with `enamel key add --key-file FILE`, and name the file as `key-file` in enamel.toml.",
        ));
    }
    Ok(())
}

/// A plan of a removal in the journal: people see the first digits of its number.
pub fn plan_words(digest: &str) -> String {
    format!("review {}", digest.get(..8).unwrap_or(digest))
}
