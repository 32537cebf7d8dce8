//! Each fault of a network and a server, at each operation of a store.

use engine::store::s3::{Limits, Pace, Stop};
use engine::store::{Folder, ObjectName, Store, StoreErrorKind, Tag};
use repo_format::id::{LeaseId, PackId};
use scenario_tests::object_storage::{Fault, Manner, ObjectStorage, Trouble};

use super::{another, server};

/// Troubles of a request that pass: it was not carried out.
const NOT_DONE: [Trouble; 8] = [
    Trouble::Status(503, "SlowDown"),
    Trouble::Status(429, "TooManyRequests"),
    Trouble::Status(400, "RequestTimeout"),
    Trouble::Status(500, "InternalError"),
    Trouble::Page(502),
    Trouble::Page(404),
    Trouble::NoAnswer,
    Trouble::CutRequest,
];
/// Troubles of a change that was made all the same.
const DONE: [Trouble; 2] = [Trouble::LostAnswer, Trouble::StatusAfter(500, "InternalError")];

fn lease(n: u8) -> ObjectName {
    ObjectName::Lease(LeaseId([n; 16]))
}

fn pack(n: u8) -> ObjectName {
    ObjectName::Pack(PackId([n; 32]))
}

fn snapshot(n: u8) -> ObjectName {
    ObjectName::Snapshot(LeaseId([n; 16]))
}

fn key(name: &ObjectName) -> String {
    format!("office/enamel/{name}")
}

#[test]
fn a_put_is_sent_again_and_recognised() {
    let (server, store) = server(Manner::default());
    let troubles = NOT_DONE.iter().filter(|trouble| **trouble != Trouble::Page(404)).chain(&DONE);
    for (n, trouble) in (0..).zip(troubles) {
        for name in [lease(n), pack(n)] {
            server.fail(Fault::once("PUT", "", *trouble));
            store.put_new(&name, &[b"con", b"tents"]).unwrap_or_else(|e| panic!("{trouble:?}: {e}"));
            server.heal();
            assert_eq!(server.object(&key(&name)).unwrap(), b"contents", "{trouble:?}");
            assert_eq!(store.put_new(&name, &[b"other"]).unwrap_err().kind, StoreErrorKind::AlreadyExists);
        }
    }
}

#[test]
fn a_name_that_another_has_taken_is_taken_though_an_answer_was_missing() {
    let (server, store) = server(Manner::default());
    another(&server).put_new(&lease(1), &[b"theirs!!"]).unwrap();
    server.fail(Fault::once("PUT", "", Trouble::NoAnswer));
    assert_eq!(store.put_new(&lease(1), &[b"contents"]).unwrap_err().kind, StoreErrorKind::AlreadyExists);
    assert_eq!(server.object(&key(&lease(1))).unwrap(), b"theirs!!");
}

#[test]
fn a_manifest_is_sent_once_if_the_answer_is_missing() {
    let (server, store) = server(Manner::default());
    let silent = [Trouble::Status(500, "InternalError"), Trouble::Page(503), Trouble::NoAnswer, Trouble::CutRequest];
    for (n, trouble) in (0..).zip(silent.iter().chain(&DONE)) {
        server.take_asked();
        server.fail(Fault::once("PUT", "", *trouble));
        let error = store.put_new(&snapshot(n), &[b"manifest"]).unwrap_err();
        server.heal();
        assert_eq!(error.kind, StoreErrorKind::Unavailable, "{trouble:?}");
        let puts: Vec<_> = server.asked().into_iter().filter(|asked| asked.verb == "PUT").collect();
        assert_eq!(puts.len(), 1, "{trouble:?}: {puts:?}");
    }
    for (n, trouble) in (100..).zip([Trouble::Status(503, "SlowDown"), Trouble::Status(409, "ConcurrentModification")])
    {
        server.fail(Fault::once("PUT", "", trouble));
        store.put_new(&snapshot(n), &[b"manifest"]).unwrap();
        server.heal();
    }
}

#[test]
fn a_late_put_changes_nothing_that_was_put_meanwhile() {
    let (server, store) = server(Manner::default());
    server.fail(Fault::once("PUT", "", Trouble::Late));
    store.put_new(&lease(1), &[b"contents"]).unwrap();
    server.let_arrive();
    assert_eq!(server.object(&key(&lease(1))).unwrap(), b"contents");

    store.replace_if(&ObjectName::Condemned, None, b"first").unwrap();
    server.fail(Fault::once("PUT", "", Trouble::Late));
    store.replace_if(&ObjectName::Condemned, Some(Tag::of(b"first")), b"second").unwrap();
    store.replace_if(&ObjectName::Condemned, Some(Tag::of(b"second")), b"third").unwrap();
    server.let_arrive();
    assert_eq!(store.get(&ObjectName::Condemned, 9).unwrap(), b"third");
}

#[test]
fn a_replacement_is_sent_again_and_recognised() {
    let (server, store) = server(Manner::default());
    store.replace_if(&ObjectName::Condemned, None, b"0").unwrap();
    let mut before = b"0".to_vec();
    let troubles = NOT_DONE.iter().filter(|trouble| **trouble != Trouble::Page(404)).chain(&DONE);
    for (n, trouble) in (1..).zip(troubles) {
        let after = vec![b'0' + n];
        server.fail(Fault::once("PUT", "", *trouble));
        let replaced = store.replace_if(&ObjectName::Condemned, Some(Tag::of(&before)), &after);
        server.heal();
        replaced.unwrap_or_else(|e| panic!("{trouble:?}: {e}"));
        assert_eq!(store.get(&ObjectName::Condemned, 9).unwrap(), after, "{trouble:?}");
        let stale = store.replace_if(&ObjectName::Condemned, Some(Tag::of(&before)), b"x").unwrap_err();
        assert_eq!(stale.kind, StoreErrorKind::Conflict);
        before = after;
    }
    server.fail(Fault::once("GET", "", Trouble::WrongTag));
    store.replace_if(&ObjectName::Condemned, Some(Tag::of(&before)), b"x").unwrap();
}

fn reads(store: &dyn Store) -> Vec<(&'static str, Result<(), StoreErrorKind>)> {
    let mut listed = 0;
    let mut count = |_| {
        listed += 1;
        Ok(())
    };
    let list = store.list(Folder::Packs, &mut count, &mut |_| {});
    if list.is_ok() {
        assert_eq!(listed, 5, "a page that failed is asked for again, and no object is told twice");
    }
    let is_right = |bytes: Vec<u8>, right: &[u8]| assert_eq!(bytes, right);
    let results = vec![
        ("LIST", list),
        ("GET", store.get(&pack(1), 99).map(|bytes| is_right(bytes, b"0123456789"))),
        ("GET", store.get_range(&pack(1), 2..7).map(|bytes| is_right(bytes, b"23456"))),
        ("GET", store.stat(&pack(1)).map(|info| assert_eq!(info.unwrap().size, 10))),
        ("GET", store.ensure_durable(&pack(1))),
    ];
    results.into_iter().map(|(verb, result)| (verb, result.map_err(|error| error.kind))).collect()
}

fn five_packs() -> (ObjectStorage, std::sync::Arc<engine::store::s3::S3Store>) {
    let (server, store) = server(Manner::default());
    for n in 1..=5 {
        store.put_new(&pack(n), &[b"0123456789"]).unwrap();
    }
    (server, store)
}

#[test]
fn a_read_is_sent_again() {
    let (server, store) = five_packs();
    let passing = NOT_DONE.iter().filter(|trouble| **trouble != Trouble::Page(404));
    for trouble in passing.chain(&[Trouble::LostAnswer, Trouble::CutBody]) {
        for verb in ["LIST", "GET"] {
            server.fail(Fault::once(verb, "", *trouble));
            assert!(reads(&*store).iter().all(|(_, result)| result.is_ok()), "{verb} {trouble:?}");
            server.heal();
        }
    }
}

#[test]
fn storage_that_does_not_answer_makes_no_object_missing() {
    let (server, store) = five_packs();
    let troubles = NOT_DONE.iter().chain(&[Trouble::LostAnswer, Trouble::Status(404, "NoSuchBucket")]);
    for trouble in troubles {
        server.fail(Fault::always("", "", *trouble));
        for (verb, result) in reads(&*store) {
            assert_eq!(result, Err(StoreErrorKind::Unavailable), "{verb} {trouble:?}");
        }
        let writes = [
            store.put_new(&pack(9), &[b"x"]),
            store.put_new(&snapshot(9), &[b"x"]),
            store.replace_if(&ObjectName::Condemned, None, b"x"),
            store.replace_if(&ObjectName::Condemned, Some(Tag::of(b"x")), b"y"),
            store.delete(&pack(8)),
        ];
        for (n, result) in writes.into_iter().enumerate() {
            assert_eq!(result.unwrap_err().kind, StoreErrorKind::Unavailable, "write {n} {trouble:?}");
        }
        server.heal();
        // A change that was made without an answer goes, so that the next trouble finds the same.
        let late = |name: &ObjectName| store.delete(name).unwrap();
        [pack(9), snapshot(9), ObjectName::Condemned].iter().for_each(late);
        assert!(reads(&*store).iter().all(|(_, result)| result.is_ok()), "{trouble:?}");
        if *trouble == Trouble::LostAnswer {
            break;
        }
    }
}

#[test]
fn a_body_that_never_comes_whole_is_no_shorter_object() {
    let (server, store) = five_packs();
    server.fail(Fault::always("GET", "", Trouble::CutBody));
    assert_eq!(store.get(&pack(1), 99).unwrap_err().kind, StoreErrorKind::Unavailable);
    assert_eq!(store.get_range(&pack(1), 0..10).unwrap_err().kind, StoreErrorKind::Unavailable);
    server.heal();
    server.fail(Fault::always("GET", "", Trouble::Shorter));
    assert_eq!(store.get_range(&pack(1), 0..10).unwrap_err().kind, StoreErrorKind::Truncated, "the server says so");
}

#[test]
fn a_server_that_hangs_is_given_up() {
    let (server, _) = five_packs();
    let mut options = server.options("office/enamel");
    options.patience.answer = std::time::Duration::from_millis(100);
    let store = engine::store::s3::S3Store::new(&options).unwrap();
    server.fail(Fault::once("", "", Trouble::Hang));
    assert_eq!(store.get(&pack(1), 99).unwrap(), b"0123456789");
    server.fail(Fault::always("", "", Trouble::Hang));
    assert_eq!(store.get(&pack(1), 99).unwrap_err().kind, StoreErrorKind::Unavailable);
}

#[test]
fn nobody_waits_for_storage_longer_than_the_user_wishes() {
    let (server, _) = five_packs();
    let options = engine::store::s3::S3Options { stop: Stop::when(|| true), ..server.options("office/enamel") };
    let store = engine::store::s3::S3Store::new(&options).unwrap();
    for trouble in [Trouble::Hang, Trouble::Status(503, "SlowDown")] {
        server.fail(Fault::always("", "", trouble));
        for (verb, result) in reads(&store) {
            assert_eq!(result, Err(StoreErrorKind::Unavailable), "{verb} {trouble:?}");
        }
        assert_eq!(store.put_new(&pack(9), &[b"x"]).unwrap_err().kind, StoreErrorKind::Unavailable, "{trouble:?}");
        server.heal();
    }
}

#[test]
fn a_manifest_is_waited_for_even_then() {
    let (server, _) = five_packs();
    let options = engine::store::s3::S3Options { stop: Stop::when(|| true), ..server.options("office/enamel") };
    let store = engine::store::s3::S3Store::new(&options).unwrap();
    store.put_new(&snapshot(1), &[b"x"]).unwrap();
    assert!(server.object("office/enamel/snapshots/01010101010101010101010101010101").is_some());
}

#[test]
fn limited_bodies_arrive_whole() {
    let (server, _) = five_packs();
    let pace = || Some(Pace::new(1 << 30));
    let limits = Limits { upload: pace(), download: pace() };
    let options = engine::store::s3::S3Options { limits, ..server.options("office/enamel") };
    let store = engine::store::s3::S3Store::new(&options).unwrap();
    let bytes: Vec<u8> = (0..300_000_u32).map(|n| (n % 251) as u8).collect();
    store.put_new(&pack(9), &[&bytes[..100], &bytes[100..]]).unwrap();
    assert_eq!(store.get(&pack(9), 1 << 20).unwrap(), bytes);
    assert_eq!(store.get_range(&pack(9), 70_000..200_000).unwrap(), &bytes[70_000..200_000]);
    let taken = store.put_new(&pack(9), &[b"x"]).unwrap_err();
    assert_eq!(taken.kind, StoreErrorKind::AlreadyExists);
}

#[test]
fn what_is_forbidden_is_not_missing() {
    let (server, store) = five_packs();
    for (status, code) in [(403, "AccessDenied"), (401, "Unauthorized"), (400, "ExpiredToken")] {
        server.fail(Fault::always("", "", Trouble::Status(status, code)));
        for (verb, result) in reads(&*store) {
            assert_eq!(result, Err(StoreErrorKind::PermissionDenied), "{verb} {code}");
        }
        server.heal();
    }
}
