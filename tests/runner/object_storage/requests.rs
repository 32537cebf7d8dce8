//! How many requests each operation makes: over a network each costs a way there and back.

use std::collections::BTreeMap;
use std::fs;

use scenario_tests::object_storage::{Manner, ObjectStorage};

use super::{another, server};
use crate::support::{Fixture, backup, by_id, noise, verify_all};

/// The requests since the last call, by verb.
fn counted(server: &ObjectStorage) -> String {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for asked in server.take_asked() {
        *counts.entry(asked.verb).or_default() += 1;
    }
    counts.iter().map(|(verb, count)| format!("{count} {verb}")).collect::<Vec<_>>().join(", ")
}

#[test]
fn requests_of_each_operation_are_counted() {
    let (server, store) = server(Manner { page: 1000, ..Manner::default() });
    let fixture = Fixture::in_store(store);
    counted(&server);
    let root = fixture.folder("root");
    for n in 0..20 {
        fs::write(root.join(n.to_string()), noise(n, 50_000)).unwrap();
    }
    let mut found = Vec::new();
    let repository = fixture.open();
    found.push(("open", counted(&server)));
    let (first, _) = backup(&repository, &root);
    found.push(("first backup", counted(&server)));
    fs::write(root.join("3"), noise(99, 50_000)).unwrap();
    backup(&repository, &root);
    found.push(("backup after a change", counted(&server)));
    let far = fixture.through(another(&server));
    let repository = far.open_anew();
    found.push(("open elsewhere", counted(&server)));
    let (target, _) = far.restore(&repository, by_id(&repository, first).id, "root");
    assert!(target.join("7").exists());
    found.push(("restore of 20 files", counted(&server)));
    verify_all(&repository);
    found.push(("verify", counted(&server)));
    let expected = [
        ("open", "4 GET, 4 LIST"),
        ("first backup", "1 DELETE, 8 GET, 4 HEAD, 5 LIST, 5 PUT"),
        ("backup after a change", "1 DELETE, 11 GET, 4 HEAD, 5 LIST, 5 PUT"),
        ("open elsewhere", "4 GET, 4 LIST"),
        ("restore of 20 files", "28 GET, 3 LIST"),
        ("verify", "26 GET, 16 LIST"),
    ];
    let found: Vec<_> = found.iter().map(|(what, count)| (*what, count.as_str())).collect();
    assert_eq!(found, expected);
}
