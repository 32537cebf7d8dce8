use std::sync::Arc;

use super::super::faulty::{Call, Fault, FaultyStore, Op, When};
use super::*;

fn store() -> (MemoryStore, FaultyStore) {
    let inner = MemoryStore::new();
    (inner.clone(), FaultyStore::new(Arc::new(inner)))
}

#[test]
fn conforms_without_faults() {
    conformance::check(&store().1).unwrap();
}

#[test]
fn fails_once_before_its_effect() {
    let (inner, store) = store();
    store.put_new(&pack(1), &[b"1"]).unwrap();
    let fault =
        Fault { ops: vec![Op::PutNew], at: 2, lasting: false, kind: StoreErrorKind::NoSpace, when: When::Before };
    store.fail(fault);
    store.put_new(&pack(2), &[b"2"]).unwrap();
    store.stat(&pack(2)).unwrap();
    assert_eq!(kind(store.put_new(&pack(3), &[b"3"])), StoreErrorKind::NoSpace);
    store.put_new(&pack(4), &[b"4"]).unwrap();
    assert_eq!(inner.names(), [pack(1), pack(2), pack(4)]);
}

#[test]
fn fails_from_then_on_after_its_effect_until_healed() {
    let (inner, store) = store();
    store.fail(Fault { ops: vec![], at: 1, lasting: true, kind: StoreErrorKind::Io, when: When::After });
    assert_eq!(kind(store.put_new(&pack(1), &[b"1"])), StoreErrorKind::Io);
    assert_eq!(kind(store.get(&pack(1), 9)), StoreErrorKind::Io);
    // The store's own error comes first.
    assert_eq!(kind(store.put_new(&pack(1), &[b"1"])), StoreErrorKind::AlreadyExists);
    store.heal();
    store.delete(&pack(1)).unwrap();
    assert_eq!(inner.names(), []);
}

#[test]
fn remembers_what_it_was_asked() {
    let (_, store) = store();
    store.put_new(&pack(1), &[b"12", b"34"]).unwrap();
    store.get_range(&pack(1), 1..3).unwrap();
    store.list(Folder::Packs, &mut |_| Ok(()), &mut |_| {}).unwrap();
    assert_eq!(kind(store.replace_if(&pack(1), None, b"5")), StoreErrorKind::Conflict);
    let call = |op, bytes| Call { op, folder: Folder::Packs, name: Some(pack(1)), bytes, error: None };
    let expected = [
        call(Op::PutNew, 4),
        call(Op::GetRange, 2),
        Call { name: None, ..call(Op::List, 0) },
        Call { error: Some(StoreErrorKind::Conflict), ..call(Op::ReplaceIf, 1) },
    ];
    assert_eq!(store.log(), expected);
}
