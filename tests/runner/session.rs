//! A writer's run as a whole: a thread of it that panics, and answers of the store that get lost at its commit.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::channel;
use std::time::Duration;

use engine::ErrorKind;
use engine::error::chain;
use engine::monitor::{Monitor, NullMonitor, Phase, Work};
use engine::session::{Draft, WriterOptions, WriterSession, writers};
use engine::store::{Folder, MemoryStore, ObjectName, Store, StoreErrorKind};
use repo_format::manifest::ManifestKind;
use scenario_tests::explore::{Answer, Request, pass};

use crate::support::{Fixture, backup_options, backup_paths, look, noise};

/// A hanging run takes longer.
const PATIENCE: Duration = Duration::from_secs(120);

/// A repository in memory, and a folder with files of several packs' size.
fn scene() -> (Fixture, MemoryStore, PathBuf) {
    let store = MemoryStore::new();
    let fixture = Fixture::with_small_packs(&store);
    let root = fixture.folder("source");
    for folder in 0..6 {
        let folder = root.join(format!("folder {folder}"));
        fs::create_dir_all(&folder).unwrap();
        for file in 0..12_u64 {
            fs::write(folder.join(format!("file {file}")), noise(file, 9_000)).unwrap();
        }
    }
    fs::write(root.join("large"), noise(77, 3_000_000)).unwrap();
    (fixture, store, root)
}

/// The result of `work`, which may panic but must end.
fn ends<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> std::thread::Result<T> {
    let (sender, receiver) = channel();
    let thread = std::thread::spawn(move || sender.send(catch_unwind(AssertUnwindSafe(work))));
    // It hangs if this takes too long.
    let result = receiver.recv_timeout(PATIENCE).unwrap();
    thread.join().unwrap().unwrap();
    result
}

fn count(store: &MemoryStore, folder: Folder) -> usize {
    store.names().into_iter().filter(|name| name.folder() == folder).count()
}

/// The store below, whose put of the pack with this number, from 1, panics.
fn panicking_at(store: &MemoryStore, at: u64) -> Arc<dyn Store> {
    let (store, puts) = (store.clone(), AtomicU64::new(0));
    Arc::new(pass(move |request| {
        let is_pack = matches!(request, Request::PutNew(ObjectName::Pack(_), _));
        assert!(!is_pack || puts.fetch_add(1, Ordering::Relaxed) + 1 != at, "the store has a bug");
        request.perform(&store)
    }))
}

#[test]
fn an_uploader_that_panics_ends_the_run() {
    let (fixture, store, root) = scene();
    for at in 1..3 {
        let (through, root) = (fixture.through(panicking_at(&store, at)), root.clone());
        let result = ends(move || backup_paths(&through.open_anew(), &[&root], &backup_options(), &NullMonitor));
        assert!(result.is_err(), "the panic comes through");
        assert_eq!((count(&store, Folder::Leases), count(&store, Folder::Snapshots)), (0, 0));
    }
    let repository = fixture.open_anew();
    let outcome = backup_paths(&repository, &[&root], &backup_options(), &NullMonitor).unwrap();
    fixture.assert_restores(&repository, outcome.snapshot.unwrap(), &look(&root));
}

/// A monitor that panics when it is called for the time with this number, from any thread.
struct Bomb {
    left: AtomicU64,
    is_off: AtomicBool,
}

impl Bomb {
    fn tick(&self) {
        let is_last = self.left.fetch_sub(1, Ordering::Relaxed) == 1;
        if is_last {
            self.is_off.store(true, Ordering::Relaxed);
            panic!("the monitor has a bug");
        }
    }
}

impl Monitor for Bomb {
    fn begin(&self, _: Phase, _: Option<Work>) {
        self.tick();
    }

    fn advance(&self, _: Work) {
        self.tick();
    }

    fn is_cancelled(&self) -> bool {
        self.tick();
        false
    }
}

#[test]
fn a_thread_of_a_backup_that_panics_ends_the_run() {
    let (fixture, store, root) = scene();
    // The walk and the workers ask, in an order that chance gives.
    for left in [1, 2, 5, 20, 60, 100, 150] {
        let (through, root) = (fixture.through(Arc::new(store.clone())), root.clone());
        let bomb = Arc::new(Bomb { left: AtomicU64::new(left), is_off: AtomicBool::new(false) });
        let monitor = bomb.clone();
        let result = ends(move || backup_paths(&through.open_anew(), &[&root], &backup_options(), &*monitor));
        assert!(result.is_err() && bomb.is_off.load(Ordering::Relaxed), "the panic comes through");
        assert_eq!((count(&store, Folder::Leases), count(&store, Folder::Snapshots)), (0, 0));
    }
}

#[test]
fn work_that_panics_or_fails_ends_the_upload() {
    let (fixture, store, _) = scene();
    for panics in [true, false] {
        let through = fixture.through(Arc::new(store.clone()));
        let result = ends(move || {
            let repository = through.open_anew();
            let session = WriterSession::begin(&repository, &WriterOptions::default(), &NullMonitor).unwrap();
            let work = session.write(engine::pack::Mode::Write, |_| -> engine::Result<()> {
                assert!(!panics, "the work has a bug");
                Err(engine::Error::cancelled())
            });
            work.map(drop).unwrap_err().kind()
        });
        match result {
            Ok(kind) => assert_eq!((panics, kind), (false, ErrorKind::Cancelled)),
            Err(_) => assert!(panics),
        }
    }
    assert_eq!(count(&store, Folder::Leases), 0);
}

/// How the store behaves at a commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Commit {
    /// It puts the manifest and says that it did not; then it can be read.
    Lost,
    /// The same, but nothing of it can be read any more.
    Unreadable,
    /// It puts it and says that it did not; then it cannot make it durable.
    Volatile,
    /// It puts it and says that it did not; then another process forgets it.
    Forgotten,
    /// It does not put it.
    Failed,
    /// It does not put it, and does not answer.
    Unanswered,
    /// It puts it, and does not answer.
    PutUnanswered,
    /// It does not put it and does not answer the first time; then it works.
    FirstUnanswered,
}

fn commit_through(commit: Commit, store: &MemoryStore) -> Arc<dyn Store> {
    let (store, fails) = (store.clone(), AtomicBool::new(false));
    let unanswered = || Answer::Failed(StoreErrorKind::Unavailable);
    Arc::new(pass(move |request| match &request {
        Request::PutNew(ObjectName::Snapshot(_), _) if commit == Commit::Unanswered => unanswered(),
        Request::PutNew(ObjectName::Snapshot(_), _) if commit == Commit::PutUnanswered => {
            request.perform(&store);
            unanswered()
        }
        Request::PutNew(ObjectName::Snapshot(_), _) if commit == Commit::FirstUnanswered => {
            if fails.swap(true, Ordering::Relaxed) { request.perform(&store) } else { unanswered() }
        }
        Request::PutNew(ObjectName::Snapshot(_), _) => {
            fails.store(commit == Commit::Unreadable, Ordering::Relaxed);
            if commit != Commit::Failed {
                request.perform(&store);
            }
            Answer::Failed(StoreErrorKind::Io)
        }
        Request::EnsureDurable(ObjectName::Snapshot(_)) if commit == Commit::Volatile => {
            Answer::Failed(StoreErrorKind::Io)
        }
        Request::EnsureDurable(name @ ObjectName::Snapshot(_)) if commit == Commit::Forgotten => {
            assert!(store.remove_raw(name));
            request.perform(&store)
        }
        _ if fails.load(Ordering::Relaxed) && commit == Commit::Unreadable => Answer::Failed(StoreErrorKind::Io),
        _ => request.perform(&store),
    }))
}

fn commit(fixture: &Fixture) -> engine::Result<()> {
    let repository = fixture.open_anew();
    let options = WriterOptions { host: "host".to_owned(), user: "ada".to_owned(), ..WriterOptions::default() };
    let session = WriterSession::begin(&repository, &options, &NullMonitor)?;
    session.commit(Draft::new(ManifestKind::Snapshot), &NullMonitor).map(drop)
}

#[test]
fn a_lost_answer_of_a_commit_is_found_out() {
    let (fixture, store, _) = scene();
    commit(&fixture.through(commit_through(Commit::Lost, &store))).unwrap();
    assert_eq!((count(&store, Folder::Leases), count(&store, Folder::Snapshots)), (0, 1));
    let list = engine::snapshots::list(&fixture.open_anew()).unwrap();
    assert_eq!((list.snapshots[0].manifest.host.as_str(), list.snapshots[0].manifest.user.as_str()), ("host", "ada"));
}

#[test]
fn where_nobody_can_tell_whether_a_snapshot_was_made_the_lease_stays() {
    let (fixture, store, _) = scene();
    let error = commit(&fixture.through(commit_through(Commit::Unreadable, &store))).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Io);
    assert!(chain(&error).contains("nobody can tell now whether snapshot"), "{}", chain(&error));
    assert_eq!((count(&store, Folder::Leases), count(&store, Folder::Snapshots)), (1, 1));
    let repository = fixture.open_anew();
    assert_eq!(writers(&repository, "host").unwrap().len(), 1);
    assert_eq!(engine::snapshots::list(&repository).unwrap().snapshots.len(), 1);
}

#[test]
fn a_snapshot_that_a_power_loss_may_still_take_is_not_called_made() {
    let (fixture, store, _) = scene();
    let error = commit(&fixture.through(commit_through(Commit::Volatile, &store))).unwrap_err();
    assert!(chain(&error).contains("nobody can tell now whether snapshot"), "{}", chain(&error));
    assert_eq!((count(&store, Folder::Leases), count(&store, Folder::Snapshots)), (1, 1));
}

#[test]
fn a_snapshot_that_was_made_and_forgotten_at_once_was_made() {
    let (fixture, store, _) = scene();
    commit(&fixture.through(commit_through(Commit::Forgotten, &store))).unwrap();
    assert_eq!((count(&store, Folder::Leases), count(&store, Folder::Snapshots)), (0, 0));
}

#[test]
fn a_commit_that_failed_leaves_nothing() {
    let (fixture, store, _) = scene();
    assert_eq!(commit(&fixture.through(commit_through(Commit::Failed, &store))).unwrap_err().kind(), ErrorKind::Io);
    assert_eq!((count(&store, Folder::Leases), count(&store, Folder::Snapshots)), (0, 0));
}

#[test]
fn the_lease_stays_if_any_put_of_the_manifest_had_no_answer() {
    for way in [Commit::PutUnanswered, Commit::FirstUnanswered] {
        let (fixture, store, _) = scene();
        commit(&fixture.through(commit_through(way, &store))).unwrap();
        assert_eq!((count(&store, Folder::Leases), count(&store, Folder::Snapshots)), (1, 1), "{way:?}");
    }
    let (fixture, store, _) = scene();
    let error = commit(&fixture.through(commit_through(Commit::Unanswered, &store))).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(chain(&error).contains("nobody can tell now whether snapshot"), "{}", chain(&error));
    assert_eq!((count(&store, Folder::Leases), count(&store, Folder::Snapshots)), (1, 0));
}

#[test]
fn a_lease_whose_answer_was_lost_is_given_up() {
    let (fixture, store, _) = scene();
    let below = store.clone();
    let losing: Arc<dyn Store> = Arc::new(pass(move |request| {
        let answer = request.perform(&below);
        match request {
            Request::PutNew(ObjectName::Lease(_), _) => Answer::Failed(StoreErrorKind::Io),
            _ => answer,
        }
    }));
    assert_eq!(commit(&fixture.through(losing)).unwrap_err().kind(), ErrorKind::Io);
    assert_eq!((count(&store, Folder::Leases), count(&store, Folder::Snapshots)), (0, 0));
}
