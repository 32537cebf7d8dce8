//! Space that is freed, data that is copied, and packs that stay.

use std::fs;

use engine::store::Folder;
use engine::upkeep::prune::PruneOptions;

use super::scene::{Scene, options, prune};
use crate::support::{backup, noise};

#[test]
fn what_no_snapshot_needs_goes_and_all_others_restore() {
    let mut scene = Scene::new(6);
    scene.forget(4);
    scene.forget(0);
    let before = scene.pack_bytes();
    let (forecast, report) = prune(&scene.fixture.open(), &options()).unwrap();
    assert_eq!(forecast.lost_chunks, 0);
    assert!(forecast.unneeded_packs > 0 || forecast.rewritten_packs > 0, "{forecast:?}");
    assert!(report.waiting.is_empty() && report.damaged.is_empty() && report.fenced.is_empty(), "{report:?}");
    let freed = before - scene.pack_bytes();
    assert_eq!(freed, report.deleted_bytes - report.new_bytes);
    assert!(freed.abs_diff(forecast.freed_bytes()) < before / 10, "{freed} bytes were freed, not {forecast:?}");
    scene.assert_whole(&scene.fixture);

    let (forecast, _) = prune(&scene.fixture.open_anew(), &options()).unwrap();
    assert_eq!((forecast.unneeded_packs, forecast.left_unused, forecast.condemned_packs), (0, 0, 0), "{forecast:?}");
}

#[test]
fn when_the_last_snapshot_goes_nothing_stays() {
    let mut scene = Scene::new(2);
    scene.forget(1);
    scene.forget(0);
    prune(&scene.fixture.open(), &options()).unwrap();
    assert_eq!((scene.count(Folder::Packs), scene.count(Folder::Index)), (0, 0));
    scene.back_up();
    scene.assert_whole(&scene.fixture);
}

#[test]
fn nothing_is_done_to_packs_that_are_needed() {
    let scene = Scene::new(1);
    let before = scene.store.names();
    let (forecast, report) = prune(&scene.fixture.open(), &options()).unwrap();
    assert!(forecast.is_empty(), "{forecast:?}");
    assert_eq!((report.deleted_packs, report.new_packs), (0, 0));
    assert_eq!(scene.store.names(), before);
}

#[test]
fn a_little_may_stay_unused_and_no_more_is_copied_than_allowed() {
    let mut scene = Scene::new(5);
    scene.forget(0);
    scene.forget(0);
    let forecast_of = |max_unused, max_rewrite| {
        let options = PruneOptions { max_unused, max_rewrite, ..options() };
        let repository = scene.fixture.open();
        engine::upkeep::prune::plan(&repository, &options, &engine::monitor::NullMonitor).unwrap().forecast().clone()
    };
    let (all, lax) = (forecast_of(0, u64::MAX), forecast_of(100, u64::MAX));
    assert!(lax.rewritten_packs < all.rewritten_packs, "{lax:?} {all:?}");
    assert!(lax.left_unused > all.left_unused);
    let tight = forecast_of(0, 400_000);
    assert!(tight.copied_bytes <= 400_000 && tight.left_unused > 0, "{tight:?}");
    prune(&scene.fixture.open(), &PruneOptions { max_rewrite: 400_000, ..options() }).unwrap();
    scene.assert_whole(&scene.fixture);
}

#[test]
fn many_small_packs_and_index_segments_become_few() {
    let mut scene = Scene::new(1);
    for round in 0..20 {
        fs::write(scene.root.join(format!("small {round}")), noise(5000 + round, 30_000)).unwrap();
        scene.back_up();
    }
    let before = scene.count(Folder::Packs);
    assert!(before > 30, "{before}");
    prune(&scene.fixture.open(), &options()).unwrap();
    let after = scene.count(Folder::Packs);
    assert!(after < before / 3, "{after} of {before}");
    scene.assert_whole(&scene.fixture);
}

#[test]
fn what_was_pruned_is_stored_again_when_it_comes_back() {
    let mut scene = Scene::new(1);
    let gone = noise(77, 400_000);
    fs::write(scene.root.join("comes and goes"), &gone).unwrap();
    scene.back_up();
    fs::remove_file(scene.root.join("comes and goes")).unwrap();
    scene.back_up();
    scene.forget(1);
    prune(&scene.fixture.open(), &options()).unwrap();
    fs::write(scene.root.join("comes and goes"), &gone).unwrap();
    // The index of this machine must not say that it is there, and neither must that of a machine that slept meanwhile.
    let (_, outcome) = backup(&scene.fixture.open(), &scene.root);
    assert!(outcome.statistics.new_bytes >= 400_000, "{:?}", outcome.statistics);
    scene.back_up();
    scene.assert_whole(&scene.fixture);
}
