//! Copies of some roots.

use std::fs;

use engine::copy::{CopyOptions, RootChoice, What, copy};
use engine::monitor::NullMonitor;
use engine::snapshots::stats::stats;
use repo_format::cbor::ByteString;

use super::scene::{Scene, options};
use crate::support::{backup_options, backup_paths, by_id, look, noise, verify_all};

#[test]
fn a_folder_that_is_left_out_is_named_in_the_copy_and_nothing_of_it_is_there() {
    Scene::both().iter().for_each(leave_out_a_folder);
}

fn leave_out_a_folder(scene: &Scene) {
    let documents = scene.source.folder("documents");
    fs::write(documents.join("letter"), noise(7, 100_000)).unwrap();
    let source = scene.source.open();
    backup_paths(&source, &[&scene.root, &documents], &backup_options(), &NullMonitor).unwrap();
    let only = CopyOptions { only: vec![RootChoice::Path(documents.to_str().unwrap().into())], ..options() };
    let target = scene.target.open();
    let outcome = copy(&source, &target, &What::All, &only, &NullMonitor).unwrap();
    let copied = &outcome.copied[0];
    assert!(copied.new_bytes < 150_000, "{copied:?}");
    assert_eq!(copied.left_out, [b"root".to_vec()]);
    let manifest = by_id(&target, copied.id.unwrap()).manifest;
    assert_eq!(manifest.roots_left_out(), [ByteString(b"root".to_vec())]);
    assert_eq!(manifest.roots.len(), 1);
    scene.target.assert_restores(&target, copied.id.unwrap(), &look(&documents));
    assert_eq!(stats(&target).unwrap().partial_snapshots, 1);
    let notes = verify_all(&target).notes;
    assert!(notes.iter().any(|note| note.starts_with("1 copy was made without root:")), "{notes:?}");

    // Everything is more than what is there.
    let all = copy(&source, &target, &What::All, &options(), &NullMonitor).unwrap();
    assert_eq!((all.copied.len(), all.copied[0].left_out.len()), (1, 0));
    assert_eq!(stats(&target).unwrap().partial_snapshots, 1);
    // And a part of that is there.
    let part = copy(&source, &target, &What::All, &only, &NullMonitor).unwrap();
    assert_eq!((part.copied.len(), part.present.len()), (0, 1));
}

#[test]
fn a_snapshot_without_a_chosen_root_is_not_copied() {
    let scene = Scene::new();
    scene.save(1);
    let only = CopyOptions { only: vec![RootChoice::Databases], ..options() };
    let outcome = copy(&scene.source.open(), &scene.target.open(), &What::New, &only, &NullMonitor).unwrap();
    assert_eq!((outcome.copied.len(), outcome.without_roots.len()), (0, 1));
}
