//! The moments that can be restored: from a snapshot, through every log that follows it without a hole.
//!
//! ```text
//! chain    logs -> those that follow each other        way      a snapshot -> the logs that lead on from it
//! base     snapshots that ways begin with
//! windows  ways of all snapshots -> windows, gaps      read     what the repository has
//! ```
//!
//! Windows come from records alone. No event is read, so the answer is quick. A snapshot counts wherever its place lies inside a log; that it
//! lies between two transactions is for `verify` to say. A moment is in a window exactly if a restore finds a way to it.

mod base;
mod chain;
mod read;
#[cfg(test)]
mod tests;
mod way;
mod windows;

use repo_format::id::{LeaseId, StreamId};
use repo_format::log::StreamStart;

pub use base::{Base, LateReading, missing_tables};
pub use chain::{Chain, chains, holds};
pub use read::{Found, Records, read, records};
pub use way::Way;
pub use windows::{all_ways, windows};

/// The moments of a server that can be restored.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Restorable {
    /// The address of the server.
    pub address: Vec<u8>,
    /// Each is whole in itself, in the order of their beginnings.
    pub windows: Vec<Window>,
    /// Times that no window has, in their order.
    pub gaps: Vec<Gap>,
    /// The server's clock minus that of the machine that fetched its newest log, in milliseconds.
    pub clock_ahead: i64,
    /// Until when the newest log is complete, whether or not a snapshot comes before it.
    pub kept_until: i64,
}

impl Restorable {
    /// Whether the newest moments cannot be restored, because coverage ended and no snapshot was made since.
    pub fn is_interrupted(&self) -> bool {
        self.gaps.last().is_some_and(|gap| gap.until.is_none())
    }
}

/// A time of which every moment can be restored.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Window {
    /// The stream of its logs.
    pub stream: StreamId,
    /// The oldest snapshot in it.
    pub base: LeaseId,
    /// Its first moment: microseconds since 1970 by the server's clock.
    pub from: i64,
    /// Its last moment, likewise.
    pub until: i64,
    /// Its logs, from the one that the snapshot stands in to the last.
    pub logs: Vec<LeaseId>,
}

/// A time of which moments of snapshots alone can be restored.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Gap {
    /// Its beginning: microseconds since 1970 by the server's clock.
    pub from: i64,
    /// Its end; none as long as no snapshot follows.
    pub until: Option<i64>,
    /// The reasons why coverage ended, in order.
    pub reasons: Vec<GapReason>,
}

/// A reason why coverage ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GapReason {
    /// Another stream begins, for this reason.
    Stream(StreamStart),
    /// The log between two others is not there, or cannot be read.
    Missing(LeaseId),
    /// The server says that it lost events.
    Incident,
    /// The server omits changes from its log; why, or nothing if that is not known.
    Partial(String),
}
