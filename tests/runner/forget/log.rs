//! The snapshot log: what was forgotten is explained, what was tampered with is found.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use engine::ErrorKind;
use engine::monitor::NullMonitor;
use engine::repository::{Acceptance, Repository};
use engine::store::faulty::{Fault, FaultyStore, Op, When};
use engine::store::{Folder, ObjectName, StoreErrorKind};
use engine::upkeep::verify::{Finding, FindingKind, VerifyOptions, verify};
use repo_format::config::Access;
use repo_format::head::{KeyClass, ObjectKind};
use repo_format::id::{Bytes32, LeaseId};
use repo_format::lease::Void;
use repo_format::manifest::SeenManifest;

use super::{Scene, author, forget_named, listed, read, records};
use crate::support::{Interposed, backup, verify_all};

fn findings(repository: &Repository) -> Vec<Finding> {
    verify(repository, &VerifyOptions::default(), &NullMonitor).unwrap().findings
}

#[test]
fn what_was_forgotten_is_no_damage_to_anybody() {
    let scene = Scene::new(4);
    // A machine that has seen all, and then nothing until they were forgotten.
    let other = scene.fixture.open_anew();
    other.manifests().unwrap();
    let repository = scene.fixture.open();
    let outcome = forget_named(&repository, &scene.ids[..2]).unwrap();
    assert_eq!((outcome.forgotten, outcome.records, outcome.merged), (2, 1, 0));
    for repository in [&repository, &other, &scene.fixture.open_anew()] {
        assert_eq!(listed(repository), scene.ids[2..]);
        assert_eq!(verify_all(repository).snapshots, 2);
        scene.fixture.assert_restores(repository, scene.ids[3], &scene.tree);
    }
}

#[test]
fn a_machine_does_not_remember_what_a_record_names() {
    let scene = Scene::new(3);
    let other = scene.fixture.open_anew();
    other.manifests().unwrap();
    let repository = scene.fixture.open();
    forget_named(&repository, &scene.ids[..1]).unwrap();
    let remembers = |repository: &Repository| {
        repository.memory().manifests().unwrap().iter().any(|manifest| manifest.id == scene.ids[0])
    };
    assert!(!remembers(&repository) && remembers(&other));
    assert_eq!(other.manifests().unwrap().missing, []);
    assert!(!remembers(&other));
    backup(&other, &scene.root);
    verify_all(&other);
}

#[test]
fn a_record_says_who_forgot_what() {
    let scene = Scene::new(3);
    let repository = scene.fixture.open();
    let going = super::reference(&repository, scene.ids[0]);
    forget_named(&repository, &scene.ids[..1]).unwrap();
    let [record] = &records(&repository)[..] else { panic!() };
    assert_eq!((record.forgotten(), record.host.as_str(), &record.ids[..]), (&[going][..], "host", &[][..]));
    let seen: Vec<_> = record.seen.iter().map(|seen| seen.id).collect();
    assert_eq!(seen, [scene.ids[2], scene.ids[1]], "the newest that stay");
}

#[test]
fn what_is_deleted_without_a_record_is_found() {
    let scene = Scene::new(4);
    let repository = scene.fixture.open();
    forget_named(&repository, &scene.ids[..1]).unwrap();
    scene.store.remove_raw(&ObjectName::Snapshot(scene.ids[1]));
    for repository in [repository, scene.fixture.open_anew()] {
        let found = findings(&repository);
        let [finding] = &found[..] else { panic!("{found:?}") };
        assert_eq!(finding.kind, FindingKind::MissingSnapshot);
        assert_eq!(finding.object, format!("snapshots/{}", scene.ids[1]));
    }
}

#[test]
fn a_record_that_disappears_is_found() {
    let scene = Scene::new(3);
    let repository = scene.fixture.open();
    forget_named(&repository, &scene.ids[..1]).unwrap();
    let record = records(&repository)[0].id;
    scene.store.remove_raw(&ObjectName::Snapshot(record));
    let found = findings(&repository);
    assert!(
        found.iter().any(|f| f.object == format!("snapshots/{record}") && f.message.contains("record")),
        "{found:?}"
    );
    // Another machine misses what it explained: the newest snapshot names it.
    let found = findings(&scene.fixture.open_anew());
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0].object, format!("snapshots/{}", scene.ids[0]));
}

#[test]
fn a_record_explains_only_what_it_has_the_digest_of() {
    let scene = Scene::new(3);
    let repository = scene.fixture.open();
    let wrong = SeenManifest { id: scene.ids[0], digest: Bytes32([1; 32]) };
    engine::upkeep::forget::forget(&repository, &[wrong], &author(), &NullMonitor).unwrap();
    assert_eq!(findings(&scene.fixture.open_anew()).len(), 1);
}

#[test]
fn a_repository_that_was_put_back_from_an_older_copy_is_found() {
    let scene = Scene::new(2);
    let before = scene.store.deep_clone();
    let repository = scene.fixture.open();
    backup(&repository, &scene.root);
    forget_named(&repository, &scene.ids[..1]).unwrap();
    drop(repository);
    let older = scene.through(&before);
    let found = findings(&older.open());
    assert!(found.iter().any(|finding| finding.kind == FindingKind::RolledBack), "{found:?}");
    assert!(findings(&older.open_anew()).is_empty(), "who has not seen the newer state cannot know");
}

/// Puts a void record under the name of a snapshot.
fn put_void(scene: &Scene, id: LeaseId) {
    let void = Void { id, time: 1, host: "other".into(), reason: "gone".into() }.encode().unwrap();
    let name = ObjectName::Snapshot(id);
    let keys = scene.fixture.open_anew();
    let object = keys.keys().seal(ObjectKind::Void, KeyClass::Meta, &name.to_string(), &void).unwrap();
    scene.store.put_raw(&name, object);
}

#[test]
fn a_void_in_the_place_of_a_snapshot_is_found() {
    let scene = Scene::new(3);
    put_void(&scene, scene.ids[0]);
    for repository in [scene.fixture.open(), scene.fixture.open_anew()] {
        let found = findings(&repository);
        assert_eq!((found.len(), found[0].kind), (1, FindingKind::RolledBack), "{found:?}");
        assert_eq!(listed(&repository), scene.ids[1..], "a void is no snapshot");
        let error = forget_named(&repository, &scene.ids[..1]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound, "and is not forgotten");
    }
}

#[test]
fn a_void_in_the_place_of_a_forgotten_snapshot_is_no_damage() {
    // The snapshot had left its lease, which looks as if its writer had died before the commit.
    let scene = Scene::new(3);
    let other = scene.fixture.open_anew();
    other.manifests().unwrap();
    forget_named(&scene.fixture.open(), &scene.ids[..1]).unwrap();
    put_void(&scene, scene.ids[0]);
    for repository in [&scene.fixture.open(), &other, &scene.fixture.open_anew()] {
        verify_all(repository);
        backup(repository, &scene.root);
        verify_all(repository);
    }
}

#[test]
fn a_record_that_nobody_reads_names_what_it_must() {
    // A manifest that is gone already may be forgotten, too; a record names 1,024 at most.
    let scene = Scene::new(2);
    let repository = scene.fixture.open();
    let name = |n: u16| SeenManifest {
        id: LeaseId(std::array::from_fn(|at| n.to_le_bytes()[at % 2])),
        digest: Bytes32([0; 32]),
    };
    let going: Vec<_> = (0..2500).map(name).collect();
    let outcome = engine::upkeep::forget::forget(&repository, &going, &author(), &NullMonitor).unwrap();
    assert_eq!((outcome.records, outcome.forgotten), (3, 2500));
    let named: usize = records(&repository).iter().map(|record| record.forgotten().len()).sum();
    assert_eq!(named, 2500);
    let again = engine::upkeep::forget::forget(&repository, &going, &author(), &NullMonitor).unwrap();
    assert_eq!(again.records, 0, "they are named already");
    verify_all(&repository);
}

#[test]
fn many_records_become_few_and_still_explain_all() {
    let scene = Scene::new(40);
    let machines = [scene.fixture.open_anew(), scene.fixture.open_anew()];
    machines[0].manifests().unwrap();
    let repository = scene.fixture.open();
    let mut merged = 0;
    for (at, id) in scene.ids[..39].iter().enumerate() {
        merged += forget_named(&repository, &[*id]).unwrap().merged;
        assert!(records(&repository).len() <= 33);
        if at == 20 {
            // A machine that remembers records which are merged later.
            machines[1].manifests().unwrap();
        }
    }
    assert_eq!(merged, 33);
    assert_eq!(records(&repository).len(), 39 - 33 + 1);
    for repository in machines.iter().chain([&repository, &scene.fixture.open_anew()]) {
        verify_all(repository);
        repository.manifests().unwrap();
        let remembered = repository.memory().manifests().unwrap();
        assert_eq!(remembered.len(), 1 + 7, "the snapshot and the records that are there");
    }
}

#[test]
fn a_store_that_forbids_deleting_keeps_all() {
    let scene = Scene::new(4);
    let faulty = Arc::new(FaultyStore::new(Arc::new(scene.store.clone())));
    let fixture = scene.fixture.through(faulty.clone());
    let repository = fixture.open();
    let kind = StoreErrorKind::PermissionDenied;
    faulty.fail(Fault { ops: vec![Op::Delete], at: 1, lasting: true, kind, when: When::Before });
    let error = forget_named(&repository, &scene.ids[..2]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PermissionDenied);
    assert!(error.to_string().contains("no snapshot was forgotten"), "{error}");
    assert_eq!(listed(&repository), scene.ids);
    verify_all(&repository);
    verify_all(&fixture.open_anew());
    faulty.heal();
    let outcome = forget_named(&repository, &scene.ids[..2]).unwrap();
    assert_eq!((outcome.forgotten, outcome.records), (2, 0), "the record is there");
    verify_all(&fixture.open_anew());
}

#[test]
fn a_store_that_forbids_all_writing_is_said_to() {
    let scene = Scene::new(3);
    let faulty = Arc::new(FaultyStore::new(Arc::new(scene.store.clone())));
    let repository = scene.fixture.through(faulty.clone()).open();
    let (ops, kind) = (vec![Op::Delete, Op::PutNew], StoreErrorKind::PermissionDenied);
    faulty.fail(Fault { ops, at: 1, lasting: true, kind, when: When::Before });
    let error = forget_named(&repository, &scene.ids[..2]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PermissionDenied);
    assert!(error.to_string().contains("no snapshot was forgotten"), "{error}");
}

#[test]
fn what_is_forgotten_while_verify_reads_is_no_damage() {
    let scene = Scene::new(5);
    // After the first has been read, the others, which were listed, are forgotten.
    let (fixture, ids) = (scene.through(&scene.store), scene.ids.clone());
    let action = move || assert_eq!(forget_named(&fixture.open_anew(), &ids[..4]).unwrap().forgotten, 4);
    let interposed = Arc::new(Interposed::new(scene.store.clone()));
    let repository = scene.fixture.through(interposed.clone()).open();
    let done = interposed.after_reads_of(|name| name.folder() == Folder::Snapshots, 1, action);
    verify_all(&repository);
    assert_eq!(done.load(Ordering::SeqCst), 1);
    assert_eq!(listed(&repository), scene.ids[4..]);
}

#[test]
fn an_unreadable_record_explains_nothing() {
    let scene = Scene::new(3);
    let repository = scene.fixture.open();
    forget_named(&repository, &scene.ids[..1]).unwrap();
    let name = ObjectName::Snapshot(records(&repository)[0].id);
    let mut bytes = scene.store.bytes(&name).unwrap();
    bytes[200] ^= 1;
    scene.store.put_raw(&name, bytes);
    let repository = scene.fixture.try_open("other", &scene.fixture.credential(), Access::Write).unwrap();
    let kinds: Vec<_> = findings(&repository).iter().map(|finding| finding.kind).collect();
    assert_eq!(kinds.len(), 2, "{kinds:?}");
    assert!(kinds.contains(&FindingKind::DamagedObject) && kinds.contains(&FindingKind::MissingSnapshot));
    assert_eq!(forget_named(&repository, &scene.ids[1..2]).unwrap_err().kind(), ErrorKind::Disappeared);
    repository.accept(&Acceptance::All, "the disk is old", &author(), &NullMonitor).unwrap();
    assert_eq!(forget_named(&repository, &scene.ids[1..2]).unwrap().forgotten, 1);
    assert_eq!(read(&repository, scene.ids[2]).id, scene.ids[2]);
}
