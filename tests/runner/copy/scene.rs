//! A repository with snapshots, and another one for copies of it.

use std::collections::HashMap;
use std::fs;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use engine::copy::{CopyOptions, CopyOutcome, What, copy};
use engine::monitor::NullMonitor;
use engine::repository::{InitOptions, Repository, init_like};
use engine::session::WriterOptions;
use engine::store::{MemoryStore, Store};
use repo_format::id::LeaseId;

use crate::support::{Fixture, Tree, backup, by_id, look, noise};

/// Two repositories, and a folder that is saved in the first.
pub struct Scene {
    pub source: Fixture,
    pub target: Fixture,
    pub root: PathBuf,
    trees: Mutex<HashMap<LeaseId, Tree>>,
}

impl Scene {
    /// A target that was made for copies of the source.
    pub fn new() -> Self {
        Self::with_target(Arc::new(MemoryStore::new()))
    }

    /// As [`Scene::new`], with the target in this store.
    pub fn with_target(store: Arc<dyn Store>) -> Self {
        let source = Fixture::new();
        let target = Fixture::without_repository(store);
        let options = InitOptions { label: "copy".to_owned(), ..InitOptions::default() };
        init_like(&*target.store, &target.credential(), &options, &source.open()).unwrap();
        Self::of(source, target)
    }

    /// A target that was made on its own.
    pub fn unrelated() -> Self {
        Self::with_unrelated_target(Arc::new(MemoryStore::new()))
    }

    /// As [`Scene::unrelated`], with the target in this store.
    pub fn with_unrelated_target(store: Arc<dyn Store>) -> Self {
        Self::of(Fixture::new(), Fixture::in_store(store))
    }

    /// Both kinds.
    pub fn both() -> [Self; 2] {
        [Self::new(), Self::unrelated()]
    }

    /// These two, and a folder.
    pub fn of(source: Fixture, target: Fixture) -> Self {
        let root = source.folder("root");
        fs::create_dir(root.join("images")).unwrap();
        for number in 0..40u64 {
            let bytes = noise(number, 3_000 + 5_000 * usize::try_from(number).unwrap());
            fs::write(root.join(format!("images/{number:03}.jpg")), bytes).unwrap();
        }
        fs::write(root.join("big"), noise(1000, 3_000_000)).unwrap();
        Scene { source, target, root, trees: Mutex::default() }
    }

    /// Changes the folder a little, and saves it.
    pub fn save(&self, round: u64) -> (LeaseId, Tree) {
        fs::write(self.root.join(format!("images/new {round}")), noise(2000 + round, 60_000)).unwrap();
        let (id, _) = backup(&self.source.open(), &self.root);
        let tree = look(&self.root);
        self.trees.lock().unwrap().insert(id, tree.clone());
        (id, tree)
    }

    /// The tree that was saved in this snapshot.
    pub fn tree_of(&self, id: LeaseId) -> Tree {
        self.trees.lock().unwrap()[&id].clone()
    }

    /// Copies with the caches that are always used.
    pub fn copy(&self, what: &What) -> CopyOutcome {
        copy(&self.source.open(), &self.target.open(), what, &options(), &NullMonitor).unwrap()
    }

    /// As [`Scene::copy`], and everything that was chosen is copied. Gives the ids of the copies.
    #[track_caller]
    pub fn copy_whole(&self, what: &What) -> Vec<LeaseId> {
        let outcome = self.copy(what);
        assert!(outcome.failed.is_empty() && outcome.unreadable.is_empty(), "{outcome:?}");
        outcome.copied.iter().filter_map(|copied| copied.id).collect()
    }
}

/// The options that most tests copy with.
pub fn options() -> CopyOptions {
    let program = "scenario-tests".to_owned();
    let writer = WriterOptions { host: "copier".to_owned(), user: "user".to_owned(), program, dry_run: false };
    CopyOptions { writer, ..CopyOptions::default() }
}

/// The top node of a snapshot, by which trees can be told apart.
pub fn top(repository: &Repository, id: LeaseId) -> Option<repo_format::id::ChunkId> {
    by_id(repository, id).manifest.tree_id()
}
