//! A small repository in memory, and what its snapshots should restore to.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use engine::chunk::ProfileName;
use engine::crypto::{Credential, KeyFile};
use engine::error::chain;
use engine::files::backup::{BackupOptions, BackupOutcome, Source, backup};
use engine::files::restore::{Owners, RestoreOptions, RestoreOutcome, restore};
use engine::monitor::NullMonitor;
use engine::repository::{InitOptions, OpenOptions, Repository, init};
use engine::snapshots::{self, Snapshot};
use engine::store::{MemoryStore, Store};
use engine::upkeep::verify::{Depth, VerifyOptions, VerifyReport, verify};
use repo_format::config::Access;
use repo_format::id::LeaseId;
use tempfile::TempDir;

/// The contents of a folder: paths from it, and the things there.
pub type Tree = BTreeMap<Vec<u8>, Thing>;

/// A thing in a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Thing {
    File(Vec<u8>),
    Folder,
    Link(Vec<u8>),
    Other,
}

/// A key file as text, so that it can be used any number of times.
#[derive(Clone)]
pub struct Key(String);

impl Key {
    pub fn generate() -> Self {
        Key(KeyFile::generate().unwrap().to_text().to_string())
    }

    pub fn credential(&self) -> Credential {
        Credential::KeyFile(KeyFile::parse(&self.0).unwrap())
    }
}

/// A repository in memory that one key opens.
#[derive(Clone)]
pub struct Lab {
    pub store: MemoryStore,
    pub key: Key,
}

impl Lab {
    /// A new repository.
    pub fn new() -> Self {
        let lab = Lab { store: MemoryStore::new(), key: Key::generate() };
        init(&lab.store, &lab.key.credential(), &InitOptions::default()).unwrap();
        lab
    }

    /// A repository with the same objects and a life of its own.
    pub fn copy(&self) -> Self {
        Lab { store: self.store.deep_clone(), key: self.key.clone() }
    }

    pub fn open(&self, cache: &Path, access: Access) -> engine::Result<Repository> {
        open(Arc::new(self.store.clone()), &self.key, cache, access)
    }

    /// Opens a repository that must open.
    pub fn opened(&self, cache: &Path) -> Repository {
        self.open(cache, Access::Write).unwrap_or_else(|e| panic!("{}", chain(&e)))
    }
}

pub fn open(store: Arc<dyn Store>, key: &Key, cache: &Path, access: Access) -> engine::Result<Repository> {
    let options = OpenOptions::new(cache.to_owned(), access);
    Repository::open(store, &key.credential(), &options, &NullMonitor)
}

/// Saves folders with small chunks, so that small files have content lists.
pub fn save(repository: &Repository, sources: &[PathBuf]) -> engine::Result<BackupOutcome> {
    let options = BackupOptions {
        host: "machine".to_owned(),
        program: "test".to_owned(),
        profile: Some(ProfileName::Database),
        ..BackupOptions::default()
    };
    backup(repository, sources.iter().cloned().map(Source::Path).collect(), &options, &NullMonitor)
}

/// Restores a whole snapshot.
pub fn bring_back(repository: &Repository, snapshot: &Snapshot, target: &Path) -> engine::Result<RestoreOutcome> {
    let options = RestoreOptions { owners: Owners::Ignore, ..RestoreOptions::default() };
    restore(repository, snapshot, target, &options, &|_, _| {}, &NullMonitor)
}

pub fn check(repository: &Repository, depth: Depth) -> engine::Result<VerifyReport> {
    verify(repository, &VerifyOptions { depth }, &NullMonitor)
}

/// The snapshot with this id, if it can be read.
pub fn snapshot(repository: &Repository, id: LeaseId) -> engine::Result<Option<Snapshot>> {
    let list = snapshots::list(repository)?;
    if let Some((_, error)) = list.unreadable.into_iter().find(|(unreadable, _)| *unreadable == id) {
        return Err(error);
    }
    Ok(list.snapshots.into_iter().find(|s| s.id == id))
}

/// Bytes that do not compress, the same for the same seed.
pub fn noise(seed: u64, len: usize) -> Vec<u8> {
    let mut bytes = vec![0; len];
    blake3::Hasher::new().update(&seed.to_le_bytes()).finalize_xof().fill(&mut bytes);
    bytes
}

/// The contents of a folder.
pub fn tree(folder: &Path) -> Tree {
    let mut tree = Tree::new();
    collect(folder, &[], &mut tree);
    tree
}

fn collect(folder: &Path, prefix: &[u8], tree: &mut Tree) {
    for item in fs::read_dir(folder).unwrap() {
        let item = item.unwrap();
        let path = [prefix, item.file_name().as_bytes()].concat();
        let kind = item.file_type().unwrap();
        let thing = match () {
            () if kind.is_symlink() => Thing::Link(fs::read_link(item.path()).unwrap().as_os_str().as_bytes().to_vec()),
            () if kind.is_dir() => Thing::Folder,
            () if kind.is_file() => Thing::File(fs::read(item.path()).unwrap()),
            () => Thing::Other,
        };
        if thing == Thing::Folder {
            collect(&item.path(), &[&path, &b"/"[..]].concat(), tree);
        }
        tree.insert(path, thing);
    }
}

/// The expected restore of a backup of these folders.
pub fn expected(sources: &[PathBuf]) -> Tree {
    let mut all = Tree::new();
    for source in sources {
        let name = source.file_name().unwrap().as_bytes();
        all.insert(name.to_vec(), Thing::Folder);
        for (path, thing) in tree(source) {
            all.insert([name, b"/", &path].concat(), thing);
        }
    }
    all
}

/// Paths where `found` is not what `expected` says and no problem of the outcome names them or a folder above.
pub fn unnamed_differences(expected: &Tree, found: &Tree, outcome: &RestoreOutcome) -> Vec<String> {
    let named = |path: &[u8]| {
        outcome.problems.iter().any(|problem| {
            let at = &problem.path.0;
            at.is_empty() || path == at.as_slice() || (path.starts_with(at) && path.get(at.len()) == Some(&b'/'))
        })
    };
    let missing = expected.iter().filter(|(path, thing)| found.get(*path) != Some(thing)).map(|(path, _)| path);
    let strange = found.keys().filter(|path| !expected.contains_key(*path));
    let shown = |path: &Vec<u8>| String::from_utf8_lossy(path).into_owned();
    missing.chain(strange).filter(|path| !named(path)).map(shown).collect()
}

/// Copies a closed cache.
pub fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for item in fs::read_dir(from).unwrap() {
        let item = item.unwrap();
        let target = to.join(item.file_name());
        if item.file_type().unwrap().is_dir() {
            copy_folder(&item.path(), &target)
        } else {
            fs::copy(item.path(), target).unwrap();
        }
    }
}

/// A folder in memory where there is one: thousands of caches are made here.
pub fn temp() -> TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap()
}
