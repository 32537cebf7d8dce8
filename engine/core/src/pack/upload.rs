//! The way of finished packs to the thread that puts them: durable first, then in the catalog, then named by a segment.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::assemble::FinishedPack;
use crate::error::{Error, ErrorKind, Result};

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

/// The workers' end of the queue.
pub(super) struct Queue {
    sender: Mutex<Option<SyncSender<FinishedPack>>>,
    has_failed: AtomicBool,
}

/// The uploader's end of the queue.
pub struct Arrivals(pub(super) Receiver<FinishedPack>);

/// Says that the uploader has failed, whatever ended it, unless it says otherwise.
pub(super) struct FailureGuard<'q>(pub &'q Queue);

impl Queue {
    /// Both ends.
    pub fn new() -> (Self, Arrivals) {
        let (sender, arrivals) = sync_channel(QUEUE_PACKS);
        (Queue { sender: Mutex::new(Some(sender)), has_failed: AtomicBool::new(false) }, Arrivals(arrivals))
    }

    fn lock(&self) -> MutexGuard<'_, Option<SyncSender<FinishedPack>>> {
        self.sender.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Fails if the uploader has.
    pub fn check(&self) -> Result<()> {
        if self.has_failed.load(Ordering::Relaxed) { Err(stopped()) } else { Ok(()) }
    }

    /// Waits while a full pack waits for the uploader. To be called before anything is sealed: else each of many workers could fill a pack
    /// meanwhile, and memory would grow with their number.
    pub fn wait_for_room(&self) {
        drop(self.lock());
    }

    /// Hands a full pack to the uploader; waits until it takes it.
    pub fn submit(&self, pack: FinishedPack) -> Result<()> {
        let sent = self.lock().as_ref().is_some_and(|queue| queue.send(pack).is_ok());
        if sent { Ok(()) } else { Err(stopped()) }
    }

    /// No more packs come: the uploader ends.
    pub fn close(&self) {
        *self.lock() = None;
    }
}

impl FailureGuard<'_> {
    /// It has not.
    pub fn disarm(self) {
        std::mem::forget(self);
    }
}

impl Drop for FailureGuard<'_> {
    fn drop(&mut self) {
        self.0.has_failed.store(true, Ordering::Relaxed);
    }
}

/// The uploader says itself why.
fn stopped() -> Error {
    Error::new(ErrorKind::Cancelled, "stopped because of an earlier failure")
}
