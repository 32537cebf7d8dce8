//! A repository with a key file, and folders to work in.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use engine::Result;
use engine::crypto::{Credential, KeyFile};
use engine::files::backup::{BackupOptions, BackupOutcome, ParentChoice, Source};
use engine::files::restore::{RestoreOptions, RestoreOutcome, restore};
use engine::monitor::{Monitor, NullMonitor};
use engine::repository::{Author, InitOptions, OpenOptions, Repository, init};
use engine::session::{WriterOptions, WriterSession};
use engine::snapshots::Snapshot;
use engine::store::{MemoryStore, ObjectName, Original, Store};
use engine::upkeep::forget::{forget, plan_named};
use engine::upkeep::verify::{Depth, VerifyOptions, VerifyReport, verify};
use repo_format::config::Access;
use repo_format::head::ObjectKind;
use repo_format::id::LeaseId;
use repo_format::manifest::Manifest;
use tempfile::TempDir;

/// A repository, its key, and a folder for everything else.
pub struct Fixture {
    /// Where the repository is.
    pub store: Arc<dyn Store>,
    key: String,
    scratch: Arc<TempDir>,
    folders: Arc<AtomicU64>,
}

impl Fixture {
    /// A new repository in memory.
    pub fn new() -> Self {
        Self::in_store(Arc::new(MemoryStore::new()))
    }

    /// A new repository in `store`.
    pub fn in_store(store: Arc<dyn Store>) -> Self {
        let fixture = Self::without_repository(store);
        fixture.init().unwrap();
        fixture
    }

    /// A key, and a store without a repository.
    pub fn without_repository(store: Arc<dyn Store>) -> Self {
        let key = KeyFile::generate().unwrap().to_text().to_string();
        // Deep trees need many open folders, as the program itself allows.
        let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile);
        let most = rustix::process::Rlimit { current: limit.maximum, maximum: limit.maximum };
        let _ = rustix::process::setrlimit(rustix::process::Resource::Nofile, most);
        Fixture { store, key, scratch: Arc::new(tempfile::tempdir().unwrap()), folders: Arc::default() }
    }

    /// A new repository in `store` that makes packs of 1 MiB.
    pub fn with_small_packs(store: &MemoryStore) -> Self {
        let fixture = Self::in_store(Arc::new(store.clone()));
        let repository = fixture.open_anew();
        let mut config = repository.config().clone();
        (config.version, config.pack_bytes) = (config.version + 1, 1 << 20);
        let body = config.encode().unwrap();
        let tag = |tagged: &[u8]| repository.keys().config_tag(tagged);
        let object = repo_format::clear::encode(ObjectKind::Config, &body, tag).unwrap();
        store.put_raw(&ObjectName::Config, object.clone());
        store.put_raw(&ObjectName::Copy(Original::Config), object);
        fixture
    }

    /// Makes the repository.
    pub fn init(&self) -> Result<()> {
        init(&*self.store, &self.credential(), &InitOptions { label: "test".to_owned(), ..InitOptions::default() })
            .map(drop)
    }

    /// The same repository through another store; the folders are shared.
    pub fn through(&self, store: Arc<dyn Store>) -> Self {
        let (key, scratch, folders) = (self.key.clone(), self.scratch.clone(), self.folders.clone());
        Fixture { store, key, scratch, folders }
    }

    /// Forgets these snapshots.
    pub fn forget(&self, ids: &[LeaseId]) {
        let repository = self.open();
        let plan = plan_named(&repository, ids, &NullMonitor).unwrap();
        let author = Author { host: "host".into(), user: "user".into(), program: "test".into() };
        forget(&repository, &plan.going(), &author, &NullMonitor).unwrap();
    }

    /// The credential of the repository.
    pub fn credential(&self) -> Credential {
        Credential::KeyFile(KeyFile::parse(&self.key).unwrap())
    }

    /// Opens it with the cache that this fixture always uses.
    pub fn open(&self) -> Repository {
        self.try_open("cache", &self.credential(), Access::Write).unwrap()
    }

    /// Opens it as a machine that has never seen it.
    pub fn open_anew(&self) -> Repository {
        let cache = format!("cache-{}", self.folders.fetch_add(1, Ordering::Relaxed));
        self.try_open(&cache, &self.credential(), Access::Write).unwrap()
    }

    /// Opens it with this cache, key and purpose.
    pub fn try_open(&self, cache: &str, credential: &Credential, access: Access) -> Result<Repository> {
        let options = OpenOptions::new(self.scratch.path().join(cache), access);
        Repository::open(self.store.clone(), credential, &options, &NullMonitor)
    }

    /// A copy of the cache of [`Fixture::open`], under another name.
    pub fn copy_cache(&self) -> String {
        let name = format!("cache-{}", self.folders.fetch_add(1, Ordering::Relaxed));
        copy_folder(&self.scratch.path().join("cache"), &self.scratch.path().join(&name));
        name
    }

    /// The folder that caches and all other folders are in.
    pub fn scratch_folder(&self) -> &Path {
        self.scratch.path()
    }

    /// A new folder.
    pub fn folder(&self, name: &str) -> PathBuf {
        let number = self.folders.fetch_add(1, Ordering::Relaxed);
        let path = self.scratch.path().join(number.to_string()).join(name);
        std::fs::create_dir_all(&path).unwrap();
        path
    }

    /// A path where nothing is.
    pub fn free_path(&self, name: &str) -> PathBuf {
        let path = self.folder(name);
        std::fs::remove_dir(&path).unwrap();
        path
    }

    /// Restores what `path` names into a new folder.
    pub fn restore(&self, repository: &Repository, snapshot: LeaseId, path: &str) -> (PathBuf, RestoreOutcome) {
        let target = self.free_path("restored");
        let options = RestoreOptions { path: path.into(), ..RestoreOptions::default() };
        let outcome = restore_over(repository, snapshot, &target, &options);
        (target, outcome)
    }

    /// Restores the only root of a snapshot, and compares it with what was looked at.
    #[track_caller]
    pub fn assert_restores(&self, repository: &Repository, snapshot: LeaseId, expected: &super::Tree) {
        let found = by_id(repository, snapshot);
        let root = String::from_utf8(found.manifest.roots[0].name.0.clone()).unwrap();
        let (target, outcome) = self.restore(repository, snapshot, &root);
        assert_eq!(outcome.problem_count, 0, "{:?}", outcome.problems);
        super::assert_same(expected, &super::look(&target));
        std::fs::remove_dir_all(target).unwrap();
    }
}

fn copy_folder(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_folder(&entry.path(), &target)
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// The snapshot with this id.
pub fn by_id(repository: &Repository, id: LeaseId) -> Snapshot {
    let list = engine::snapshots::list(repository).unwrap();
    list.snapshots.into_iter().find(|snapshot| snapshot.id == id).unwrap()
}

/// Restores over what is in `target`.
pub fn restore_over(
    repository: &Repository,
    snapshot: LeaseId,
    target: &Path,
    options: &RestoreOptions,
) -> RestoreOutcome {
    restore(repository, &by_id(repository, snapshot), target, options, &|_, _| {}, &NullMonitor).unwrap()
}

/// The options that most tests use.
pub fn backup_options() -> BackupOptions {
    let program = "scenario-tests".to_owned();
    BackupOptions { host: "host".to_owned(), user: "user".to_owned(), program, ..BackupOptions::default() }
}

/// As [`backup_options`], but reads everything again.
pub fn options_without_parent() -> BackupOptions {
    BackupOptions { parent: ParentChoice::None, ..backup_options() }
}

/// Backs up paths.
pub fn backup_paths(
    repository: &Repository,
    paths: &[&Path],
    options: &BackupOptions,
    monitor: &dyn Monitor,
) -> Result<BackupOutcome> {
    let sources = paths.iter().map(|path| Source::Path(path.to_path_buf())).collect();
    engine::files::backup::backup(repository, sources, options, monitor)
}

/// Backs up one folder, without any problem, and gives the snapshot.
#[track_caller]
pub fn backup(repository: &Repository, folder: &Path) -> (LeaseId, BackupOutcome) {
    let outcome = backup_paths(repository, &[folder], &backup_options(), &NullMonitor).unwrap();
    assert_eq!(outcome.problem_count, 0, "{:?}", outcome.problems);
    (outcome.snapshot.unwrap(), outcome)
}

/// Verifies every byte, and wants no finding.
#[track_caller]
pub fn verify_all(repository: &Repository) -> VerifyReport {
    let report = verify(repository, &VerifyOptions { depth: Depth::ReadData }, &NullMonitor).unwrap();
    assert!(report.findings.is_empty(), "{:?}", report.findings);
    report
}

/// Whether this is root, who may do what others may not.
pub fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Says what a test leaves out, and why.
pub fn skip(what: &str) {
    eprintln!("skipped: {what}");
}

/// Commits the snapshot `id` once more, changed.
pub fn commit_again(repository: &Repository, id: LeaseId, change: impl FnOnce(&mut Manifest)) -> LeaseId {
    let session = WriterSession::begin(repository, &WriterOptions::default(), &NullMonitor).unwrap();
    let mut manifest = by_id(repository, id).manifest;
    manifest.id = session.id();
    change(&mut manifest);
    session.commit_plain(&manifest.encode().unwrap()).unwrap();
    manifest.id
}
