//! The store keeps every promise on a right server, and is refused on a wrong one.

use engine::repository::Exclusive;
use engine::store::conformance::{Failure, check, check_conditions, check_without_conditions};
use engine::store::s3::{Credentials, S3Store};
use engine::store::{Folder, ObjectName, Store, StoreErrorKind};
use repo_format::id::LeaseId;
use scenario_tests::object_storage::{BUCKET, Conditions, Manner, ObjectStorage};

use super::server;

#[test]
fn every_promise_is_kept() {
    let (server, store) = server(Manner { page: 7, ..Manner::default() });
    check(&*store).unwrap();
    assert!(server.keys().is_empty());
    assert!(server.asked().iter().all(|asked| asked.key.starts_with("office/enamel/")));
}

#[test]
fn a_server_that_wants_tags_without_quotes_is_understood() {
    let (_server, store) = server(Manner { bare_tags: true, ..Manner::default() });
    check_conditions(&*store).unwrap();
}

#[test]
fn a_repository_may_fill_its_bucket() {
    let server = ObjectStorage::start(Manner::default());
    let store = S3Store::new(&server.options("")).unwrap();
    store.put_new(&ObjectName::Config, &[b"config"]).unwrap();
    store.put_new(&ObjectName::Keyring(1), &[b"keyring"]).unwrap();
    assert_eq!(server.keys(), ["config", "keyring/1"]);
    let mut found = Vec::new();
    for folder in [Folder::Top, Folder::Keyring] {
        let mut note = |info: engine::store::ObjectInfo| {
            found.push(info.name);
            Ok(())
        };
        store.list(folder, &mut note, &mut |strange| panic!("{strange}")).unwrap();
    }
    assert_eq!(found, [ObjectName::Config, ObjectName::Keyring(1)]);
}

fn broken(manner: Manner) -> String {
    let (_server, store) = server(manner);
    match check_conditions(&*store) {
        Err(Failure::Broken(promise)) => promise,
        other => panic!("{other:?}"),
    }
}

#[test]
fn servers_that_ignore_conditions_race_or_list_late_are_found() {
    assert!(broken(Manner { conditions: Conditions::Ignored, ..Manner::default() }).contains("once only"));
    assert!(broken(Manner { conditions: Conditions::Raced, ..Manner::default() }).contains("at once"));
    assert!(broken(Manner { lists_late: true, ..Manner::default() }).contains("a listing shows"));
}

#[test]
fn a_server_without_conditions_says_so() {
    let (_server, store) = server(Manner { conditions: Conditions::Refused, ..Manner::default() });
    let Err(Failure::Store(error)) = check_conditions(&*store) else { panic!("it has none") };
    assert_eq!(error.kind, StoreErrorKind::Unsupported);
}

#[test]
fn a_server_without_conditions_is_used_alone_and_one_that_ignores_them_only_on_request() {
    let manner = |conditions| Manner { conditions, ..Manner::default() };
    let always = || engine::repository::InitOptions { exclusive: Exclusive::Always, ..options() };
    let rules = |store: &dyn Store| engine::repository::config_flags(store).unwrap().is_exclusive();

    let (_server, store) = server(manner(Conditions::Kept));
    engine::repository::init(&*store, &credential(), &options()).unwrap();
    assert!(!rules(&*store));
    let (_server, store) = server(manner(Conditions::Refused));
    engine::repository::init(&*store, &credential(), &options()).unwrap();
    assert!(rules(&*store));
    for conditions in [Conditions::Ignored, Conditions::Raced] {
        let (server, store) = server(manner(conditions));
        let refused = engine::repository::init(&*store, &credential(), &options()).unwrap_err();
        assert!(refused.hint().unwrap().contains("--exclusive-prune"), "{refused}");
        assert!(server.keys().is_empty(), "{:?}", server.keys());
        engine::repository::init(&*store, &credential(), &always()).unwrap();
        assert!(rules(&*store));
    }
}

#[test]
fn no_rule_makes_a_server_that_lists_late_safe() {
    let (server, store) = server(Manner { lists_late: true, ..Manner::default() });
    let Err(Failure::Broken(promise)) = check_without_conditions(&*store) else { panic!("it lists late") };
    assert!(promise.contains("a listing shows"), "{promise}");
    let always = engine::repository::InitOptions { exclusive: Exclusive::Always, ..options() };
    let refused = engine::repository::init(&*store, &credential(), &always).unwrap_err();
    assert!(refused.to_string().contains("there for others at once"), "{refused}");
    server.settle();
    assert!(server.keys().is_empty(), "{:?}", server.keys());
}

#[test]
fn a_server_is_tested_for_what_is_needed_without_conditions() {
    for conditions in [Conditions::Kept, Conditions::Refused, Conditions::Ignored] {
        let (server, store) = server(Manner { conditions, ..Manner::default() });
        check_without_conditions(&*store).unwrap();
        assert!(server.keys().is_empty(), "{:?}", server.keys());
    }
}

fn credential() -> engine::crypto::Credential {
    engine::crypto::Credential::KeyFile(engine::crypto::KeyFile::generate().unwrap())
}

fn options() -> engine::repository::InitOptions {
    engine::repository::InitOptions { label: "ada".to_owned(), ..Default::default() }
}

#[test]
fn foreign_keys_are_strange_and_harmless() {
    let (server, store) = server(Manner::default());
    for key in ["office/enamel/packs/readme", "office/enamel/packs/", "office/enamelled/packs/x", "other"] {
        server.put(key, b"x");
    }
    let mut strange = Vec::new();
    store.list(Folder::Packs, &mut |info| panic!("{info:?}"), &mut |path| strange.push(path)).unwrap();
    assert_eq!(strange, ["packs", "packs/readme"]);
    // Keys that no path has would spoil the page that they are on.
    for key in ["office/enamel/packs/a//b", "office/enamel/packs/./c", "office/enamel/leases//"] {
        server.put(key, b"x");
    }
    let mut strange = 0;
    for folder in [Folder::Packs, Folder::Leases, Folder::Top] {
        store.list(folder, &mut |info| panic!("{info:?}"), &mut |_| strange += 1).unwrap();
    }
    assert!(strange >= 5, "{strange}");
}

#[test]
fn wrong_keys_buckets_and_places_are_named() {
    let server = ObjectStorage::start(Manner::default());
    let lease = ObjectName::Lease(LeaseId([1; 16]));
    let mut options = server.options("x");
    options.credentials = Credentials::Key { id: "OTHER".to_owned(), secret: "s".to_owned(), token: None };
    let error = S3Store::new(&options).unwrap().put_new(&lease, &[b"x"]).unwrap_err();
    assert_eq!(error.kind, StoreErrorKind::PermissionDenied);
    assert!(error.to_string().contains("access key"), "{error}");

    let mut options = server.options("x");
    options.address = "s3://elsewhere/x".parse().unwrap();
    let store = S3Store::new(&options).unwrap();
    let error = store.get(&lease, 9).unwrap_err();
    assert_eq!(error.kind, StoreErrorKind::Unavailable, "a bucket that is missing says nothing about an object");
    assert!(error.to_string().contains("no such bucket"), "{error}");
    assert_eq!(store.stat(&lease).unwrap_err().kind, StoreErrorKind::Unavailable);

    let mut options = server.options("x");
    options.endpoint = Some("http://127.0.0.1:9".to_owned());
    let store = S3Store::new(&options).unwrap();
    assert_eq!(store.stat(&lease).unwrap_err().kind, StoreErrorKind::Unavailable);
    assert_eq!(store.location(), format!("s3://{BUCKET}/x"));
    assert!(store.place().contains("127.0.0.1:9"));
}
