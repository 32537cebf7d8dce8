//! A pack that is being filled by all workers at once.
//!
//! A worker reserves a position, seals without holding any lock, and pushes the sealed chunk. So chunks stand in the order in which they
//! were finished, and each remembers the position it was sealed with.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use repo_format::head::{KeyClass, ObjectKind};
use repo_format::pack::TableEntry;
use repo_format::sealed::ENVELOPE_LEN;

use crate::crypto::{Keys, ObjectKey};
use crate::error::Result;

/// A pack is full with so many chunks, however small they are: its table has to fit the format's limit, also when it is joined with the
/// last ones of a run.
const CHUNKS_MAX: usize = 100_000;

/// A pack that is being filled.
pub(super) struct OpenPack {
    pub key: ObjectKey,
    contents: Mutex<Contents>,
}

/// What has been put into a pack.
pub(super) struct Contents {
    pub chunks: Vec<SealedChunk>,
    pub next_position: u32,
    size: u64,
    sealing_now: usize,
    closed: bool,
}

/// A sealed chunk and its entry in the table.
pub(super) struct SealedChunk {
    pub entry: TableEntry,
    pub bytes: Vec<u8>,
}

/// A place among the packs of one class: at most one open pack.
pub(super) struct Slot {
    class: KeyClass,
    open: Mutex<Option<Arc<OpenPack>>>,
}

/// A position in an open pack, to seal a chunk with.
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

    /// A position in this slot's pack; begins one if there is none.
    pub fn reserve(&self, keys: &Keys) -> Result<Reservation> {
        let mut open = lock(&self.open);
        let pack = match &*open {
            Some(pack) => pack.clone(),
            None => open.insert(Arc::new(OpenPack::new(keys, self.class)?)).clone(),
        };
        let mut contents = lock(&pack.contents);
        let position = contents.next_position;
        contents.next_position += 1;
        contents.sealing_now += 1;
        drop(contents);
        Ok(Reservation { pack, position })
    }

    /// Pushes a sealed chunk. Gives the pack's contents when it has become full and nobody is sealing for it any more.
    pub fn push(
        &self,
        reservation: Reservation,
        chunk: SealedChunk,
        full_at: u64,
    ) -> Option<(Arc<OpenPack>, Contents)> {
        let pack = reservation.pack;
        let mut contents = lock(&pack.contents);
        contents.size += chunk.bytes.len() as u64;
        contents.chunks.push(chunk);
        contents.sealing_now -= 1;
        let full = contents.size >= full_at || contents.chunks.len() >= CHUNKS_MAX;
        drop(contents);
        if full {
            // Out of the slot first, so that nobody reserves in it any more; only then can it be closed.
            let mut open = lock(&self.open);
            if open.as_ref().is_some_and(|current| Arc::ptr_eq(current, &pack)) {
                *open = None;
                lock(&pack.contents).closed = true;
            }
        }
        let contents = pack.take_if_done();
        contents.map(|contents| (pack, contents))
    }

    /// Takes the pack out, whatever it holds. No worker may be sealing.
    pub fn take(&self) -> Option<(Arc<OpenPack>, Contents)> {
        let pack = lock(&self.open).take()?;
        lock(&pack.contents).closed = true;
        let contents = pack.take_if_done()?;
        Some((pack, contents))
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
