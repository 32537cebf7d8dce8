//! Passes finished packs to the uploading thread. A pack first becomes durable, then enters the catalog, then a segment
//! names it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crossbeam_channel::{Receiver, Sender, bounded};

use super::assemble::FinishedPack;
use crate::error::{Error, ErrorKind, Result};

/// Workers hand a finished pack over directly. So memory is bounded by the open packs, one waiting pack, and those that
/// are being put.
const QUEUE_PACKS: usize = 0;

/// Whether the run writes anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Write.
    Write,
    /// Only measure: chunks are coded for their size, and dropped.
    DryRun,
}

/// The workers' end of the queue.
pub(super) struct Queue {
    sender: Mutex<Option<Sender<FinishedPack>>>,
    has_failed: AtomicBool,
}

/// An uploader's end of the queue; each uploader has a clone.
#[derive(Clone)]
pub struct Arrivals(pub(super) Receiver<FinishedPack>);

/// Reports the uploader's failure, even after a panic, unless it is disarmed.
pub(super) struct FailureGuard<'q>(pub &'q Queue);

impl Queue {
    pub fn new() -> (Self, Arrivals) {
        let (sender, arrivals) = bounded(QUEUE_PACKS);
        (Queue { sender: Mutex::new(Some(sender)), has_failed: AtomicBool::new(false) }, Arrivals(arrivals))
    }

    fn lock(&self) -> MutexGuard<'_, Option<Sender<FinishedPack>>> {
        self.sender.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Fails if the uploader has failed.
    pub fn check(&self) -> Result<()> {
        if self.has_failed.load(Ordering::Relaxed) { Err(stopped()) } else { Ok(()) }
    }

    /// Waits while a full pack waits for the uploader. Call it before sealing anything: otherwise each of many workers
    /// could fill a pack meanwhile, and memory would grow with their number.
    pub fn wait_for_room(&self) {
        drop(self.lock());
    }

    /// Hands a full pack to the uploader; waits until it takes the pack.
    pub fn submit(&self, pack: FinishedPack) -> Result<()> {
        let sent = self.lock().as_ref().is_some_and(|queue| queue.send(pack).is_ok());
        if sent { Ok(()) } else { Err(stopped()) }
    }

    /// Ends the uploader: no more packs will come.
    pub fn close(&self) {
        *self.lock() = None;
    }
}

impl FailureGuard<'_> {
    /// Says that the uploader has not failed.
    pub fn disarm(self) {
        std::mem::forget(self);
    }
}

impl Drop for FailureGuard<'_> {
    fn drop(&mut self) {
        self.0.has_failed.store(true, Ordering::Relaxed);
    }
}

/// The uploader itself reports the cause.
fn stopped() -> Error {
    Error::new(ErrorKind::Cancelled, "stopped because of an earlier failure")
}
