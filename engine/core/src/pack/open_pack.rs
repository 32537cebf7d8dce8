//! A pack that all workers fill at once.
//!
//! A worker reserves a position, seals without holding a lock, and pushes the sealed chunk. So chunks stand in the
//! order in which they were finished, and each remembers the position that it was sealed with.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use repo_format::head::{KeyClass, ObjectKind};
use repo_format::pack::TableEntry;
use repo_format::sealed::ENVELOPE_LEN;

use crate::crypto::{Keys, ObjectKey};
use crate::error::Result;

/// A pack is full with this many chunks, however small they are. Its table must fit the format's limit, even if it is
/// joined with the last packs of a run.
const CHUNKS_MAX: u32 = 100_000;

pub(super) struct OpenPack {
    pub key: ObjectKey,
    contents: Mutex<Contents>,
}

/// The chunks of a pack so far.
pub(super) struct Contents {
    pub chunks: Vec<SealedChunk>,
    pub next_position: u32,
    /// The size of the pack without padding and table. It includes chunks that are being sealed.
    pub size: u64,
    sealing_now: usize,
    closed: bool,
}

/// A sealed chunk and its entry in the table.
pub(super) struct SealedChunk {
    pub entry: TableEntry,
    pub bytes: Vec<u8>,
}

/// A pack that no worker fills any more.
pub(super) type FullPack = (Arc<OpenPack>, Contents);

/// A slot of one class; it holds at most one open pack.
pub(super) struct Slot {
    class: KeyClass,
    open: Mutex<Option<Arc<OpenPack>>>,
}

/// A reserved position in an open pack, to seal a chunk with.
pub(super) struct Reservation {
    pub pack: Arc<OpenPack>,
    pub position: u32,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Slot {
    pub fn new(class: KeyClass) -> Self {
        Slot { class, open: Mutex::new(None) }
    }

    /// Reserves a position in this slot's pack for a chunk of this many sealed bytes. Begins a pack if there is none,
    /// or if the chunks being sealed will fill it. So a pack is at most one chunk larger than `full_at`.
    pub fn reserve(&self, keys: &Keys, sealed_bytes: u64, full_at: u64) -> Result<Reservation> {
        let mut open = lock(&self.open);
        if let Some(full) = open.take_if(|pack| lock(&pack.contents).is_full(full_at)) {
            // A worker will soon push into it, and takes it out then.
            lock(&full.contents).closed = true;
        }
        let pack = match &*open {
            Some(pack) => pack.clone(),
            None => open.insert(Arc::new(OpenPack::new(keys, self.class)?)).clone(),
        };
        let mut contents = lock(&pack.contents);
        let position = contents.next_position;
        contents.next_position += 1;
        contents.size += sealed_bytes;
        contents.sealing_now += 1;
        drop(contents);
        Ok(Reservation { pack, position })
    }

    /// Pushes a sealed chunk. Returns the pack's contents if it is full and no worker is sealing for it.
    pub fn push(&self, reservation: Reservation, chunk: SealedChunk, full_at: u64) -> Option<FullPack> {
        let pack = reservation.pack;
        let mut contents = lock(&pack.contents);
        contents.chunks.push(chunk);
        contents.sealing_now -= 1;
        let full = contents.is_full(full_at);
        drop(contents);
        if full {
            // The pack leaves the slot first, so that no worker reserves in it; only then can it close.
            let mut open = lock(&self.open);
            if open.as_ref().is_some_and(|current| Arc::ptr_eq(current, &pack)) {
                *open = None;
                lock(&pack.contents).closed = true;
            }
        }
        let contents = pack.take_if_done();
        contents.map(|contents| (pack, contents))
    }

    /// Takes the pack out, full or not. No worker may be sealing.
    pub fn take(&self) -> Option<FullPack> {
        let pack = lock(&self.open).take()?;
        lock(&pack.contents).closed = true;
        let contents = pack.take_if_done()?;
        Some((pack, contents))
    }
}

impl Contents {
    fn is_full(&self, full_at: u64) -> bool {
        self.size >= full_at || self.next_position >= CHUNKS_MAX
    }
}

impl OpenPack {
    fn new(keys: &Keys, class: KeyClass) -> Result<Self> {
        let contents =
            Contents { chunks: Vec::new(), next_position: 0, size: ENVELOPE_LEN as u64, sealing_now: 0, closed: false };
        Ok(OpenPack { key: keys.new_object(ObjectKind::Pack, class)?, contents: Mutex::new(contents) })
    }

    fn take_if_done(&self) -> Option<Contents> {
        let mut contents = lock(&self.contents);
        if !contents.closed || contents.sealing_now > 0 || contents.chunks.is_empty() {
            return None;
        }
        let chunks = std::mem::take(&mut contents.chunks);
        Some(Contents {
            chunks,
            next_position: contents.next_position,
            size: contents.size,
            sealing_now: 0,
            closed: true,
        })
    }
}

#[cfg(test)]
mod tests {
    use repo_format::id::ChunkId;
    use repo_format::pack::ChunkKind;

    use super::*;
    use crate::crypto::KeyringSecrets;

    const CHUNK: u64 = 100;

    fn chunk(position: u32) -> SealedChunk {
        let (id, kind) = (ChunkId([1; 32]), ChunkKind::Data);
        let entry = TableEntry { id, kind, salt: 0, position, sealed_len: 100, plain_len: 83 };
        SealedChunk { entry, bytes: vec![0; 100] }
    }

    #[test]
    fn however_many_seal_at_once_a_pack_is_at_most_one_chunk_too_large() {
        let (keys, slot) = (Keys::new(KeyringSecrets::generate().unwrap()), Slot::new(KeyClass::Data));
        let full_at = ENVELOPE_LEN as u64 + 250;
        let reserved: Vec<_> = (0..10).map(|_| slot.reserve(&keys, CHUNK, full_at).unwrap()).collect();
        let push = |reservation: Reservation| {
            let chunk = chunk(reservation.position);
            slot.push(reservation, chunk, full_at)
        };
        let mut packs: Vec<_> = reserved.into_iter().filter_map(push).collect();
        assert!(packs.iter().all(|(_, contents)| contents.chunks.len() == 3 && contents.size <= full_at + CHUNK));
        packs.extend(slot.take());
        let chunks: usize = packs.iter().map(|(_, contents)| contents.chunks.len()).sum();
        assert_eq!((packs.len(), chunks), (4, 10), "none is lost");
        assert!(slot.take().is_none());
    }
}
