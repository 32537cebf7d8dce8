//! The repository that all processes of an exploration work on.
//!
//! It has one snapshot, whose only directory is a chunk `kept`, in a pack that also holds a chunk `other`, which
//! nothing needs any more. So one chunk stands for all, and the pack can be made smaller.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use engine::Result;
use engine::chunk::Coder;
use engine::crypto::seeded::with_seed;
use engine::crypto::{Credential, KeyFile};
use engine::machine::standing;
use engine::monitor::NullMonitor;
use engine::pack::{ChunkStore, Mode, NodeSink};
use engine::repository::{Exclusive, InitOptions, OpenOptions, Repository, init};
use engine::session::{Draft, WriterOptions, WriterSession};
use engine::store::{Medium, MemoryStore, Store, forward};
use engine::tree::{ContentRef, DirectoryBuilder, TreeEntry};
use repo_format::cbor::ByteString;
use repo_format::config::Access;
use repo_format::entry::{Entry, EntryKind, Time};
use repo_format::id::{ChunkId, LeaseId};
use repo_format::manifest::{ManifestKind, Root, RootKind};
use tempfile::TempDir;

use super::{forged, spoiler};

/// It is always this time.
pub const NOW: Time = Time { seconds: 1_750_000_000, nanoseconds: 0 };
/// Where files are in memory, if there is such a place: caches are made by the thousand.
const MEMORY: &str = "/dev/shm";

/// The machine that everybody is on.
pub const HOST: &str = "host";
/// The file whose directory all snapshots need.
pub const KEPT: &str = "kept";
const OTHER: &str = "other";
/// The file of the second snapshot, where there is one.
const STAYS: &str = "stays";

/// Knowledge of a process about the repository when it starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cache {
    /// Nothing.
    Empty,
    /// The contents in the beginning.
    Filled,
}

/// How a process starts.
#[derive(Debug, Clone, Copy)]
pub struct Start<'s> {
    /// The contents of its cache.
    pub cache: Cache,
    /// Gives all randomness.
    pub seed: &'s str,
    /// Whether others spoil its cache.
    pub safety: Safety,
}

/// Whether others spoil the cache of a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Safety {
    /// Nobody does.
    Safe,
    /// Somebody may, before each of its steps.
    Exposed,
}

/// A repository, its key, and a cache that knows it.
pub struct Scene {
    /// The contents of the store.
    pub store: MemoryStore,
    /// The snapshot that it has.
    pub first: LeaseId,
    repository: Repository,
    key: String,
    folder: TempDir,
    exclusive: Exclusive,
}

/// A store behind a network, where nothing is done at once.
struct Far(Arc<dyn Store>);

impl Store for Far {
    forward!([0] location place put_new overwrite get get_range list ensure_durable delete set_aside stat replace_if);

    fn medium(&self) -> Medium {
        Medium { is_late: true, ..Medium::DISK }
    }
}

impl Scene {
    /// Makes it.
    pub fn new() -> Arc<Self> {
        Self::prepared(|_, _| {})
    }

    /// Makes it, and lets `prepare` do with it what others could have done before: no cache knows of that.
    pub fn prepared(prepare: impl FnOnce(&MemoryStore, &Repository)) -> Arc<Self> {
        Self::ruled(Exclusive::IfNeeded, prepare)
    }

    /// The same in a store without conditions.
    pub fn without_conditions(prepare: impl FnOnce(&MemoryStore, &Repository)) -> Arc<Self> {
        Self::ruled(Exclusive::Always, prepare)
    }

    fn ruled(exclusive: Exclusive, prepare: impl FnOnce(&MemoryStore, &Repository)) -> Arc<Self> {
        standing::at(NOW, || with_seed(b"scene", || Arc::new(Self::make(exclusive, prepare))))
    }

    fn make(exclusive: Exclusive, prepare: impl FnOnce(&MemoryStore, &Repository)) -> Self {
        let store = MemoryStore::new();
        let key = KeyFile::generate().unwrap().to_text().to_string();
        let folder = folder_in_memory();
        let options = InitOptions { exclusive, ..InitOptions::default() };
        match exclusive {
            Exclusive::IfNeeded => init(&store, &credential(&key), &options),
            Exclusive::Always => init(&Far(Arc::new(store.clone())), &credential(&key), &options),
        }
        .unwrap();
        let repository = open(Arc::new(store.clone()), &key, &folder.path().join("cache")).unwrap();
        let session = WriterSession::begin(&repository, &writer_options(), &NullMonitor).unwrap();
        commit(session, &[OTHER, KEPT]).unwrap();
        // The cache holds the results of the writer's own run, and segments may say something else: begin with the segments.
        repository.sync_catalog(&NullMonitor).unwrap();
        drop(repository);
        open(Arc::new(store.clone()), &key, &folder.path().join("empty")).unwrap();
        let repository = open(Arc::new(store.clone()), &key, &folder.path().join("keys")).unwrap();
        let first = repository.snapshot_names().unwrap()[0];
        prepare(&store, &repository);
        Scene { store, first, repository, key, folder, exclusive }
    }

    /// A scene with a second snapshot, whose only chunk is in a pack of its own, and with caches that say that `kept` is
    /// in that pack.
    pub fn with_forged_caches() -> Arc<Self> {
        let scene = Self::prepared(|_, repository| {
            let before = repository.snapshot_names().unwrap();
            back_up_file(repository, STAYS).unwrap();
            assert_eq!(before.len(), 1);
        });
        forged::make(&scene);
        scene
    }

    /// The folder of caches that is called so.
    pub fn caches(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Keys that open what is in `store`, and the folder that must stay as long as they are used.
    pub fn opened(&self, store: &MemoryStore) -> Result<(Repository, TempDir)> {
        let folder = folder_in_memory();
        let opened = with_seed(b"judge", || open(Arc::new(store.clone()), &self.key, folder.path()))?;
        Ok((opened, folder))
    }

    /// The repository. A process that looks at another store uses only its keys.
    pub fn repository(&self) -> &Repository {
        &self.repository
    }

    /// Runs `work` on the repository in `store`, with a cache of its own. Nothing of it is left to chance: `seed` gives
    /// all randomness.
    pub fn visit<T>(
        &self,
        store: Arc<dyn Store>,
        start: Start<'_>,
        work: impl FnOnce(&Repository) -> Result<T>,
    ) -> Result<T> {
        let folder = folder_in_memory();
        let own = folder.path().join("cache");
        let Start { cache, seed, safety } = start;
        let template = if cache == Cache::Filled { "cache" } else { "empty" };
        copy_folder(&self.folder.path().join(template), &own);
        let store = match self.exclusive {
            Exclusive::IfNeeded => store,
            Exclusive::Always => Arc::new(Far(store)),
        };
        let store = match safety {
            Safety::Safe => store,
            Safety::Exposed => spoiler::exposed(store, self, &own.join(self.repository.id().to_string())),
        };
        standing::at(NOW, || with_seed(seed.as_bytes(), || work(&open(store, &self.key, &own)?)))
    }
}

/// Backs up one file that is small enough to stand in its directory.
pub fn back_up(repository: &Repository) -> Result<()> {
    back_up_file(repository, KEPT)
}

fn back_up_file(repository: &Repository, file: &str) -> Result<()> {
    let session = WriterSession::begin(repository, &writer_options(), &NullMonitor)?;
    commit(session, &[file])
}

pub fn writer_options() -> WriterOptions {
    WriterOptions { host: HOST.to_owned(), ..WriterOptions::default() }
}

/// Stores a directory for each of `files`, and commits a snapshot of the last.
fn commit(session: WriterSession<'_>, files: &[&str]) -> Result<()> {
    let stored = session.write(Mode::Write, |store| {
        files.iter().map(|file| store_directory(store, file)).collect::<Result<Vec<ChunkId>>>()
    })?;
    let root = |file: &&str| {
        let name = ByteString(file.as_bytes().to_vec());
        Root { name: name.clone(), kind: RootKind::File, path: name }
    };
    let draft = Draft {
        time: NOW,
        roots: files.last().map(root).into_iter().collect(),
        tree: stored.value.last().copied(),
        ..Draft::new(ManifestKind::Snapshot)
    };
    session.commit(draft, &NullMonitor).map(drop)
}

fn store_directory(store: &ChunkStore<'_>, file: &str) -> Result<ChunkId> {
    let mut coder = Coder::new(1)?;
    let mut sink = NodeSink { store, coder: &mut coder };
    let mut builder = DirectoryBuilder::default();
    let mut entry = TreeEntry::new(entry(file));
    entry.content = Some(ContentRef::Inline(file.as_bytes().to_vec()));
    builder.push(entry, &mut sink)?;
    Ok(builder.finish(&mut sink)?.unwrap())
}

fn entry(file: &str) -> Entry {
    Entry {
        name: ByteString(file.as_bytes().to_vec()),
        kind: EntryKind::File,
        mode: 0o644,
        uid: 0,
        gid: 0,
        user: None,
        group: None,
        mtime_seconds: NOW.seconds,
        mtime_nanoseconds: 0,
        ctime_seconds: NOW.seconds,
        ctime_nanoseconds: 0,
        inode: 1,
        size: file.len() as u64,
        content: None,
        tree: None,
        link_target: None,
        xattrs: None,
        hard_link: None,
        holes: None,
        device: None,
        state: None,
        gaps: None,
    }
}

pub fn open(store: Arc<dyn Store>, key: &str, cache: &Path) -> Result<Repository> {
    let options = OpenOptions::new(cache.to_owned(), Access::Prune);
    Repository::open(store, &credential(key), &options, &NullMonitor)
}

pub fn credential(key: &str) -> Credential {
    Credential::KeyFile(KeyFile::parse(key).unwrap())
}

pub fn folder_in_memory() -> TempDir {
    let memory = PathBuf::from(MEMORY);
    if memory.is_dir() { tempfile::tempdir_in(memory).unwrap() } else { tempfile::tempdir().unwrap() }
}

pub fn copy_folder(from: &Path, to: &Path) {
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
