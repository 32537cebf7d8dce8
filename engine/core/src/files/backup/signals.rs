//! Counts what can tell an attack from an ordinary change: files that do not begin as their names say, that grew by the same
//! number of bytes, or that nobody had touched for long, and the same note in many folders.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use repo_format::entry::Entry;
use repo_format::manifest::{Manifest, Signals, Statistics};

use super::file::ReadFile;

/// A file that had not changed for so long before the parent is old.
const OLD_SECONDS: i64 = 30 * 24 * 3600;
/// A note is no larger.
const NOTE_MAX: u64 = 64 * 1024;
/// Changes of size and names of notes that are counted; an attack has few of them.
const KEPT_MAX: usize = 4096;

/// Signals of a run, from several threads.
pub(super) struct SignalLog {
    /// The time of the run, seconds since 1970.
    now: i64,
    seen: Mutex<Seen>,
}

/// Files as the tree builder meets them, each in its folder.
#[derive(Default)]
struct Seen {
    judged: u64,
    disagreeing: u64,
    different: u64,
    old: u64,
    growths: HashMap<i64, u64>,
    notes: HashMap<Vec<u8>, u64>,
}

impl Seen {
    fn judge(&mut self, agrees: Option<bool>) {
        self.judged += u64::from(agrees.is_some());
        self.disagreeing += u64::from(agrees == Some(false));
    }
}

impl SignalLog {
    /// The log of a run at this time, seconds since 1970.
    pub fn new(now: i64) -> Self {
        SignalLog { now, seen: Mutex::default() }
    }

    /// The contents of a file differ from those that the parent has.
    pub fn differs(&self, read: &ReadFile, before: &Entry) {
        let mut seen = self.lock();
        seen.judge(read.agrees);
        seen.different += 1;
        seen.old += u64::from(before.mtime_seconds.saturating_add(OLD_SECONDS) <= self.now);
        let growth = read.entry.meta.size.cast_signed().wrapping_sub(before.size.cast_signed());
        add(&mut seen.growths, growth);
    }

    /// The parent has no file in this place.
    pub fn is_new(&self, read: &ReadFile) {
        let mut seen = self.lock();
        seen.judge(read.agrees);
        if read.entry.meta.size <= NOTE_MAX {
            add(&mut seen.notes, read.entry.name().to_vec());
        }
    }

    /// The figures of a snapshot with these statistics, compared with `parent`. So many tables have lost many rows.
    pub fn signals(&self, parent: &Manifest, statistics: &Statistics, shrunken_tables: u64) -> Signals {
        let seen = self.lock();
        let growth = seen.growths.iter().max_by_key(|(bytes, files)| (**files, **bytes));
        let (same_growth_bytes, same_growth_files) = growth.map_or((0, 0), |(bytes, files)| (*bytes, *files));
        Signals {
            judged_files: seen.judged,
            disagreeing_files: seen.disagreeing,
            different_files: seen.different,
            old_different_files: seen.old,
            same_growth_files,
            same_growth_bytes,
            gone_files: parent.statistics.files.saturating_add(statistics.new_files).saturating_sub(statistics.files),
            note_folders: seen.notes.values().max().copied().unwrap_or(0),
            shrunken_tables: (shrunken_tables > 0).then_some(shrunken_tables),
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn add<K: Eq + std::hash::Hash>(counts: &mut HashMap<K, u64>, key: K) {
    if counts.len() < KEPT_MAX || counts.contains_key(&key) {
        *counts.entry(key).or_default() += 1;
    }
}

#[cfg(test)]
mod tests {
    use repo_format::entry::EntryKind;
    use repo_format::id::LeaseId;
    use repo_format::manifest::ManifestKind;

    use super::*;
    use crate::tree::TreeEntry;

    fn entry(name: &str, size: u64, mtime_seconds: i64) -> Entry {
        Entry { size, mtime_seconds, ..Entry::new(name.as_bytes().to_vec(), EntryKind::File) }
    }

    fn read(name: &str, size: u64, agrees: Option<bool>) -> ReadFile {
        ReadFile { entry: Box::new(TreeEntry::new(entry(name, size, 0))), agrees }
    }

    #[test]
    fn the_most_frequent_growth_old_files_and_notes_are_counted() {
        let day = 24 * 3600;
        let log = SignalLog::new(50 * day);
        for n in 0..5 {
            log.differs(&read("a", 116 + n, None), &entry("a", 100 + n, 10 * day));
        }
        log.differs(&read("b.jpg", 1, Some(false)), &entry("b.jpg", 9, 49 * day));
        for _ in 0..3 {
            log.is_new(&read("README_NOW.txt", 900, None));
            log.is_new(&read("large.bin", 1 << 20, None));
        }
        log.is_new(&read("a.png", 1, Some(true)));
        let mut parent = Manifest::new(ManifestKind::Snapshot, LeaseId([0; 16]));
        parent.statistics = Statistics { files: 100, ..Statistics::default() };
        let expected = Signals {
            judged_files: 2,
            disagreeing_files: 1,
            different_files: 6,
            old_different_files: 5,
            same_growth_files: 5,
            same_growth_bytes: 16,
            gone_files: 4,
            note_folders: 3,
            shrunken_tables: Some(2),
        };
        let statistics = Statistics { files: 99, new_files: 3, ..Statistics::default() };
        assert_eq!(log.signals(&parent, &statistics, 2), expected);
        assert_eq!(log.signals(&parent, &statistics, 0), Signals { shrunken_tables: None, ..expected });
    }
}
