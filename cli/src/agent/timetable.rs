//! The timetable of one repository: rules, and what was done.

use engine::repository::Repository;
use engine::{Error, ErrorKind, Result, machine};
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};

use super::memory::{Memory, MemoryFile, RunRecord};
use super::{job, saved};
use crate::commands::init::host_name;
use crate::context::Context;
use crate::notify::Seen;
use crate::schedule::{self, Due, History, Jitter, Job, Rules};
use crate::ui::format;

/// The hour in which least is going on in an office.
const QUIET_HOUR: i8 = 2;

/// When each job is due, and what was done.
pub struct Timetable {
    rules: Rules,
    jitter: Jitter,
    file: MemoryFile,
    memory: Memory,
    seen: Seen,
    repository: String,
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
            rules: rules_of(context)?,
            jitter: Jitter::of(&repository.id().to_string(), &host_name()),
            file,
            memory,
            seen: Seen::default(),
            repository: format::short(repository.id()),
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

    /// Writes the memory.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn keep(&self) -> Result<()> {
        self.file.write(&self.memory)
    }

    /// The newest snapshot, as it was last seen.
    pub fn seen(&self) -> &Seen {
        &self.seen
    }

    /// The history: everything that was done.
    pub fn history(&self) -> History {
        let Memory { begun, jobs, .. } = &self.memory;
        History { begun: *begun, newest: self.seen.newest, quiet_hour: QUIET_HOUR, jobs: jobs.clone() }
    }
}

/// The schedule of the settings, without jobs that have nothing to do.
///
/// # Errors
/// The settings are wrong.
pub fn rules_of(context: &Context<'_>) -> Result<Rules> {
    let settings = &context.settings.file;
    let rules = settings.schedule.rules().map_err(|why| Error::new(ErrorKind::Usage, why))?;
    Ok(job::possible(rules, settings))
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
