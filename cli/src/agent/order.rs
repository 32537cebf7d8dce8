//! An order: one run of this program that the agent makes, on schedule or because somebody asked for it.

use std::ffi::OsString;

use crate::schedule::Job;

/// The kinds of work that pages know by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Task {
    /// A backup.
    Backup,
    /// Bringing the second copy up to date.
    Copy,
    /// A drill.
    Drill,
    /// Reading the repository again.
    Verify,
    /// Forgetting old backups, and freeing their room.
    Forget,
    /// Bringing something back.
    Restore,
    /// Removing old rows from the live database.
    Remove,
    /// Something else that takes a moment.
    Other,
}

impl Task {
    /// The name, as of the command that does it.
    pub fn name(self) -> &'static str {
        match self {
            Task::Backup => Job::Backup.name(),
            Task::Copy => Job::Copy.name(),
            Task::Drill => Job::Drill.name(),
            Task::Verify => Job::Verify.name(),
            Task::Forget => Job::Forget.name(),
            Task::Restore => "restore",
            Task::Remove => "purge",
            Task::Other => "command",
        }
    }

    /// The job on schedule that this is.
    pub(super) fn job(self) -> Option<Job> {
        Job::ALL.into_iter().find(|job| Task::from(*job) == self)
    }
}

impl From<Job> for Task {
    fn from(job: Job) -> Self {
        match job {
            Job::Backup => Task::Backup,
            Job::Copy => Task::Copy,
            Job::Drill => Task::Drill,
            Job::Verify => Task::Verify,
            Job::Forget => Task::Forget,
        }
    }
}

/// One run of this program.
#[derive(Debug, Clone)]
pub struct Order {
    /// Its kind.
    pub task: Task,
    /// The command and its options, as a person would type them; never a line for a shell.
    pub words: Vec<OsString>,
    /// The person who asked for it; none if it is on schedule.
    pub by: Option<String>,
    /// Its number in the journal of actions.
    pub record: Option<u64>,
}
