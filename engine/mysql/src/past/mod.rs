//! A database as it was at any moment: a snapshot, and what the server's binary log says happened after it.
//!
//! ```text
//! chain   logs of the repository that follow the snapshot without a hole
//! late    tables that the snapshot read after its moment; foreign_keys    tables that need others
//! stop    which transaction is the first that is not wanted
//! base    the snapshot; needs   what is asked for, with what it refers to; part    the tables that are replayed
//! feed    gives events to a replay, and rehearsal    to one without a server
//! zones   time zones that statements name
//! plan    says all this before anything is done
//! run     snapshot -> scratch server -> replay -> private repository -> target
//! direct  snapshot -> target, and the rows of the log on top
//! ```
//!
//! Statements run on a scratch server only, under the original names, so none of the log can reach live data.

mod base;
mod chain;
mod direct;
mod feed;
mod foreign_keys;
mod late;
mod needs;
mod part;
mod plan;
mod rehearsal;
mod run;
mod stop;
mod zones;

use crate::binlog::replay::{MixedTransactions, Position, ReplayOutcome};
use crate::load::{LoadOptions, LoadOutcome};
use crate::scratch::ScratchOptions;

pub use late::InexactTable;
pub use plan::{Plan, SeenTransaction, plan, plan_newest};
pub use run::restore_past;

/// The moment that is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum When {
    /// After all that was committed up to then: microseconds since 1970 by the server's clock.
    At(i64),
    /// Before the transaction that begins here.
    Before(Position),
    /// After the transaction of this id.
    Gtid(String),
    /// As new as the logs of the repository are.
    Newest,
}

/// Where the log is done again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Via {
    /// On a scratch server; on the target itself if no program of a server is installed and that is safe.
    #[default]
    Auto,
    /// On a scratch server.
    Scratch,
    /// On the target itself, if that is safe.
    Direct,
}

/// How to restore a moment.
#[derive(Debug, Clone, Default)]
pub struct PastOptions {
    /// The part that is loaded into the target, and how.
    pub load: LoadOptions,
    /// Where the log is done again.
    pub via: Via,
    /// The scratch server.
    pub scratch: ScratchOptions,
    /// Statements that the snapshot may have already.
    pub mixed: MixedTransactions,
    /// The name of this machine's time zone, as servers on it name theirs; none if it is not known before a server was started.
    pub zone: Option<String>,
}

/// The outcome of a restore to a moment.
#[derive(Debug)]
#[non_exhaustive]
pub struct PastOutcome {
    /// The replay.
    pub replay: ReplayOutcome,
    /// The load of its result.
    pub load: LoadOutcome,
    /// Objects that the scratch server did not take from the snapshot, or that could not be read there again. The monitor was told each.
    pub scratch_problems: u64,
}
