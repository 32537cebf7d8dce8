//! The figures of a planned and of a finished prune.

use repo_format::id::{LeaseId, PackId};

use crate::error::Error;
use crate::session::{Death, Writer};

/// The expected effect of a prune.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Forecast {
    /// The size of all packs now.
    pub total_bytes: u64,
    /// The number of packs without needed data.
    pub unneeded_packs: u64,
    /// The size of the packs without needed data.
    pub unneeded_bytes: u64,
    /// The number of packs whose needed data is copied into new packs.
    pub rewritten_packs: u64,
    /// The size of these packs.
    pub rewritten_bytes: u64,
    /// The number of bytes that are copied from them.
    pub copied_bytes: u64,
    /// The number of packs on lists of earlier prunes that did not end.
    pub condemned_packs: u64,
    /// The unused bytes that stay.
    pub left_unused: u64,
    /// The number of chunks that a snapshot needs and that no longer exist.
    pub lost_chunks: u64,
    /// Writers that may count on packs to delete. These packs stay until the writers end or are shut out.
    pub writers: Vec<Writer>,
}

impl Forecast {
    /// The number of bytes that will be freed, without the rest of earlier prunes.
    pub fn freed_bytes(&self) -> u64 {
        (self.unneeded_bytes + self.rewritten_bytes).saturating_sub(self.copied_bytes)
    }

    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.unneeded_packs == 0 && self.rewritten_packs == 0 && self.condemned_packs == 0
    }
}

/// The result of a prune.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct PruneReport {
    /// The number of deleted packs.
    pub deleted_packs: u64,
    /// The size of the deleted packs.
    pub deleted_bytes: u64,
    /// The number of new packs.
    pub new_packs: u64,
    /// The size of the new packs.
    pub new_bytes: u64,
    /// Writers that were shut out, and why.
    pub fenced: Vec<(LeaseId, Death)>,
    /// Writers that must end, or be shut out, before the rest can be deleted.
    pub waiting: Vec<Writer>,
    /// Packs that should be rewritten or named, and are unreadable; they stay.
    pub damaged: Vec<(PackId, Error)>,
    /// Whether something was not rewritten because the disk is full.
    pub had_no_space: bool,
}
