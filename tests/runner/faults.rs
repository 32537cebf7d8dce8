//! Every operation of the store fails once, or from then on: nothing that was there is harmed, and the next run finishes.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use engine::ErrorKind;
use engine::monitor::NullMonitor;
use engine::store::faulty::{Fault, FaultyStore, Op, When};
use engine::store::{Folder, MemoryStore, StoreErrorKind};
use repo_format::config::Access;
use repo_format::id::LeaseId;

use crate::support::{Fixture, Tree, backup, backup_options, backup_paths, look, noise, verify_all};

const OPS: [Op; 8] =
    [Op::PutNew, Op::Get, Op::GetRange, Op::List, Op::EnsureDurable, Op::Delete, Op::Stat, Op::ReplaceIf];

struct Scene {
    fixture: Fixture,
    store: MemoryStore,
    root: PathBuf,
    earlier: (LeaseId, Tree),
    now: Tree,
}

impl Scene {
    /// A snapshot, and a folder that has changed since.
    fn new() -> Self {
        let store = MemoryStore::new();
        let fixture = Fixture::with_small_packs(&store);
        let root = fixture.folder("root");
        fs::write(root.join("stays"), noise(1, 100_000)).unwrap();
        fs::write(root.join("changes"), noise(2, 100_000)).unwrap();
        let tree = look(&root);
        let snapshot = backup(&fixture.open(), &root).0;
        fs::write(root.join("changes"), noise(3, 2_200_000)).unwrap();
        let now = look(&root);
        Scene { fixture, store, root, earlier: (snapshot, tree), now }
    }

    /// How often each operation is needed by a run that opens the repository and backs up.
    fn counts(&self) -> Vec<(Op, u64)> {
        let faulty = Arc::new(FaultyStore::new(Arc::new(self.store.deep_clone())));
        backup(&self.fixture.through(faulty.clone()).open_anew(), &self.root);
        let log = faulty.log();
        let count = |op| log.iter().filter(|call| call.op == op).count() as u64;
        OPS.into_iter().map(|op| (op, count(op))).collect()
    }

    /// Backs up while `fault` is there, and looks at what is left.
    fn run(&self, fault: &Fault, expected: &[ErrorKind]) {
        let store = self.store.deep_clone();
        let faulty = Arc::new(FaultyStore::new(Arc::new(store.clone())));
        let fixture = self.fixture.through(faulty.clone());
        let cache = fixture.copy_cache();
        faulty.fail(fault.clone());
        let result = fixture
            .try_open(&cache, &fixture.credential(), Access::Write)
            .and_then(|repository| backup_paths(&repository, &[&self.root], &backup_options(), &NullMonitor));
        faulty.heal();
        let snapshots = store.names().into_iter().filter(|name| name.folder() == Folder::Snapshots).count();
        match &result {
            Ok(outcome) => {
                assert_eq!(outcome.problem_count, 0, "{fault:?}");
                let repository = fixture.try_open(&cache, &fixture.credential(), Access::Write).unwrap();
                fixture.assert_restores(&repository, outcome.snapshot.unwrap(), &self.now);
            }
            Err(error) => {
                let why = engine::error::chain(error);
                assert!(expected.contains(&error.kind()), "{fault:?}: {:?}: {why}", error.kind());
                // Whether the keys were changed in the moment of the commit could not be seen: only that is said, and what is there.
                let said = usize::from(why.contains("has been stored, but"));
                assert_eq!(snapshots, 1 + said, "{fault:?}: there is a snapshot, and yet it failed: {why}");
            }
        }
        // The machine that failed, with its cache.
        let repository = fixture.try_open(&cache, &fixture.credential(), Access::Write).unwrap();
        verify_all(&repository);
        fixture.assert_restores(&repository, self.earlier.0, &self.earlier.1);
        let (snapshot, _) = backup(&repository, &self.root);
        fixture.assert_restores(&repository, snapshot, &self.now);
        // And another one.
        let repository = fixture.open_anew();
        fixture.assert_restores(&repository, snapshot, &self.now);
        verify_all(&repository);
    }

    fn every_operation_fails(&self, when: When, lasting: bool, kind: StoreErrorKind, expected: ErrorKind) {
        for (op, count) in self.counts() {
            for at in 1..=count {
                let fault = Fault { ops: vec![op], at, lasting, kind, when };
                self.run(&fault, &[expected]);
            }
        }
    }
}

#[test]
fn any_operation_may_fail_once_with_an_io_error() {
    Scene::new().every_operation_fails(When::Before, false, StoreErrorKind::Io, ErrorKind::Io);
}

#[test]
fn any_answer_may_be_lost() {
    Scene::new().every_operation_fails(When::After, false, StoreErrorKind::Io, ErrorKind::Io);
}

#[test]
fn the_storage_may_give_no_answer_to_any_operation() {
    Scene::new().every_operation_fails(When::Before, false, StoreErrorKind::Unavailable, ErrorKind::Unavailable);
}

#[test]
fn any_operation_may_be_the_first_that_is_forbidden() {
    let denied = StoreErrorKind::PermissionDenied;
    Scene::new().every_operation_fails(When::Before, true, denied, ErrorKind::PermissionDenied);
}

#[test]
fn the_disk_may_be_full_from_any_write_on() {
    let scene = Scene::new();
    let writes = vec![Op::PutNew, Op::ReplaceIf];
    let count: u64 = scene.counts().iter().filter(|(op, _)| writes.contains(op)).map(|(_, count)| count).sum();
    assert!(count >= 5, "{count}");
    for at in 1..=count {
        for when in [When::Before, When::After] {
            let fault = Fault { ops: writes.clone(), at, lasting: true, kind: StoreErrorKind::NoSpace, when };
            scene.run(&fault, &[ErrorKind::NoSpace]);
        }
    }
}

#[test]
fn a_commit_whose_answer_is_lost_is_a_success() {
    let scene = Scene::new();
    let (_, puts) = scene.counts()[0];
    let faulty = Arc::new(FaultyStore::new(Arc::new(scene.store.deep_clone())));
    let fixture = scene.fixture.through(faulty.clone());
    let repository = fixture.open_anew();
    // The manifest is the last object that a run puts.
    faulty.fail(Fault { ops: vec![Op::PutNew], at: puts, lasting: false, kind: StoreErrorKind::Io, when: When::After });
    let (snapshot, _) = backup(&repository, &scene.root);
    let lost = faulty.log().into_iter().find(|call| call.error.is_some()).unwrap();
    assert_eq!(lost.folder, Folder::Snapshots);
    fixture.assert_restores(&repository, snapshot, &scene.now);
}

#[test]
fn a_lease_that_cannot_be_deleted_does_not_make_a_backup_fail() {
    let scene = Scene::new();
    let faulty = Arc::new(FaultyStore::new(Arc::new(scene.store.deep_clone())));
    let fixture = scene.fixture.through(faulty.clone());
    let repository = fixture.open_anew();
    let kind = StoreErrorKind::PermissionDenied;
    faulty.fail(Fault { ops: vec![Op::Delete], at: 1, lasting: true, kind, when: When::Before });
    let (snapshot, _) = backup(&repository, &scene.root);
    faulty.heal();
    fixture.assert_restores(&repository, snapshot, &scene.now);
    let report = verify_all(&repository);
    assert!(report.notes.iter().any(|note| note.starts_with("leases/")), "{:?}", report.notes);
}

#[test]
fn restore_and_verify_name_what_the_store_cannot_read() {
    let scene = Scene::new();
    let faulty = Arc::new(FaultyStore::new(Arc::new(scene.store.deep_clone())));
    let fixture = scene.fixture.through(faulty.clone());
    let repository = fixture.open_anew();
    let snapshot = crate::support::by_id(&repository, scene.earlier.0);
    let kind = StoreErrorKind::Unreadable;
    faulty.fail(Fault { ops: vec![Op::GetRange], at: 1, lasting: true, kind, when: When::Before });
    let target = fixture.free_path("restored");
    let options = engine::files::restore::RestoreOptions::default();
    let outcome = engine::files::restore::restore(&repository, &snapshot, &target, &options, &|_, _| {}, &NullMonitor);
    assert_eq!(outcome.unwrap().problem_count, 1, "nothing of the top folder can be read");
    let report = engine::upkeep::verify::verify(&repository, &Default::default(), &NullMonitor).unwrap();
    assert!(!report.findings.is_empty());
    faulty.heal();
    verify_all(&repository);
    fixture.assert_restores(&repository, scene.earlier.0, &scene.earlier.1);
}

#[test]
fn storage_that_goes_away_ends_reading_and_nothing_is_called_lost() {
    let scene = Scene::new();
    let faulty = Arc::new(FaultyStore::new(Arc::new(scene.store.deep_clone())));
    let fixture = scene.fixture.through(faulty.clone());
    let repository = fixture.open_anew();
    let snapshot = crate::support::by_id(&repository, scene.earlier.0);
    for (store, kind) in [
        (StoreErrorKind::Io, ErrorKind::Io),
        (StoreErrorKind::Unavailable, ErrorKind::Unavailable),
        (StoreErrorKind::PermissionDenied, ErrorKind::PermissionDenied),
        (StoreErrorKind::NotAFolder, ErrorKind::Refused),
    ] {
        for ops in [vec![Op::GetRange], vec![]] {
            faulty.fail(Fault { ops, at: 2, lasting: true, kind: store, when: When::Before });
            let report = engine::upkeep::verify::verify(&repository, &Default::default(), &NullMonitor);
            assert_eq!(report.err().unwrap().kind(), kind);
            let report = engine::upkeep::repair::repair(&repository, &Default::default(), &NullMonitor);
            assert_eq!(report.err().unwrap().kind(), kind);
            let options = engine::files::restore::RestoreOptions::default();
            let target = fixture.free_path("restored");
            let outcome =
                engine::files::restore::restore(&repository, &snapshot, &target, &options, &|_, _| {}, &NullMonitor);
            assert_eq!(outcome.err().unwrap().kind(), kind);
            faulty.heal();
        }
    }
    verify_all(&repository);
}
