//! Figures of a whole repository.

use repo_format::entry::Time;
use repo_format::id::LeaseId;

use crate::error::Result;
use crate::monitor::NullMonitor;
use crate::repository::Repository;
use crate::snapshots;

/// Figures of a repository.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Stats {
    /// Snapshots that can be read.
    pub snapshots: u64,
    /// Bytes of all files of all snapshots: what full copies would take.
    pub logical_bytes: u64,
    /// Different chunks.
    pub chunks: u64,
    /// Their plain bytes.
    pub chunk_bytes: u64,
    /// Their bytes as stored.
    pub stored_chunk_bytes: u64,
    /// Packs.
    pub packs: u64,
    /// Bytes of all packs.
    pub pack_bytes: u64,
    /// Index segments.
    pub segments: u64,
    /// Bytes of all index segments.
    pub segment_bytes: u64,
    /// Bytes of this machine's cache.
    pub cache_bytes: u64,
    /// Bytes of packs of which this machine does not remember that it read them whole and found them good.
    pub never_verified_bytes: u64,
    /// When the pack that was longest not read was last found good, of those that ever were; seconds since 1970.
    pub oldest_verified: Option<i64>,
    /// The newest snapshot.
    pub newest: Option<(LeaseId, Time)>,
    /// The oldest snapshot.
    pub oldest: Option<(LeaseId, Time)>,
}

/// Figures of `repository`.
///
/// # Errors
/// If the store cannot be listed or the cache not be used.
pub fn stats(repository: &Repository) -> Result<Stats> {
    let list = snapshots::list(repository)?.snapshots;
    let report = repository.sync_catalog(&NullMonitor)?;
    let packs = repository.list_packs()?;
    let totals = repository.catalog().chunk_totals()?;
    let verified = repository.catalog().verified()?;
    let end = |s: &snapshots::Snapshot| (s.id, snapshots::time(&s.manifest));
    Ok(Stats {
        snapshots: list.len() as u64,
        logical_bytes: list.iter().map(|s| s.manifest.statistics.total_bytes).sum(),
        chunks: totals.chunks,
        chunk_bytes: totals.plain_bytes,
        stored_chunk_bytes: totals.sealed_bytes,
        packs: packs.len() as u64,
        pack_bytes: packs.values().sum(),
        segments: report.segments.len() as u64,
        segment_bytes: report.segments.values().sum(),
        cache_bytes: repository.catalog().disk_bytes(),
        never_verified_bytes: packs.iter().filter(|(id, _)| !verified.contains_key(id)).map(|(_, size)| size).sum(),
        oldest_verified: verified.iter().filter(|(id, _)| packs.contains_key(id)).map(|(_, seconds)| *seconds).min(),
        newest: list.last().map(end),
        oldest: list.first().map(end),
    })
}
