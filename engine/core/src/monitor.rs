//! Progress and warnings from the engine, and the user's wish to stop.

/// A part of an operation that takes time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Phase {
    /// Reading index segments that this machine has not seen.
    Index,
    /// Reading the tables of a database and storing new rows.
    Tables,
    /// Reading files and storing new data.
    Backup,
    /// Reading the repository and writing files.
    Restore,
    /// Filling tables of a server, and building their keys.
    Load,
    /// Making the foreign keys and checks of tables that have their rows.
    Keys,
    /// Reading loaded rows again, and comparing them.
    Compare,
    /// Writing tables as SQL.
    Export,
    /// Doing again what a server's log says.
    Replay,
    /// Putting rows back that were purged.
    Rows,
    /// Comparing rows of a server with saved ones, before they are purged.
    Prove,
    /// Deleting rows of a server.
    Purge,
    /// Checking packs of the repository.
    Verify,
    /// Looking at the objects of the repository.
    Survey,
    /// Bringing objects back that were deleted or replaced.
    Recover,
    /// Finding everything that snapshots need.
    Walk,
    /// Copying needed chunks from sparse packs.
    Rewrite,
    /// Deleting packs.
    Delete,
    /// Locking objects against deletion.
    Protect,
    /// Copying to another repository.
    Copy,
}

impl Phase {
    /// All of them.
    pub const ALL: [Phase; 20] = [
        Phase::Index,
        Phase::Tables,
        Phase::Backup,
        Phase::Restore,
        Phase::Load,
        Phase::Keys,
        Phase::Compare,
        Phase::Export,
        Phase::Replay,
        Phase::Rows,
        Phase::Prove,
        Phase::Purge,
        Phase::Verify,
        Phase::Survey,
        Phase::Recover,
        Phase::Walk,
        Phase::Rewrite,
        Phase::Delete,
        Phase::Protect,
        Phase::Copy,
    ];

    /// The phase of this name.
    pub fn named(name: &str) -> Option<Phase> {
        Self::ALL.into_iter().find(|phase| phase.name() == name)
    }

    /// The name, for programs that read the output.
    pub fn name(self) -> &'static str {
        match self {
            Phase::Index => "index",
            Phase::Tables => "tables",
            Phase::Backup => "backup",
            Phase::Restore => "restore",
            Phase::Load => "load",
            Phase::Keys => "keys",
            Phase::Compare => "compare",
            Phase::Export => "export",
            Phase::Replay => "replay",
            Phase::Rows => "rows",
            Phase::Prove => "prove",
            Phase::Purge => "purge",
            Phase::Verify => "verify",
            Phase::Survey => "survey",
            Phase::Recover => "recover",
            Phase::Walk => "walk",
            Phase::Rewrite => "rewrite",
            Phase::Delete => "delete",
            Phase::Protect => "protect",
            Phase::Copy => "copy",
        }
    }

    /// The noun of its items, for one.
    pub fn noun(self) -> &'static str {
        match self {
            Phase::Tables | Phase::Load | Phase::Keys | Phase::Compare | Phase::Export => "table",
            Phase::Backup | Phase::Restore => "file",
            Phase::Rows | Phase::Prove | Phase::Purge => "row",
            Phase::Replay => "transaction",
            Phase::Verify | Phase::Rewrite | Phase::Delete => "pack",
            Phase::Walk | Phase::Copy => "snapshot",
            Phase::Index | Phase::Survey | Phase::Recover | Phase::Protect => "object",
        }
    }
}

/// An amount of work, done or expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Work {
    /// Items of the phase: see [`Phase::noun`].
    pub items: u64,
    /// Bytes.
    pub bytes: u64,
}

/// Watches an operation. Many threads call it; it must be quick.
pub trait Monitor: Send + Sync {
    /// A phase begins; `total` is the expected work, if it is known.
    fn begin(&self, _phase: Phase, _total: Option<Work>) {}

    /// The current phase now knows its expected work.
    fn expect(&self, _total: Work) {}

    /// Some more of the current phase has been done.
    fn advance(&self, _done: Work) {}

    /// The current phase is busy with this, in words, and none of its items comes nearer; `None` when they do again.
    fn busy_with(&self, _what: Option<&str>) {}

    /// The current phase ends.
    fn end(&self) {}

    /// Something could not be saved or restored completely. The outcome counts it, too.
    fn problem(&self, _path: &[u8], _message: &str) {}

    /// A message for the user that does not change the outcome.
    fn note(&self, _message: &str) {}

    /// Whether the operation may cost as much as `what` says in words. It costs more than this program would choose,
    /// because the repository demands it.
    fn may_cost(&self, _what: &str) -> bool {
        false
    }

    /// Whether to stop as soon as possible. Polled between items; must be cheap.
    fn is_cancelled(&self) -> bool {
        false
    }
}

/// Watches nothing.
pub struct NullMonitor;

impl Monitor for NullMonitor {}
