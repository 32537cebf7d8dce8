//! The host's side of supplemental repositories: what is there is known and checked without a key.

use engine::host::{Claim, Practice, Standing, look, look_at_all, scrub};
use engine::monitor::NullMonitor;
use engine::store::{LocalStore, MemoryStore, ObjectName, Original, Store};
use repo_format::card::{CardMode, NewestCopy};
use repo_format::id::LeaseId;

use crate::damage::lab::noise;
use crate::support::{Fixture, backup};

const DAY: u64 = 86_400;

/// A repository in a folder, because only there objects have times, with one snapshot and a card.
fn practice() -> (Fixture, LeaseId, i64) {
    let folder = Box::leak(Box::new(tempfile::tempdir().unwrap())).path().join("4711");
    std::fs::create_dir(&folder).unwrap();
    let fixture = Fixture::in_store(std::sync::Arc::new(LocalStore::open(&folder).unwrap()));
    let source = fixture.folder("source");
    std::fs::write(source.join("file"), noise(1, 100_000)).unwrap();
    let repository = fixture.open();
    let (id, _) = backup(&repository, &source);
    let time = engine::snapshots::list(&repository).unwrap().snapshots[0].manifest.seconds;
    repository
        .update_card("test", &|card| {
            "4711".clone_into(&mut card.practice);
            card.newest = Some(NewestCopy { time, id });
            card.interval = DAY;
            card.administrator = Some(repository.member());
        })
        .unwrap();
    (fixture, id, time)
}

fn looked(fixture: &Fixture, now: i64) -> Practice {
    look(&*fixture.store, now).unwrap()
}

#[test]
fn a_host_knows_how_old_the_newest_copy_is_and_whose_password_opens_it() {
    let (fixture, id, time) = practice();
    let seen = looked(&fixture, time + 3600);
    assert_eq!((seen.standing, seen.administrator.as_deref()), (Standing::Fresh, Some("test")));
    assert_eq!(seen.snapshots.objects, 1);
    assert!(seen.bytes > 100_000 && (seen.snapshots.newest.unwrap() - time).abs() < 60);
    let card = seen.claim.card().unwrap();
    assert_eq!((&*card.practice, card.newest.unwrap().id), ("4711", id));
    assert_eq!(looked(&fixture, time + 2 * DAY.cast_signed()).standing, Standing::Late);
}

#[test]
fn a_card_that_claims_what_is_not_there_is_named() {
    let (fixture, _, time) = practice();
    let repository = fixture.open();
    let claim = |newest| repository.update_card("test", &|card| card.newest = newest).unwrap();
    claim(Some(NewestCopy { time, id: LeaseId([9; 16]) }));
    assert_eq!(looked(&fixture, time).standing, Standing::Disagrees);
    let id = engine::snapshots::list(&repository).unwrap().snapshots[0].id;
    claim(Some(NewestCopy { time: time + 5 * DAY.cast_signed(), id }));
    assert_eq!(looked(&fixture, time).standing, Standing::Disagrees);
    claim(None);
    fixture.store.delete(&ObjectName::Snapshot(id)).unwrap();
    assert_eq!(looked(&fixture, time).standing, Standing::Never);
}

#[test]
fn copies_that_are_switched_off_are_not_late() {
    let (fixture, _, time) = practice();
    fixture.open().update_card("test", &|card| card.mode = CardMode::Off).unwrap();
    assert_eq!(looked(&fixture, time + 90 * DAY.cast_signed()).standing, Standing::Off);
}

#[test]
fn a_card_that_is_damaged_or_of_somebody_else_is_replaced_by_the_next_copy() {
    let (fixture, _, time) = practice();
    let (other, ..) = practice();
    let theirs = other.store.get(&ObjectName::Card, 10_000).unwrap();
    for bytes in [theirs, b"nothing".to_vec()] {
        let there = engine::store::Tag::of(&fixture.store.get(&ObjectName::Card, 10_000).unwrap());
        fixture.store.replace_if(&ObjectName::Card, Some(there), &bytes).unwrap();
        assert!(fixture.open().card().is_err());
        fixture.open().update_card("test", &|card| card.interval = DAY).unwrap();
        assert_eq!(fixture.open().card().unwrap().unwrap().interval, DAY);
        assert!(matches!(looked(&fixture, time).claim, Claim::Card(_)));
    }
}

#[test]
fn something_in_place_of_the_card_that_cannot_be_read_whole_is_replaced() {
    let (fixture, _, time) = practice();
    let card = std::path::PathBuf::from(fixture.store.location()).join("card");
    let huge = || std::fs::File::create(&card).unwrap().set_len(1 << 40).unwrap();
    let folder = || {
        std::fs::remove_file(&card).unwrap();
        std::fs::create_dir_all(card.join("within")).unwrap();
    };
    for (interval, put) in (1..).zip([&huge as &dyn Fn(), &folder]) {
        put();
        let said = fixture.open().look_at_card().unwrap().unwrap();
        assert!(said.contains("the card cannot be used"), "{said}");
        assert!(matches!(looked(&fixture, time).claim, Claim::Unreadable(_)));
        fixture.open().update_card("test", &|card| card.interval = interval).unwrap();
        assert_eq!(fixture.open().card().unwrap().unwrap().interval, interval);
        assert_eq!(fixture.open().look_at_card().unwrap(), None);
    }
}

#[test]
fn many_repositories_are_looked_at_in_their_order() {
    let fixtures: Vec<_> = (0..20).map(|_| Fixture::new()).collect();
    let stores: Vec<&dyn Store> = fixtures.iter().map(|fixture| &*fixture.store).collect();
    let seen = look_at_all(&stores, 0);
    assert_eq!(seen.len(), 20);
    assert!(seen.into_iter().all(|seen| seen.unwrap().unwrap().standing == Standing::Unknown));
    assert!(look_at_all(&[&MemoryStore::new()], 0)[0].is_none());
}

#[test]
fn a_scrub_finds_every_changed_byte_and_what_is_missing() {
    let store = MemoryStore::new();
    let fixture = Fixture::in_store(std::sync::Arc::new(store.clone()));
    let source = fixture.folder("source");
    std::fs::write(source.join("file"), noise(1, 100_000)).unwrap();
    backup(&fixture.open(), &source);
    fixture.open().update_card("test", &|card| card.interval = DAY).unwrap();
    let clean = scrub(&store, &NullMonitor).unwrap();
    assert_eq!((clean.damaged.len(), clean.strange.len()), (0, 0), "{clean:?}");
    assert_eq!(clean.objects, store.names().len() as u64);
    for name in store.names() {
        let bytes = store.bytes(&name).unwrap();
        let mut spoiled = bytes.clone();
        spoiled[bytes.len() / 2] ^= 1;
        store.put_raw(&name, spoiled);
        let damaged = scrub(&store, &NullMonitor).unwrap().damaged;
        assert_eq!(damaged.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>(), [name.to_string()]);
        store.put_raw(&name, bytes[..bytes.len() - 1].to_vec());
        assert_eq!(scrub(&store, &NullMonitor).unwrap().damaged.len(), 1, "{name}");
        store.put_raw(&name, bytes);
    }
    for name in [ObjectName::Keyring(1), ObjectName::Copy(Original::Keyring(1)), ObjectName::Condemned] {
        store.remove_raw(&name);
    }
    let missing: Vec<_> = scrub(&store, &NullMonitor).unwrap().damaged.into_iter().map(|(name, _)| name).collect();
    assert_eq!(missing, ["condemned", "keyring/1"]);
    // No number of a keyring makes it look for all that should be before.
    store.put_raw(&ObjectName::Keyring(u64::MAX), vec![0; 100]);
    assert_eq!(scrub(&store, &NullMonitor).unwrap().damaged.len(), 3);
}
