//! A real server.

use std::fs;
use std::sync::Arc;

use engine::monitor::NullMonitor;
use engine::store::conformance::{check, check_conditions};
use engine::store::s3::Lock;
use engine::store::{Folder, MemoryStore, ObjectInfo, ObjectName, Store};
use engine::upkeep::{protect, recover};
use jiff::Timestamp;
use scenario_tests::object_storage::{LOCKED, Seaweed};

use super::repository::prune_all;
use crate::support::{Fixture, backup, look, noise, verify_all};

#[test]
fn seaweedfs_holds_a_repository_that_two_writers_use_at_once() {
    let Some(server) = Seaweed::start() else {
        println!("left out: SeaweedFS was not fetched, see `tests/servers.sh storage`");
        return;
    };
    check_conditions(&server.store("conditions")).unwrap();
    check(&server.store("promises")).unwrap();
    let fixture = Fixture::in_store(Arc::new(server.store("office/enamel")));
    let roots = [fixture.folder("front"), fixture.folder("back")];
    for (n, root) in (1..).zip(&roots) {
        fs::write(root.join("own"), noise(n, 3_000_000)).unwrap();
        fs::write(root.join("same"), noise(9, 1_000_000)).unwrap();
    }
    let saved = std::thread::scope(|scope| {
        let writers: Vec<_> = roots
            .iter()
            .map(|root| {
                let through = fixture.through(Arc::new(server.store("office/enamel")));
                scope.spawn(move || backup(&through.open_anew(), root).0)
            })
            .collect();
        writers.into_iter().map(|writer| writer.join().unwrap()).collect::<Vec<_>>()
    });
    let far = fixture.through(Arc::new(server.store("office/enamel")));
    for (snapshot, root) in saved.iter().zip(&roots) {
        far.assert_restores(&far.open_anew(), *snapshot, &look(root));
    }
    verify_all(&far.open_anew());
    fixture.forget(&saved[..1]);
    let report = prune_all(&far).unwrap();
    assert!(report.deleted_packs > 0 && report.waiting.is_empty(), "{report:?}");
    far.assert_restores(&far.open_anew(), saved[1], &look(&roots[1]));
    verify_all(&far.open_anew());
    what_was_hidden_comes_back(&server);
}

/// In a bucket with locks: everything is deleted, and comes back.
fn what_was_hidden_comes_back(server: &Seaweed) {
    let store = || Arc::new(server.store_in(LOCKED, "office/enamel"));
    let guards = store().guards().unwrap();
    assert_eq!((guards.keeps_versions, guards.lock, guards.harmful.len()), (true, Lock::OnRequest, 0));
    let fixture = Fixture::in_store(store());
    let root = fixture.folder("root");
    fs::write(root.join("image"), noise(5, 500_000)).unwrap();
    let (snapshot, _) = backup(&fixture.open(), &root);
    let now = Timestamp::now();
    let protected = protect::protect(&fixture.open(), now.as_second(), 2 * 86_400, &NullMonitor).unwrap();
    assert_eq!((protected.extended, protected.unreadable), (protected.objects, 0));
    let past = |moment| server.store_in(LOCKED, "office/enamel").as_of(moment).unwrap();
    assert_eq!(past(now + jiff::SignedDuration::from_secs(3600)).changes().hidden, 0);
    // For this server an object whose lock was extended is written anew. Its times have whole seconds: the deletions come
    // in a later one.
    let whole = Timestamp::now();
    while Timestamp::now().as_second() <= whole.as_second() {
        store().stat(&ObjectName::Config).unwrap();
    }
    for folder in Folder::ALL {
        let mut names = Vec::new();
        let mut found = |object: ObjectInfo| {
            names.push(object.name);
            Ok(())
        };
        store().list(folder, &mut found, &mut |_| {}).unwrap();
        names.iter().for_each(|name| store().delete(name).unwrap());
    }
    assert!(store().stat(&ObjectName::Config).unwrap().is_none());
    let past = past(whole);
    let place = Arc::new(MemoryStore::new());
    let recovered = recover::recover(&past, &*place, &NullMonitor).unwrap();
    assert_eq!(recovered.damaged, [""; 0]);
    let far = fixture.through(place);
    far.assert_restores(&far.open_anew(), snapshot, &look(&root));
    verify_all(&far.open_anew());
}
