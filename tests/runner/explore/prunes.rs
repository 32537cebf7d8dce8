//! Prunes, beside writers, forgetting and each other.

use super::people::{Writers, forgetter, forgetter_of_the_first, pruner, writer};
use super::scene::{Cache, Scene};
use super::{ALL, Bounds, assert_safe};

/// Few interruptions: what they can do is explored in seconds.
const fn interrupted(times: u8) -> Bounds {
    Bounds { interruptions_max: Some(times), ..ALL }
}

#[test]
fn a_prune_alone_does_the_same_each_time() {
    let scene = Scene::new();
    assert_safe(&scene, vec![pruner(&scene, "prune", Writers::Alive).process()], ALL);
}

#[test]
fn a_prune_that_loses_answers_is_in_order() {
    let scene = Scene::new();
    let prune = pruner(&scene, "prune", Writers::Alive).process().losing_answers(2);
    assert_safe(&scene, vec![prune, forgetter_of_the_first(&scene)], ALL);
}

#[test]
fn a_prune_that_waits_for_writers_loses_nothing() {
    let scene = Scene::new();
    let writer = writer(&scene, "writer").with_cache(Cache::Filled).process();
    let prune = pruner(&scene, "prune", Writers::Alive).process();
    assert_safe(&scene, vec![prune, writer, forgetter(&scene).process()], ALL);
}

#[test]
fn a_prune_that_shuts_writers_out_loses_nothing() {
    let scene = Scene::new();
    let writer = writer(&scene, "writer").with_cache(Cache::Filled).process();
    let prune = pruner(&scene, "prune", Writers::Dead).process();
    assert_safe(&scene, vec![prune, writer, forgetter_of_the_first(&scene)], ALL);
}

#[test]
fn a_manifest_that_arrives_late_or_never_has_what_it_needs() {
    let scene = Scene::new();
    let writer = writer(&scene, "writer").with_cache(Cache::Filled).process().putting_late(1);
    let prune = pruner(&scene, "prune", Writers::Alive).process();
    assert_safe(&scene, vec![prune, writer, forgetter(&scene).process()], interrupted(3));
}

#[test]
fn a_late_manifest_beside_a_prune_that_shuts_writers_out_has_what_it_needs() {
    let scene = Scene::new();
    let writer = writer(&scene, "writer").with_cache(Cache::Filled).process().putting_late(2);
    let prune = pruner(&scene, "prune", Writers::Dead).process();
    assert_safe(&scene, vec![prune, writer, forgetter(&scene).process()], interrupted(2));
}

#[test]
fn two_prunes_and_a_writer_that_seldom_interrupt_each_other_lose_nothing() {
    let scene = Scene::new();
    let prune = |name, writers| pruner(&scene, name, writers).process();
    let prunes = [prune("prune 1", Writers::Dead), prune("prune 2", Writers::Replaced)];
    let writer = writer(&scene, "writer").with_cache(Cache::Filled).process();
    let processes = prunes.into_iter().chain([writer, forgetter_of_the_first(&scene)]).collect();
    assert_safe(&scene, processes, interrupted(1));
}

#[test]
fn two_writers_and_a_prune_that_seldom_interrupt_each_other_lose_nothing() {
    let scene = Scene::new();
    let prune = pruner(&scene, "prune", Writers::Alive).process();
    let first = writer(&scene, "writer 1").with_cache(Cache::Filled).process();
    let second = writer(&scene, "writer 2").process();
    assert_safe(&scene, vec![prune, first, second, forgetter_of_the_first(&scene)], interrupted(2));
}

#[test]
fn two_prunes_that_seldom_interrupt_each_other_both_end_in_order() {
    let scene = Scene::new();
    let prune = |name| pruner(&scene, name, Writers::Alive).process();
    assert_safe(&scene, vec![prune("prune 1"), prune("prune 2")], interrupted(2));
}
