//! Searches over many snapshots.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use engine::monitor::NullMonitor;
use engine::repository::Repository;
use engine::snapshots::find::{FindOptions, find};
use engine::snapshots::ls::ls;
use engine::snapshots::versions::{Top, versions};
use repo_format::entry::Entry;
use repo_format::id::LeaseId;

use crate::support::{Fixture, backup, by_id};

/// So many files fill several nodes.
const FILES: usize = 1500;

/// A version of a file: path, size and time, and the snapshots that have it.
type Seen = BTreeMap<(Vec<u8>, u64, i64, u32), BTreeSet<LeaseId>>;

fn key(path: &[u8], entry: &Entry) -> (Vec<u8>, u64, i64, u32) {
    (path.to_vec(), entry.size, entry.mtime_seconds, entry.mtime_nanoseconds)
}

/// The same by looking at each snapshot from end to end.
fn looked_up(repository: &Repository, snapshots: &[LeaseId], word: &str) -> Seen {
    let mut seen = Seen::new();
    for id in snapshots {
        ls(repository, &by_id(repository, *id), b"", true, &mut |path, entry| {
            let name = path.rsplit(|byte| *byte == b'/').next().unwrap();
            if String::from_utf8_lossy(name).to_lowercase().contains(word) {
                seen.entry(key(path, entry)).or_default().insert(*id);
            }
            Ok(())
        })
        .unwrap();
    }
    seen
}

fn found(repository: &Repository, word: &str) -> Seen {
    let hits = find(repository, word, &FindOptions::default(), &NullMonitor).unwrap();
    let of = |hit: engine::snapshots::find::FindHit| (key(&hit.path, &hit.entry), hit.snapshots.into_iter().collect());
    hits.into_iter().map(of).collect()
}

#[test]
fn a_search_in_large_folders_that_change_finds_what_each_snapshot_holds() {
    let fixture = Fixture::new();
    let repository = fixture.open();
    let root = fixture.folder("images");
    for folder in ["first", "second", "first/below"] {
        fs::create_dir_all(root.join(folder)).unwrap();
        for number in 0..FILES {
            fs::write(root.join(folder).join(format!("Scan{number:05}")), folder).unwrap();
        }
    }
    let mut snapshots = vec![backup(&repository, &root).0];
    fs::write(root.join("first/Scan00700"), "another").unwrap();
    snapshots.push(backup(&repository, &root).0);
    fs::remove_file(root.join("first/below/Scan00007")).unwrap();
    fs::write(root.join("second/Scan00007b"), "new").unwrap();
    snapshots.push(backup(&repository, &root).0);
    // As it was before, so the first snapshot and this one share what others do not have.
    fs::remove_file(root.join("second/Scan00007b")).unwrap();
    snapshots.push(backup(&repository, &root).0);
    fs::rename(root.join("first"), root.join("third")).unwrap();
    snapshots.push(backup(&repository, &root).0);
    for word in ["scan00700", "scan00007", "0149", "below", "first", "nothing"] {
        let expected = looked_up(&repository, &snapshots, word);
        assert_eq!(found(&repository, word), expected, "{word}");
        assert_eq!(expected.is_empty(), word == "nothing", "{word}");
    }
}

#[test]
fn the_history_of_a_file_tells_each_change_once_in_order() {
    let fixture = Fixture::new();
    let repository = fixture.open();
    let root = fixture.folder("images");
    let file = root.join("letter");
    fs::write(root.join("other"), "there").unwrap();
    let mut snapshots = Vec::new();
    for text in [None, Some("one"), Some("one"), Some("other"), None, Some("one")] {
        match text {
            Some(text) => fs::write(&file, text).unwrap(),
            None => drop(fs::remove_file(&file)),
        }
        snapshots.push(backup(&repository, &root).0);
    }
    let tops = snapshots.iter().map(|id| Top { snapshot: *id, tree: by_id(&repository, *id).manifest.tree_id() });
    let told = versions(&repository, tops, b"images/letter").unwrap();
    let told: Vec<_> =
        told.into_iter().map(|version| (version.entry.map(|entry| entry.size), version.snapshots)).collect();
    let [nothing, one, again, other, gone, back] = snapshots[..] else { panic!("{snapshots:?}") };
    let expected = [
        (None, vec![nothing]),
        (Some(3), vec![one, again]),
        (Some(5), vec![other]),
        (None, vec![gone]),
        (Some(3), vec![back]),
    ];
    assert_eq!(told, expected);
}
