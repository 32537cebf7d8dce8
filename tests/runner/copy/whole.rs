//! Whole snapshots.

use std::fs;

use engine::copy::{What, copy};
use engine::monitor::NullMonitor;
use engine::repository::InitOptions;
use engine::repository::init_like;
use engine::snapshots::{Selector, select};
use engine::store::{MemoryStore, ObjectName};
use engine::{ErrorKind, Result};
use repo_format::head::{KeyClass, ObjectKind};
use repo_format::limits;
use repo_format::pack::ChunkKind;
use std::sync::Arc;

use super::scene::{Scene, options, top};
use crate::support::{Fixture, backup, by_id, verify_all};

#[test]
fn a_copy_is_restored_from_the_other_repository_alone() {
    let scene = Scene::new();
    let (first, before) = scene.save(1);
    let (second, after) = scene.save(2);
    let copies = scene.copy_whole(&What::All);
    fs::remove_dir_all(&scene.root).unwrap();
    let target = scene.target.open_anew();
    verify_all(&target);
    scene.target.assert_restores(&target, copies[0], &before);
    scene.target.assert_restores(&target, copies[1], &after);
    let source = scene.source.open();
    assert_eq!([first, second].map(|id| top(&source, id)), [copies[0], copies[1]].map(|id| top(&target, id)));
    let latest = select(&target, &Selector::Latest { tag: None, until: None }).unwrap().snapshot;
    assert_eq!(latest.id, copies[1], "`latest` is the one that was made last");
}

#[test]
fn a_copy_says_what_its_original_said_and_where_it_comes_from() {
    let scene = Scene::new();
    let (id, _) = scene.save(1);
    let copies = scene.copy_whole(&What::Named(vec![id]));
    let (source, target) = (scene.source.open(), scene.target.open());
    let (original, copied) = (by_id(&source, id).manifest, by_id(&target, copies[0]).manifest);
    let described = |m: &repo_format::manifest::Manifest| {
        (m.seconds, m.nanoseconds, m.host.clone(), m.user.clone(), m.program.clone(), m.roots.clone(), m.statistics)
    };
    assert_eq!(described(&original), described(&copied));
    assert_eq!((original.problems.count, original.left_out), (copied.problems.count, copied.left_out));
    assert_ne!(original.id, copied.id);
    let origin = copied.origin.unwrap();
    assert_eq!((origin.repository, origin.id, origin.left_out), (source.id(), id, None));
}

#[test]
fn both_give_the_same_ids_and_neither_opens_what_the_other_sealed() {
    let scene = Scene::new();
    let (source, target) = (scene.source.open(), scene.target.open());
    assert_ne!(source.id(), target.id());
    for kind in [ChunkKind::Data, ChunkKind::Node] {
        assert_eq!(source.keys().id(kind, b"x"), target.keys().id(kind, b"x"));
    }
    assert_eq!(source.keys().gear_table(), target.keys().gear_table());
    assert_eq!(source.config().profiles, target.config().profiles);
    for (keys, other) in [(&source, &target), (&target, &source)] {
        let condemned = other.store().get(&ObjectName::Condemned, limits::SMALL_OBJECT).unwrap();
        let open = |keys: &engine::repository::Repository| -> Result<Vec<u8>> {
            let (kind, class) = (ObjectKind::Condemned, KeyClass::Index);
            keys.keys().open(kind, class, "condemned", &condemned, limits::SMALL_OBJECT)
        };
        open(other).unwrap();
        assert_eq!(open(keys).unwrap_err().kind(), ErrorKind::Damaged);
        let credential =
            if std::ptr::eq(keys, &source) { scene.source.credential() } else { scene.target.credential() };
        let fixture = if std::ptr::eq(keys, &source) { &scene.target } else { &scene.source };
        let opened = fixture.try_open("another", &credential, repo_format::config::Access::Read);
        assert_eq!(opened.err().map(|error| error.kind()), Some(ErrorKind::WrongPassword));
    }
}

#[test]
fn only_what_the_target_lacks_is_copied() {
    let scene = Scene::new();
    scene.save(1);
    let first = scene.copy(&What::New).copied;
    scene.save(2);
    let second = scene.copy(&What::New).copied;
    assert!(first[0].new_bytes > 6_000_000 && second[0].new_bytes < 100_000, "{first:?} {second:?}");
    let again = scene.copy(&What::All);
    assert!(again.copied.is_empty() && again.present.len() == 2, "{again:?}");
}

#[test]
fn a_copy_that_the_target_has_forgotten_does_not_come_back_as_new() {
    let scene = Scene::new();
    scene.save(1);
    scene.save(2);
    let copies = scene.copy_whole(&What::All);
    scene.target.forget(&copies[..1]);
    let new = scene.copy(&What::New);
    assert!(new.copied.is_empty() && new.older == 1, "{new:?}");
    assert_eq!(scene.copy_whole(&What::All).len(), 1);
}

#[test]
fn a_target_that_is_behind_by_many_snapshots_gets_them_all() {
    let scene = Scene::new();
    let mut saved = Vec::new();
    for round in 0..100 {
        saved.push(scene.save(round).0);
    }
    let outcome = scene.copy(&What::New);
    assert_eq!(outcome.copied.len(), 100);
    let stored: u64 = outcome.copied.iter().skip(1).map(|copied| copied.new_bytes).sum();
    assert!(stored < 100 * 70_000, "{stored}");
    let (source, target) = (scene.source.open(), scene.target.open());
    for (original, copied) in saved.iter().zip(&outcome.copied) {
        assert_eq!(top(&source, *original), top(&target, copied.id.unwrap()));
    }
    verify_all(&target);
}

#[test]
fn a_dry_run_says_how_much_there_is_and_copies_nothing() {
    let scene = Scene::new();
    scene.save(1);
    let before = scene.target.open().list_packs().unwrap();
    let dry = engine::copy::CopyOptions {
        writer: engine::session::WriterOptions { dry_run: true, ..options().writer },
        ..options()
    };
    let outcome = copy(&scene.source.open(), &scene.target.open(), &What::All, &dry, &NullMonitor).unwrap();
    assert!(outcome.copied[0].id.is_none() && outcome.copied[0].new_bytes > 6_000_000, "{outcome:?}");
    assert_eq!(scene.target.open().list_packs().unwrap(), before);
    assert!(scene.target.open().snapshot_names().unwrap().is_empty());
}

#[test]
fn a_copy_of_a_copy_has_the_trees_of_the_original() {
    let scene = Scene::new();
    let (id, tree) = scene.save(1);
    scene.copy_whole(&What::All);
    // The office has burned down, and gets a new repository out of its copy.
    let office = Fixture::without_repository(Arc::new(MemoryStore::new()));
    let target = scene.target.open();
    init_like(&*office.store, &office.credential(), &InitOptions::default(), &target).unwrap();
    let back = copy(&target, &office.open(), &What::All, &options(), &NullMonitor).unwrap().copied;
    let office_repository = office.open();
    assert_eq!(top(&office_repository, back[0].id.unwrap()), top(&scene.source.open(), id));
    office.assert_restores(&office_repository, back[0].id.unwrap(), &tree);
    verify_all(&office_repository);
    let (_, saved) = backup(&office_repository, &scene.root);
    assert!(saved.statistics.new_bytes < 100_000, "the next backup goes on from there: {saved:?}");
}

#[test]
fn what_comes_back_to_where_it_was_made_is_there_already() {
    for scene in Scene::both() {
        let (first, _) = scene.save(1);
        let (second, _) = scene.save(2);
        scene.copy_whole(&What::All);
        let back = |what: &What| {
            let outcome = copy(&scene.target.open(), &scene.source.open(), what, &options(), &NullMonitor).unwrap();
            (outcome.copied.len(), outcome.present.len(), outcome.older)
        };
        assert_eq!(back(&What::All), (0, 2, 0));
        scene.source.forget(&[first]);
        assert_eq!(back(&What::New), (0, 1, 1), "it was forgotten there, and {second} is newer");
        assert_eq!(back(&What::All), (1, 1, 0));
        assert_eq!(back(&What::All), (0, 2, 0));
        verify_all(&scene.source.open_anew());
    }
}

#[test]
fn a_repository_is_not_copied_into_itself() {
    let scene = Scene::new();
    let error = copy(&scene.source.open(), &scene.source.open(), &What::All, &options(), &NullMonitor).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Usage);
}
