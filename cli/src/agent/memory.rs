//! The agent's memory: what it did, in a file that outlives it.

use std::collections::{BTreeMap, VecDeque};
use std::path::{Path, PathBuf};

use engine::{Error, ErrorKind, Result};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::schedule::{Job, Tries};
use crate::whole_file::{Unusable, read_json, write_json};

/// Runs that are remembered, the newest last.
const RUNS_KEPT: usize = 50;

/// A job that was done or tried.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunRecord {
    /// The job.
    pub job: Job,
    /// When it began.
    pub began: Timestamp,
    /// How long it took.
    pub seconds: u64,
    /// The status that it ended with; none if a signal ended it.
    pub exit: Option<i32>,
    /// A backup that was due stopped it: it goes on later.
    #[serde(default)]
    pub gave_way: bool,
    /// A person stopped it: it is left alone for a while.
    #[serde(default)]
    pub was_stopped: bool,
}

/// The memory of one repository.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Memory {
    /// Since when there is a schedule.
    pub begun: Timestamp,
    /// The file that starts the agent with the computer, if there is one.
    #[serde(default)]
    pub started_by: Option<PathBuf>,
    /// The attempts at each job.
    #[serde(default)]
    pub jobs: BTreeMap<Job, Tries>,
    /// The last runs.
    #[serde(default)]
    pub runs: VecDeque<RunRecord>,
}

impl RunRecord {
    /// Whether it came to its end. Something that was left out, or damage that was found, is told: the same again would change
    /// nothing. A backup that found damage may have saved nothing.
    pub fn is_done(&self) -> bool {
        matches!(self.exit, Some(0 | 3)) || self.exit == Some(4) && self.job != Job::Backup
    }

    /// Whether it failed: it neither came to its end nor was asked to stop.
    pub fn is_failure(&self) -> bool {
        !self.is_done() && !self.gave_way && !self.was_stopped
    }
}

impl Memory {
    /// Nothing: a schedule begins now.
    pub fn new(begun: Timestamp) -> Self {
        Memory { begun, started_by: None, jobs: BTreeMap::new(), runs: VecDeque::new() }
    }

    /// Whether nothing starts the agent any more: the file that did is gone, however it went.
    pub fn is_schedule_removed(&self) -> bool {
        // A file that cannot be asked for may be there.
        self.started_by.as_ref().is_some_and(|file| matches!(file.try_exists(), Ok(false)))
    }

    /// Notes a run.
    pub fn note(&mut self, run: RunRecord, ended: Timestamp) {
        let tries = self.jobs.entry(run.job).or_default();
        if run.is_done() {
            *tries = Tries { done: Some(run.began), ..Tries::default() };
        } else if run.was_stopped {
            tries.stopped = Some(ended);
        } else if run.is_failure() {
            *tries = Tries { failures: tries.failures.saturating_add(1), failed: Some(ended), ..*tries };
        }
        self.runs.push_back(run);
        while self.runs.len() > RUNS_KEPT {
            self.runs.pop_front();
        }
    }
}

/// The file of a memory.
#[derive(Debug, Clone)]
pub struct MemoryFile(PathBuf);

impl MemoryFile {
    /// The file for the repository of this id, in the folder for what this computer has seen.
    pub fn of(state_dir: &Path, repository: &str) -> Self {
        MemoryFile(state_dir.join(format!("agent-{repository}.json")))
    }

    /// Reads it; `None` if there is none yet.
    ///
    /// # Errors
    /// It cannot be read, or is not one.
    pub fn read(&self) -> Result<Option<Memory>> {
        read_json(&self.0).map_err(|error| match error {
            Unusable::Io(error) => Error::io(format!("cannot read {}", self.0.display()), error),
            Unusable::Other(why) => self.no_memory(&why),
        })
    }

    fn no_memory(&self, why: &str) -> Error {
        Error::new(ErrorKind::Usage, format!("{} is not the memory of an agent: {why}", self.0.display()))
            .with_hint("Remove the file: the schedule begins anew, and the next backup is still due in its time.")
    }

    /// Writes it whole, by rename: a machine that dies leaves the old one or the new one.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn write(&self, memory: &Memory) -> Result<()> {
        let failed = |error| Error::io(format!("cannot write {}", self.0.display()), error);
        write_json(&self.0, memory).map_err(failed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn run(job: Job, began: i64, exit: Option<i32>) -> RunRecord {
        RunRecord { job, began: at(began), seconds: 1, exit, gave_way: false, was_stopped: false }
    }

    #[test]
    fn failures_are_counted_until_one_succeeds() {
        let mut memory = Memory::new(at(0));
        memory.note(run(Job::Verify, 10, Some(1)), at(11));
        memory.note(run(Job::Verify, 20, None), at(21));
        assert_eq!(memory.jobs[&Job::Verify], Tries { failed: Some(at(21)), failures: 2, ..Tries::default() });
        memory.note(RunRecord { gave_way: true, ..run(Job::Verify, 30, Some(130)) }, at(31));
        assert_eq!(memory.jobs[&Job::Verify].failures, 2, "giving way is no failure");
        memory.note(RunRecord { was_stopped: true, ..run(Job::Verify, 32, Some(130)) }, at(33));
        assert_eq!((memory.jobs[&Job::Verify].failures, memory.jobs[&Job::Verify].stopped), (2, Some(at(33))));
        memory.note(run(Job::Verify, 40, Some(3)), at(41));
        assert_eq!(memory.jobs[&Job::Verify], Tries { done: Some(at(40)), ..Tries::default() });
    }

    #[test]
    fn a_memory_comes_back_and_forgets_the_oldest_runs() {
        let folder = tempfile::tempdir().unwrap();
        let file = MemoryFile::of(&folder.path().join("state"), "c17bc452");
        assert_eq!(file.read().unwrap(), None);
        let mut memory = Memory::new(at(7));
        (0..60).for_each(|n| memory.note(run(Job::Backup, n, Some(0)), at(n)));
        file.write(&memory).unwrap();
        assert_eq!(file.read().unwrap(), Some(memory.clone()));
        assert_eq!((memory.runs.len(), memory.runs[0].began), (RUNS_KEPT, at(10)));
        std::fs::write(&file.0, "{").unwrap();
        assert_eq!(file.read().unwrap_err().kind(), ErrorKind::Usage);
    }
}
