//! A second repository beside the scene, for copies between both.

use std::sync::Arc;

use engine::Result;
use engine::copy::{CopyOptions, What, copy};
use engine::crypto::KeyFile;
use engine::crypto::seeded::with_seed;
use engine::error::{Error, ErrorKind};
use engine::machine::standing;
use engine::monitor::NullMonitor;
use engine::repository::{InitOptions, Repository, init, init_like};
use engine::store::MemoryStore;
use engine::upkeep::verify::{Depth, VerifyOptions, verify};

use super::scene::{NOW, Scene, back_up, credential, folder_in_memory, open, writer_options};

/// Whether both repositories give data the same ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ids {
    /// One was made for copies of the other.
    Same,
    /// Everything gets new ids.
    Others,
}

/// The second repository. Nobody but the process that copies uses it.
pub struct Beside {
    store: MemoryStore,
    key: String,
}

impl Beside {
    /// An empty one.
    pub fn empty(scene: &Scene, ids: Ids) -> Arc<Self> {
        standing::at(NOW, || with_seed(b"beside", || Arc::new(Self::make(scene, ids))))
    }

    /// One with a snapshot of the file that the first snapshot of the scene has, too.
    pub fn with_snapshot(scene: &Scene, ids: Ids) -> Arc<Self> {
        standing::at(NOW, || {
            with_seed(b"beside", || {
                let beside = Self::make(scene, ids);
                beside.visit(back_up).unwrap();
                Arc::new(beside)
            })
        })
    }

    fn make(scene: &Scene, ids: Ids) -> Self {
        let (store, key) = (MemoryStore::new(), KeyFile::generate().unwrap().to_text().to_string());
        let options = InitOptions::default();
        match ids {
            Ids::Same => init_like(&store, &credential(&key), &options, scene.repository()).unwrap(),
            Ids::Others => init(&store, &credential(&key), &options).unwrap(),
        };
        Beside { store, key }
    }

    fn visit<T>(&self, work: impl FnOnce(&Repository) -> Result<T>) -> Result<T> {
        let folder = folder_in_memory();
        work(&open(Arc::new(self.store.clone()), &self.key, folder.path())?)
    }

    /// Copies its snapshot into `target`.
    pub fn copy_to(&self, target: &Repository) -> Result<()> {
        self.visit(|source| copy_all(source, target))
    }

    /// Copies everything of `source` into a repository like this one, which is whole afterwards. A snapshot that somebody
    /// forgets meanwhile need not be there.
    pub fn copy_from(&self, source: &Repository) -> Result<()> {
        let target = Beside { store: self.store.deep_clone(), key: self.key.clone() };
        target.visit(|target| {
            let outcome = copy(source, target, &What::All, &options(), &NullMonitor)?;
            let report = verify(target, &VerifyOptions { depth: Depth::ReadData }, &NullMonitor)?;
            let failed = outcome.failed.iter().map(|failed| (failed.source.id, failed.error.to_string()));
            for (id, why) in failed.chain(outcome.unreadable.iter().map(|(id, error)| (*id, error.to_string()))) {
                if source.has_snapshot_object(id)? {
                    return Err(Error::new(ErrorKind::Damaged, format!("{id} is there and was not copied: {why}")));
                }
            }
            let findings = report.findings.into_iter().map(|finding| finding.message).chain(outcome.check.findings);
            none_of(findings.collect())
        })
    }
}

fn options() -> CopyOptions {
    CopyOptions { writer: writer_options(), ..CopyOptions::default() }
}

fn copy_all(source: &Repository, target: &Repository) -> Result<()> {
    let outcome = copy(source, target, &What::All, &options(), &NullMonitor)?;
    let failed = outcome.failed.into_iter().map(|failed| failed.error.to_string());
    none_of(failed.chain(outcome.check.findings).collect())
}

fn none_of(findings: Vec<String>) -> Result<()> {
    if findings.is_empty() { Ok(()) } else { Err(Error::new(ErrorKind::Damaged, findings.join("; "))) }
}
