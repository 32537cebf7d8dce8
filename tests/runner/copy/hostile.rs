//! Snapshots that no honest program writes, made by a member of the source.

use std::sync::Arc;

use engine::copy::{CopyOutcome, What, copy};
use engine::monitor::NullMonitor;
use engine::repository::{InitOptions, Repository, init_like};
use engine::store::MemoryStore;
use repo_format::entry::EntryKind;
use repo_format::id::ChunkId;

use super::scene::options;
use crate::hostile::forge::{Attack, direct, entry, inline, listed, subfolder};
use crate::support::{Fixture, verify_all};

/// Copies everything of `source` into a new repository that was made for that, and into another, which are whole whatever came.
fn copied(source: &Repository) -> [(CopyOutcome, Fixture); 2] {
    let target = Fixture::without_repository(Arc::new(MemoryStore::new()));
    init_like(&*target.store, &target.credential(), &InitOptions::default(), source).unwrap();
    [target, Fixture::new()].map(|target| copied_into(source, target))
}

fn copied_into(source: &Repository, target: Fixture) -> (CopyOutcome, Fixture) {
    let outcome = copy(source, &target.open(), &What::All, &options(), &NullMonitor).unwrap();
    verify_all(&target.open_anew());
    (outcome, target)
}

#[test]
fn folders_with_endless_paths_are_copied_node_by_node() {
    let attack = Attack::new();
    attack.snapshot(|forge| {
        let mut below = forge.folder(&[], &[inline("e", b"e")]);
        for _ in 0..60 {
            below = forge.folder(&[below], &[subfolder("e", Some(0)), subfolder("f", Some(0))]);
        }
        below
    });
    for (outcome, _) in copied(&attack.repository()) {
        assert_eq!((outcome.copied.len(), outcome.failed.len()), (1, 0));
        assert!(outcome.copied[0].new_chunks < 100, "{outcome:?}");
    }
}

#[test]
fn lists_that_repeat_each_other_are_copied_once() {
    let attack = Attack::new();
    attack.snapshot(|forge| {
        let data = forge.data(&[7; 1000]);
        let mut list = forge.list(&[(data, 1000); 64]);
        let mut len = 64_000u64;
        for level in 1..8 {
            list = forge.list_of_lists(level, &[(list, len); 64]);
            len *= 64;
        }
        forge.folder(&[list], &[listed("x", len, 0)])
    });
    for (outcome, _) in copied(&attack.repository()) {
        assert!(outcome.copied.len() == 1 && outcome.copied[0].new_chunks < 20, "{outcome:?}");
    }
}

#[test]
fn what_is_missing_or_of_another_kind_in_the_source_does_not_come_into_the_target() {
    let attack = Attack::new();
    attack.snapshot(|forge| forge.folder(&[ChunkId([66; 32])], &[subfolder("e", Some(0))]));
    attack.snapshot(|forge| {
        // A node where data should be.
        let node = forge.folder(&[], &[entry("x", EntryKind::Directory)]);
        let below = forge.folder(&[node], &[subfolder("as what it is", Some(0))]);
        let wrong = forge.folder(&[node], &[direct("as data", 10, &[(0, 10)])]);
        forge.folder(&[below, wrong], &[subfolder("a", Some(0)), subfolder("b", Some(1))])
    });
    attack.snapshot(|forge| {
        // Data where a node should be.
        let data = forge.data(b"no node");
        forge.folder(&[data], &[direct("x", 7, &[(0, 7)])]);
        let wrong = forge.folder(&[data], &[subfolder("e", Some(0))]);
        forge.folder(&[wrong], &[subfolder("e", Some(0))])
    });
    for (outcome, target) in copied(&attack.repository()) {
        assert_eq!((outcome.copied.len(), outcome.failed.len()), (0, 3), "{outcome:?}");
        assert!(target.open().snapshot_names().unwrap().is_empty());
    }
}
