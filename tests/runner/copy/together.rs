//! Other processes do something to one of the repositories while a copy runs, or did so before.

use std::fs;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use engine::ErrorKind;
use engine::copy::{What, copy};
use engine::error::chain;
use engine::monitor::NullMonitor;
use engine::store::{Folder, ObjectInfo, ObjectName};
use engine::upkeep::prune::PruneOptions;
use repo_format::config::Access;

use super::scene::{Scene, options};
use crate::prune::scene::{options as prune_options, prune};
use crate::support::{Fixture, Hook, by_id, noise, verify_all};

#[test]
fn two_copies_at_once_into_one_repository_are_both_whole() {
    for scene in Scene::both() {
        copy_twice_at_once(&scene);
    }
}

fn copy_twice_at_once(scene: &Scene) {
    (0..3).for_each(|round| drop(scene.save(round)));
    thread::scope(|scope| {
        let run = |number: usize| {
            let (source, target) = (&scene.source, &scene.target);
            scope.spawn(move || {
                let open = |fixture: &Fixture| {
                    fixture.try_open(&format!("cache {number}"), &fixture.credential(), Access::Write).unwrap()
                };
                copy(&open(source), &open(target), &What::All, &options(), &NullMonitor).unwrap()
            })
        };
        for run in [0, 1].map(run) {
            let outcome = run.join().unwrap();
            assert!(outcome.failed.is_empty() && outcome.check.findings.is_empty(), "{outcome:?}");
        }
    });
    let target = scene.target.open_anew();
    verify_all(&target);
    for id in target.snapshot_names().unwrap() {
        let origin = by_id(&target, id).manifest.origin.unwrap();
        scene.target.assert_restores(&target, id, &scene.tree_of(origin.id));
    }
}

/// Prunes keep packs in which something is needed, and nodes in them that nothing needs, after what these name is gone.
#[test]
fn nodes_that_a_prune_has_left_do_not_pass_for_what_they_name() {
    let scene = Scene::new();
    let (first, before) = scene.save(1);
    for number in 0..20u64 {
        fs::write(scene.root.join(format!("images/{number:03}.jpg")), noise(5000 + number, 20_000)).unwrap();
    }
    let _ = scene.save(2);
    let copies = scene.copy_whole(&What::All);
    scene.target.forget(&copies[..1]);
    let lazy = PruneOptions { max_unused: 100, max_rewrite: 0, ..prune_options() };
    let nodes_left = scene.target.open().list_packs().unwrap().len();
    prune(&scene.target.open(), &lazy).unwrap();
    prune(&scene.target.open(), &prune_options()).unwrap();
    assert!(scene.target.open().list_packs().unwrap().len() <= nodes_left);
    for target in [scene.target.open(), scene.target.open_anew()] {
        let outcome = copy(&scene.source.open(), &target, &What::Named(vec![first]), &options(), &NullMonitor).unwrap();
        let copies = outcome.copied.iter().filter_map(|copied| copied.id);
        let copy = copies.chain(outcome.present.iter().map(|present| present.copy)).next().unwrap();
        verify_all(&scene.target.open_anew());
        scene.target.assert_restores(&scene.target.open_anew(), copy, &before);
    }
}

#[test]
fn a_prune_of_the_target_during_a_copy_takes_nothing_that_the_copy_needs() {
    for (scene, moment) in [0, 1, 30, 60].into_iter().flat_map(|moment| Scene::both().map(|scene| (scene, moment))) {
        scene.save(1);
        let copies = scene.copy_whole(&What::All);
        scene.save(2);
        let target = scene.target.open();
        let other = scene.target.try_open("other", &scene.target.credential(), Access::Write).unwrap();
        let fixture = scene.target.through(scene.target.store.clone());
        let seen = AtomicU64::new(0);
        let is_time = move |_| seen.fetch_add(1, Ordering::SeqCst) == moment;
        let hook = Hook::once(is_time, move || {
            fixture.forget(&copies);
            prune(&other, &prune_options()).unwrap();
        });
        let outcome = copy(&scene.source.open(), &target, &What::All, &options(), &hook);
        if let Err(error) = &outcome {
            assert_eq!(error.kind(), ErrorKind::Fenced, "{}", chain(error));
        }
        verify_all(&scene.target.open_anew());
        let copies = scene.copy(&What::All);
        assert!(copies.failed.is_empty(), "{copies:?}");
        let target = scene.target.open_anew();
        verify_all(&target);
        for id in target.snapshot_names().unwrap() {
            if let Ok(engine::repository::SnapshotObject::Manifest(object)) = target.read_snapshot_object(id)
                && object.manifest.origin.is_some()
            {
                let tree = scene.tree_of(object.manifest.origin.unwrap().id);
                scene.target.assert_restores(&target, id, &tree);
            }
        }
    }
}

#[test]
fn a_snapshot_that_is_forgotten_and_pruned_while_it_is_copied_is_named_and_the_others_go_on() {
    let scene = Scene::new();
    let (first, _) = scene.save(1);
    fs::write(scene.root.join("big"), noise(77, 100_000)).unwrap();
    let (_, after) = scene.save(2);
    let source = scene.source.open();
    let fixture = scene.source.through(scene.source.store.clone());
    let hook = Hook::once(
        |work| work.bytes > 0,
        move || {
            fixture.forget(&[first]);
            prune(&fixture.open_anew(), &prune_options()).unwrap();
        },
    );
    let target = scene.target.open();
    let outcome = copy(&source, &target, &What::All, &options(), &hook).unwrap();
    assert_eq!(outcome.failed[0].source.id, first);
    let why = chain(&outcome.failed[0].error);
    assert!(why.contains("forgotten while it was copied"), "{why}");
    assert_eq!((outcome.failed.len(), outcome.copied.len()), (1, 1));
    verify_all(&target);
    scene.target.assert_restores(&target, outcome.copied[0].id.unwrap(), &after);
}

#[test]
fn a_snapshot_that_needs_something_damaged_is_named_and_the_others_go_on() {
    let scene = Scene::new();
    scene.save(1);
    let packs_before = scene.source.open().list_packs().unwrap();
    fs::write(scene.root.join("only in the second"), noise(9, 50_000)).unwrap();
    let (second, _) = scene.save(2);
    fs::remove_file(scene.root.join("only in the second")).unwrap();
    scene.save(3);
    let packs = scene.source.open().list_packs().unwrap();
    let new = packs.keys().find(|id| !packs_before.contains_key(id) && is_needed_by_second(&scene, **id));
    let Some(pack) = new else { panic!("no pack is of the second snapshot") };
    scene.source.store.delete(&ObjectName::Pack(*pack)).unwrap();
    let outcome = scene.copy(&What::All);
    assert!(outcome.failed.iter().any(|failed| failed.source.id == second), "{outcome:?}");
    assert!(!outcome.copied.is_empty(), "{outcome:?}");
    verify_all(&scene.target.open());
}

/// Whether the pack was made by the second backup: the largest of the new ones.
fn is_needed_by_second(scene: &Scene, id: repo_format::id::PackId) -> bool {
    let size = scene.source.open().list_packs().unwrap()[&id];
    size > 100_000
}

#[test]
fn an_interrupted_copy_leaves_its_lease_to_nobody_and_no_snapshot() {
    let scene = Scene::new();
    scene.save(1);
    let hook = Hook::cancel_at_poll(20);
    let error = copy(&scene.source.open(), &scene.target.open(), &What::All, &options(), &hook).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Cancelled);
    let target = scene.target.open();
    let mut leases = Vec::new();
    let mut found = |info: ObjectInfo| {
        leases.push(info.name);
        Ok(())
    };
    target.store().list(Folder::Leases, &mut found, &mut |_| {}).unwrap();
    assert!(leases.is_empty() && target.snapshot_names().unwrap().is_empty());
    assert_eq!(scene.copy_whole(&What::All).len(), 1);
}
