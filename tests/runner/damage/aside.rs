//! Manifests that are damaged for good: a repair moves them, and their bytes are always somewhere.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use engine::monitor::NullMonitor;
use engine::repository::Repository;
use engine::store::{Folder, MemoryStore, ObjectName, PowerLoss, Store, StoreErrorKind};
use engine::upkeep::repair::{CondemnedPolicy, RepairOptions, RepairOutcome, repair};
use repo_format::id::LeaseId;
use scenario_tests::explore::{Answer, Request, pass};

use crate::support::{Fixture, Tree, backup, look};

/// A repository of two snapshots; the second one's manifest is damaged.
struct Scene {
    fixture: Fixture,
    store: MemoryStore,
    whole: (LeaseId, Tree),
    damaged: LeaseId,
    bytes: Vec<u8>,
}

impl Scene {
    fn new() -> Self {
        let store = MemoryStore::new();
        let fixture = Fixture::in_store(Arc::new(store.clone()));
        let root = fixture.folder("root");
        fs::write(root.join("file"), "contents").unwrap();
        let repository = fixture.open();
        let whole = (backup(&repository, &root).0, look(&root));
        fs::write(root.join("file"), "other contents").unwrap();
        let (damaged, _) = backup(&repository, &root);
        let mut bytes = store.bytes(&ObjectName::Snapshot(damaged)).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        store.put_raw(&ObjectName::Snapshot(damaged), bytes.clone());
        Scene { fixture, store, whole, damaged, bytes }
    }

    fn through(&self, store: &MemoryStore) -> Fixture {
        self.fixture.through(Arc::new(store.clone()))
    }

    /// Whether the damaged bytes are under this name.
    fn has_bytes(&self, store: &MemoryStore, name: ObjectName) -> bool {
        store.bytes(&name).is_some_and(|bytes| bytes == self.bytes)
    }

    fn names(&self) -> [ObjectName; 2] {
        [ObjectName::Snapshot(self.damaged), ObjectName::Aside(self.damaged)]
    }
}

fn run(repository: &Repository) -> engine::Result<RepairOutcome> {
    repair(repository, &RepairOptions::default(), &NullMonitor)
}

#[test]
fn the_bytes_of_a_damaged_manifest_are_somewhere_whenever_power_fails() {
    let scene = Scene::new();
    let calm = scene.store.deep_clone();
    let before = calm.steps();
    let outcome = run(&scene.through(&calm).open_anew()).unwrap();
    assert_eq!(outcome.set_aside, [scene.damaged]);
    assert!(calm.steps() - before >= 3, "the bytes, the record, the deletion");
    for step in before + 1..=calm.steps() {
        for loss in PowerLoss::ALL {
            let store = scene.store.deep_clone();
            store.crash_at(step);
            // The last steps can be lost without its noticing.
            let _ = run(&scene.through(&store).open_anew());
            let store = store.restart(loss);
            let what = format!("step {step}, {loss:?}");
            assert!(scene.names().into_iter().any(|name| scene.has_bytes(&store, name)), "{what}");

            let repository = scene.through(&store).open_anew();
            run(&repository).unwrap();
            let [there, aside] = scene.names();
            assert!(store.bytes(&there).is_none() && scene.has_bytes(&store, aside), "{what}");
            scene.fixture.through(Arc::new(store)).assert_restores(&repository, scene.whole.0, &scene.whole.1);
        }
    }
}

#[test]
fn other_bytes_that_were_moved_before_are_not_taken_for_these() {
    let scene = Scene::new();
    let [there, aside] = scene.names();
    scene.store.put_raw(&aside, b"of an earlier damage".to_vec());
    let outcome = run(&scene.fixture.open()).unwrap();
    assert_eq!((outcome.set_aside.len(), outcome.unreadable_snapshots.len()), (0, 1), "{outcome:?}");
    assert!(scene.has_bytes(&scene.store, there));
    assert_eq!(scene.store.bytes(&aside).unwrap(), b"of an earlier damage");

    scene.store.put_raw(&aside, scene.bytes.clone());
    assert_eq!(run(&scene.fixture.open()).unwrap().set_aside, [scene.damaged]);
    assert!(scene.store.bytes(&there).is_none());
}

#[test]
fn a_manifest_that_the_disk_cannot_read_stays_and_the_rest_is_repaired() {
    let scene = Scene::new();
    let segments: Vec<_> = scene.store.names().into_iter().filter(|name| name.folder() == Folder::Index).collect();
    segments.iter().for_each(|name| assert!(scene.store.remove_raw(name)));
    let (below, bad) = (scene.store.clone(), ObjectName::Snapshot(scene.damaged));
    let fixture = scene.fixture.through(Arc::new(pass(move |request| match request {
        Request::Get(name, _) if name == bad => Answer::Failed(StoreErrorKind::Unreadable),
        request => request.perform(&below),
    })));
    let outcome = run(&fixture.open_anew()).unwrap();
    assert_eq!((outcome.set_aside.len(), outcome.unreadable_snapshots.len()), (0, 1), "{outcome:?}");
    assert!(outcome.named_packs > 0, "{outcome:?}");
    assert!(scene.has_bytes(&scene.store, bad), "another disk may return it");
}

/// The same store, whose disk cannot read the list of condemned packs until it is deleted.
fn with_bad_list(store: &MemoryStore) -> Arc<dyn Store> {
    let (below, is_replaced) = (store.clone(), AtomicBool::new(false));
    Arc::new(pass(move |request| match request {
        Request::Get(ObjectName::Condemned, _) if !is_replaced.load(Ordering::Relaxed) => {
            Answer::Failed(StoreErrorKind::Unreadable)
        }
        request => {
            is_replaced.fetch_or(matches!(request, Request::Delete(ObjectName::Condemned)), Ordering::Relaxed);
            request.perform(&below)
        }
    }))
}

#[test]
fn a_list_of_condemned_packs_is_begun_anew_on_request_even_beside_a_damaged_manifest() {
    let (damaged, missing) = (Scene::new(), Scene::new());
    damaged.store.put_raw(&ObjectName::Condemned, b"no list".to_vec());
    assert!(missing.store.remove_raw(&ObjectName::Condemned));
    let unreadable = Scene::new();
    let bad = with_bad_list(&unreadable.store);
    let (first, second) = (damaged.fixture.store.clone(), missing.fixture.store.clone());
    for (scene, store) in [(damaged, first), (missing, second), (unreadable, bad)] {
        let fixture = scene.fixture.through(store);
        let repository = fixture.open_anew();
        assert_eq!(run(&repository).unwrap_err().kind(), engine::ErrorKind::Damaged);
        let options = RepairOptions { condemned: CondemnedPolicy::BeginAnew, ..RepairOptions::default() };
        let outcome = repair(&repository, &options, &NullMonitor).unwrap();
        assert_eq!((outcome.condemned_anew, outcome.set_aside), (true, vec![scene.damaged]));
        assert!(!repair(&repository, &options, &NullMonitor).unwrap().condemned_anew);
        fixture.assert_restores(&fixture.open_anew(), scene.whole.0, &scene.whole.1);
    }
}
