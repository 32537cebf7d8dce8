//! A repository in which nothing is deleted or replaced: backups go on as usual.

use std::fs;
use std::sync::Arc;

use engine::ErrorKind;
use engine::crypto::{Credential, KeyFile};
use engine::monitor::NullMonitor;
use engine::repository::members::{Change, MemberState, add_member, change_member, members, remove_member};
use engine::store::{AppendOnlyStore, Folder, MemoryStore, ObjectName};
use engine::upkeep::repair::{RepairOptions, repair};
use repo_format::config::Access;

use crate::support::{Fixture, backup, look, noise, verify_all};

fn scene() -> (Fixture, MemoryStore) {
    let store = MemoryStore::new();
    let fixture = Fixture::in_store(Arc::new(store.clone()));
    (fixture.through(Arc::new(AppendOnlyStore::new(Arc::new(store.clone())))), store)
}

fn count(store: &MemoryStore, folder: Folder) -> usize {
    store.names().into_iter().filter(|name| name.folder() == folder).count()
}

#[test]
fn so_many_backups_that_segments_would_be_merged_leave_all_of_them() {
    let (fixture, store) = scene();
    let root = fixture.folder("root");
    let repository = fixture.open();
    let mut last = None;
    for number in 0..70 {
        fs::write(root.join("file"), noise(number, 1000)).unwrap();
        last = Some(backup(&repository, &root).0);
    }
    assert_eq!(count(&store, Folder::Index), 70 + 1, "merged once, and not again and again");
    assert_eq!(count(&store, Folder::Leases), 0);
    verify_all(&fixture.open_anew());
    fixture.assert_restores(&fixture.open_anew(), last.unwrap(), &look(&root));
}

#[test]
fn a_key_that_is_removed_or_changed_opens_nothing_new_though_its_object_stays() {
    let (fixture, store) = scene();
    let generate = || KeyFile::generate().unwrap().to_text().to_string();
    let credential = |text: &str| Credential::KeyFile(KeyFile::parse(text).unwrap());
    let (other, next) = (generate(), generate());
    let added = add_member(&fixture.open_anew(), &credential(&other), "other").unwrap();
    remove_member(&fixture.open_anew(), added).unwrap();
    change_member(&fixture.open_anew(), &credential(&next), Change::Routine).unwrap();
    assert_eq!(count(&store, Folder::Keys), 3);
    for (key, opens) in [(credential(&other), false), (fixture.credential(), false), (credential(&next), true)] {
        let opened = fixture.try_open("keys", &key, Access::Read);
        assert_eq!(opened.is_ok(), opens);
        if let Ok(repository) = opened {
            assert_eq!(
                members(&repository).unwrap().iter().filter(|member| member.state == MemberState::Active).count(),
                1
            );
            verify_all(&repository);
        }
    }
}

#[test]
fn a_repair_that_must_replace_something_is_refused_and_loses_nothing() {
    let (fixture, store) = scene();
    let root = fixture.folder("root");
    fs::write(root.join("file"), noise(1, 200_000)).unwrap();
    let (snapshot, _) = backup(&fixture.open(), &root);
    let repository = fixture.open_anew();
    assert!(!repair(&repository, &RepairOptions::default(), &NullMonitor).unwrap().has_losses());
    let segment = store.names().into_iter().find(|name| matches!(name, ObjectName::Segment(_))).unwrap();
    store.put_raw(&segment, b"no segment".to_vec());
    let error = repair(&repository, &RepairOptions::default(), &NullMonitor).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PermissionDenied);
    assert!(error.to_string().contains("append-only"), "{error}");
    fixture.assert_restores(&fixture.open_anew(), snapshot, &look(&root));
}
