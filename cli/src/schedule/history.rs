//! The past of each job, as far as it decides when it is done again.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Work that is done on schedule. Earlier ones go first when several are due.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Job {
    /// Saves the sources of enamel.toml.
    Backup,
    /// Brings the second copy up to date.
    Copy,
    /// Restores in a drill.
    Drill,
    /// Checks the repository, and reads a part of it.
    Verify,
    /// Forgets old snapshots, and frees their room.
    Forget,
}

impl Job {
    /// All, in the order in which they go.
    pub const ALL: [Job; 5] = [Job::Backup, Job::Copy, Job::Drill, Job::Verify, Job::Forget];

    /// The job in one word.
    pub fn name(self) -> &'static str {
        match self {
            Job::Backup => "backup",
            Job::Copy => "copy",
            Job::Drill => "drill",
            Job::Verify => "verify",
            Job::Forget => "forget",
        }
    }
}

/// The attempts at one job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Tries {
    /// When the last one that succeeded began.
    pub done: Option<Timestamp>,
    /// When the last one ended that failed.
    pub failed: Option<Timestamp>,
    /// How many have failed since the last that succeeded.
    pub failures: u32,
    /// When somebody last stopped it, since the last one that succeeded.
    pub stopped: Option<Timestamp>,
}

/// All that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct History {
    /// Since when there is a schedule: nothing is due from before.
    pub begun: Timestamp,
    /// The moment of the newest whole snapshot of the sources, whoever made it.
    pub newest: Option<Timestamp>,
    /// The hour of the day in which least is going on, 0 to 23.
    pub quiet_hour: i8,
    /// The attempts at each job.
    pub jobs: BTreeMap<Job, Tries>,
}

impl History {
    /// The attempts at a job.
    pub fn tries(&self, job: Job) -> Tries {
        self.jobs.get(&job).copied().unwrap_or_default()
    }
}
