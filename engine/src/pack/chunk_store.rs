//! Where plain chunks go: known ones are dropped, new ones are coded, sealed and packed. Shared by all workers.

use std::collections::HashSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use repo_format::head::KeyClass;
use repo_format::id::{ChunkId, PackId};
use repo_format::pack::{CHUNK_OVERHEAD, ChunkKind, TableEntry};

use super::assemble::assemble;
use super::open_pack::{SealedChunk, Slot};
use super::upload::{Mode, Uploads};
use crate::chunk::{Coder, Compression};
use crate::crypto::random;
use crate::error::{Error, ErrorKind, Result};
use crate::repository::{Repository, WriterSession};

/// Open data packs at a time; each chunk goes to one of them at random.
const DATA_SLOTS: usize = 2;
/// Shards of the set of chunks on their way; a power of two.
const SHARDS: usize = 64;

/// Takes plain chunks on behalf of one run.
pub struct ChunkStore<'s> {
    session: &'s WriterSession<'s>,
    uploads: Uploads<'s>,
    data: [Slot; DATA_SLOTS],
    meta: Slot,
    on_their_way: [Mutex<HashSet<ChunkId>>; SHARDS],
    counted: Mutex<HashSet<PackId>>,
    spread: u8,
    catalog_is_empty: bool,
    totals: AtomicTotals,
}

/// What became of a chunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stored {
    /// Its id.
    pub id: ChunkId,
    /// Whether the repository did not have it.
    pub is_new: bool,
}

/// What a run has added.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct StoreTotals {
    /// New chunks, nodes included.
    pub new_chunks: u64,
    /// Their plain bytes.
    pub new_bytes: u64,
    /// Bytes of all packs and segments written. In a dry run: of the coded chunks.
    pub stored_bytes: u64,
}

#[derive(Default)]
struct AtomicTotals {
    new_chunks: AtomicU64,
    new_bytes: AtomicU64,
    coded_bytes: AtomicU64,
}

/// Stores nodes; used by the builders of lists and directories.
pub struct NodeSink<'a, 's> {
    /// Where they go.
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
    /// A store for the run that holds `session`.
    ///
    /// # Errors
    /// If there is no randomness, or the cache cannot be read.
    pub fn new(session: &'s WriterSession<'s>, mode: Mode) -> Result<Self> {
        let [spread] = random()?;
        Ok(ChunkStore {
            session,
            uploads: Uploads::new(session, mode),
            data: std::array::from_fn(|_| Slot::new(KeyClass::Data)),
            meta: Slot::new(KeyClass::Meta),
            on_their_way: std::array::from_fn(|_| Mutex::default()),
            counted: Mutex::default(),
            spread,
            catalog_is_empty: session.repository().catalog().is_empty()?,
            totals: AtomicTotals::default(),
        })
    }

    /// Stores a chunk, unless the repository has it. When this returns, the chunk is on its way; it is durable, and named by a
    /// segment, when [`ChunkStore::finish`] has returned.
    ///
    /// # Errors
    /// The first failure of any upload of this run, too.
    pub fn store(
        &self,
        coder: &mut Coder,
        kind: ChunkKind,
        plain: &[u8],
        compression: Compression<'_>,
    ) -> Result<Stored> {
        let repository = self.session.repository();
        let id = repository.keys().id(kind, plain);
        // Claimed first, looked up second: an upload that ends in between is in the catalog before it leaves this set.
        let is_new = self.claim(&id) && !self.release_if_stored(&id)?;
        if is_new {
            self.seal(coder, kind, id, plain, compression)?;
            self.totals.new_chunks.fetch_add(1, Ordering::Relaxed);
            self.totals.new_bytes.fetch_add(plain.len() as u64, Ordering::Relaxed);
        }
        Ok(Stored { id, is_new })
    }

    /// Whether the repository has a chunk that this run may count on, or is about to.
    ///
    /// # Errors
    /// If the cache cannot be read.
    pub fn has(&self, id: &ChunkId) -> Result<bool> {
        let shard = self.shard(id).lock().unwrap_or_else(PoisonError::into_inner).contains(id);
        Ok(shard || self.is_stored(id)?)
    }

    /// The repository that the chunks go to.
    pub fn repository(&self) -> &'s Repository {
        self.session.repository()
    }

    /// Whether this run may count on a pack.
    pub fn is_usable(&self, pack: PackId) -> bool {
        self.session.usable().contains(pack)
    }

    /// Notes packs that the snapshot counts on without looking chunks up.
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
        if self.catalog_is_empty && self.uploads.is_first() {
            return Ok(false);
        }
        let usable = self.session.usable();
        let mut pack = None;
        let found = |id| {
            pack = usable.contains(id).then_some(id);
            pack.is_some()
        };
        let stored = self.session.repository().catalog().packs_of(id, found)?;
        if let Some(pack) = pack {
            self.counted.lock().unwrap_or_else(PoisonError::into_inner).insert(pack);
        }
        Ok(stored)
    }

    fn seal(
        &self,
        coder: &mut Coder,
        kind: ChunkKind,
        id: ChunkId,
        plain: &[u8],
        compression: Compression<'_>,
    ) -> Result<()> {
        let coded = coder.encode(plain, compression);
        if self.uploads.mode() == Mode::DryRun {
            let bytes = (coded.bytes.len() + CHUNK_OVERHEAD) as u64;
            self.totals.coded_bytes.fetch_add(bytes, Ordering::Relaxed);
            return Ok(());
        }
        let slot = match kind {
            ChunkKind::Node => &self.meta,
            _ => &self.data[usize::from(id.0[0] ^ self.spread) % DATA_SLOTS],
        };
        self.uploads.wait_for_room();
        let repository = self.session.repository();
        let reservation = slot.reserve(repository.keys())?;
        let position = reservation.position;
        let mut bytes = Vec::with_capacity(coded.bytes.len() + CHUNK_OVERHEAD);
        bytes.push(coded.codec);
        bytes.extend_from_slice(coded.bytes);
        reservation.pack.key.seal(position, &position.to_le_bytes(), &mut bytes, 0)?;
        let length =
            |n: usize| u32::try_from(n).map_err(|_| Error::new(ErrorKind::Usage, "a chunk is larger than 4 GiB"));
        let (sealed_len, plain_len) = (length(bytes.len())?, length(plain.len())?);
        let entry = TableEntry { id, kind, salt: 0, position, sealed_len, plain_len };
        let full_at = repository.config().pack_bytes;
        if let Some(full) = slot.push(reservation, SealedChunk { entry, bytes }, full_at) {
            self.upload(vec![full])?;
        }
        self.uploads.check()
    }

    fn upload(
        &self,
        packs: Vec<(std::sync::Arc<super::open_pack::OpenPack>, super::open_pack::Contents)>,
    ) -> Result<()> {
        match assemble(self.session.repository().keys(), packs)? {
            Some(pack) => self.uploads.submit(pack),
            None => Ok(()),
        }
    }

    /// Runs uploads on the calling thread until [`ChunkStore::finish`] or [`ChunkStore::abandon`] has been called. Exactly
    /// [`UPLOADERS`](super::UPLOADERS) threads must do so.
    pub fn run_uploads(&self) {
        self.uploads.run(&mut |pack| {
            self.counted.lock().unwrap_or_else(PoisonError::into_inner).insert(pack.description.id);
            pack.chunk_ids().for_each(|id| self.release(&id));
        });
    }

    /// Uploads what is left, waits until everything is durable, and names it by a segment. No worker may store any more.
    ///
    /// # Errors
    /// The first failure of this run.
    pub fn finish(&self) -> Result<StoreTotals> {
        let data: Vec<_> = self.data.iter().filter_map(Slot::take).collect();
        let uploaded = self.upload(data).and_then(|()| self.upload(self.meta.take().into_iter().collect()));
        self.uploads.finish(uploaded)?;
        let coded = self.totals.coded_bytes.load(Ordering::Relaxed);
        Ok(StoreTotals {
            new_chunks: self.totals.new_chunks.load(Ordering::Relaxed),
            new_bytes: self.totals.new_bytes.load(Ordering::Relaxed),
            stored_bytes: self.uploads.stored_bytes() + coded,
        })
    }

    /// Ends the uploads without finishing: what is durable stays for a later run to adopt.
    pub fn abandon(&self) {
        self.uploads.abandon();
    }

    /// The packs that the chunks of this run are in.
    pub fn counted(&self) -> Vec<PackId> {
        self.counted.lock().unwrap_or_else(PoisonError::into_inner).iter().copied().collect()
    }
}
