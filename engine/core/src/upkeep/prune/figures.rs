//! What pruning would come to, and what it has come to.

use repo_format::id::{LeaseId, PackId};

use crate::error::Error;
use crate::session::{Death, Writer};

/// What pruning would come to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Forecast {
    /// Bytes of all packs now.
    pub total_bytes: u64,
    /// Packs in which nothing is needed,
    pub unneeded_packs: u64,
    /// and their bytes.
    pub unneeded_bytes: u64,
    /// Packs of which something is needed, which is copied into new ones,
    pub rewritten_packs: u64,
    /// their bytes,
    pub rewritten_bytes: u64,
    /// and of these the ones that are copied.
    pub copied_bytes: u64,
    /// Packs on lists of earlier prunes that did not end.
    pub condemned_packs: u64,
    /// Unused bytes that stay.
    pub left_unused: u64,
    /// Chunks that a snapshot needs and that are nowhere.
    pub lost_chunks: u64,
    /// Writers that may count on what is to go: until they end, or are shut out, it stays.
    pub writers: Vec<Writer>,
}

impl Forecast {
    /// Bytes that will be free, apart from what earlier prunes left.
    pub fn freed_bytes(&self) -> u64 {
        (self.unneeded_bytes + self.rewritten_bytes).saturating_sub(self.copied_bytes)
    }

    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.unneeded_packs == 0 && self.rewritten_packs == 0 && self.condemned_packs == 0
    }
}

/// What pruning has come to.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct PruneReport {
    /// Packs deleted,
    pub deleted_packs: u64,
    /// and their bytes.
    pub deleted_bytes: u64,
    /// Packs put,
    pub new_packs: u64,
    /// and their bytes.
    pub new_bytes: u64,
    /// Writers that were shut out, and why.
    pub fenced: Vec<(LeaseId, Death)>,
    /// Writers that have to end, or be shut out, before the rest can be deleted.
    pub waiting: Vec<Writer>,
    /// Packs that were to be rewritten, or named, and cannot be read; they stay.
    pub damaged: Vec<(PackId, Error)>,
    /// Whether something was not rewritten because the disk is full.
    pub had_no_space: bool,
}
