//! Evidence: it survives machines, nobody takes it away unnoticed, and there is never too much of it.

use std::collections::HashSet;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use engine::ErrorKind;
use engine::copy::What;
use engine::evidence::{self, ReadTimes};
use engine::monitor::NullMonitor;
use engine::repository::{Author, Repository};
use engine::store::faulty::{Fault, FaultyStore, Op, When};
use engine::store::{AppendOnlyStore, LocalStore, MemoryStore, ObjectName, StoreErrorKind};
use engine::upkeep::verify::{
    Depth, FindingKind, Part, Recorded, VerifyOptions, VerifyReport, VerifyRun, record, verify,
};
use repo_format::entry::Time;
use repo_format::evidence::{Evidence, EvidenceKind, EvidenceResult};
use repo_format::id::LeaseId;
use repo_format::manifest::ManifestKind;

use crate::copy::Scene;
use crate::prune::scene::{options as prune_options, prune};
use crate::support::{Fixture, backup, noise, verify_all};

const DAY: i64 = 24 * 3600;

fn author() -> Author {
    Author { host: "host".to_owned(), user: "user".to_owned(), program: "test".to_owned() }
}

/// A repository with packs of 1 MiB.
fn scene() -> (Fixture, MemoryStore, PathBuf) {
    let store = MemoryStore::new();
    let fixture = Fixture::with_small_packs(&store);
    let root = fixture.folder("root");
    for number in 0..8 {
        fs::write(root.join(format!("file {number}")), noise(number, 1_000_000)).unwrap();
    }
    backup(&fixture.open(), &root);
    (fixture, store, root)
}

fn put(repository: &Repository, kind: EvidenceKind, result: EvidenceResult) -> LeaseId {
    let time = engine::machine::now();
    evidence::put(repository, &author(), time, Evidence::new(kind, result)).unwrap().manifest.id
}

/// Verifies, and leaves evidence of it.
fn check(repository: &Repository, depth: Depth) -> (VerifyReport, Recorded) {
    let run = VerifyRun { started: engine::machine::now(), ..VerifyRun::default() };
    let report = verify(repository, &VerifyOptions { depth }, &NullMonitor).unwrap();
    let recorded = record(repository, &report, run, &author(), &NullMonitor).unwrap();
    (report, recorded)
}

fn ids(repository: &Repository) -> HashSet<LeaseId> {
    evidence::list(repository).unwrap().pieces.iter().map(|piece| piece.id).collect()
}

#[test]
fn machines_that_take_turns_read_everything_once() {
    let (fixture, ..) = scene();
    let total: u64 = fixture.open().list_packs().unwrap().values().sum();
    let mut read = 0;
    for _ in 0..4 {
        // Each is a machine that has never seen the repository.
        let repository = fixture.open_anew();
        let (report, _) = check(&repository, Depth::ReadPart(Part::Percent(25)));
        assert!(report.findings.is_empty(), "{:?}", report.findings);
        read += report.read_bytes;
    }
    assert!(read < total * 3 / 2, "{read} of {total}");
    let repository = fixture.open_anew();
    let unread = evidence::unread(&repository, &evidence::list(&repository).unwrap()).unwrap();
    assert_eq!((unread.never_packs, unread.bytes), (0, total));
    assert!(unread.oldest.is_some());
    assert_eq!(engine::snapshots::stats::stats(&repository).unwrap().never_verified_bytes, 0);
}

#[test]
fn what_an_interrupted_check_has_read_is_in_the_evidence_of_the_next() {
    let (fixture, ..) = scene();
    let repository = fixture.open();
    verify(&repository, &VerifyOptions { depth: Depth::ReadPart(Part::Percent(50)) }, &NullMonitor).unwrap();
    check(&repository, Depth::Structure);
    let elsewhere = fixture.open_anew();
    let times = ReadTimes::of(&evidence::list(&elsewhere).unwrap().pieces);
    let packs = elsewhere.list_packs().unwrap();
    let read = packs.keys().filter(|pack| times.last_read(pack).is_some()).count();
    assert!(read >= packs.len() / 2, "{read} of {}", packs.len());
}

#[test]
fn a_pack_that_was_found_damaged_is_unread_on_every_machine() {
    let (fixture, store, _) = scene();
    let repository = fixture.open();
    check(&repository, Depth::ReadData);
    let pack = *repository.list_packs().unwrap().keys().min().unwrap();
    let whole = store.bytes(&ObjectName::Pack(pack)).unwrap();
    let mut damaged = whole.clone();
    damaged[100] ^= 1;
    store.put_raw(&ObjectName::Pack(pack), damaged);
    // A second later: both readings of one second could not be told apart.
    let later = |seconds: i64| Time { seconds: engine::machine::now().seconds + seconds, nanoseconds: 0 };
    let damaged_at = later(2);
    engine::machine::standing::at(damaged_at, || {
        let (report, recorded) = check(&repository, Depth::ReadData);
        assert!(!report.findings.is_empty() && matches!(recorded, Recorded::Put(_)));
        let elsewhere = fixture.open_anew();
        let pieces = evidence::list(&elsewhere).unwrap();
        let newest = pieces.of_kind(EvidenceKind::Verify).next().unwrap();
        assert_eq!(newest.evidence.result, EvidenceResult::Failed);
        assert!(newest.evidence.notes.iter().any(|note| note.text.contains(&pack.to_string())));
        let times = ReadTimes::of(&pieces.pieces);
        assert!(times.is_damaged(&pack));
        let (report, _) = check(&elsewhere, Depth::ReadPart(Part::Bytes(1)));
        assert!(!report.findings.is_empty(), "it comes first");
    });
    store.put_raw(&ObjectName::Pack(pack), whole);
}

#[test]
fn evidence_that_is_removed_is_missed_also_by_machines_that_never_saw_it() {
    let (fixture, store, root) = scene();
    let repository = fixture.open();
    let first = put(&repository, EvidenceKind::Drill, EvidenceResult::Failed);
    // So many snapshots between that none names it any more.
    let mut snapshots: Vec<LeaseId> = (0..20).map(|_| backup(&repository, &root).0).collect();
    put(&repository, EvidenceKind::Drill, EvidenceResult::Passed);
    snapshots.extend((0..20).map(|_| backup(&repository, &root).0));
    fixture.forget(&snapshots[..38]);
    assert!(verify(&fixture.open_anew(), &VerifyOptions::default(), &NullMonitor).unwrap().findings.is_empty());
    assert!(store.remove_raw(&ObjectName::Snapshot(first)));
    let mut anew = verify(&fixture.open_anew(), &VerifyOptions::default(), &NullMonitor).unwrap().findings;
    anew.retain(|finding| finding.kind == FindingKind::MissingSnapshot);
    assert_eq!(anew.len(), 1);
    assert_eq!(anew[0].object, ObjectName::Snapshot(first).to_string());
    let known = verify(&fixture.open(), &VerifyOptions::default(), &NullMonitor).unwrap().findings;
    assert!(known.iter().any(|finding| finding.message.contains("evidence")), "{known:?}");
}

#[test]
fn evidence_that_is_changed_or_exchanged_is_damage() {
    let (fixture, store, _) = scene();
    let repository = fixture.open();
    let [a, b] =
        [EvidenceResult::Failed, EvidenceResult::Passed].map(|result| put(&repository, EvidenceKind::Drill, result));
    let [name_a, name_b] = [a, b].map(ObjectName::Snapshot);
    let [whole_a, whole_b] = [&name_a, &name_b].map(|name| store.bytes(name).unwrap());
    let finds = |names: &[&ObjectName]| {
        let report = verify(&fixture.open_anew(), &VerifyOptions::default(), &NullMonitor).unwrap();
        let found: Vec<_> = report.findings.iter().map(|finding| finding.object.clone()).collect();
        names.iter().all(|name| found.contains(&name.to_string()))
    };
    let mut changed = whole_a.clone();
    changed[120] ^= 1;
    store.put_raw(&name_a, changed);
    assert!(finds(&[&name_a]));
    store.put_raw(&name_a, whole_b.clone());
    store.put_raw(&name_b, whole_a.clone());
    assert!(finds(&[&name_a, &name_b]), "each opens under its own name only");
    store.put_raw(&name_a, whole_a);
    store.put_raw(&name_b, whole_b);
    verify_all(&fixture.open_anew());
}

#[test]
fn neither_retention_nor_a_prune_touches_evidence() {
    let (fixture, _, root) = scene();
    let repository = fixture.open();
    put(&repository, EvidenceKind::Drill, EvidenceResult::Passed);
    check(&repository, Depth::ReadData);
    let before = ids(&repository);
    let (last, _) = backup(&repository, &root);
    let snapshots = engine::snapshots::list(&repository).unwrap().snapshots;
    fixture.forget(&snapshots.iter().map(|snapshot| snapshot.id).filter(|id| *id != last).collect::<Vec<_>>());
    let going: Vec<_> = before.iter().copied().collect();
    let refused = engine::upkeep::forget::plan_named(&repository, &going, &NullMonitor).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::NotFound);
    for _ in 0..2 {
        prune(&fixture.open(), &prune_options()).unwrap();
    }
    assert_eq!(ids(&fixture.open_anew()), before);
    verify_all(&fixture.open_anew());
}

#[test]
fn a_check_each_day_for_months_leaves_few_pieces_and_loses_no_reading() {
    let (fixture, ..) = scene();
    let repository = fixture.open();
    let packs: Vec<_> = repository.list_packs().unwrap().into_keys().collect();
    let from = engine::machine::now().seconds;
    let drill = put(&repository, EvidenceKind::Drill, EvidenceResult::Passed);
    let mut report = VerifyReport::default();
    report.packs = packs.len() as u64;
    let mut days_read = vec![0; packs.len()];
    for day in 1..=130i64 {
        let now = Time { seconds: from + day * DAY, nanoseconds: 0 };
        engine::machine::standing::at(now, || {
            let number = usize::try_from(day).unwrap() % packs.len();
            repository.catalog().remember_verified(packs[number], now.seconds).unwrap();
            days_read[number] = now.seconds;
            let run = VerifyRun { started: now, milliseconds: 10, ..VerifyRun::default() };
            assert!(matches!(record(&repository, &report, run, &author(), &NullMonitor).unwrap(), Recorded::Put(_)));
        });
    }
    let now = Time { seconds: from + 131 * DAY, nanoseconds: 0 };
    engine::machine::standing::at(now, || {
        let elsewhere = fixture.open_anew();
        let pieces = evidence::list(&elsewhere).unwrap();
        assert!(pieces.unreadable.is_empty() && pieces.pieces.len() <= 40 + 5 + 1, "{}", pieces.pieces.len());
        let times = ReadTimes::of(&pieces.pieces);
        for (pack, seconds) in packs.iter().zip(&days_read) {
            assert_eq!(times.last_read(pack), Some(*seconds));
        }
        let checks = pieces.of_kind(EvidenceKind::Verify);
        let runs: u64 = checks.map(|piece| piece.evidence.runs.map_or(1, |runs| runs.count)).sum();
        assert_eq!(runs, 130, "none is lost");
        assert!(pieces.pieces.iter().any(|piece| piece.id == drill));
        verify_all(&elsewhere);
    });
}

#[test]
fn checks_that_find_and_read_nothing_leave_evidence_once_a_day() {
    let (fixture, ..) = scene();
    let repository = fixture.open();
    let from = engine::machine::now().seconds;
    let mut put = 0;
    for hour in 0..72 {
        let now = Time { seconds: from + hour * 3600, nanoseconds: 0 };
        engine::machine::standing::at(now, || {
            put += usize::from(matches!(check(&repository, Depth::Structure).1, Recorded::Put(_)));
        });
    }
    assert_eq!(put, 4, "each 20 hours");
}

#[test]
fn where_nobody_may_write_or_delete_the_check_is_made_all_the_same() {
    let (fixture, store, _) = scene();
    let faulty = Arc::new(FaultyStore::new(Arc::new(store.clone())));
    let read_only = fixture.through(faulty.clone());
    let repository = read_only.open();
    let kind = StoreErrorKind::PermissionDenied;
    faulty.fail(Fault { ops: vec![Op::PutNew], at: 1, lasting: true, kind, when: When::Before });
    let report = verify(&repository, &VerifyOptions { depth: Depth::ReadData }, &NullMonitor).unwrap();
    let error = record(&repository, &report, VerifyRun::default(), &author(), &NullMonitor).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PermissionDenied);
    // This machine remembers what it read, and says so as soon as it may.
    let (_, recorded) = check(&fixture.open(), Depth::Structure);
    let Recorded::Put(object) = recorded else { panic!("nothing was put") };
    let packs: usize = object.manifest.evidence.unwrap().readings().iter().map(|reading| reading.packs.count()).sum();
    assert_eq!(packs, repository.list_packs().unwrap().len());

    let append_only = fixture.through(Arc::new(AppendOnlyStore::new(Arc::new(store))));
    let repository = append_only.open();
    let from = engine::machine::now().seconds;
    for day in 1..=60 {
        let now = Time { seconds: from + day * DAY, nanoseconds: 0 };
        engine::machine::standing::at(now, || check(&repository, Depth::Structure));
    }
    let manifests = repository.manifests().unwrap().present;
    let records = manifests.iter().filter(|known| known.kind == ManifestKind::Record).count();
    assert!(records <= 25, "{records}");
}

#[test]
fn a_copy_has_the_drills_of_the_source_and_not_the_checks_of_its_storage() {
    let scene = Scene::new();
    scene.save(1);
    let source = scene.source.open();
    let drill = put(&source, EvidenceKind::Drill, EvidenceResult::PassedWithNotes);
    check(&source, Depth::ReadData);
    scene.copy_whole(&What::All);
    assert!(scene.copy_whole(&What::All).is_empty(), "nothing twice");
    let target = scene.target.open_anew();
    let pieces = evidence::list(&target).unwrap();
    let [piece] = &pieces.pieces[..] else { panic!("{pieces:?}") };
    assert_eq!(piece.origin.as_ref().map(|origin| origin.id), Some(drill));
    assert_eq!(piece.evidence.result, EvidenceResult::PassedWithNotes);
    assert_eq!(piece.host, "host", "as its author put it");
    assert!(pieces.newest_drill().is_none(), "it says nothing about this repository");
    verify_all(&target);
}

#[test]
fn a_copy_of_the_files_that_is_behind_gets_no_evidence() {
    let base = tempfile::tempdir().unwrap();
    let (place, replica) = (base.path().join("repository"), base.path().join("replica"));
    let fixture = Fixture::in_store(Arc::new(LocalStore::create(&place).unwrap()));
    let root = fixture.folder("root");
    fs::write(root.join("file"), "file").unwrap();
    let repository = fixture.open();
    backup(&repository, &root);
    let copied = std::process::Command::new("cp").arg("-a").arg(&place).arg(&replica).status().unwrap();
    assert!(copied.success());
    backup(&repository, &root);
    drop(repository);
    // The same machine sees the state of before in another place.
    let repository = fixture.through(Arc::new(LocalStore::open(&replica).unwrap())).open();
    let evidence = Evidence::new(EvidenceKind::Drill, EvidenceResult::Passed);
    let error = evidence::put(&repository, &author(), engine::machine::now(), evidence).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Refused);
    put(&fixture.open(), EvidenceKind::Drill, EvidenceResult::Passed);
}
