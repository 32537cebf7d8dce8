//! More processes, and more of what they can do: for minutes or hours, when the protocol has changed. CONTRIBUTING.md has the command.

use super::beside::{Beside, Ids};
use super::people::{Writers, copier, forgetter, forgetter_by_record, forgetter_of_the_first, pruner, writer};
use super::scene::{Cache, Scene};
use super::{Bounds, assert_safe};

fn interrupted(times: u8) -> Bounds {
    Bounds { interruptions_max: Some(times), states_max: 60_000_000 }
}

#[test]
#[ignore = "takes long"]
fn two_prunes_and_forgetting_lose_nothing() {
    let scene = Scene::new();
    let prune = |name| pruner(&scene, name, Writers::Alive).process();
    assert_safe(&scene, vec![prune("prune 1"), prune("prune 2"), forgetter_of_the_first(&scene)], interrupted(5));
}

#[test]
#[ignore = "takes long"]
fn two_prunes_and_a_writer_lose_nothing() {
    // With writers that are taken for dead there are more orders than a night can try at four interruptions.
    for (writers, interruptions) in [(Writers::Alive, 4), (Writers::Dead, 3)] {
        let scene = Scene::new();
        let prune = |name| pruner(&scene, name, writers).process();
        let writer = writer(&scene, "writer").with_cache(Cache::Filled).process();
        let processes = vec![prune("prune 1"), prune("prune 2"), writer, forgetter_of_the_first(&scene)];
        assert_safe(&scene, processes, interrupted(interruptions));
    }
}

#[test]
#[ignore = "takes long"]
fn two_writers_that_lose_answers_and_a_prune_lose_nothing() {
    let scene = Scene::new();
    let prune = pruner(&scene, "prune", Writers::Alive).process();
    let first = writer(&scene, "writer 1").with_cache(Cache::Filled).process().losing_answers(1);
    let second = writer(&scene, "writer 2").process().losing_answers(1);
    assert_safe(&scene, vec![prune, first, second, forgetter_of_the_first(&scene)], interrupted(4));
}

#[test]
#[ignore = "takes long"]
fn two_copies_at_once_beside_a_prune_and_a_writer_have_what_they_need() {
    for (ids, writers) in [(Ids::Same, Writers::Dead), (Ids::Others, Writers::Alive)] {
        let scene = Scene::new();
        let source = Beside::with_snapshot(&scene, ids);
        let copy = |name| copier(&scene, name, &source).process();
        let prune = pruner(&scene, "prune", writers).process();
        let forget = forgetter_by_record(&scene).process();
        assert_safe(&scene, vec![prune, copy("copy 1"), copy("copy 2"), forget], interrupted(3));
    }
}

#[test]
#[ignore = "takes long"]
fn a_prune_and_a_writer_without_conditions_lose_nothing_whatever_is_late() {
    for late in [0, 1] {
        let scene = Scene::without_conditions(|_, _| {});
        let prune = pruner(&scene, "prune", Writers::Alive).alone().process().putting_late(late);
        let writer = writer(&scene, "writer").with_cache(Cache::Filled).process().putting_late(late);
        let bounds = Bounds { interruptions_max: None, states_max: 60_000_000 };
        assert_safe(&scene, vec![prune, writer, forgetter(&scene).process()], bounds);
    }
}

#[test]
#[ignore = "takes long"]
fn two_prunes_and_a_writer_without_conditions_lose_nothing() {
    let scene = Scene::without_conditions(|_, _| {});
    let prune = |name| pruner(&scene, name, Writers::Alive).alone().process();
    let writer = writer(&scene, "writer").with_cache(Cache::Filled).process();
    let processes = vec![prune("prune 1").putting_late(1), prune("prune 2"), writer, forgetter_of_the_first(&scene)];
    assert_safe(&scene, processes, interrupted(3));
}
