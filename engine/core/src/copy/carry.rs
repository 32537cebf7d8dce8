//! Data on its way from the source to the target: read by pack, several chunks at once.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};

use repo_format::id::ChunkId;
use repo_format::limits::MIB;
use repo_format::pack::ChunkKind;

use super::addresses::Addresses;
use super::table::Pair;
use crate::at_once::at_once;
use crate::catalog::Location;
use crate::error::{Error, Result};
use crate::monitor::{Monitor, Work};
use crate::pack::{ChunkReader, ChunkStore, WANTED_BYTES, Wanted};

/// Sealed bytes that are carried together from a disk.
const DISK_BYTES: u64 = 8 * MIB;
/// Chunks that are carried together, however small.
const CHUNKS_MAX: usize = 4096;
/// Threads that open and seal, at most.
const THREADS_MAX: usize = 8;

/// Chunks that the target lacks and that wait for each other.
pub(super) struct Carrier<'c, 's> {
    pub reader: &'c ChunkReader<'c>,
    pub store: &'c ChunkStore<'s>,
    pub addresses: &'c mut Addresses,
    pub monitor: &'c dyn Monitor,
    pending: Pending,
}

#[derive(Default)]
struct Pending {
    chunks: Vec<(ChunkId, Option<Location>)>,
    ids: HashSet<ChunkId>,
    sealed_bytes: u64,
}

impl<'c, 's> Carrier<'c, 's> {
    pub fn new(
        reader: &'c ChunkReader<'c>,
        store: &'c ChunkStore<'s>,
        addresses: &'c mut Addresses,
        monitor: &'c dyn Monitor,
    ) -> Self {
        Carrier { reader, store, addresses, monitor, pending: Pending::default() }
    }

    /// Sees to it that the target has a chunk of data, at the latest when [`Carrier::finish`] returns.
    ///
    /// # Errors
    /// If it, or one that waits, cannot be read or stored.
    pub fn want(&mut self, id: &ChunkId) -> Result<()> {
        if self.pending.ids.contains(id) {
            return Ok(());
        }
        if let Some(there) = self.addresses.target_of(ChunkKind::Data, id)?
            && self.store.has_data(&there)?
        {
            return Ok(());
        }
        let location = self.reader.first_location(id)?;
        self.pending.sealed_bytes += location.map_or(0, |location| u64::from(location.sealed_len));
        self.pending.chunks.push((*id, location));
        self.pending.ids.insert(*id);
        let bytes_max = if self.reader.is_far() { WANTED_BYTES } else { DISK_BYTES };
        if self.pending.sealed_bytes >= bytes_max || self.pending.chunks.len() >= CHUNKS_MAX {
            return self.finish();
        }
        Ok(())
    }

    /// Carries everything that waits.
    ///
    /// # Errors
    /// As [`Carrier::want`].
    pub fn finish(&mut self) -> Result<()> {
        let mut chunks = std::mem::take(&mut self.pending).chunks;
        chunks.sort_unstable_by_key(|(id, at)| (at.map(|at| (at.pack, at.offset)), *id));
        let located = chunks.iter().filter_map(|(id, location)| location.map(|location| (*id, location)));
        let wanted = Wanted::by_pack(self.reader, located);
        let (store, monitor) = (self.store, self.monitor);
        let stop = AtomicBool::new(false);
        let carried = at_once(&chunks, self.threads(), |(id, _)| {
            if stop.load(Ordering::Relaxed) {
                return Ok(None);
            }
            let carried = carry(&wanted, store, id, monitor);
            stop.fetch_or(carried.is_err(), Ordering::Relaxed);
            carried.map(Some)
        });
        let (done, failed): (Vec<_>, Vec<_>) = carried.into_iter().partition(Result::is_ok);
        let pairs: Vec<Pair> = done.into_iter().flatten().flatten().collect();
        // They are true, whatever became of the others.
        self.addresses.note(&pairs)?;
        // An outage matters more than damage: it says that the others would fail, too.
        match failed.into_iter().filter_map(Result::err).min_by_key(Error::is_damage) {
            Some(error) => Err(error),
            None => Ok(()),
        }
    }

    fn threads(&self) -> usize {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        self.reader.repository().store().medium().gets_at_once.max(cores).min(THREADS_MAX)
    }
}

fn carry(wanted: &Wanted<'_>, store: &ChunkStore<'_>, id: &ChunkId, monitor: &dyn Monitor) -> Result<Pair> {
    if monitor.is_cancelled() {
        return Err(Error::cancelled());
    }
    let chunk = wanted.read_coded(id)?;
    let stored = store.store_coded(ChunkKind::Data, &chunk)?;
    if stored.is_new {
        monitor.advance(Work { items: 0, bytes: chunk.plain().len() as u64 });
    }
    Ok(Pair { kind: ChunkKind::Data, source: *id, target: stored.id })
}
