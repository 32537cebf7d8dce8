//! Counts the work of a run, and estimates the total.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

use repo_format::entry::EntryKind;
use repo_format::manifest::Statistics;

use super::{DatabaseFigures, Run};
use crate::filesystem::Dir;
use crate::monitor::Work;

/// A run without a parent knows nothing of its total. If it takes longer than this, a scan counts the source meanwhile.
const SCAN_AFTER: Duration = Duration::from_secs(2);
/// The scan goes no deeper than this, because each level is an open folder.
const SCAN_LEVELS: usize = 32;

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
            FileState::Linked => {}
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

    fn is_finished(&self) -> bool {
        *self.finished.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait(&self, at_most: Duration) {
        let finished = self.finished.lock().unwrap_or_else(PoisonError::into_inner);
        // The caller checks whether it finished or the time is over.
        drop(self.finishes.wait_timeout_while(finished, at_most, |finished| !*finished));
    }
}

/// Counts the contents of the folders `roots`, if the run takes long enough to need it.
pub(super) fn scan_after_a_while(run: &Run<'_>, roots: Vec<Dir>) {
    run.counters.wait(SCAN_AFTER);
    let mut total = Work::default();
    for root in roots {
        let mut levels = vec![listed(root)];
        while let (depth, Some((dir, names))) = (levels.len(), levels.last_mut()) {
            if run.counters.is_finished() || run.monitor.is_cancelled() {
                return;
            }
            let Some(name) = names.next() else {
                levels.pop();
                continue;
            };
            match dir.stat(&name) {
                Ok(stat) if stat.is_dir() && depth < SCAN_LEVELS => {
                    let below = dir.open_dir(&name).map(listed);
                    levels.extend(below);
                }
                Ok(stat) if stat.entry.kind == EntryKind::File => {
                    total.items += 1;
                    total.bytes += stat.entry.size;
                }
                _ => {}
            }
        }
    }
    run.monitor.expect(total);
}

/// A folder and its names. The walk itself reports unreadable folders; here they only make the guess worse.
fn listed(dir: Dir) -> (Dir, std::vec::IntoIter<Vec<u8>>) {
    let names = dir.names().unwrap_or_default();
    (dir, names.into_iter())
}
