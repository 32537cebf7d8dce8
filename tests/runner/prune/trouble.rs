//! Prune while operations fail, power fails, the disk is full, and things are damaged.

use std::sync::Arc;

use engine::ErrorKind;
use engine::catalog::sealed_chunks;
use engine::monitor::NullMonitor;
use engine::store::faulty::{Fault, FaultyStore, Op, When};
use engine::store::{Folder, MemoryStore, ObjectName, PowerLoss, Store, StoreErrorKind};
use engine::upkeep::prune::{PruneReport, plan};
use engine::upkeep::repair::{Depth, RepairOptions, repair};
use repo_format::config::Access;
use repo_format::head::KeyClass;
use repo_format::id::{LeaseId, PackId};
use repo_format::pack::ChunkKind;

use super::scene::{Scene, assert_undamaged, options, prune};
use crate::support::{Fixture, Hook, Tree, assert_same, look};

/// A scene in which a prune has everything to do: packs that go, and packs that are rewritten.
fn busy_scene() -> Scene {
    let mut scene = Scene::new(4);
    scene.forget(2);
    scene.forget(0);
    scene
}

/// How many operations a prune needs.
fn operations(scene: &Scene) -> u64 {
    let faulty = Arc::new(FaultyStore::new(Arc::new(scene.store.deep_clone())));
    let fixture = scene.through(faulty.clone());
    let repository = fixture.try_open(&fixture.copy_cache(), &fixture.credential(), Access::Write).unwrap();
    let before = faulty.log().len();
    prune(&repository, &options()).unwrap();
    (faulty.log().len() - before) as u64
}

/// An interrupted prune loses nothing, whatever it left, and the next one ends what it began.
fn assert_next_finishes(scene: &Scene, fixture: &Fixture, what: &str) {
    assert_undamaged(&fixture.open_anew());
    let (_, report) = prune(&fixture.open_anew(), &options()).unwrap();
    assert!(report.damaged.is_empty() && report.waiting.is_empty(), "{what}: {report:?}");
    // The prune after that, at the latest, finds data that was copied in vain.
    prune(&fixture.open_anew(), &options()).unwrap();
    let repository = fixture.open_anew();
    let plan = plan(&repository, &options(), &NullMonitor).unwrap();
    let forecast = plan.forecast();
    assert_eq!((forecast.unneeded_packs, forecast.condemned_packs, forecast.left_unused), (0, 0, 0), "{what}");
    scene.assert_whole(fixture);
}

#[test]
fn every_operation_may_fail_once_or_be_the_last_or_its_answer_be_lost() {
    let scene = busy_scene();
    let count = operations(&scene);
    assert!(count > 20, "{count}");
    let ways = [(When::Before, false), (When::Before, true), (When::After, false)];
    for at in 1..=count {
        let (when, lasting) = ways[usize::try_from(at).unwrap() % ways.len()];
        let kind = if at % 2 == 0 { StoreErrorKind::Io } else { StoreErrorKind::Unavailable };
        let faulty = Arc::new(FaultyStore::new(Arc::new(scene.store.deep_clone())));
        let fixture = scene.through(faulty.clone());
        let repository = fixture.try_open(&fixture.copy_cache(), &fixture.credential(), Access::Write).unwrap();
        faulty.fail(Fault { ops: vec![], at, lasting, kind, when });
        let result = prune(&repository, &options());
        faulty.heal();
        if let Err(error) = result {
            let expected = matches!(error.kind(), ErrorKind::Io | ErrorKind::Unavailable | ErrorKind::Damaged);
            assert!(expected, "{at}: {error}");
        }
        assert_next_finishes(&scene, &fixture, &format!("operation {at} {when:?}"));
    }
}

#[test]
fn power_may_fail_at_every_step() {
    let scene = busy_scene();
    let open = |store: &MemoryStore| {
        let fixture = scene.through(Arc::new(store.clone()));
        fixture.try_open(&fixture.copy_cache(), &fixture.credential(), Access::Write).unwrap()
    };
    let trial = scene.store.deep_clone();
    let before = trial.steps();
    prune(&open(&trial), &options()).unwrap();
    for step in 1..=trial.steps() - before {
        let store = scene.store.deep_clone();
        let repository = open(&store);
        store.crash_at(before + step);
        assert_eq!(prune(&repository, &options()).unwrap_err().kind(), ErrorKind::Io, "step {step}");
        let loss = PowerLoss::ALL[usize::try_from(step).unwrap() % PowerLoss::ALL.len()];
        assert_next_finishes(&scene, &scene.through(Arc::new(store.restart(loss))), &format!("step {step}, {loss:?}"));
    }
}

#[test]
fn it_may_be_stopped_whenever_it_asks() {
    let scene = busy_scene();
    let run = |cancel_at| -> (u64, engine::Result<PruneReport>, Fixture) {
        let fixture = scene.through(Arc::new(scene.store.deep_clone()));
        let repository = fixture.try_open(&fixture.copy_cache(), &fixture.credential(), Access::Write).unwrap();
        let hook = Hook::cancel_at_poll(cancel_at);
        let result = plan(&repository, &options(), &hook).and_then(|plan| plan.run(&hook));
        drop(repository);
        (hook.polls(), result, fixture)
    };
    let (polls, result, _) = run(u64::MAX);
    result.unwrap();
    for at in (1..=polls).step_by(3) {
        let (_, result, fixture) = run(at);
        assert_eq!(result.unwrap_err().kind(), ErrorKind::Cancelled, "{at}");
        assert_next_finishes(&scene, &fixture, &format!("stopped at {at}"));
    }
}

#[test]
fn on_a_full_disk_packs_that_nobody_needs_go_all_the_same() {
    let mut scene = busy_scene();
    scene.forget(1);
    let faulty = Arc::new(FaultyStore::new(Arc::new(scene.store.clone())));
    let fixture = scene.through(faulty.clone());
    let repository = fixture.open();
    let options = options();
    let plan = plan(&repository, &options, &NullMonitor).unwrap();
    assert!(plan.forecast().unneeded_packs > 0 && plan.forecast().rewritten_packs > 0, "{:?}", plan.forecast());
    let before = scene.pack_bytes();
    // The first object that is put is a segment without the unneeded packs, the second would be a pack.
    let kind = StoreErrorKind::NoSpace;
    faulty.fail(Fault { ops: vec![Op::PutNew], at: 2, lasting: true, kind, when: When::Before });
    let report = plan.run(&NullMonitor).unwrap();
    faulty.heal();
    assert!(report.had_no_space && report.deleted_packs > 0 && scene.pack_bytes() < before, "{report:?}");
    assert_next_finishes(&scene, &fixture, "full disk");
}

#[test]
fn a_disk_that_is_full_for_a_moment_costs_only_a_smaller_step() {
    let scene = busy_scene();
    for at in 1..=6 {
        let faulty = Arc::new(FaultyStore::new(Arc::new(scene.store.deep_clone())));
        let fixture = scene.through(faulty.clone());
        let repository = fixture.try_open(&fixture.copy_cache(), &fixture.credential(), Access::Write).unwrap();
        let kind = StoreErrorKind::NoSpace;
        faulty.fail(Fault { ops: vec![Op::PutNew], at, lasting: false, kind, when: When::Before });
        match prune(&repository, &options()) {
            Ok((_, report)) => assert!(report.deleted_packs > 0, "{at}: {report:?}"),
            Err(error) => assert_eq!(error.kind(), ErrorKind::NoSpace, "{at}"),
        }
        faulty.heal();
        assert_next_finishes(&scene, &fixture, &format!("no space for put {at}"));
    }
}

#[test]
fn a_node_that_cannot_be_read_stops_it_before_anything_is_done() {
    let scene = busy_scene();
    let repository = scene.fixture.open();
    let meta = repository.catalog().packs().unwrap().into_iter();
    let meta = meta.filter(|pack| pack.class == KeyClass::Meta);
    for pack in meta {
        scene.store.delete(&ObjectName::Pack(pack.id)).unwrap();
    }
    let before = scene.store.names();
    let error = prune(&repository, &options()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Damaged);
    assert!(error.to_string().contains("nothing is deleted"), "{error}");
    assert_eq!(scene.store.names(), before);
}

#[test]
fn lost_chunks_are_counted_and_do_not_keep_the_rest_from_going() {
    let scene = busy_scene();
    let repository = scene.fixture.open();
    let biggest = repository.catalog().packs().unwrap().into_iter();
    let biggest = biggest.filter(|p| p.class == KeyClass::Data).max_by_key(|pack| pack.size).unwrap();
    scene.store.delete(&ObjectName::Pack(biggest.id)).unwrap();
    let (forecast, report) = prune(&scene.fixture.open_anew(), &options()).unwrap();
    assert!(forecast.lost_chunks > 0, "{forecast:?}");
    assert!(report.deleted_packs > 0 && report.damaged.is_empty(), "{report:?}");
}

#[test]
fn a_pack_with_a_damaged_chunk_that_is_needed_stays_as_it_is() {
    let scene = busy_scene();
    let repository = scene.fixture.open();
    for name in scene.store.names().into_iter().filter(|name| name.folder() == Folder::Packs) {
        let mut bytes = scene.store.get(&name, u64::MAX).unwrap().to_vec();
        // Somewhere in the sealed chunks; the table stays whole.
        let middle = bytes.len() / 3;
        bytes[middle] ^= 1;
        scene.store.put_raw(&name, bytes);
    }
    match prune(&repository, &options()) {
        // Nodes were hit: what is needed cannot be known.
        Err(error) => assert_eq!(error.kind(), ErrorKind::Damaged),
        Ok((_, report)) => assert!(!report.damaged.is_empty(), "{report:?}"),
    }
}

/// Damages a chunk of the pack of data that was put last; gives the pack.
fn damage_newest(scene: &Scene) -> PackId {
    let repository = scene.fixture.open();
    let mut data = repository.catalog().packs().unwrap().into_iter().filter(|pack| pack.class == KeyClass::Data);
    let newest = data.next_back().unwrap();
    let table = repository.read_pack_table(newest.id, newest.size).unwrap();
    let chunks = sealed_chunks(&table).map(|(_, location)| location);
    let chunks: Vec<_> = chunks.filter(|location| location.kind == ChunkKind::Data).collect();
    assert!(chunks.len() > 1, "some of it is whole");
    let name = ObjectName::Pack(newest.id);
    let mut bytes = scene.store.bytes(&name).unwrap();
    bytes[usize::try_from(chunks[0].offset).unwrap() + 3] ^= 1;
    scene.store.put_raw(&name, bytes);
    newest.id
}

/// Restores a snapshot whose only file with this path is lost: all else is as it was.
fn assert_all_but_one(scene: &Scene, (snapshot, tree): &(LeaseId, Tree), lost: &[u8]) {
    let (target, outcome) = scene.fixture.restore(&scene.fixture.open_anew(), *snapshot, "root");
    assert_eq!(outcome.problem_count, 1, "{:?}", outcome.problems);
    let (mut expected, mut found) = (tree.clone(), look(&target));
    assert!(expected.remove(lost).is_some(), "{}", String::from_utf8_lossy(lost));
    found.remove(lost);
    assert_same(&expected, &found);
}

#[test]
fn a_repaired_repository_is_pruned_and_the_damaged_pack_goes_with_the_last_snapshot_that_needs_it() {
    let mut scene = Scene::new(4);
    let damaged = damage_newest(&scene);
    let options_of_repair = RepairOptions { depth: Depth::ReadData, ..RepairOptions::default() };
    let repaired = repair(&scene.fixture.open(), &options_of_repair, &NullMonitor).unwrap();
    let [suffering] = &repaired.suffering[..] else { panic!("{repaired:?}") };
    let [path] = &suffering.paths[..] else { panic!("{repaired:?}") };
    let lost = path.strip_prefix(b"root/").unwrap();
    assert_eq!(suffering.id, scene.snapshots[3].0);

    scene.forget(0);
    let before = scene.pack_bytes();
    for fixture_opens in [scene.fixture.open(), scene.fixture.open_anew()] {
        let (_, report) = prune(&fixture_opens, &options()).unwrap();
        let stays: Vec<_> = report.damaged.iter().map(|(pack, _)| *pack).collect();
        assert_eq!((stays, report.waiting.len()), (vec![damaged], 0), "{report:?}");
    }
    assert!(scene.pack_bytes() < before);
    assert!(scene.store.bytes(&ObjectName::Pack(damaged)).is_some(), "a better disk might still read it");
    let newest = scene.snapshots.pop().unwrap();
    assert_all_but_one(&scene, &newest, lost);
    for (snapshot, tree) in &scene.snapshots {
        scene.fixture.assert_restores(&scene.fixture.open_anew(), *snapshot, tree);
    }

    scene.fixture.forget(&[newest.0]);
    let (_, report) = prune(&scene.fixture.open(), &options()).unwrap();
    assert!(report.damaged.is_empty(), "{report:?}");
    assert!(scene.store.bytes(&ObjectName::Pack(damaged)).is_none());
    assert_next_finishes(&scene, &scene.fixture, "the damage is gone");
}

#[test]
fn an_older_copy_of_the_list_of_condemned_packs_is_refused() {
    let mut scene = busy_scene();
    let older = scene.store.get(&ObjectName::Condemned, u64::MAX).unwrap().to_vec();
    prune(&scene.fixture.open(), &options()).unwrap();
    scene.forget(0);
    scene.store.put_raw(&ObjectName::Condemned, older);
    let error = prune(&scene.fixture.open(), &options()).unwrap_err();
    assert!(error.to_string().contains("older copy"), "{error}");
}
