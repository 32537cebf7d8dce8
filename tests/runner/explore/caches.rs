//! What becomes of a cache while its process runs.

use super::people::{Writers, forgetter_of_the_first, pruner, writer};
use super::scene::{Cache, Scene, Spoil, Spoilt};
use super::{ALL, Bounds, assert_safe};

/// Store operations of a writer that are its own affair: later it has ended.
const STEPS: usize = 14;

fn assert_safe_when(spoilt: Spoilt) {
    let scene = Scene::new();
    let writer = writer(&scene, "writer").with_cache(Cache::Filled).spoilt(spoilt).process();
    let prune = pruner(&scene, "prune", Writers::Alive).process();
    let seldom = Bounds { interruptions_max: Some(1), ..ALL };
    assert_safe(&scene, vec![prune, writer, forgetter_of_the_first(&scene)], seldom);
}

#[test]
fn a_writer_whose_cache_is_deleted_replaced_or_rolled_back_loses_nothing() {
    for (before, how) in [(3, Spoil::Delete), (6, Spoil::Replace), (8, Spoil::RollBack)] {
        assert_safe_when(Spoilt { before, how });
    }
}

#[test]
#[ignore = "takes long"]
fn a_writer_whose_cache_is_deleted_replaced_or_rolled_back_at_any_moment_loses_nothing() {
    for before in 0..STEPS {
        for how in [Spoil::Delete, Spoil::Replace, Spoil::RollBack] {
            assert_safe_when(Spoilt { before, how });
        }
    }
}
