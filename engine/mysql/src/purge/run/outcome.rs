//! The outcome of a run: how it ended, and what went.

use repo_format::id::LeaseId;

use super::progress::Removed;
use crate::database::LogLife;
use crate::purge::files::FileProblems;
use crate::purge::pace::Go;
use crate::purge::reclaim::Reclaimed;
use engine_core::error::{Error, ErrorKind, Result, chain};

/// How the deletions of a receipt ended.
pub(super) enum Step {
    Done,
    TimeIsUp,
    Interrupted,
    /// The failure, in words.
    Failed(String),
}

/// How a run ended that did not fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Ended {
    /// All that could go is gone.
    #[default]
    Done,
    /// Its time was up. The same plan can be run again.
    TimeIsUp,
    /// The user stopped it. The same plan can be run again.
    Interrupted,
    /// Something failed, see [`RunOutcome::failure`]. The same plan can be run again.
    Failed,
}

/// The outcome of a run.
#[derive(Debug, Default)]
pub struct RunOutcome {
    /// The rows and files removed of each category of the plan.
    pub categories: Vec<Removed>,
    /// The receipts, in order.
    pub receipts: Vec<LeaseId>,
    /// How it ended.
    pub ended: Ended,
    /// The failure after rows began to go.
    pub failure: Option<Error>,
    /// Files that stay.
    pub file_problems: FileProblems,
    /// Tables that were rebuilt, or were to be.
    pub reclaimed: Vec<Reclaimed>,
    /// How long the server keeps its binary log, which has the removed rows, too; none if it did not say.
    pub server_log: Option<LogLife>,
}

impl RunOutcome {
    /// Notes how something ended that was done after a receipt was put.
    pub(super) fn note(&mut self, result: Result<Go>) -> Step {
        match result {
            Ok(Go::On) => Step::Done,
            Ok(Go::TimeIsUp) => {
                self.ended = Ended::TimeIsUp;
                Step::TimeIsUp
            }
            Err(error) if error.kind() == ErrorKind::Cancelled => {
                self.ended = Ended::Interrupted;
                Step::Interrupted
            }
            Err(error) => {
                let why = chain(&error);
                self.fail(error);
                Step::Failed(why)
            }
        }
    }

    /// The first failure is the one to tell.
    pub(super) fn fail(&mut self, error: Error) {
        self.ended = Ended::Failed;
        self.failure.get_or_insert(error);
    }
}
