use std::sync::Arc;

use super::*;

fn store() -> (MemoryStore, AppendOnlyStore) {
    let inner = MemoryStore::new();
    (inner.clone(), AppendOnlyStore::new(Arc::new(inner)))
}

#[test]
fn what_adds_to_a_repository_conforms() {
    let (inner, store) = store();
    conformance::check_conditions(&store).unwrap();
    assert_eq!(inner.names(), []);
}

#[test]
fn what_takes_away_is_refused_with_the_reason_and_changes_nothing() {
    let (inner, store) = store();
    let names =
        [pack(1), segment(1), ObjectName::Snapshot(LeaseId([1; 16])), ObjectName::Config, ObjectName::Condemned];
    for name in names {
        store.delete(&name).unwrap();
        store.put_new(&name, &[b"one"]).unwrap();
        let error = store.delete(&name).unwrap_err();
        assert!(error.to_string().starts_with(&format!("cannot delete {name}: ")), "{error}");
        assert!(error.to_string().contains("append-only"), "{error}");
        assert_eq!(error.kind, StoreErrorKind::PermissionDenied);
        assert_eq!(kind(store.replace_if(&name, Some(Tag::of(b"one")), b"two")), StoreErrorKind::PermissionDenied);
        assert_eq!(kind(store.put_new(&name, &[b"two"])), StoreErrorKind::AlreadyExists);
        assert_eq!(inner.bytes(&name).unwrap(), b"one");
    }
}

#[test]
fn leases_come_and_go() {
    let (inner, store) = store();
    store.put_new(&lease(1), &[b"me"]).unwrap();
    store.delete(&lease(1)).unwrap();
    assert_eq!(inner.names(), []);
}
