//! Forgetting is interrupted at any step, or any operation of the store fails: nothing is lost that should stay, nothing that is gone
//! is unexplained, and the next run finishes.

use std::sync::Arc;

use engine::ErrorKind;
use engine::monitor::NullMonitor;
use engine::repository::Repository;
use engine::store::faulty::{Fault, FaultyStore, Op, When};
use engine::store::{Leases, MemoryStore, PowerLoss, StoreErrorKind};
use repo_format::config::Access;
use repo_format::id::LeaseId;

use super::{Scene, author, forget_named, listed, records};
use crate::support::{Fixture, Hook, verify_all};

/// Forgetting takes no lease.
const LOSSES: [PowerLoss; 2] =
    [PowerLoss { leases: Leases::Lost, keeps_change: false }, PowerLoss { leases: Leases::Lost, keeps_change: true }];

/// Forgets those of `going` that are there.
fn forget_present(repository: &Repository, going: &[LeaseId]) -> engine::Result<u64> {
    let present = listed(repository);
    let going: Vec<_> = going.iter().filter(|id| present.contains(id)).copied().collect();
    forget_named(repository, &going).map(|outcome| outcome.forgotten)
}

/// Everything that must hold after an interruption, for the machine with this cache and for a new one.
fn assert_recovers(scene: &Scene, fixture: &Fixture, cache: &str, going: &[LeaseId], what: &str) {
    let same_machine = fixture.try_open(cache, &fixture.credential(), Access::Write).unwrap();
    for repository in [&same_machine, &fixture.open_anew()] {
        verify_all(repository);
        let there = listed(repository);
        assert!(scene.ids.iter().all(|id| there.contains(id) || going.contains(id)), "{what}");
    }
    forget_present(&same_machine, going).unwrap();
    // One more, so that records are merged where that was not done.
    forget_present(&same_machine, &scene.ids[scene.ids.len() - 2..][..1]).unwrap();
    for repository in [&same_machine, &fixture.open_anew()] {
        verify_all(repository);
        assert!(listed(repository).iter().all(|id| !going.contains(id)), "{what}");
        assert!(records(repository).len() <= 33, "{what}");
    }
    fixture.assert_restores(&same_machine, *scene.ids.last().unwrap(), &scene.tree);
}

/// Crashes a run that forgets `going` at every step.
fn crash_everywhere(scene: &Scene, going: &[LeaseId], steps_min: u64) {
    let trial = scene.store.deep_clone();
    let before = trial.steps();
    forget_named(&scene.through(&trial).open_anew(), going).unwrap();
    let steps = trial.steps() - before;
    assert!(steps >= steps_min, "{steps}");
    for (step, loss) in (1..=steps).flat_map(|step| LOSSES.map(|loss| (step, loss))) {
        let what = format!("step {step}, {loss:?}");
        let store = scene.store.deep_clone();
        let fixture = scene.through(&store);
        let cache = fixture.copy_cache();
        let repository = fixture.try_open(&cache, &fixture.credential(), Access::Prune).unwrap();
        store.crash_at(store.steps() + step);
        match forget_named(&repository, going) {
            // All were gone, and only tidying up was not done.
            Ok(outcome) => assert_eq!(outcome.forgotten, going.len() as u64, "{what}"),
            Err(error) => assert_eq!(error.kind(), ErrorKind::Io, "{what}: {error}"),
        }
        drop(repository);
        assert_recovers(scene, &scene.through(&store.restart(loss)), &cache, going, &what);
    }
}

#[test]
fn power_may_fail_at_any_step() {
    let scene = Scene::new(5);
    // The record, and three deletions: each is seen, then durable.
    crash_everywhere(&scene, &scene.ids[..3], 2 * (1 + 3));
}

#[test]
fn power_may_fail_while_records_are_merged() {
    let scene = Scene::new(35);
    let repository = scene.fixture.open();
    for id in &scene.ids[..32] {
        assert_eq!(forget_named(&repository, &[*id]).unwrap().merged, 0);
    }
    drop(repository);
    let left = Scene { ids: scene.ids[32..].to_vec(), ..scene };
    crash_everywhere(&left, &left.ids[..1], 2 * (1 + 1 + 1 + 33));
}

#[test]
fn any_operation_may_fail_or_lose_its_answer() {
    let scene = Scene::new(4);
    let going = &scene.ids[..2];
    for op in [Op::PutNew, Op::Get, Op::GetRange, Op::List, Op::Delete, Op::Stat] {
        for (when, lasting) in [(When::Before, false), (When::Before, true), (When::After, false)] {
            for at in 1.. {
                let store = scene.store.deep_clone();
                let faulty = Arc::new(FaultyStore::new(Arc::new(store.clone())));
                let fixture = scene.fixture.through(faulty.clone());
                let cache = fixture.copy_cache();
                let repository = fixture.try_open(&cache, &fixture.credential(), Access::Prune).unwrap();
                faulty.fail(Fault { ops: vec![op], at, lasting, kind: StoreErrorKind::Io, when });
                let before = faulty.log().len();
                let result = forget_named(&repository, going);
                faulty.heal();
                let hit = faulty.log()[before..].iter().any(|call| call.error == Some(StoreErrorKind::Io));
                if let Ok(outcome) = result {
                    assert_eq!(outcome.forgotten, 2, "{op:?} {at} {when:?}");
                }
                drop(repository);
                assert_recovers(&scene, &scene.through(&store), &cache, going, &format!("{op:?} {at} {when:?}"));
                if !hit {
                    break;
                }
            }
        }
    }
}

#[test]
fn who_stops_it_finds_what_is_left_as_it_was() {
    let scene = Scene::new(5);
    let repository = scene.fixture.open();
    let going: Vec<_> = scene.ids[..4].iter().map(|id| super::reference(&repository, *id)).collect();
    let hook = Hook::cancel_at_poll(3);
    let error = engine::upkeep::forget::forget(&repository, &going, &author(), &hook).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Cancelled);
    assert_eq!(listed(&repository), scene.ids[2..]);
    verify_all(&repository);
    assert_eq!(forget_present(&repository, &scene.ids[..4]).unwrap(), 2);
    verify_all(&repository);
    assert_eq!(records(&repository).len(), 1, "the first record named all of them");
}

#[test]
fn two_may_forget_the_same() {
    let scene = Scene::new(4);
    let machines = [scene.fixture.open_anew(), scene.fixture.open_anew()];
    let plans = machines
        .each_ref()
        .map(|machine| engine::upkeep::forget::plan_named(machine, &scene.ids[..2], &NullMonitor).unwrap().going());
    for (machine, going) in machines.iter().zip(&plans) {
        engine::upkeep::forget::forget(machine, going, &author(), &NullMonitor).unwrap();
    }
    for machine in &machines {
        assert_eq!(listed(machine), scene.ids[2..]);
        verify_all(machine);
    }
    let store: &MemoryStore = &scene.store;
    assert_eq!(records(&scene.through(store).open()).len(), 1, "the second found them named");
}
