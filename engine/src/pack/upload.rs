//! Putting finished packs: durable first, then in the catalog, then named by a segment.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, PoisonError};

use crossbeam_channel::{Receiver, Sender, bounded};
use repo_format::segment::SegmentPack;

use super::assemble::FinishedPack;
use crate::error::{Error, Result};
use crate::repository::{Unnamed, WriterSession};
use crate::store::ObjectName;

/// Threads that put packs: while one waits for the disk, another computes an id.
pub const UPLOADERS: usize = 1;
/// A finished pack is handed over directly: memory is bounded by open packs, one that waits, and one that is being put.
const QUEUE_PACKS: usize = 0;

/// Whether anything is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Yes.
    Write,
    /// No: chunks are coded to know their size, and dropped.
    DryRun,
}

/// The uploads of one run.
pub(super) struct Uploads<'s> {
    session: &'s WriterSession<'s>,
    mode: Mode,
    queue: Mutex<Option<Sender<FinishedPack>>>,
    arrivals: Receiver<FinishedPack>,
    unnamed: Mutex<Unnamed>,
    failure: Mutex<Option<Error>>,
    has_failed: AtomicBool,
    put_any: AtomicBool,
    stored_bytes: AtomicU64,
    /// Full packs that no uploader has taken yet.
    waiting: Mutex<usize>,
    taken: Condvar,
    running: Mutex<usize>,
    stopped: Condvar,
}

impl<'s> Uploads<'s> {
    /// Uploads that exactly [`UPLOADERS`] threads will [run](Uploads::run).
    pub fn new(session: &'s WriterSession<'s>, mode: Mode) -> Self {
        let (queue, arrivals) = bounded(QUEUE_PACKS);
        Uploads {
            session,
            mode,
            queue: Mutex::new(Some(queue)),
            arrivals,
            unnamed: Mutex::default(),
            failure: Mutex::default(),
            has_failed: AtomicBool::new(false),
            put_any: AtomicBool::new(false),
            stored_bytes: AtomicU64::new(0),
            waiting: Mutex::new(0),
            taken: Condvar::new(),
            running: Mutex::new(UPLOADERS),
            stopped: Condvar::new(),
        }
    }

    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// Whether nothing has reached the catalog by this run.
    pub fn is_first(&self) -> bool {
        !self.put_any.load(Ordering::Acquire)
    }

    pub fn stored_bytes(&self) -> u64 {
        self.stored_bytes.load(Ordering::Relaxed)
    }

    /// The first failure, if there has been one.
    pub fn check(&self) -> Result<()> {
        match self.has_failed.load(Ordering::Relaxed) {
            false => Ok(()),
            true => Err(self.take_failure()),
        }
    }

    /// Waits while a full pack waits for an uploader. To be called before anything is sealed: else each of many workers could
    /// fill a pack meanwhile, and memory would grow with their number.
    pub fn wait_for_room(&self) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        while *waiting > 0 {
            waiting = self.taken.wait(waiting).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Hands a full pack to an uploader; waits until one takes it.
    pub fn submit(&self, pack: FinishedPack) -> Result<()> {
        *self.waiting.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        let result = self.send(pack);
        *self.waiting.lock().unwrap_or_else(PoisonError::into_inner) -= 1;
        self.taken.notify_all();
        result
    }

    fn send(&self, pack: FinishedPack) -> Result<()> {
        self.check()?;
        let queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner).clone();
        match queue.is_some_and(|queue| queue.send(pack).is_ok()) {
            true => self.check(),
            false => Err(self.take_failure()),
        }
    }

    /// Puts packs until the queue is closed; `durable` is told of each that is in the catalog.
    pub fn run(&self, durable: &mut dyn FnMut(&FinishedPack)) {
        for pack in &self.arrivals {
            if self.has_failed.load(Ordering::Relaxed) {
                continue;
            }
            if let Err(error) = self.put(pack, durable) {
                self.fail(error);
            }
        }
        *self.running.lock().unwrap_or_else(PoisonError::into_inner) -= 1;
        self.stopped.notify_all();
    }

    fn put(&self, pack: FinishedPack, durable: &mut dyn FnMut(&FinishedPack)) -> Result<()> {
        let repository = self.session.repository();
        let id = pack.description.id;
        repository.store().put_new(&ObjectName::Pack(id), &pack.parts())?;
        self.stored_bytes.fetch_add(pack.description.size, Ordering::Relaxed);
        repository.catalog().import_pack(&pack.description)?;
        self.session.usable().add(id, pack.description.size);
        self.put_any.store(true, Ordering::Release);
        durable(&pack);
        self.name_later(pack.description)
    }

    fn name_later(&self, pack: SegmentPack) -> Result<()> {
        let before = self.unnamed.lock().unwrap_or_else(PoisonError::into_inner).add(pack);
        self.name(&before)
    }

    fn name(&self, packs: &[SegmentPack]) -> Result<()> {
        let bytes = self.session.repository().name_packs(packs)?;
        self.stored_bytes.fetch_add(bytes, Ordering::Relaxed);
        Ok(())
    }

    /// Closes the queue, waits for the uploaders, and names what is unnamed.
    pub fn finish(&self, before: Result<()>) -> Result<()> {
        self.abandon();
        before?;
        self.check()?;
        let unnamed = self.unnamed.lock().unwrap_or_else(PoisonError::into_inner).take();
        self.name(&unnamed)
    }

    /// Closes the queue and waits for the uploaders.
    pub fn abandon(&self) {
        *self.queue.lock().unwrap_or_else(PoisonError::into_inner) = None;
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        while *running > 0 {
            running = self.stopped.wait(running).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn fail(&self, error: Error) {
        let mut failure = self.failure.lock().unwrap_or_else(PoisonError::into_inner);
        failure.get_or_insert(error);
        self.has_failed.store(true, Ordering::Relaxed);
    }

    /// The failure itself for the first who asks, a note for the others.
    fn take_failure(&self) -> Error {
        let failure = self.failure.lock().unwrap_or_else(PoisonError::into_inner).take();
        failure.unwrap_or_else(|| Error::new(crate::ErrorKind::Cancelled, "stopped because of an earlier failure"))
    }
}
