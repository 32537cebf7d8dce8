//! The queue of the workers: files to read, and batches of large files to seal.
//!
//! Batches come first. A worker that finds no space for a batch seals it itself. So no worker waits for a queue that
//! only workers can empty.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use super::file::{Batch, Job};

/// The number of files that may wait.
const FILES: usize = 64;
/// The number of batches that may wait; each holds some MiB.
const BATCHES: usize = 2;

/// The next work of a worker.
pub(super) enum Work {
    /// Read this file; [`WorkQueue::file_done`] must be called afterwards.
    File(Job),
    /// Seal this batch.
    Batch(Batch),
}

/// The queue.
pub(super) struct WorkQueue {
    state: Mutex<State>,
    work_came: Condvar,
    room_came: Condvar,
}

#[derive(Default)]
struct State {
    files: VecDeque<Job>,
    batches: VecDeque<Batch>,
    /// The number of files that are being read; they may produce batches.
    reading: usize,
    closed: bool,
    aborted: bool,
}

impl WorkQueue {
    pub fn new() -> Self {
        WorkQueue { state: Mutex::default(), work_came: Condvar::new(), room_came: Condvar::new() }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a file; waits for space. Drops the job if the run was aborted.
    pub fn push_file(&self, job: Job) {
        let mut state = self.lock();
        while state.files.len() >= FILES && !state.aborted {
            state = self.room_came.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        if !state.aborted {
            state.files.push_back(job);
            drop(state);
            self.work_came.notify_one();
        }
    }

    /// Adds a batch, or returns it if there is no space, or no worker any more.
    pub fn push_batch(&self, batch: Batch) -> Option<Batch> {
        let mut state = self.lock();
        let is_over = state.closed && state.reading == 0;
        if state.batches.len() >= BATCHES || state.aborted || is_over {
            return Some(batch);
        }
        state.batches.push_back(batch);
        drop(state);
        self.work_came.notify_one();
        None
    }

    /// The next piece of work; `None` if there will be no more.
    pub fn next(&self) -> Option<Work> {
        let mut state = self.lock();
        loop {
            if state.aborted {
                return None;
            }
            if let Some(batch) = state.batches.pop_front() {
                return Some(Work::Batch(batch));
            }
            if let Some(job) = state.files.pop_front() {
                state.reading += 1;
                drop(state);
                self.room_came.notify_one();
                return Some(Work::File(job));
            }
            if state.closed && state.reading == 0 {
                return None;
            }
            state = self.work_came.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// A file has been read to its end.
    pub fn file_done(&self) {
        let mut state = self.lock();
        state.reading -= 1;
        let over = state.closed && state.reading == 0;
        drop(state);
        if over {
            self.work_came.notify_all();
        }
    }

    /// No more files will come.
    pub fn close(&self) {
        self.lock().closed = true;
        self.work_came.notify_all();
    }

    /// Drops everything, and wakes all waiting threads.
    pub fn abort(&self) {
        let mut state = self.lock();
        state.aborted = true;
        let dropped = (std::mem::take(&mut state.files), std::mem::take(&mut state.batches));
        drop(state);
        drop(dropped);
        self.work_came.notify_all();
        self.room_came.notify_all();
    }
}
