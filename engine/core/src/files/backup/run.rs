//! The state of one backup, which its threads share.

use std::sync::PoisonError;
use std::sync::atomic::{AtomicBool, Ordering};

use repo_format::node::ProblemKind;

use super::buffers::Buffers;
use super::parent::{Parent, Parents};
use super::problems::ProblemLog;
use super::progress::{CountedFile, Counters, count};
use super::queue::WorkQueue;
use super::signals::SignalLog;
use super::{BackupOptions, DatabaseFigures};
use crate::error::{Error, ErrorKind, Result};
use crate::filesystem::Owners;
use crate::monitor::{Monitor, Work};
use crate::pack::ChunkStore;

/// Everything that the threads of one backup share.
pub struct Run<'r> {
    pub(super) store: &'r ChunkStore<'r>,
    pub(super) options: &'r BackupOptions,
    pub(super) monitor: &'r dyn Monitor,
    pub(super) problems: &'r ProblemLog<'r>,
    pub(super) counters: &'r Counters,
    pub(super) signals: &'r SignalLog,
    pub(super) queue: &'r WorkQueue,
    pub(super) buffers: &'r Buffers,
    pub(super) owners: &'r Owners,
    pub(super) parents: &'r Parents<'r>,
    /// The part of a snapshot that the current root is compared with.
    pub(super) parent: Parent<'r>,
    pub(super) stop: &'r AtomicBool,
}

impl<'r> Run<'r> {
    /// The store for chunks.
    pub fn store(&self) -> &'r ChunkStore<'r> {
        self.store
    }

    /// Receives progress, and knows whether the user wishes to stop.
    pub fn monitor(&self) -> &'r dyn Monitor {
        self.monitor
    }

    /// The part of a snapshot that the current root is compared with.
    pub fn parent(&self) -> &Parent<'r> {
        &self.parent
    }

    /// The run, at the root with this number.
    pub(super) fn at_root(&self, number: usize) -> Self {
        Run { parent: self.parents.of(number), ..*self }
    }

    /// Fails if the user wishes to stop, or another thread of the run has failed.
    ///
    /// # Errors
    /// [`ErrorKind::Cancelled`].
    pub fn check_stop(&self) -> Result<()> {
        if self.monitor.is_cancelled() {
            return Err(Error::cancelled());
        }
        if self.stop.load(Ordering::Relaxed) {
            return Err(Error::new(ErrorKind::Cancelled, "stopped because of an earlier failure"));
        }
        Ok(())
    }

    /// Reports a thing that could not be saved completely.
    pub fn problem(&self, path: &[u8], kind: ProblemKind, message: impl Into<String>) {
        self.problems.add(path, kind, message);
    }

    /// Counts bytes that have been read from a source.
    pub fn has_read(&self, bytes: u64) {
        count(&self.counters.read_bytes, bytes);
        self.monitor.advance(Work { items: 0, bytes });
    }

    /// Counts a folder.
    pub fn count_folder(&self) {
        count(&self.counters.directories, 1);
    }

    /// Counts a file.
    pub fn count_file(&self, file: CountedFile) {
        self.counters.add(file);
    }

    /// Adds the figures of a database.
    pub fn count_database(&self, figures: DatabaseFigures) {
        self.counters.databases.lock().unwrap_or_else(PoisonError::into_inner).push(figures);
    }

    /// Runs one thread's part of the work. If it fails or panics, the other threads stop.
    ///
    /// # Errors
    /// The error of `work`.
    pub fn part<T>(&self, work: impl FnOnce() -> Result<T>) -> Result<T> {
        let guard = StopOthers(self);
        let result = work();
        if result.is_ok() {
            std::mem::forget(guard);
        }
        result
    }

    /// Returns the failure that caused the others, if any.
    ///
    /// # Errors
    /// That failure; [`ErrorKind::Cancelled`] if the user wishes to stop.
    pub fn first_failure(&self, results: Vec<Result<()>>) -> Result<()> {
        if self.monitor.is_cancelled() {
            return Err(Error::cancelled());
        }
        let mut failures: Vec<_> = results.into_iter().filter_map(Result::err).collect();
        failures.sort_by_key(|error| error.kind() == ErrorKind::Cancelled);
        failures.into_iter().next().map_or(Ok(()), Err)
    }
}

/// Stops the other threads when it is dropped.
struct StopOthers<'a, 'r>(&'a Run<'r>);

impl Drop for StopOthers<'_, '_> {
    fn drop(&mut self) {
        self.0.stop.store(true, Ordering::Relaxed);
        self.0.queue.abort();
        self.0.counters.finish();
    }
}

/// Waits for a thread's part, and propagates a panic.
///
/// # Errors
/// The thread's error.
pub fn join<T>(thread: std::thread::ScopedJoinHandle<'_, Result<T>>) -> Result<T> {
    thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}
