//! The fate of the cache of a process while it runs.

use std::sync::Arc;

use scenario_tests::explore::Process;

use super::people::{Visitor, Writers, forgetter_of_the_first, pruner, reader, writer};
use super::scene::{Cache, Scene};
use super::spoiler::{Deed, spoiler};
use super::{ALL, Bounds, assert_safe};

/// Damage that others can do to a cache of theirs.
const DEEDS: [Deed; 3] = [Deed::Delete, Deed::RollBack, Deed::Replace];

fn interrupted(times: u8) -> Bounds {
    Bounds { interruptions_max: Some(times), ..ALL }
}

type Other = fn(&Arc<Scene>) -> Process;

/// Explores a process whose cache is spoilt, beside others.
fn assert_safe_when(deed: Deed, victim: fn(&Arc<Scene>) -> Visitor, others: &[Other], bounds: Bounds) {
    let scene = Scene::with_forged_caches();
    let victim = victim(&scene).with_cache(Cache::Filled).exposed().process();
    let mut processes: Vec<_> = others.iter().map(|other| other(&scene)).collect();
    processes.extend([victim, spoiler(deed)]);
    assert_safe(&scene, processes, bounds);
}

/// The same, once in each way.
fn assert_safe_when_spoilt(victim: fn(&Arc<Scene>) -> Visitor, others: &[Other], bounds: Bounds) {
    DEEDS.into_iter().for_each(|deed| assert_safe_when(deed, victim, others, bounds));
}

fn a_writer(scene: &Arc<Scene>) -> Visitor {
    writer(scene, "writer")
}

fn a_prune(scene: &Arc<Scene>) -> Visitor {
    pruner(scene, "prune", Writers::Alive)
}

#[test]
fn a_writer_whose_cache_is_deleted_replaced_or_rolled_back_at_any_moment_loses_nothing() {
    assert_safe_when_spoilt(a_writer, &[|scene| a_prune(scene).process(), forgetter_of_the_first], interrupted(1));
}

#[test]
fn a_reader_whose_cache_is_deleted_replaced_or_rolled_back_at_any_moment_misses_nothing() {
    assert_safe_when_spoilt(reader, &[|scene| a_prune(scene).process()], interrupted(1));
}

#[test]
fn a_prune_whose_cache_is_replaced_at_any_moment_loses_nothing() {
    let writer: Other = |scene| a_writer(scene).with_cache(Cache::Filled).process();
    assert_safe_when(Deed::Replace, a_prune, &[writer, forgetter_of_the_first], interrupted(1));
}

#[test]
#[ignore = "takes long"]
fn caches_that_are_spoilt_while_more_happens_lose_nothing() {
    let writer: Other = |scene| a_writer(scene).with_cache(Cache::Filled).process();
    assert_safe_when_spoilt(a_writer, &[|scene| a_prune(scene).process(), forgetter_of_the_first], interrupted(3));
    assert_safe_when_spoilt(reader, &[|scene| a_prune(scene).process(), forgetter_of_the_first], ALL);
    assert_safe_when_spoilt(a_prune, &[writer, forgetter_of_the_first], interrupted(3));
}
