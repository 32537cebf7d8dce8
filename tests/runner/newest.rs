//! Which snapshot `latest` is, and what is said when that is in doubt.

use engine::machine::standing;
use engine::repository::Repository;
use engine::snapshots::{NotChosen, Selection, Selector, select};
use engine::store::{MemoryStore, ObjectName};
use engine::{ErrorKind, Result};
use repo_format::entry::Time;
use repo_format::id::LeaseId;

use crate::support::{Fixture, backup, commit_again};

const DAY: i64 = 86_400;

fn newest(repository: &Repository) -> Result<Selection> {
    select(repository, &Selector::Latest { tag: None, until: None })
}

/// The chosen snapshot, and those that were passed over.
fn chosen(repository: &Repository) -> (LeaseId, Vec<LeaseId>) {
    let selection = newest(repository).unwrap();
    (selection.snapshot.id, selection.remarks.iter().map(|remark| remark.id).collect())
}

/// A repository with two snapshots of one folder, a day apart, oldest first.
fn two(store: &MemoryStore) -> (Fixture, LeaseId, LeaseId) {
    let fixture = Fixture::in_store(std::sync::Arc::new(store.clone()));
    let repository = fixture.open();
    let (newer, _) = backup(&repository, &fixture.folder("images"));
    let older = commit_again(&repository, newer, |manifest| manifest.seconds -= DAY);
    (fixture, older, newer)
}

fn damage(store: &MemoryStore, id: LeaseId) {
    let name = ObjectName::Snapshot(id);
    let mut bytes = engine::store::Store::get(store, &name, 1 << 20).unwrap().to_vec();
    bytes[200] ^= 1;
    store.put_raw(&name, bytes);
}

#[test]
fn it_is_the_one_that_was_made_last() {
    let (fixture, older, newer) = two(&MemoryStore::new());
    let repository = fixture.open();
    assert_eq!(chosen(&repository), (newer, vec![]));
    let until = Time { seconds: engine::machine::now().seconds - DAY / 2, nanoseconds: 0 };
    let selection = select(&repository, &Selector::Latest { tag: None, until: Some(until) }).unwrap();
    assert_eq!((selection.snapshot.id, selection.remarks.len()), (older, 0));
}

#[test]
fn one_from_the_future_is_named_and_not_chosen() {
    let (fixture, _, newer) = two(&MemoryStore::new());
    let repository = fixture.open();
    let future = commit_again(&repository, newer, |manifest| manifest.seconds += 2 * DAY);
    let selection = newest(&repository).unwrap();
    assert_eq!((selection.snapshot.id, selection.remarks[0].id), (newer, future));
    assert_eq!(selection.remarks[0].why, NotChosen::FromTheFuture);
    let by_id = select(&repository, &Selector::IdPrefix(future.to_string())).unwrap();
    assert_eq!((by_id.snapshot.id, by_id.remarks.len()), (future, 0), "who names it gets it");
    fixture.forget(&[future]);
    assert_eq!(chosen(&repository), (newer, vec![]));
}

#[test]
fn where_all_are_from_the_future_none_is_chosen() {
    let (fixture, _, newer) = two(&MemoryStore::new());
    let repository = fixture.open();
    let error = standing::at(Time { seconds: 1_000_000_000, nanoseconds: 0 }, || newest(&repository).unwrap_err());
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(
        error.to_string().contains(&newer.to_string()) && error.to_string().contains("a clock was wrong"),
        "{error}"
    );
}

#[test]
fn a_clock_that_is_a_little_ahead_is_no_future() {
    let (fixture, _, newer) = two(&MemoryStore::new());
    let repository = fixture.open();
    let ahead = commit_again(&repository, newer, |manifest| manifest.seconds += 60);
    assert_eq!(chosen(&repository), (ahead, vec![]));
}

#[test]
fn a_newer_one_that_cannot_be_read_is_named() {
    let store = MemoryStore::new();
    let (fixture, older, newer) = two(&store);
    damage(&store, newer);
    assert_eq!(chosen(&fixture.open()), (older, vec![newer]), "a machine that has seen it");
    assert_eq!(chosen(&fixture.open_anew()), (older, vec![newer]), "one that has not");
    damage(&store, older);
    let error = newest(&fixture.open()).unwrap_err();
    assert!(error.to_string().contains(&newer.to_string()), "{error}");
}

#[test]
fn an_older_one_that_cannot_be_read_is_no_doubt() {
    let store = MemoryStore::new();
    let (fixture, older, newer) = two(&store);
    fixture.open().manifests().unwrap();
    damage(&store, older);
    assert_eq!(chosen(&fixture.open()), (newer, vec![]));
}

#[test]
fn a_newer_one_that_has_disappeared_is_named() {
    let store = MemoryStore::new();
    let (fixture, older, newer) = two(&store);
    engine::store::Store::delete(&store, &ObjectName::Snapshot(newer)).unwrap();
    let selection = newest(&fixture.open()).unwrap();
    assert_eq!((selection.snapshot.id, &selection.remarks[0].why), (older, &NotChosen::Missing));
    assert_eq!(selection.remarks[0].id, newer);
}

#[test]
fn a_tag_that_no_snapshot_has_is_told_with_those_that_there_are() {
    let (fixture, _, newer) = two(&MemoryStore::new());
    let repository = fixture.open();
    commit_again(&repository, newer, |manifest| manifest.tags = vec!["hourly".into(), "audit".into()]);
    let tagged = |tag: &str| select(&repository, &Selector::Latest { tag: Some(tag.to_owned()), until: None });
    tagged("hourly").unwrap();
    let error = tagged("hourl").unwrap_err();
    assert!(error.to_string().contains("there are the tags audit, hourly"), "{error}");
}
