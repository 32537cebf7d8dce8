//! A repository with some snapshots of a folder that changes.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use engine::Result;
use engine::machine;
use engine::monitor::NullMonitor;
use engine::repository::Repository;
use engine::store::{Folder, MemoryStore, Store};
use engine::upkeep::prune::{Forecast, PruneOptions, PruneReport, plan};
use engine::upkeep::verify::{Depth, FindingKind, VerifyOptions, verify};
use repo_format::id::LeaseId;

use crate::support::{Fixture, Tree, backup, look, noise};

/// The name of the machine of the tests.
pub const HOST: &str = "this";

/// Prunes everything that can be, with nobody thought dead.
pub fn options<'a>() -> PruneOptions<'a> {
    PruneOptions { this_host: HOST, process: &machine::process, max_unused: 0, max_rewrite: u64::MAX }
}

pub struct Scene {
    pub fixture: Fixture,
    pub store: MemoryStore,
    pub root: PathBuf,
    /// The snapshots that are there, and what they must restore.
    pub snapshots: Vec<(LeaseId, Tree)>,
}

impl Scene {
    /// `rounds` snapshots; of twelve files each round changes three.
    pub fn new(rounds: u64) -> Self {
        let store = MemoryStore::new();
        let fixture = Fixture::with_small_packs(&store);
        let root = fixture.folder("root");
        for file in 0..12 {
            fs::write(root.join(format!("file {file}")), noise(file, 150_000)).unwrap();
        }
        let mut scene = Scene { fixture, store, root, snapshots: Vec::new() };
        for round in 0..rounds {
            for file in 0..3 {
                let name = format!("file {}", (round * 3 + file * 5) % 12);
                fs::write(scene.root.join(name), noise(1000 + round * 10 + file, 150_000)).unwrap();
            }
            scene.back_up();
        }
        scene
    }

    pub fn back_up(&mut self) {
        let (snapshot, _) = backup(&self.fixture.open(), &self.root);
        self.snapshots.push((snapshot, look(&self.root)));
    }

    /// Forgets the snapshot at a place.
    pub fn forget(&mut self, at: usize) {
        let (snapshot, _) = self.snapshots.remove(at);
        self.fixture.forget(&[snapshot]);
    }

    /// The same repository through another store.
    pub fn through(&self, store: Arc<dyn Store>) -> Fixture {
        self.fixture.through(store)
    }

    pub fn pack_bytes(&self) -> u64 {
        self.fixture.open().list_packs().unwrap().values().sum()
    }

    pub fn count(&self, folder: Folder) -> usize {
        self.store.names().into_iter().filter(|name| name.folder() == folder).count()
    }

    /// All snapshots restore, on this machine and on another, and nothing is damaged.
    pub fn assert_whole(&self, fixture: &Fixture) {
        for repository in [fixture.open(), fixture.open_anew()] {
            assert_undamaged(&repository);
            for (snapshot, tree) in &self.snapshots {
                fixture.assert_restores(&repository, *snapshot, tree);
            }
        }
    }
}

/// Objects that were deleted by hand are missed, of course; nothing else may be.
pub fn assert_undamaged(repository: &Repository) {
    let report = verify(repository, &VerifyOptions { depth: Depth::ReadData }, &NullMonitor).unwrap();
    let damage: Vec<_> = report.findings.iter().filter(|f| f.kind != FindingKind::MissingSnapshot).collect();
    assert!(damage.is_empty(), "{damage:?}");
}

pub fn prune(repository: &Repository, options: &PruneOptions<'_>) -> Result<(Forecast, PruneReport)> {
    let plan = plan(repository, options, &NullMonitor)?;
    let forecast = plan.forecast().clone();
    Ok((forecast, plan.run(&NullMonitor)?))
}
