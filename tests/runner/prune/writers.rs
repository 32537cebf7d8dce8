//! Prune beside writers: those that run, those that died, those that were shut out.

use std::collections::HashSet;
use std::fs;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use engine::ErrorKind;
use engine::machine::{self, Process};
use engine::monitor::{NullMonitor, Work};
use engine::pack::ChunkReader;
use engine::session::{Announcement, Death, Torn, writers};
use engine::session::{WriterOptions, WriterSession};
use engine::store::{Folder, ObjectName, Store};
use engine::upkeep::prune::{PruneOptions, plan};
use engine::upkeep::repair::{RepairOptions, repair};
use repo_format::condemned::{CondemnedList, Phase};
use repo_format::id::{ChunkId, LeaseId};
use repo_format::pack::ChunkKind;

use super::scene::{HOST, Scene, options, prune};
use crate::support::{Hook, Interposed, backup_options, backup_paths, by_id, look, noise, verify_all};

fn session_options() -> WriterOptions {
    WriterOptions { host: HOST.to_owned(), program: "test".to_owned(), ..WriterOptions::default() }
}

#[test]
fn a_writer_that_began_before_is_waited_for_and_the_next_prune_carries_on() {
    let mut scene = Scene::new(3);
    scene.forget(0);
    let repository = scene.fixture.open();
    let session = WriterSession::begin(&repository, &session_options(), &NullMonitor).unwrap();
    let other = scene.fixture.open_anew();
    let before = scene.pack_bytes();
    let (_, report) = prune(&other, &options()).unwrap();
    assert_eq!(report.waiting.iter().map(|writer| writer.id).collect::<Vec<_>>(), [session.id()]);
    assert_eq!(report.deleted_packs, 0);
    let condemned = other.condemned().unwrap().0.packs().count() as u64;
    assert!(condemned > 0, "it is known what is to go");
    drop(session);
    let (forecast, report) = prune(&other, &options()).unwrap();
    assert_eq!(forecast.condemned_packs, condemned);
    assert!(report.deleted_packs >= condemned && report.waiting.is_empty(), "{report:?}");
    assert!(scene.pack_bytes() < before);
    assert_eq!(other.condemned().unwrap().0.lists, []);
    scene.assert_whole(&scene.fixture);
}

/// A backup that, just before it commits, finds the repository as `change` leaves it. Gives how it failed.
fn commit_after(change: impl FnOnce(&Scene) + Send + 'static) -> engine::Error {
    let scene = Scene::new(2);
    let repository = scene.fixture.open();
    let session = WriterSession::begin(&repository, &session_options(), &NullMonitor).unwrap();
    let counted = repository.catalog().packs().unwrap().iter().map(|pack| pack.id).collect::<Vec<_>>();
    assert!(!counted.is_empty());
    session.count_on(counted);
    change(&scene);
    let before = scene.count(Folder::Snapshots);
    let error = session.commit_plain(b"a manifest").unwrap_err();
    assert_eq!(scene.count(Folder::Snapshots), before, "nothing was committed");
    error
}

/// Puts all packs on a list, with the number that comes after those that every writer has seen.
fn condemn_all(scene: &Scene, phase: Phase) {
    let repository = scene.fixture.open_anew();
    let (mut condemned, tag) = repository.condemned().unwrap();
    let mut packs: Vec<_> = repository.list_packs().unwrap().into_keys().collect();
    packs.sort();
    condemned.lists.push(CondemnedList { number: condemned.next, phase, packs });
    condemned.next += 1;
    assert!(repository.replace_condemned(&condemned, tag).unwrap());
}

#[test]
fn a_snapshot_whose_packs_went_before_its_commit_is_not_made() {
    let error = commit_after(|scene| delete_folder(scene, Folder::Packs));
    assert_eq!(error.kind(), ErrorKind::Fenced, "{}", engine::error::chain(&error));
    assert!(engine::error::chain(&error).contains("is gone"));
    let error = commit_after(|scene| {
        for name in scene.store.names().into_iter().filter(|name| name.folder() == Folder::Packs) {
            let bytes = scene.store.bytes(&name).unwrap();
            scene.store.put_raw(&name, bytes[1..].to_vec());
        }
    });
    assert_eq!(error.kind(), ErrorKind::Damaged, "{}", engine::error::chain(&error));
}

#[test]
fn a_snapshot_whose_packs_are_about_to_go_is_not_made() {
    let error = commit_after(|scene| condemn_all(scene, Phase::Doomed));
    assert_eq!(error.kind(), ErrorKind::Fenced);
    // A list that waits for the writer is no harm, unless nothing is there any more that it could wait for.
    let error = commit_after(|scene| {
        condemn_all(scene, Phase::Condemned);
        delete_folder(scene, Folder::Leases);
    });
    assert!(engine::error::chain(&error).contains("about to be deleted"), "{}", engine::error::chain(&error));
}

#[test]
fn a_writer_that_began_after_the_list_is_not_waited_for() {
    let mut scene = Scene::new(3);
    scene.forget(0);
    let repository = scene.fixture.open();
    let first = WriterSession::begin(&repository, &session_options(), &NullMonitor).unwrap();
    prune(&scene.fixture.open_anew(), &options()).unwrap();
    let second = WriterSession::begin(&repository, &session_options(), &NullMonitor).unwrap();
    drop(first);
    let (_, report) = prune(&scene.fixture.open_anew(), &options()).unwrap();
    assert!(report.deleted_packs > 0, "{report:?}");
    drop(second);
    scene.assert_whole(&scene.fixture);
}

#[test]
fn a_dead_writer_of_this_machine_is_shut_out_and_its_work_is_used_by_the_next() {
    let mut scene = Scene::new(2);
    scene.forget(0);
    let repository = scene.fixture.open();
    let session = WriterSession::begin(&repository, &session_options(), &NullMonitor).unwrap();
    let other = scene.fixture.open_anew();
    let dead = PruneOptions { process: &|_| Process::Gone, ..options() };
    let (_, report) = prune(&other, &dead).unwrap();
    assert_eq!(report.fenced.iter().map(|(id, _)| *id).collect::<Vec<_>>(), [session.id()]);
    assert!(report.waiting.is_empty() && report.deleted_packs > 0, "{report:?}");
    assert_eq!(writers(&other, HOST).unwrap(), []);
    let error = session.commit_plain(b"too late").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Fenced);
    assert!(engine::error::chain(&error).contains("its process is gone"), "{error}");
    scene.back_up();
    scene.assert_whole(&scene.fixture);
}

#[test]
fn a_process_that_took_over_the_number_of_a_dead_writer_does_not_keep_its_lease_alive() {
    let mut scene = Scene::new(2);
    scene.forget(0);
    let repository = scene.fixture.open();
    let session = WriterSession::begin(&repository, &session_options(), &NullMonitor).unwrap();
    let other = scene.fixture.open_anew();
    let Process::There(Some(start)) = machine::process(std::process::id().into()) else { return };
    let same = PruneOptions { process: &|_| Process::There(Some(start)), ..options() };
    let (_, report) = prune(&other, &same).unwrap();
    assert_eq!((report.waiting.len(), report.fenced.len()), (1, 0));
    let replaced = PruneOptions { process: &|_| Process::There(Some(start + 1)), ..options() };
    let (_, report) = prune(&other, &replaced).unwrap();
    assert_eq!(report.fenced, [(session.id(), Death::ProcessReplaced)]);
    assert!(report.waiting.is_empty() && report.deleted_packs > 0, "{report:?}");
    assert_eq!(session.commit_plain(b"too late").unwrap_err().kind(), ErrorKind::Fenced);
}

#[test]
fn a_lease_that_a_power_loss_has_emptied_or_cut_short_is_shut_out_at_once() {
    for (bytes, torn) in [(vec![], Torn::Empty), (b"ENML".to_vec(), Torn::CutShort), (vec![0; 400], Torn::CutShort)] {
        let mut scene = Scene::new(2);
        scene.forget(0);
        let id = LeaseId([7; 16]);
        scene.store.put_raw(&ObjectName::Lease(id), bytes);
        let repository = scene.fixture.open_anew();
        let (_, report) = prune(&repository, &options()).unwrap();
        assert_eq!(report.fenced, [(id, Death::Torn(torn))]);
        assert!(report.waiting.is_empty() && report.deleted_packs > 0, "{report:?}");
        assert_eq!(writers(&repository, HOST).unwrap(), []);
        scene.assert_whole(&scene.fixture);
    }
}

#[test]
fn a_lease_that_holds_other_bytes_is_waited_for_until_a_repair_shuts_it_out() {
    let mut scene = Scene::new(2);
    scene.forget(0);
    let id = LeaseId([7; 16]);
    scene.store.put_raw(&ObjectName::Lease(id), noise(1, 300));
    let repository = scene.fixture.open_anew();
    let (_, report) = prune(&repository, &options()).unwrap();
    assert!(matches!(report.waiting[0].announcement, Announcement::NoLease(_)), "{report:?}");
    let outcome = repair(&repository, &RepairOptions { dry_run: true, ..RepairOptions::default() }, &NullMonitor);
    assert_eq!(outcome.unwrap().shut_out.len(), 1);
    assert_eq!(writers(&repository, HOST).unwrap().len(), 1);
    let outcome = repair(&repository, &RepairOptions::default(), &NullMonitor).unwrap();
    assert_eq!(outcome.shut_out.iter().map(|(id, _)| *id).collect::<Vec<_>>(), [id]);
    let (_, report) = prune(&repository, &options()).unwrap();
    assert!(report.waiting.is_empty() && report.deleted_packs > 0, "{report:?}");
    scene.assert_whole(&scene.fixture);
}

#[test]
fn what_another_prune_has_deleted_meanwhile_is_no_damage() {
    let mut scene = Scene::new(4);
    scene.forget(0);
    let repository = scene.fixture.open();
    let options = options();
    let slow = plan(&repository, &options, &NullMonitor).unwrap();
    assert!(slow.forecast().rewritten_packs > 0 && slow.forecast().unneeded_packs > 0, "{:?}", slow.forecast());
    let (_, fast) = prune(&scene.fixture.open_anew(), &options).unwrap();
    assert!(fast.deleted_packs > 0, "{fast:?}");
    let report = slow.run(&NullMonitor).unwrap();
    assert!(report.damaged.is_empty() && report.waiting.is_empty(), "{report:?}");
    assert_eq!(scene.fixture.open().condemned().unwrap().0.lists, []);
    scene.assert_whole(&scene.fixture);
}

#[test]
fn what_a_snapshot_needed_that_is_forgotten_and_pruned_while_a_prune_plans_is_not_lost() {
    let mut scene = Scene::new(2);
    let repository = scene.fixture.open();
    let fixture = scene.through(scene.fixture.store.clone());
    let snapshots: Vec<_> = scene.snapshots.drain(..).map(|(id, _)| id).collect();
    // One has been walked.
    let hook = Hook::once(
        |work| work == Work { items: 1, bytes: 0 },
        move || {
            fixture.forget(&snapshots);
            let (_, report) = prune(&fixture.open_anew(), &options()).unwrap();
            assert!(report.deleted_packs > 0, "{report:?}");
        },
    );
    let options = options();
    let plan = plan(&repository, &options, &hook).unwrap();
    assert!(hook.is_done());
    assert_eq!(plan.forecast().lost_chunks, 0);
    plan.run(&NullMonitor).unwrap();
    scene.assert_whole(&scene.fixture);
}

#[test]
fn whoever_reads_for_long_finds_what_backups_and_prunes_put_meanwhile_again_and_again() {
    let mut scene = Scene::new(3);
    let repository = scene.fixture.open_anew();
    let reader = ChunkReader::new(&repository);
    for round in 0..3 {
        fs::write(scene.root.join(format!("file {round}")), noise(500 + round, 150_000)).unwrap();
        scene.back_up();
        scene.forget(0);
        let (_, report) = prune(&scene.fixture.open_anew(), &options()).unwrap();
        assert!(report.deleted_packs > 0, "{report:?}");
        for (snapshot, _) in &scene.snapshots {
            for id in by_id(&scene.fixture.open(), *snapshot).manifest.ids {
                reader.read(ChunkKind::Node, &id).unwrap();
            }
        }
    }
    let error = reader.read(ChunkKind::Node, &ChunkId([7; 32])).map(drop).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Damaged, "what is nowhere is not looked for without an end");
}

#[test]
fn a_backup_that_counts_on_condemned_packs_takes_them_off_the_list() {
    // Between the two halves of a prune a backup that began before it commits what needs the packs.
    let mut scene = Scene::new(2);
    let repository = scene.fixture.open();
    let fixture = scene.through(scene.fixture.store.clone());
    let snapshots: Vec<_> = scene.snapshots.iter().map(|(id, _)| *id).collect();
    let forget_and_prune = move || {
        fixture.forget(&snapshots);
        let (_, report) = prune(&fixture.open_anew(), &options()).unwrap();
        assert_eq!((report.waiting.len(), report.deleted_packs), (1, 0));
    };
    let hook = Hook::once(|_| true, forget_and_prune);
    fs::write(scene.root.join("new"), noise(9, 200_000)).unwrap();
    let now = look(&scene.root);
    let outcome = backup_paths(&repository, &[&scene.root], &backup_options(), &hook).unwrap();
    assert!(hook.is_done());
    scene.snapshots = vec![(outcome.snapshot.unwrap(), now)];
    let other = scene.fixture.open_anew();
    assert!(other.condemned().unwrap().0.packs().count() > 0);
    prune(&other, &options()).unwrap();
    assert_eq!(other.condemned().unwrap().0.lists, []);
    scene.assert_whole(&scene.fixture);
}

#[test]
fn what_a_running_backup_has_stored_already_stays() {
    let mut scene = Scene::new(2);
    scene.forget(0);
    let repository = scene.fixture.open();
    let fixture = scene.through(scene.fixture.store.clone());
    let hook = Hook::once(|done| done.bytes > 0, move || drop(prune(&fixture.open_anew(), &options()).unwrap()));
    for file in 0..30 {
        fs::write(scene.root.join(format!("new {file}")), noise(600 + file, 200_000)).unwrap();
    }
    let now = look(&scene.root);
    let outcome = backup_paths(&repository, &[&scene.root], &backup_options(), &hook).unwrap();
    assert!(hook.is_done());
    scene.snapshots.push((outcome.snapshot.unwrap(), now));
    scene.assert_whole(&scene.fixture);
    prune(&scene.fixture.open(), &options()).unwrap();
    scene.assert_whole(&scene.fixture);
}

#[test]
fn what_is_needed_of_packs_that_no_segment_names_is_copied_out_of_them() {
    let scene = Scene::new(2);
    let packs =
        || -> HashSet<_> { scene.store.names().into_iter().filter(|name| name.folder() == Folder::Packs).collect() };
    delete_folder(&scene, Folder::Index);
    let before = packs();
    let (_, report) = prune(&scene.fixture.open_anew(), &options()).unwrap();
    assert_eq!((report.deleted_packs, report.damaged.len()), (before.len() as u64, 0));
    assert!(packs().is_disjoint(&before), "none is put again under its name");
    assert!(scene.count(Folder::Index) > 0);
    scene.assert_whole(&scene.fixture);
}

#[test]
fn unneeded_packs_that_no_segment_names_stay_while_somebody_may_be_about_to_use_them() {
    let mut scene = Scene::new(1);
    let repository = scene.fixture.open();
    let session = WriterSession::begin(&repository, &session_options(), &NullMonitor).unwrap();
    delete_folder(&scene, Folder::Index);
    scene.forget(0);
    let before = scene.count(Folder::Packs);
    prune(&scene.fixture.open_anew(), &options()).unwrap();
    assert_eq!(scene.count(Folder::Packs), before);
    drop(session);
    prune(&scene.fixture.open_anew(), &options()).unwrap();
    assert_eq!(scene.count(Folder::Packs), 0);
}

fn delete_folder(scene: &Scene, folder: Folder) {
    let names = scene.store.names().into_iter().filter(|name| name.folder() == folder);
    names.for_each(|name| scene.store.delete(&name).unwrap());
}

#[test]
fn a_list_of_packs_that_are_needed_after_all_is_emptied() {
    let scene = Scene::new(2);
    let repository = scene.fixture.open_anew();
    let (mut condemned, tag) = repository.condemned().unwrap();
    let packs = repository.list_packs().unwrap().into_keys().collect::<std::collections::BTreeSet<_>>();
    condemned.lists.push(CondemnedList {
        number: condemned.next,
        phase: Phase::Condemned,
        packs: packs.into_iter().collect(),
    });
    condemned.next += 1;
    assert!(repository.replace_condemned(&condemned, tag).unwrap());
    let (forecast, report) = prune(&repository, &options()).unwrap();
    assert_eq!((forecast.lost_chunks, report.deleted_packs), (0, 0));
    scene.assert_whole(&scene.fixture);
}

#[test]
fn a_list_that_is_replaced_while_verify_looks_at_versions_is_no_older_copy() {
    let scene = Scene::new(2);
    let interposed = Arc::new(Interposed::new(scene.store.clone()));
    let repository = scene.fixture.through(interposed.clone()).open();
    let other = scene.through(Arc::new(scene.store.clone()));
    // Another process of this machine: it remembers the number of its list where this one asks.
    let replace = move || {
        let repository = other.open();
        let (mut condemned, tag) = repository.condemned().unwrap();
        condemned.next += 1;
        assert!(repository.replace_condemned(&condemned, tag).unwrap());
        prune(&repository, &options()).unwrap();
    };
    let done = interposed.after_reads_of(|name| *name == ObjectName::Condemned, 9, replace);
    verify_all(&repository);
    assert!(done.load(Ordering::SeqCst) > 0);
}
