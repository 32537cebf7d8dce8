//! Buckets that keep what was deleted: an intruder hides a repository, and it comes back; locks, and rules that destroy.

use std::fs;
use std::sync::Arc;

use engine::ErrorKind;
use engine::monitor::NullMonitor;
use engine::store::s3::{Lock, PastStore, S3Store};
use engine::store::{Folder, LocalStore, ObjectName, Store, StoreErrorKind};
use engine::upkeep::{protect, recover};
use scenario_tests::object_storage::{Manner, ObjectStorage};

use super::server;
use crate::support::{Fixture, backup, look, noise, verify_all};

const VERSIONS: &str = "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>";
const DAY: i64 = 86_400;

fn as_of(server: &ObjectStorage, second: i64) -> engine::store::Result<PastStore> {
    let store = S3Store::new(&server.options("office/enamel"))?;
    store.as_of(jiff::Timestamp::from_second(second).unwrap())
}

/// A server that keeps versions, with a repository in it.
fn office() -> (ObjectStorage, Fixture) {
    let (server, store) = server(Manner { page: 100, ..Manner::default() });
    server.configure("versioning", VERSIONS);
    (server, Fixture::in_store(store))
}

#[test]
fn what_an_intruder_deleted_and_replaced_comes_back_as_it_was() {
    let (server, fixture) = office();
    let root = fixture.folder("root");
    fs::write(root.join("image"), noise(1, 400_000)).unwrap();
    let (first, _) = backup(&fixture.open(), &root);
    let before = look(&root);
    server.pass(3600);
    let moment = server.now();
    server.pass(1);
    let gone = Arc::new(S3Store::new(&server.options("office/enamel")).unwrap());
    for key in server.keys() {
        let name: ObjectName = key.strip_prefix("office/enamel/").unwrap().parse().unwrap();
        gone.delete(&name).unwrap();
    }
    server.put("office/enamel/config", b"overwritten");
    server.put(&format!("office/enamel/snapshots/{first}"), b"overwritten");
    let past = as_of(&server, moment).unwrap();
    let changes = past.changes();
    assert!(changes.objects > 5 && changes.hidden == changes.objects, "{changes:?}");
    let folder = tempfile::tempdir().unwrap();
    let place = LocalStore::create(folder.path()).unwrap();
    let recovered = recover::recover(&past, &place, &NullMonitor).unwrap();
    assert_eq!(
        (recovered.objects, &recovered.damaged[..], &recovered.strange[..]),
        (changes.objects, &[][..], &[][..])
    );
    // A second run finds everything there.
    assert_eq!(recover::recover(&past, &place, &NullMonitor).unwrap(), recovered);
    let far = fixture.through(Arc::new(place));
    far.assert_restores(&far.open_anew(), first, &before);
    verify_all(&far.open_anew());
}

#[test]
fn the_past_is_exactly_what_was_there_at_that_second() {
    let (server, fixture) = office();
    let root = fixture.folder("root");
    fs::write(root.join("a"), noise(1, 200_000)).unwrap();
    let (first, _) = backup(&fixture.open(), &root);
    server.pass(10);
    fs::write(root.join("a"), noise(2, 200_000)).unwrap();
    let (second, _) = backup(&fixture.open(), &root);
    server.pass(10);
    fixture.forget(&[first]);
    let there = |second_of_clock: i64| {
        let past = as_of(&server, second_of_clock).unwrap();
        [first, second].map(|id| past.stat(&ObjectName::Snapshot(id)).unwrap().is_some())
    };
    let now = server.now();
    assert_eq!(there(now - 20), [true, false]);
    assert_eq!(there(now - 10), [true, true]);
    assert_eq!(there(now), [false, true]);
    let before = as_of(&server, now - 21).unwrap();
    assert_eq!(before.changes().objects, 0);
    let place = engine::store::MemoryStore::new();
    let error = recover::recover(&before, &place, &NullMonitor).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NoRepository);
}

#[test]
fn the_past_can_only_be_read() {
    let (server, fixture) = office();
    drop(fixture);
    let past = as_of(&server, server.now()).unwrap();
    let config = ObjectName::Config;
    let bytes = past.get(&config, 1 << 20).unwrap();
    assert_eq!(past.get_range(&config, 2..9).unwrap(), bytes[2..9]);
    assert_eq!(past.get(&config, 3).unwrap_err().kind, StoreErrorKind::TooLarge);
    assert_eq!(past.get_range(&config, 0..1 << 20).unwrap_err().kind, StoreErrorKind::Truncated);
    for refused in [past.put_new(&config, &[b"x"]), past.delete(&config), past.replace_if(&config, None, b"x")] {
        assert_eq!(refused.unwrap_err().kind, StoreErrorKind::PermissionDenied);
    }
    let mut listed = Vec::new();
    let mut found = |object: engine::store::ObjectInfo| {
        listed.push(object.name);
        Ok(())
    };
    past.list(Folder::Top, &mut found, &mut |_| {}).unwrap();
    assert_eq!(listed, [ObjectName::Config, ObjectName::Condemned]);
}

#[test]
fn damaged_objects_are_left_out_and_named_and_a_place_that_is_not_empty_is_refused() {
    let (server, fixture) = office();
    let root = fixture.folder("root");
    fs::write(root.join("a"), noise(1, 200_000)).unwrap();
    backup(&fixture.open(), &root);
    let key = server.keys().into_iter().find(|key| key.contains("/index/")).unwrap();
    server.put(&key, b"other bytes");
    server.put("office/enamel/notes.txt", b"somebody's");
    let past = as_of(&server, server.now()).unwrap();
    let place = engine::store::MemoryStore::new();
    let recovered = recover::recover(&past, &place, &NullMonitor).unwrap();
    assert_eq!(recovered.damaged, [key.strip_prefix("office/enamel/").unwrap()]);
    assert_eq!(recovered.strange, ["notes.txt"]);
    let taken = engine::store::MemoryStore::new();
    taken.put_new(&ObjectName::Config, &[b"another repository"]).unwrap();
    let error = recover::recover(&past, &taken, &NullMonitor).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Refused);
}

#[test]
fn a_bucket_without_versions_has_no_past() {
    let (server, _store) = server(Manner::default());
    assert_eq!(as_of(&server, server.now()).err().unwrap().kind, StoreErrorKind::Unsupported);
}

#[test]
fn all_that_snapshots_need_is_locked_and_locked_again_when_half_of_the_time_is_over() {
    let (server, fixture) = office();
    server.configure(
        "object-lock",
        "<ObjectLockConfiguration><ObjectLockEnabled>Enabled</ObjectLockEnabled></ObjectLockConfiguration>",
    );
    let root = fixture.folder("root");
    fs::write(root.join("a"), noise(1, 200_000)).unwrap();
    backup(&fixture.open(), &root);
    let repo = fixture.open();
    let (now, month) = (server.now(), u32::try_from(30 * DAY).unwrap());
    assert!(protect::is_due(&repo, now, month).unwrap());
    let done = protect::protect(&repo, now, month, &NullMonitor).unwrap();
    assert_eq!((done.extended, done.until, done.unreadable), (done.objects, now + 30 * DAY, 0));
    let is_replaced = |key: &String| key.ends_with("/condemned");
    for key in server.keys().iter().filter(|key| !is_replaced(key)) {
        assert_eq!(server.locks(key).last(), Some(&Some(now + 30 * DAY)), "{key}");
    }
    assert!(!protect::is_due(&repo, now + 14 * DAY, month).unwrap());
    assert_eq!(protect::protect(&repo, now + 14 * DAY, month, &NullMonitor).unwrap().extended, 0);
    // A new pack is locked at once; the others when half of the time is over.
    fs::write(root.join("b"), noise(2, 200_000)).unwrap();
    backup(&fixture.open(), &root);
    let done = protect::protect(&fixture.open(), now + 14 * DAY, month, &NullMonitor).unwrap();
    assert!(done.extended > 0 && done.extended < done.objects, "{done:?}");
    assert!(protect::is_due(&repo, now + 16 * DAY, month).unwrap());
    let done = protect::protect(&fixture.open(), now + 16 * DAY, month, &NullMonitor).unwrap();
    assert!(done.extended > 0, "{done:?}");
    // Another machine remembers nothing, and no lock becomes shorter.
    let far = fixture.through(Arc::new(S3Store::new(&server.options("office/enamel")).unwrap()));
    protect::protect(&far.open_anew(), now, month, &NullMonitor).unwrap();
    assert_eq!(server.locks("office/enamel/config").last(), Some(&Some(now + 46 * DAY)));
}

#[test]
fn storage_without_locks_refuses_to_protect() {
    let (_server, fixture) = office();
    let error = protect::protect(&fixture.open(), 0, 86_400, &NullMonitor).unwrap_err();
    assert!(error.to_string().contains("cannot protect"), "{error}");
    let local = Fixture::new();
    let error = protect::protect(&local.open(), 0, 86_400, &NullMonitor).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Refused);
}

#[test]
fn the_guards_of_a_bucket_are_known() {
    let (server, store) = server(Manner::default());
    let guards = store.guards().unwrap();
    assert_eq!((guards.keeps_versions, guards.lock, guards.harmful.len()), (false, Lock::None, 0));
    server.configure("versioning", VERSIONS);
    server.configure(
        "object-lock",
        "<ObjectLockConfiguration><ObjectLockEnabled>Enabled</ObjectLockEnabled><Rule><DefaultRetention><Mode>COMPLIANCE</Mode>\
         <Days>35</Days></DefaultRetention></Rule></ObjectLockConfiguration>",
    );
    server.configure(
        "lifecycle",
        "<LifecycleConfiguration><Rule><ID>tidy</ID><Filter><Prefix>office/</Prefix></Filter><Status>Enabled</Status>\
         <Expiration><Days>90</Days></Expiration></Rule></LifecycleConfiguration>",
    );
    let guards = store.guards().unwrap();
    assert_eq!((guards.keeps_versions, guards.lock), (true, Lock::Days(35)));
    assert!(guards.harmful[0].contains("`tidy` deletes objects 90 days after"), "{guards:?}");
}
