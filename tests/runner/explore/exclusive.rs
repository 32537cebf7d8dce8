//! A store without conditions: leases alone keep a prune apart from everybody else (FORMAT.md, section 13.3).

use std::sync::Arc;

use engine::store::{Folder, MemoryStore};
use scenario_tests::explore::Process;

use super::mistakes as lies;
use super::people::{Visitor, Writers, forgetter, forgetter_of_the_first, prune_until_death, pruner, writer};
use super::scene::{Cache, Scene};
use super::{ALL, Bounds, assert_found, assert_safe};

fn scene() -> Arc<Scene> {
    Scene::without_conditions(|_, _| {})
}

fn interrupted(times: u8) -> Bounds {
    Bounds { interruptions_max: Some(times), ..ALL }
}

fn lone_pruner(scene: &Arc<Scene>, name: &str) -> Visitor {
    pruner(scene, name, Writers::Alive).alone()
}

fn knowing_writer(scene: &Arc<Scene>, name: &str) -> Visitor {
    writer(scene, name).with_cache(Cache::Filled)
}

fn remove_leases(store: &MemoryStore) {
    for name in store.names().iter().filter(|name| name.folder() == Folder::Leases) {
        store.remove_raw(name);
    }
}

#[test]
fn a_prune_alone_does_the_same_each_time() {
    let scene = scene();
    assert_safe(&scene, vec![lone_pruner(&scene, "prune").process(), forgetter_of_the_first(&scene)], ALL);
}

#[test]
fn a_prune_and_a_writer_give_way_and_lose_nothing() {
    let scene = scene();
    let writer = knowing_writer(&scene, "writer").process();
    let prune = lone_pruner(&scene, "prune").process();
    assert_safe(&scene, vec![prune, writer, forgetter(&scene).process()], interrupted(2));
}

#[test]
fn a_manifest_that_arrives_late_or_never_has_what_it_needs() {
    let scene = scene();
    let writer = knowing_writer(&scene, "writer").process().putting_late(1);
    let prune = lone_pruner(&scene, "prune").process();
    assert_safe(&scene, vec![prune, writer, forgetter(&scene).process()], interrupted(2));
}

#[test]
fn condemned_packs_that_are_put_late_harm_nobody() {
    let scene = scene();
    let prune = lone_pruner(&scene, "prune").process().putting_late(1);
    let writer = knowing_writer(&scene, "writer").process();
    assert_safe(&scene, vec![prune, writer, forgetter_of_the_first(&scene)], interrupted(2));
}

#[test]
fn two_prunes_and_a_writer_lose_nothing() {
    let scene = scene();
    let prunes = ["prune 1", "prune 2"].map(|name| lone_pruner(&scene, name).process());
    let writer = knowing_writer(&scene, "writer").process();
    let processes = prunes.into_iter().chain([writer, forgetter_of_the_first(&scene)]).collect();
    assert_safe(&scene, processes, interrupted(1));
}

#[test]
fn two_writers_and_a_prune_lose_nothing() {
    let scene = scene();
    let prune = lone_pruner(&scene, "prune").process();
    let first = knowing_writer(&scene, "writer 1").process();
    let second = writer(&scene, "writer 2").process();
    assert_safe(&scene, vec![prune, first, second, forgetter_of_the_first(&scene)], interrupted(1));
}

/// Wherever a prune dies: its lease is removed when nothing of it can arrive any more, and then the next finishes its work.
#[test]
fn a_prune_that_died_is_finished_by_the_next_beside_a_writer() {
    for changes in 0.. {
        let scene = scene();
        let died = prune_until_death(&scene, changes);
        remove_leases(&scene.store);
        let writer = knowing_writer(&scene, "writer").process();
        let next = lone_pruner(&scene, "next prune").process();
        assert_safe(&scene, vec![next, writer], interrupted(1));
        if !died {
            assert!(changes > 5, "a prune changes more than {changes} objects");
            break;
        }
    }
}

#[track_caller]
fn assert_mistake_is_found(of: impl Fn(&Arc<Scene>) -> Vec<Process>) {
    let scene = scene();
    let mut processes = of(&scene);
    processes.push(forgetter_of_the_first(&scene));
    assert_found(&scene, processes);
}

#[test]
fn a_writer_that_looks_before_it_puts_its_lease_is_found() {
    assert_mistake_is_found(|scene| {
        let writer = knowing_writer(scene, "writer").told(lies::looks_before_putting);
        vec![writer.process(), lone_pruner(scene, "prune").process()]
    });
}

#[test]
fn a_prune_that_looks_before_it_puts_its_lease_is_found() {
    assert_mistake_is_found(|scene| {
        let prune = lone_pruner(scene, "prune").told(lies::looks_before_putting);
        vec![knowing_writer(scene, "writer").process(), prune.process()]
    });
}

#[test]
fn a_failed_writer_that_deletes_its_lease_is_found() {
    assert_mistake_is_found(|scene| {
        let writer = knowing_writer(scene, "writer").told(lies::no_lease_for_late_puts);
        vec![writer.process().putting_late(1), lone_pruner(scene, "prune").process()]
    });
}
