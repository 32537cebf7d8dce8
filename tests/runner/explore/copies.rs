//! Copies into a repository beside its prunes, forgetting and other copies, and out of a repository that is pruned.

use super::beside::{Beside, Ids};
use super::people::{Writers, copier, copier_out, fencer, forgetter_by_record, pruner, writer};
use super::scene::{Cache, Scene};
use super::{ALL, Bounds, assert_safe};

const BOTH: [Ids; 2] = [Ids::Same, Ids::Others];

fn interrupted(times: u8) -> Bounds {
    Bounds { interruptions_max: Some(times), ..ALL }
}

#[test]
fn a_copy_alone_does_the_same_each_time() {
    for ids in BOTH {
        let scene = Scene::new();
        let source = Beside::with_snapshot(&scene, ids);
        assert_safe(&scene, vec![copier(&scene, "copy", &source).with_cache(Cache::Filled).process()], ALL);
    }
}

#[test]
fn a_copy_beside_a_prune_of_its_target_has_what_it_needs() {
    for (ids, writers) in [(Ids::Same, Writers::Alive), (Ids::Others, Writers::Dead)] {
        let scene = Scene::new();
        let source = Beside::with_snapshot(&scene, ids);
        let copy = copier(&scene, "copy", &source).with_cache(Cache::Filled).process();
        let prune = pruner(&scene, "prune", writers).process();
        assert_safe(&scene, vec![prune, copy, forgetter_by_record(&scene).process()], interrupted(2));
    }
}

#[test]
fn two_copies_at_once_beside_a_prune_have_what_they_need() {
    for ids in BOTH {
        let scene = Scene::new();
        let source = Beside::with_snapshot(&scene, ids);
        let copy = |name| copier(&scene, name, &source).process();
        let prune = pruner(&scene, "prune", Writers::Alive).process();
        let forget = forgetter_by_record(&scene).process();
        assert_safe(&scene, vec![prune, copy("copy 1"), copy("copy 2"), forget], interrupted(1));
    }
}

#[test]
fn a_copy_that_loses_answers_or_is_shut_out_is_whole_or_not_there() {
    let scene = Scene::new();
    let source = Beside::with_snapshot(&scene, Ids::Others);
    let copy = copier(&scene, "copy", &source).with_cache(Cache::Filled).process().losing_answers(1);
    let forget = forgetter_by_record(&scene).process();
    assert_safe(&scene, vec![copy, fencer(&scene).process(), forget], interrupted(2));
}

#[test]
fn a_copy_out_of_a_repository_that_is_pruned_is_whole_or_not_there() {
    for ids in BOTH {
        let scene = Scene::new();
        let target = Beside::empty(&scene, ids);
        let copy = copier_out(&scene, "copy", &target).with_cache(Cache::Filled).process();
        let prune = pruner(&scene, "prune", Writers::Alive).process();
        let writer = writer(&scene, "writer").process();
        assert_safe(&scene, vec![prune, copy, writer, forgetter_by_record(&scene).process()], interrupted(1));
    }
}
