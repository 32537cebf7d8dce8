//! Prune where something cannot be read: it waits for a writer that may be alive, and keeps packs that may be needed.

use std::collections::HashSet;
use std::fs;
use std::sync::Arc;

use engine::ErrorKind;
use engine::machine::Process;
use engine::monitor::NullMonitor;
use engine::repository::Repository;
use engine::session::{Announcement, WriterOptions, WriterSession};
use engine::store::{Folder, ObjectName, StoreErrorKind};
use engine::upkeep::prune::PruneOptions;
use repo_format::condemned::{CondemnedList, Phase};
use repo_format::head::KeyClass;
use repo_format::id::PackId;
use scenario_tests::explore::{Answer, Request, pass};

use super::scene::{HOST, Scene, options, prune};
use crate::support::{Hook, backup_options, backup_paths, look, noise};

fn data_packs(repository: &Repository) -> HashSet<PackId> {
    let packs = repository.catalog().packs().unwrap().into_iter();
    packs.filter(|pack| pack.class == KeyClass::Data).map(|pack| pack.id).collect()
}

fn condemn(repository: &Repository, packs: &HashSet<PackId>) {
    let (mut condemned, tag) = repository.condemned().unwrap();
    let mut packs: Vec<_> = packs.iter().copied().collect();
    packs.sort();
    condemned.lists.push(CondemnedList { number: condemned.next, phase: Phase::Condemned, packs });
    condemned.next += 1;
    assert!(repository.replace_condemned(&condemned, tag).unwrap());
}

/// Damages the tables of packs; their chunks stay whole.
fn damage_tables(scene: &Scene, packs: &HashSet<PackId>) {
    for name in packs.iter().map(|pack| ObjectName::Pack(*pack)) {
        let mut bytes = scene.store.bytes(&name).unwrap();
        let at = bytes.len() - 60;
        bytes[at] ^= 1;
        scene.store.put_raw(&name, bytes);
    }
}

fn assert_there(scene: &Scene, packs: &HashSet<PackId>) {
    packs.iter().for_each(|pack| assert!(scene.store.bytes(&ObjectName::Pack(*pack)).is_some(), "{pack}"));
    let repository = scene.fixture.open_anew();
    scene.snapshots.iter().for_each(|(id, tree)| scene.fixture.assert_restores(&repository, *id, tree));
}

#[test]
fn condemned_packs_that_are_needed_stay_even_if_their_tables_are_damaged() {
    let scene = Scene::new(2);
    let packs = data_packs(&scene.fixture.open());
    condemn(&scene.fixture.open(), &packs);
    damage_tables(&scene, &packs);
    let (_, report) = prune(&scene.fixture.open_anew(), &options()).unwrap();
    assert_eq!(report.deleted_packs, 0, "{report:?}");
    assert_there(&scene, &packs);
}

#[test]
fn a_pack_does_not_go_because_another_one_whose_table_is_damaged_should_have_the_same() {
    let mut scene = Scene::new(0);
    // Two backups at once store the same: neither knows of the packs that the other has not put yet.
    let (fixture, root) = (scene.through(scene.fixture.store.clone()), scene.root.clone());
    let other = move || {
        backup_paths(&fixture.open_anew(), &[&root], &backup_options(), &NullMonitor).unwrap();
    };
    let hook = Hook::once(|_| true, other);
    let outcome = backup_paths(&scene.fixture.open_anew(), &[&scene.root], &backup_options(), &hook).unwrap();
    assert!(hook.is_done());
    scene.snapshots.push((outcome.snapshot.unwrap(), look(&scene.root)));
    let repository = scene.fixture.open_anew();
    repository.sync_catalog(&NullMonitor).unwrap();
    let all = data_packs(&repository);
    assert!(all.len() >= 2, "{all:?}");
    for condemned in all.iter().copied() {
        let store = scene.store.deep_clone();
        let fixture = scene.through(Arc::new(store.clone()));
        let scene = Scene { fixture, store, root: scene.root.clone(), snapshots: scene.snapshots.clone() };
        let condemned = HashSet::from([condemned]);
        condemn(&scene.fixture.open_anew(), &condemned);
        damage_tables(&scene, &all.difference(&condemned).copied().collect());
        prune(&scene.fixture.open_anew(), &options()).unwrap();
        assert_there(&scene, &condemned);
    }
}

#[test]
fn a_lease_that_the_storage_does_not_return_is_waited_for() {
    for kind in [StoreErrorKind::Io, StoreErrorKind::PermissionDenied, StoreErrorKind::Unreadable] {
        let mut scene = Scene::new(3);
        scene.forget(0);
        let repository = scene.fixture.open();
        let writer = WriterOptions { host: HOST.to_owned(), ..WriterOptions::default() };
        let session = WriterSession::begin(&repository, &writer, &NullMonitor).unwrap();
        let below = scene.store.clone();
        let fixture = scene.through(Arc::new(pass(move |request| match request {
            Request::Get(ObjectName::Lease(_), _) => Answer::Failed(kind),
            request => request.perform(&below),
        })));
        let gone = PruneOptions { process: &|_| Process::Gone, ..options() };
        let (_, report) = prune(&fixture.open_anew(), &gone).unwrap();
        assert_eq!((report.waiting.len(), report.fenced.len(), report.deleted_packs), (1, 0, 0), "{report:?}");
        assert!(matches!(report.waiting[0].announcement, Announcement::Unreadable(_)), "{report:?}");
        drop(session);
        let (_, report) = prune(&scene.fixture.open_anew(), &options()).unwrap();
        assert!(report.deleted_packs > 0, "{report:?}");
        scene.assert_whole(&scene.fixture);
    }
}

#[test]
fn a_writer_counts_as_shut_out_only_if_the_record_of_it_is_stored() {
    for is_stored in [true, false] {
        let mut scene = Scene::new(2);
        scene.forget(0);
        let repository = scene.fixture.open();
        let writer = WriterOptions { host: HOST.to_owned(), ..WriterOptions::default() };
        let session = WriterSession::begin(&repository, &writer, &NullMonitor).unwrap();
        session.count_on(data_packs(&repository));
        let below = scene.store.clone();
        let fixture = scene.through(Arc::new(pass(move |request| match request {
            Request::PutNew(ObjectName::Snapshot(_), _) => {
                if is_stored {
                    request.perform(&below);
                }
                Answer::Failed(StoreErrorKind::Io)
            }
            request => request.perform(&below),
        })));
        let packs = scene.count(Folder::Packs);
        let gone = PruneOptions { process: &|_| Process::Gone, ..options() };
        match prune(&fixture.open_anew(), &gone) {
            Ok((_, report)) => assert!(is_stored && report.fenced.len() == 1 && report.deleted_packs > 0, "{report:?}"),
            Err(error) => {
                assert_eq!((is_stored, error.kind()), (false, ErrorKind::Io));
                assert_eq!(scene.count(Folder::Packs), packs);
            }
        }
        assert_eq!(scene.count(Folder::Leases), usize::from(!is_stored));
        drop(session);
        fs::write(scene.root.join("new"), noise(9, 200_000)).unwrap();
        scene.back_up();
        scene.assert_whole(&scene.fixture);
    }
}
