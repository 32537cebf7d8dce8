//! Takes plain chunks from all workers: it drops known chunks, and codes, seals and packs new ones.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use repo_format::head::KeyClass;
use repo_format::id::{ChunkId, PackId};
use repo_format::limits;
use repo_format::pack::{CHUNK_OVERHEAD, ChunkKind, TableEntry};
use repo_format::segment::SegmentPack;

use super::CodedChunk;
use super::assemble::{FinishedPack, assemble, joinable};
use super::open_pack::{FullPack, SealedChunk, Slot};
use super::upload::{Arrivals, FailureGuard, Mode, Queue};
use crate::catalog::UsablePacks;
use crate::chunk::{Coded, Coder, Compression};
use crate::crypto::random;
use crate::error::{Error, ErrorKind, Result};
use crate::repository::{Repository, Unnamed};

/// The number of open data packs; each chunk goes to a random one.
const DATA_SLOTS: usize = 2;
/// The number of shards of the set of chunks on their way; a power of two.
const SHARDS: usize = 64;

/// Takes plain chunks on behalf of one run.
pub struct ChunkStore<'s> {
    repository: &'s Repository,
    usable: &'s UsablePacks,
    mode: Mode,
    queue: Queue,
    data: [Slot; DATA_SLOTS],
    meta: Slot,
    on_their_way: [Mutex<HashSet<ChunkId>>; SHARDS],
    counted: Mutex<HashSet<PackId>>,
    /// The packs that this run has put.
    new_packs: Mutex<Vec<PackId>>,
    spread: u8,
    catalog_is_empty: bool,
    /// Whether this run has added anything to the catalog.
    put_any: AtomicBool,
    totals: AtomicTotals,
}

/// The result of storing a chunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stored {
    /// Its id.
    pub id: ChunkId,
    /// Whether the repository lacked it.
    pub is_new: bool,
}

/// The amount of data that a run has added.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct StoreTotals {
    /// New chunks, nodes included.
    pub new_chunks: u64,
    /// Their plain bytes.
    pub new_bytes: u64,
    /// The size of all written packs and segments; in a dry run, of the coded chunks.
    pub stored_bytes: u64,
}

#[derive(Default)]
struct AtomicTotals {
    new_chunks: AtomicU64,
    new_bytes: AtomicU64,
    stored_bytes: AtomicU64,
}

/// Stores nodes, for the builders of lists and directories.
pub struct NodeSink<'a, 's> {
    /// The store for the nodes.
    pub store: &'a ChunkStore<'s>,
    /// The calling thread's coder.
    pub coder: &'a mut Coder,
}

impl NodeSink<'_, '_> {
    /// Stores a node.
    ///
    /// # Errors
    /// See [`ChunkStore::store`].
    pub fn store(&mut self, node: &[u8], compression: Compression<'_>) -> Result<ChunkId> {
        Ok(self.store.store(self.coder, ChunkKind::Node, node, compression)?.id)
    }
}

impl<'s> ChunkStore<'s> {
    /// A store that counts on the `usable` packs, and the packs that it fills. One thread must
    /// [put](ChunkStore::put_packs) them.
    ///
    /// # Errors
    /// If there is no randomness, or the cache cannot be read.
    pub(crate) fn new(repository: &'s Repository, usable: &'s UsablePacks, mode: Mode) -> Result<(Self, Arrivals)> {
        let [spread] = random()?;
        let (queue, arrivals) = Queue::new();
        let store = ChunkStore {
            repository,
            usable,
            mode,
            queue,
            data: std::array::from_fn(|_| Slot::new(KeyClass::Data)),
            meta: Slot::new(KeyClass::Meta),
            on_their_way: std::array::from_fn(|_| Mutex::default()),
            counted: Mutex::default(),
            new_packs: Mutex::default(),
            spread,
            catalog_is_empty: repository.catalog().is_empty()?,
            put_any: AtomicBool::new(false),
            totals: AtomicTotals::default(),
        };
        Ok((store, arrivals))
    }

    /// Stores a chunk, unless the repository has it. When this returns, the chunk is only on its way. It is durable,
    /// and a segment names it, when the session that owns this store says so.
    ///
    /// # Errors
    /// Also if an upload of this run has failed; the session then reports the cause.
    pub fn store(
        &self,
        coder: &mut Coder,
        kind: ChunkKind,
        plain: &[u8],
        compression: Compression<'_>,
    ) -> Result<Stored> {
        let id = self.repository.keys().id(kind, plain);
        // Claim first, then look up: an upload that ends in between enters the catalog before it leaves this set.
        let is_new = self.claim(&id) && !self.release_if_stored(&id)?;
        if is_new {
            let coded = coder.encode(plain, compression);
            self.seal(kind, id, plain.len(), &coded)?;
        }
        Ok(Stored { id, is_new })
    }

    /// Stores a chunk of another repository, coded as it is there, unless the repository has it.
    ///
    /// # Errors
    /// As [`ChunkStore::store`].
    pub fn store_coded(&self, kind: ChunkKind, chunk: &CodedChunk) -> Result<Stored> {
        let id = self.repository.keys().id(kind, chunk.plain());
        let is_new = self.claim(&id) && !self.release_if_stored(&id)?;
        if is_new {
            self.seal(kind, id, chunk.plain().len(), &chunk.coded())?;
        }
        Ok(Stored { id, is_new })
    }

    /// Whether the repository has a chunk that this run may count on, or will have it soon.
    ///
    /// # Errors
    /// If the cache cannot be read.
    pub fn has(&self, id: &ChunkId) -> Result<bool> {
        let shard = self.shard(id).lock().unwrap_or_else(PoisonError::into_inner).contains(id);
        Ok(shard || self.is_stored(id)?)
    }

    /// Whether the repository has a chunk of data that this run may count on, or will have it soon. A node is none,
    /// though a forged list may name it as data.
    ///
    /// # Errors
    /// If the cache cannot be read.
    pub(crate) fn has_data(&self, id: &ChunkId) -> Result<bool> {
        let shard = self.shard(id).lock().unwrap_or_else(PoisonError::into_inner).contains(id);
        Ok(shard || (self.is_stored(id)? && self.repository.catalog().knows(ChunkKind::Data, id)?))
    }

    /// The repository that the chunks go to.
    pub fn repository(&self) -> &'s Repository {
        self.repository
    }

    /// Whether this run may count on a pack.
    pub(crate) fn is_usable(&self, pack: PackId) -> bool {
        self.usable.contains(pack)
    }

    /// From now on this run stores what else it needs of these packs again.
    pub(crate) fn distrust(&self, pack: PackId) {
        self.usable.distrust(pack);
    }

    /// Notes packs that the snapshot counts on without looking up their chunks.
    pub fn count_on(&self, packs: &[PackId]) {
        self.counted.lock().unwrap_or_else(PoisonError::into_inner).extend(packs);
    }

    fn shard(&self, id: &ChunkId) -> &Mutex<HashSet<ChunkId>> {
        &self.on_their_way[usize::from(id.0[31]) % SHARDS]
    }

    fn claim(&self, id: &ChunkId) -> bool {
        self.shard(id).lock().unwrap_or_else(PoisonError::into_inner).insert(*id)
    }

    fn release(&self, id: &ChunkId) {
        self.shard(id).lock().unwrap_or_else(PoisonError::into_inner).remove(id);
    }

    fn release_if_stored(&self, id: &ChunkId) -> Result<bool> {
        let stored = self.is_stored(id)?;
        if stored {
            self.release(id);
        }
        Ok(stored)
    }

    fn is_stored(&self, id: &ChunkId) -> Result<bool> {
        if self.catalog_is_empty && !self.put_any.load(Ordering::Acquire) {
            return Ok(false);
        }
        let mut pack = None;
        let found = |id| {
            pack = self.usable.contains(id).then_some(id);
            pack.is_some()
        };
        let stored = self.repository.catalog().packs_of(id, found)?;
        if let Some(pack) = pack {
            self.counted.lock().unwrap_or_else(PoisonError::into_inner).insert(pack);
        }
        Ok(stored)
    }

    fn seal(&self, kind: ChunkKind, id: ChunkId, plain_len: usize, coded: &Coded<'_>) -> Result<()> {
        self.totals.new_chunks.fetch_add(1, Ordering::Relaxed);
        self.totals.new_bytes.fetch_add(plain_len as u64, Ordering::Relaxed);
        if self.mode == Mode::DryRun {
            let bytes = (coded.bytes.len() + CHUNK_OVERHEAD) as u64;
            self.totals.stored_bytes.fetch_add(bytes, Ordering::Relaxed);
            return Ok(());
        }
        let slot = match kind {
            ChunkKind::Node => &self.meta,
            _ => &self.data[usize::from(id.0[0] ^ self.spread) % DATA_SLOTS],
        };
        self.queue.wait_for_room();
        let sealed_bytes = (coded.bytes.len() + CHUNK_OVERHEAD) as u64;
        let full_at = self.repository.config().pack_bytes;
        let reservation = slot.reserve(self.repository.keys(), sealed_bytes, full_at)?;
        let position = reservation.position;
        let mut bytes = Vec::with_capacity(coded.bytes.len() + CHUNK_OVERHEAD);
        bytes.push(coded.codec);
        bytes.extend_from_slice(coded.bytes);
        reservation.pack.key.seal(position, &position.to_le_bytes(), &mut bytes, 0)?;
        let length =
            |n: usize| u32::try_from(n).map_err(|_| Error::new(ErrorKind::Usage, "a chunk is larger than 4 GiB"));
        let (sealed_len, plain_len) = (length(bytes.len())?, length(plain_len)?);
        let entry = TableEntry { id, kind, salt: 0, position, sealed_len, plain_len };
        if let Some(full) = slot.push(reservation, SealedChunk { entry, bytes }, full_at) {
            self.upload(vec![full])?;
        }
        self.queue.check()
    }

    fn upload(&self, packs: Vec<FullPack>) -> Result<()> {
        match assemble(self.repository.keys(), packs)? {
            Some(pack) => self.queue.submit(pack),
            None => Ok(()),
        }
    }

    /// Puts the packs that arrive, until [`ChunkStore::close`] is called. One thread or several must call this, with
    /// clones of the arrivals and the same `unnamed`: afterwards that holds the packs that no segment names yet; they
    /// are durable.
    ///
    /// # Errors
    /// If a pack cannot be put or entered into the catalog. Threads that store are then told to stop, even if this
    /// panics.
    pub(crate) fn put_packs(&self, arrivals: Arrivals, unnamed: &Mutex<Unnamed>) -> Result<()> {
        let guard = FailureGuard(&self.queue);
        for pack in arrivals.0 {
            let description = self.put(pack)?;
            let before = unnamed.lock().unwrap_or_else(PoisonError::into_inner).add(description);
            self.name(&before)?;
        }
        guard.disarm();
        Ok(())
    }

    fn put(&self, pack: FinishedPack) -> Result<SegmentPack> {
        if let (KeyClass::Meta, Some(cache)) = (pack.description.sealing.class, self.repository.node_cache()) {
            // The next run compares with these nodes. If the put fails nobody asks for them.
            cache.keep(pack.description.id, pack.parts().concat());
        }
        let description = pack.put(self.repository.store())?;
        self.totals.stored_bytes.fetch_add(description.size, Ordering::Relaxed);
        self.repository.catalog().import_pack(&description)?;
        self.usable.add(description.id, description.size);
        self.put_any.store(true, Ordering::Release);
        self.count_on(&[description.id]);
        self.new_packs.lock().unwrap_or_else(PoisonError::into_inner).push(description.id);
        let chunks = description.table.entries.iter().filter(|entry| entry.kind != ChunkKind::Padding);
        chunks.for_each(|entry| self.release(&entry.id));
        Ok(description)
    }

    /// Puts a segment that names `packs`.
    pub(crate) fn name(&self, packs: &[SegmentPack]) -> Result<()> {
        let bytes = self.repository.name_packs(packs)?;
        self.totals.stored_bytes.fetch_add(bytes, Ordering::Relaxed);
        Ok(())
    }

    /// Uploads the rest of the open packs. No worker may store any more.
    pub(crate) fn flush(&self) -> Result<()> {
        let left = self.data.iter().filter_map(Slot::take).collect();
        joinable(left, limits::PACK).into_iter().try_for_each(|packs| self.upload(packs))?;
        self.upload(self.meta.take().into_iter().collect())
    }

    /// Announces that no more packs will come.
    pub(crate) fn close(&self) {
        self.queue.close();
    }

    /// The amount of data that this run has added. All of it is durable, and named by a segment, when the session that
    /// owns this store says so.
    pub(crate) fn totals(&self) -> StoreTotals {
        let AtomicTotals { new_chunks, new_bytes, stored_bytes } = &self.totals;
        let [new_chunks, new_bytes, stored_bytes] =
            [new_chunks, new_bytes, stored_bytes].map(|total| total.load(Ordering::Relaxed));
        StoreTotals { new_chunks, new_bytes, stored_bytes }
    }

    /// The packs that this run has put.
    pub(crate) fn new_packs(&self) -> Vec<PackId> {
        self.new_packs.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The packs that the chunks of this run are in.
    pub fn counted(&self) -> Vec<PackId> {
        self.counted.lock().unwrap_or_else(PoisonError::into_inner).iter().copied().collect()
    }
}
