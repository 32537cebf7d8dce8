//! Forgetting: what goes and what stays, what is noted of it, and what is left when it is interrupted.

mod crash;
mod log;
mod policy;
mod tables;

use std::path::PathBuf;
use std::sync::Arc;

use engine::Result;
use engine::monitor::NullMonitor;
use engine::repository::{Author, Repository, SnapshotObject};
use engine::session::{WriterOptions, WriterSession};
use engine::store::MemoryStore;
use engine::upkeep::forget::{ForgetOutcome, forget, plan_named};
use repo_format::id::LeaseId;
use repo_format::manifest::{Manifest, ManifestKind, SeenManifest};

use crate::support::{Fixture, Tree, backup, look, noise};

/// A repository with snapshots of one folder, an hour apart. Each has seen the one before.
struct Scene {
    fixture: Fixture,
    store: MemoryStore,
    root: PathBuf,
    tree: Tree,
    /// Oldest first.
    ids: Vec<LeaseId>,
}

impl Scene {
    /// With so many snapshots, which the machine of [`Fixture::open`] has seen.
    fn new(count: i64) -> Self {
        let store = MemoryStore::new();
        let fixture = Fixture::in_store(Arc::new(store.clone()));
        let root = fixture.folder("root");
        std::fs::write(root.join("file"), noise(1, 10_000)).unwrap();
        let tree = look(&root);
        let repository = fixture.open();
        let (newest, _) = backup(&repository, &root);
        let manifest = read(&repository, newest);
        let mut ids = Vec::new();
        for hour in (1..count).rev() {
            ids.push(copy(&repository, &manifest, |copy| {
                copy.seconds -= hour * 3600;
                copy.seen = ids.last().map(|id| reference(&repository, *id)).into_iter().collect();
            }));
        }
        // The newest again, for it to have seen the others.
        store.remove_raw(&engine::store::ObjectName::Snapshot(newest));
        repository.memory().forget_manifests(&[newest]).unwrap();
        let seen = ids.iter().rev().take(16).map(|id| reference(&repository, *id)).collect();
        ids.push(copy(&repository, &manifest, |copy| copy.seen = seen));
        assert_eq!(repository.manifests().unwrap().present.len(), ids.len());
        Scene { fixture, store, root, tree, ids }
    }

    /// The same repository in another store.
    fn through(&self, store: &MemoryStore) -> Fixture {
        self.fixture.through(Arc::new(store.clone()))
    }
}

/// Commits a copy of `manifest`, changed.
fn copy(repository: &Repository, manifest: &Manifest, change: impl FnOnce(&mut Manifest)) -> LeaseId {
    let session = WriterSession::begin(repository, &WriterOptions::default(), &NullMonitor).unwrap();
    let mut manifest = Manifest { id: session.id(), ..manifest.clone() };
    change(&mut manifest);
    session.commit_plain(&manifest.encode().unwrap()).unwrap();
    manifest.id
}

fn read(repository: &Repository, id: LeaseId) -> Manifest {
    match repository.read_snapshot_object(id).unwrap() {
        SnapshotObject::Manifest(object) => object.manifest,
        SnapshotObject::Void(void) => panic!("{void:?}"),
    }
}

fn reference(repository: &Repository, id: LeaseId) -> SeenManifest {
    let digest = repository.keys().manifest_digest(&read(repository, id).encode().unwrap());
    SeenManifest { id, digest }
}

/// Forgets snapshots by name.
fn forget_named(repository: &Repository, ids: &[LeaseId]) -> Result<ForgetOutcome> {
    let plan = plan_named(repository, ids, &NullMonitor)?;
    forget(repository, &plan.going(), &author(), &NullMonitor)
}

fn author() -> Author {
    Author { host: "host".into(), user: "user".into(), program: "scenario-tests".into() }
}

/// Ids of all snapshots, oldest first.
fn listed(repository: &Repository) -> Vec<LeaseId> {
    engine::snapshots::list(repository).unwrap().snapshots.into_iter().map(|snapshot| snapshot.id).collect()
}

/// All records.
fn records(repository: &Repository) -> Vec<Manifest> {
    let (manifests, unreadable) = repository.read_manifests().unwrap();
    assert!(unreadable.is_empty(), "{unreadable:?}");
    manifests
        .into_iter()
        .map(|object| object.manifest)
        .filter(|manifest| manifest.kind == ManifestKind::Record)
        .collect()
}
