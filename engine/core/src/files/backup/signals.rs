//! Counts what can tell an attack from an ordinary change: files that do not begin as their names say, that grew by the same
//! number of bytes, or that nobody had touched for long, and the same note in many folders.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use repo_format::cbor::ByteString;
use repo_format::entry::Entry;
use repo_format::limits;
use repo_format::manifest::{HeldFolder, Manifest, Signals, Statistics};

use super::file::ReadFile;
use crate::hold::Rule;
use crate::tree::parent;

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
    disagreeing: Counted,
    different: u64,
    old: u64,
    growths: HashMap<i64, Counted>,
    notes: HashMap<Vec<u8>, Counted>,
}

impl Seen {
    fn judge(&mut self, agrees: Option<bool>, folder: &[u8]) {
        self.judged += u64::from(agrees.is_some());
        if agrees == Some(false) {
            self.disagreeing.add(folder);
        }
    }

    /// The most frequent growth.
    fn growth(&self) -> Option<(&i64, &Counted)> {
        self.growths.iter().max_by_key(|(bytes, counted)| (counted.files, **bytes))
    }

    /// The note that is in most folders.
    fn note(&self) -> Option<&Counted> {
        self.notes.iter().max_by_key(|(name, counted)| (counted.files, *name)).map(|(_, counted)| counted)
    }
}

/// Files that count for the same.
#[derive(Default)]
struct Counted {
    files: u64,
    /// The folder that has all of them; none if there is no file.
    folder: Option<Vec<u8>>,
}

impl Counted {
    fn add(&mut self, folder: &[u8]) {
        self.files += 1;
        match &mut self.folder {
            Some(all) => all.truncate(common(all, folder)),
            None => self.folder = Some(folder.to_vec()),
        }
    }
}

/// The folder, or the one above it whose path a manifest takes.
fn short_enough(mut folder: Vec<u8>) -> Vec<u8> {
    while folder.len() as u64 > limits::HELD_FOLDER_PATH {
        folder.truncate(parent(&folder).len());
    }
    folder
}

/// The length of the path of the folder that has both folders.
fn common(one: &[u8], other: &[u8]) -> usize {
    let same = one.iter().zip(other).take_while(|(a, b)| a == b).count();
    let ends_here = |path: &[u8]| path.get(same).is_none_or(|byte| *byte == b'/');
    if ends_here(one) && ends_here(other) { same } else { parent(one.get(..same).unwrap_or_default()).len() }
}

impl SignalLog {
    /// The log of a run at this time, seconds since 1970.
    pub fn new(now: i64) -> Self {
        SignalLog { now, seen: Mutex::default() }
    }

    /// The contents of a file in this folder differ from those that the parent has.
    pub fn differs(&self, read: &ReadFile, before: &Entry, folder: &[u8]) {
        let mut seen = self.lock();
        seen.judge(read.agrees, folder);
        seen.different += 1;
        seen.old += u64::from(before.mtime_seconds.saturating_add(OLD_SECONDS) <= self.now);
        let growth = read.entry.meta.size.cast_signed().wrapping_sub(before.size.cast_signed());
        add(&mut seen.growths, growth, folder);
    }

    /// The parent has no file in this place of the folder.
    pub fn is_new(&self, read: &ReadFile, folder: &[u8]) {
        let mut seen = self.lock();
        seen.judge(read.agrees, folder);
        if read.entry.meta.size <= NOTE_MAX {
            add(&mut seen.notes, read.entry.name().to_vec(), folder);
        }
    }

    /// The figures of a snapshot with these statistics, compared with `parent`. So many tables have lost many rows.
    pub fn signals(&self, parent: &Manifest, statistics: &Statistics, shrunken_tables: u64) -> Signals {
        let seen = self.lock();
        let (same_growth_bytes, same_growth_files) =
            seen.growth().map_or((0, 0), |(bytes, counted)| (*bytes, counted.files));
        Signals {
            judged_files: seen.judged,
            disagreeing_files: seen.disagreeing.files,
            different_files: seen.different,
            old_different_files: seen.old,
            same_growth_files,
            same_growth_bytes,
            gone_files: parent.statistics.files.saturating_add(statistics.new_files).saturating_sub(statistics.files),
            note_folders: seen.note().map_or(0, |counted| counted.files),
            shrunken_tables: (shrunken_tables > 0).then_some(shrunken_tables),
        }
    }

    /// The folders of the files that count against rules.
    pub fn folders(&self) -> Vec<HeldFolder> {
        let seen = self.lock();
        let growth = seen.growth().map(|(_, counted)| counted);
        let counted = [(Rule::Beginnings, Some(&seen.disagreeing)), (Rule::Growth, growth), (Rule::Notes, seen.note())];
        let folder = |(rule, counted): (Rule, Option<&Counted>)| {
            let folder = short_enough(counted?.folder.clone()?);
            Some(HeldFolder { rule: rule.bit(), folder: ByteString(folder) })
        };
        counted.into_iter().filter_map(folder).collect()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn add<K: Eq + std::hash::Hash>(counts: &mut HashMap<K, Counted>, key: K, folder: &[u8]) {
    if counts.len() < KEPT_MAX || counts.contains_key(&key) {
        counts.entry(key).or_default().add(folder);
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
    fn the_folder_of_two_folders_has_both() {
        let common = |one: &str, other: &str| {
            assert_eq!(
                super::common(one.as_bytes(), other.as_bytes()),
                super::common(other.as_bytes(), one.as_bytes())
            );
            one[..super::common(one.as_bytes(), other.as_bytes())].to_owned()
        };
        for (one, other, both) in [
            ("a/b", "a/b", "a/b"),
            ("a/b", "a/b/c", "a/b"),
            ("a/b1", "a/b2", "a"),
            ("a/b", "a/b1", "a"),
            ("ab", "a", ""),
            ("a", "", ""),
            ("", "", ""),
        ] {
            assert_eq!(common(one, other), both, "{one} {other}");
        }
    }

    #[test]
    fn a_path_that_is_too_long_becomes_that_of_a_folder_above() {
        let (deep, name) = ("folder/".repeat(146), "n".repeat(2000));
        assert_eq!(short_enough(format!("{deep}last").into_bytes()).len(), 146 * 7 - 1);
        assert_eq!(short_enough(format!("{deep}x").into_bytes()).len(), 146 * 7 + 1);
        assert_eq!(short_enough(name.into_bytes()), b"");
    }

    #[test]
    fn the_most_frequent_growth_old_files_and_notes_are_counted() {
        let day = 24 * 3600;
        let log = SignalLog::new(50 * day);
        for n in 0..5 {
            log.differs(&read("a", 116 + n, None), &entry("a", 100 + n, 10 * day), b"images/P1");
        }
        log.differs(&read("b.jpg", 1, Some(false)), &entry("b.jpg", 9, 49 * day), b"images/P1/old");
        for folder in [&b"images/P1"[..], b"images/P10/a", b"images/P2"] {
            log.is_new(&read("README_NOW.txt", 900, None), folder);
            log.is_new(&read("large.bin", 1 << 20, None), folder);
        }
        log.is_new(&read("a.png", 1, Some(true)), b"letters");
        let folder = |rule: Rule, path: &[u8]| HeldFolder { rule: rule.bit(), folder: ByteString(path.to_vec()) };
        let folders = [
            folder(Rule::Beginnings, b"images/P1/old"),
            folder(Rule::Growth, b"images/P1"),
            folder(Rule::Notes, b"images"),
        ];
        assert_eq!(log.folders(), folders);
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
