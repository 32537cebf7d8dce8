//! Figures about a whole repository.

use repo_format::entry::Time;
use repo_format::id::LeaseId;

use crate::error::Result;
use crate::evidence;
use crate::monitor::NullMonitor;
use crate::repository::Repository;
use crate::snapshots;

/// Figures about a repository.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Stats {
    /// The number of readable snapshots.
    pub snapshots: u64,
    /// The size of all files of all snapshots: the space of full copies. It includes the sources that copies lack, as their
    /// originals had them.
    pub logical_bytes: u64,
    /// The number of snapshots that are copies without some of their sources.
    pub partial_snapshots: u64,
    /// The number of different chunks.
    pub chunks: u64,
    /// Their plain size in bytes.
    pub chunk_bytes: u64,
    /// Their stored size in bytes.
    pub stored_chunk_bytes: u64,
    /// The number of packs.
    pub packs: u64,
    /// The size of all packs in bytes.
    pub pack_bytes: u64,
    /// The number of index segments.
    pub segments: u64,
    /// The size of all index segments in bytes.
    pub segment_bytes: u64,
    /// The size of this machine's cache in bytes.
    pub cache_bytes: u64,
    /// The size of the packs that nobody has read whole and found good, as evidence and this machine know.
    pub never_verified_bytes: u64,
    /// The time when the pack with the oldest successful check was checked, in seconds since 1970. Packs without a
    /// check do not count.
    pub oldest_verified: Option<i64>,
    /// The newest snapshot.
    pub newest: Option<(LeaseId, Time)>,
    /// The oldest snapshot.
    pub oldest: Option<(LeaseId, Time)>,
}

/// Computes the figures of `repository`.
///
/// # Errors
/// If the store cannot be listed or the cache cannot be used.
pub fn stats(repository: &Repository) -> Result<Stats> {
    let list = snapshots::list(repository)?.snapshots;
    let report = repository.sync_catalog(&NullMonitor)?;
    let packs = repository.list_packs()?;
    let totals = repository.catalog().chunk_totals()?;
    let unread = evidence::unread(repository, &evidence::list(repository)?)?;
    let end = |s: &snapshots::Snapshot| (s.id, s.manifest.time());
    Ok(Stats {
        snapshots: list.len() as u64,
        logical_bytes: list.iter().map(|s| s.manifest.statistics.total_bytes).sum(),
        partial_snapshots: list.iter().filter(|s| !s.manifest.roots_left_out().is_empty()).count() as u64,
        chunks: totals.chunks,
        chunk_bytes: totals.plain_bytes,
        stored_chunk_bytes: totals.sealed_bytes,
        packs: packs.len() as u64,
        pack_bytes: packs.values().sum(),
        segments: report.segments.len() as u64,
        segment_bytes: report.segments.values().sum(),
        cache_bytes: repository.catalog().disk_bytes(),
        never_verified_bytes: unread.never_bytes,
        oldest_verified: unread.oldest,
        newest: list.last().map(end),
        oldest: list.first().map(end),
    })
}
