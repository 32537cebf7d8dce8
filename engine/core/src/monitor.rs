//! Progress and warnings, sideways out of the engine; and the wish to stop, into it.

/// What takes time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Phase {
    /// Reading index segments that this machine has not seen.
    Index,
    /// Reading the source and storing what is new.
    Backup,
    /// Reading the repository and writing the target.
    Restore,
    /// Checking objects, or chunks, of the repository.
    Verify,
    /// Finding out what snapshots need.
    Walk,
    /// Copying what is needed out of sparse packs.
    Rewrite,
    /// Deleting packs.
    Delete,
}

impl Phase {
    /// Its name, for programs that read output.
    pub fn name(self) -> &'static str {
        match self {
            Phase::Index => "index",
            Phase::Backup => "backup",
            Phase::Restore => "restore",
            Phase::Verify => "verify",
            Phase::Walk => "walk",
            Phase::Rewrite => "rewrite",
            Phase::Delete => "delete",
        }
    }
}

/// An amount of work, done or to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Work {
    /// Files, objects or chunks.
    pub items: u64,
    /// Bytes.
    pub bytes: u64,
}

/// Watches an operation. Called from many threads; must be quick.
pub trait Monitor: Send + Sync {
    /// A phase begins; `total` is what it will come to, if that is known.
    fn begin(&self, _phase: Phase, _total: Option<Work>) {}

    /// The current phase now knows what it will come to.
    fn expect(&self, _total: Work) {}

    /// Some more of the current phase has been done.
    fn advance(&self, _done: Work) {}

    /// The current phase ends.
    fn end(&self) {}

    /// Something could not be saved or restored as it should be. It is also counted in the outcome.
    fn problem(&self, _path: &[u8], _message: &str) {}

    /// Something the user should know that does not change the outcome.
    fn note(&self, _message: &str) {}

    /// Whether what was asked for may cost as much as `what` says, in words: more than this program would choose, because the repository says so.
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
