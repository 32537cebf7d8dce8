//! Counts the work of a run.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

use repo_format::manifest::Statistics;

use super::DatabaseFigures;

/// The work that a run has done so far.
#[derive(Default)]
pub(super) struct Counters {
    pub files: AtomicU64,
    pub directories: AtomicU64,
    pub others: AtomicU64,
    /// The devices, FIFOs and sockets among these.
    pub specials: AtomicU64,
    pub total_bytes: AtomicU64,
    pub new_files: AtomicU64,
    pub changed_files: AtomicU64,
    pub unchanged_files: AtomicU64,
    pub read_again_files: AtomicU64,
    pub read_bytes: AtomicU64,
    pub databases: Mutex<Vec<DatabaseFigures>>,
    finished: Mutex<bool>,
    finishes: Condvar,
}

/// A file compared with the parent's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileState {
    /// The parent does not have it.
    New,
    /// It looks changed.
    Changed,
    /// It looks the same, and is not read.
    Unchanged,
    /// It is another name of a file that the walk has met.
    Linked,
    /// It describes the snapshot itself, so no parent can have it.
    Own,
}

/// A file as it was counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CountedFile {
    /// Its size when the walk looked at it.
    pub size: u64,
    /// The state that it was counted as.
    pub state: FileState,
}

/// Adds to a counter.
pub(super) fn count(counter: &AtomicU64, more: u64) {
    counter.fetch_add(more, Ordering::Relaxed);
}

impl Counters {
    /// Counts a file.
    pub fn add(&self, file: CountedFile) {
        self.each(file, &count);
    }

    /// Undoes the count of a file that could not be read, and so is not in the snapshot.
    pub fn take_back(&self, file: CountedFile) {
        self.each(file, &|counter, less| {
            counter.fetch_sub(less, Ordering::Relaxed);
        });
    }

    /// Corrects the size of a file after reading it.
    pub fn correct(&self, file: CountedFile, size: u64) {
        self.total_bytes.fetch_add(size.wrapping_sub(file.size), Ordering::Relaxed);
    }

    /// A file that looked changed is in fact unchanged.
    pub fn found_unchanged(&self) {
        self.changed_files.fetch_sub(1, Ordering::Relaxed);
        count(&self.read_again_files, 1);
    }

    fn each(&self, file: CountedFile, change: &dyn Fn(&AtomicU64, u64)) {
        change(&self.files, 1);
        change(&self.total_bytes, file.size);
        match file.state {
            FileState::New => change(&self.new_files, 1),
            FileState::Changed => change(&self.changed_files, 1),
            FileState::Unchanged => change(&self.unchanged_files, 1),
            FileState::Linked | FileState::Own => {}
        }
    }

    /// The figures, without those of the store.
    pub fn statistics(&self) -> Statistics {
        let get = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Statistics {
            files: get(&self.files),
            directories: get(&self.directories),
            others: get(&self.others),
            total_bytes: get(&self.total_bytes),
            new_files: get(&self.new_files),
            changed_files: get(&self.changed_files),
            unchanged_files: get(&self.unchanged_files),
            read_bytes: get(&self.read_bytes),
            read_again_files: Some(get(&self.read_again_files)).filter(|files| *files > 0),
            ..Statistics::default()
        }
    }

    /// Notes that the run has read its sources.
    pub fn finish(&self) {
        *self.finished.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.finishes.notify_all();
    }

    /// Whether it has.
    pub fn is_finished(&self) -> bool {
        *self.finished.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for that, but not longer than `at_most`.
    pub fn wait(&self, at_most: Duration) {
        let finished = self.finished.lock().unwrap_or_else(PoisonError::into_inner);
        // The caller checks whether it finished or the time is over.
        drop(self.finishes.wait_timeout_while(finished, at_most, |finished| !*finished));
    }
}
