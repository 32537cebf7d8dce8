//! The timetable of one repository: rules, and what was done.

use std::path::Path;

use engine::repository::Repository;
use engine::{Error, ErrorKind, Result, machine};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, Zoned};

use super::job::Copy;
use super::memory::{Memory, MemoryFile, RunRecord};
use super::saved;
use crate::commands::init::host_name;
use crate::context::Context;
use crate::notify::Seen;
use crate::schedule::{self, Due, History, Jitter, Job, Rules, next_night, quietest_hour};
use crate::settings::Mode;
use crate::ui::format;

/// A drill restores from the second copy so often.
const QUARTER: SignedDuration = SignedDuration::from_hours(91 * 24);

/// After so many drills that failed each second one restores from the repository itself.
const COPY_TRIES: u32 = 3;

/// When each job is due, and what was done.
pub struct Timetable {
    rules: Rules,
    jitter: Jitter,
    file: MemoryFile,
    memory: Memory,
    seen: Seen,
    repository: String,
    has_copy: bool,
    quiet_hour: i8,
}

impl Timetable {
    /// Reads the schedule and the memory. A schedule begins when it is read for the first time.
    ///
    /// # Errors
    /// The settings are wrong, or the memory or the repository cannot be read.
    pub fn read(context: &Context<'_>, repository: &Repository) -> Result<Self> {
        let file = memory_of(context, repository).ok_or_else(|| {
            Error::new(ErrorKind::Usage, "there is no folder for what the agent remembers")
                .with_hint("Name one with --state-dir, ENAMEL_STATE_DIR, or `state-dir` in enamel.toml.")
        })?;
        let memory = file.read()?.unwrap_or_else(|| Memory::new(now().timestamp()));
        let mut timetable = Timetable {
            quiet_hour: quietest_hour(&[], &TimeZone::UTC),
            rules: rules_of(context)?,
            jitter: Jitter::of(&repository.id().to_string(), &host_name()),
            file,
            memory,
            seen: Seen::default(),
            repository: format::short(repository.id()),
            has_copy: context.settings.file.supplemental.mode != Mode::Off,
        };
        timetable.look(context, repository)?;
        Ok(timetable)
    }

    /// Looks for the newest snapshot: somebody may have made one by hand.
    ///
    /// # Errors
    /// The repository cannot be read.
    pub fn look(&mut self, context: &Context<'_>, repository: &Repository) -> Result<()> {
        self.seen = saved::look(repository, context)?;
        self.quiet_hour = quietest_hour(&saved::changes(repository)?, &TimeZone::system());
        Ok(())
    }

    /// The job that comes next, due or not.
    pub fn next(&self) -> Option<Due> {
        schedule::next(&self.rules, self.jitter, &now(), &self.history())
    }

    /// The job that is due.
    pub fn due(&self) -> Option<Job> {
        self.next().filter(|due| due.at <= now().timestamp()).map(|due| due.job)
    }

    /// When each job comes next.
    pub fn all(&self) -> Vec<Due> {
        schedule::all(&self.rules, self.jitter, &now(), &self.history()).collect()
    }

    /// The copy that the next drill restores from: once a quarter the supplemental one, if there is one. Only that proves
    /// that it comes back.
    pub fn drill_copy(&self) -> Copy {
        let now = now().timestamp();
        let since = self.seen.drilled_copy.filter(|at| *at <= now).unwrap_or(self.memory.begun.min(now));
        let failures = self.memory.jobs.get(&Job::Drill).map_or(0, |tries| tries.failures);
        // A copy that stays away is told by then, and holds other drills up no longer.
        let is_away = failures >= COPY_TRIES && failures % 2 == 1;
        let is_due = self.has_copy && !is_away && now.duration_since(since) >= QUARTER;
        if is_due { Copy::Supplemental } else { Copy::Own }
    }

    /// The last runs, the newest last.
    pub fn runs(&self) -> impl DoubleEndedIterator<Item = &RunRecord> {
        self.memory.runs.iter()
    }

    /// The short id of the repository.
    pub fn repository(&self) -> &str {
        &self.repository
    }

    /// How often each job is done.
    pub fn rules(&self) -> &Rules {
        &self.rules
    }

    /// Notes a run, and keeps it.
    ///
    /// # Errors
    /// The memory cannot be written.
    pub fn note(&mut self, run: RunRecord) -> Result<()> {
        if run.job == Job::Backup && run.is_done() {
            self.seen.newest = Some(run.began);
        }
        self.memory.note(run, now().timestamp());
        self.keep()
    }

    /// An agent begins to work. If the file is gone that had started the last one, something else starts this one.
    ///
    /// # Errors
    /// The memory cannot be written.
    pub fn begin(&mut self) -> Result<()> {
        if self.memory.is_schedule_removed() {
            self.memory.started_by = None;
        }
        self.keep()
    }

    /// From now on the agent is started with the computer, because of this file.
    ///
    /// # Errors
    /// The memory cannot be written.
    pub fn started_by(&mut self, file: &Path) -> Result<()> {
        self.memory.started_by = Some(file.to_owned());
        self.keep()
    }

    /// Writes the memory.
    ///
    /// # Errors
    /// It cannot be written.
    fn keep(&self) -> Result<()> {
        self.file.write(&self.memory)
    }

    /// The newest snapshot, as it was last seen.
    pub fn seen(&self) -> &Seen {
        &self.seen
    }

    /// The history: everything that was done.
    pub fn history(&self) -> History {
        let Memory { begun, jobs, .. } = &self.memory;
        History { begun: *begun, newest: self.seen.newest, quiet_hour: self.quiet_hour, jobs: jobs.clone() }
    }
}

/// The schedule of the settings, without jobs that have nothing to do.
///
/// # Errors
/// The settings are wrong.
pub fn rules_of(context: &Context<'_>) -> Result<Rules> {
    context.settings.file.schedule_rules().map_err(|why| Error::new(ErrorKind::Usage, why))
}

/// The time for what somebody orders for the night; `None` if people work all night.
///
/// # Errors
/// The settings are wrong, or the repository cannot be read.
pub fn tonight_at(context: &Context<'_>, repository: &Repository) -> Result<Option<Timestamp>> {
    let quiet = quietest_hour(&saved::changes(repository)?, &TimeZone::system());
    Ok(next_night(&rules_of(context)?.office_hours, quiet, &now()))
}

/// The file of what an agent remembers of `repository`; none if this computer has no folder for it.
pub fn memory_of(context: &Context<'_>, repository: &Repository) -> Option<MemoryFile> {
    let folder = context.state_dir()?;
    Some(MemoryFile::of(&folder, &format::short(repository.id())))
}

/// The time by the wall clock, here.
pub fn now() -> Zoned {
    let seconds = machine::now().seconds;
    Timestamp::from_second(seconds).unwrap_or(Timestamp::MIN).to_zoned(TimeZone::system())
}
