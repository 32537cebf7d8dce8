//! The agent: does on schedule what a person would otherwise have to think of.
//!
//! ```text
//! memory   what it did, in a file that outlives it
//! job      a job as a process of this program
//! promise  how old a backup may become
//! saved    the newest snapshot of the sources of enamel.toml, whoever made it
//! timetable  when each job is due, and what was done
//! service  signs of life for the service manager
//! ```
//!
//! The schedule decides (`crate::schedule`). One job runs at a time. A backup that is due stops any other job, which goes on later.

mod job;
mod memory;
mod promise;
mod saved;
mod service;
mod timetable;

use std::time::{Duration, Instant};

use engine::error::chain;
use engine::monitor::Monitor;
use engine::{Error, ErrorKind, Result};
use jiff::Zoned;
use jiff::tz::TimeZone;
use repo_format::config::Access;

use crate::context::Context;
use crate::exit::Exit;
use crate::global::Global;
use crate::notify::{Ended, Notifier};
use crate::schedule::Job;
use crate::settings::SecretSource;
use crate::ui::format;

use job::Running;
pub use job::command;
pub use memory::RunRecord;
pub use promise::{Promise, promise};
pub use saved::has_all;
use service::Service;
pub use timetable::{Timetable, now};

/// The status of a job that ended because it was asked to.
const INTERRUPTED_CODE: i32 = Exit::Interrupted as i32;
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

/// An agent for one repository.
pub struct Agent<'a> {
    context: &'a Context<'a>,
    global: &'a Global,
    timetable: Timetable,
    notifier: Notifier<'a>,
    service: Service,
}

impl<'a> Agent<'a> {
    /// Reads the schedule and what was done.
    ///
    /// # Errors
    /// The settings do not say what to save, or a password would have to be asked for; the repository cannot be opened.
    pub fn new(context: &'a Context<'a>, global: &'a Global) -> Result<Self> {
        let mut notifier = Notifier::new(context, &now())?;
        let opened = check_unattended(context).and_then(|()| read_timetable(context));
        if let Err(error) = &opened
            && !context.ui.is_interrupted()
        {
            // Nobody else says that no backup is made.
            notifier.closed(Exit::of(error.kind()), &now());
        }
        Ok(Agent { context, global, timetable: opened?, notifier, service: Service::of_environment() })
    }

    /// Works. A job that fails is told, and tried again in its time.
    ///
    /// # Errors
    /// The memory cannot be written, or jobs cannot be started.
    pub fn run(&mut self, until: Until) -> Result<Exit> {
        self.service.ready();
        let mut worst = Exit::Done;
        let mut looked = (Instant::now(), now());
        while !self.context.ui.is_interrupted() {
            self.tell_of_jump(&mut looked);
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
        // An agent that was stopped has told of each failure, and jobs were tried again.
        Ok(if until == Until::Stopped { Exit::Done } else { worst })
    }

    fn due(&mut self) -> Option<Job> {
        let job = self.timetable.due()?;
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
        let ui = self.context.ui;
        ui.say(format_args!("{}: begins", job.name()));
        if job == Job::Backup {
            self.notifier.begins(&now());
        }
        let (began, started) = (now().timestamp(), Instant::now());
        let mut running = Running::start(self.global, &command(job, self.timetable.rules()))?;
        let mut gave_way = false;
        let mut looked = Instant::now();
        let status = loop {
            if let Some(status) = running.try_wait()? {
                break status;
            }
            if looked.elapsed() >= LOOK_EVERY {
                looked = Instant::now();
                self.service.alive(job.name());
                gave_way |= job != Job::Backup && self.timetable.due() == Some(Job::Backup);
            }
            if gave_way || ui.is_interrupted() {
                running.ask_to_end()?;
            }
            std::thread::sleep(POLL);
        };
        // A job that was asked before it could listen is ended by the signal.
        let gave_way = running.was_asked() && matches!(status.code(), None | Some(INTERRUPTED_CODE));
        let seconds = started.elapsed().as_secs();
        let run = RunRecord { job, began, seconds, exit: status.code(), gave_way };
        ui.say(format_args!("{}: {}", job.name(), words_of(&run)));
        let exit = if run.is_done() || gave_way { Exit::Done } else { Exit::Failed };
        self.timetable.note(run.clone())?;
        if !gave_way {
            self.tell_of(&run);
        }
        Ok(exit)
    }

    /// Waits a little, and tells what comes next.
    fn rest(&self) {
        let next = self.timetable.next();
        let doing = next.map_or_else(
            || "nothing is on schedule".to_owned(),
            |due| format!("next {} at {}", due.job.name(), due.at.to_zoned(TimeZone::system()).strftime("%a %H:%M")),
        );
        self.service.alive(&doing);
        let until = Instant::now() + LOOK_EVERY;
        while Instant::now() < until && !self.context.ui.is_interrupted() {
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
    let timetable = Timetable::read(context, &repository)?;
    timetable.keep()?;
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

/// How a run ended, in words.
pub fn words_of(run: &RunRecord) -> String {
    let took = match run.seconds {
        0 => "less than a second".to_owned(),
        seconds => format::duration(seconds.saturating_mul(1000)),
    };
    match run.exit {
        _ if run.gave_way => format!("stopped after {took}, goes on later"),
        Some(0) => format!("done in {took}"),
        Some(3) => format!("done in {took}, but something was left out, as said above"),
        Some(4) if run.is_done() => format!("done in {took}, and found damage, as said above"),
        Some(code) => format!("failed after {took} with status {code}: it is tried again"),
        None => format!("was killed after {took}: it is tried again"),
    }
}
