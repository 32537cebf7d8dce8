//! Verify: is everything there that a snapshot needs, and is it what it should be?
//!
//! The packs themselves are asked, never this machine's cache: their tables go into an index of their own, for this run only. Damage is
//! judged by need: what nobody needs is a note, a chunk that a snapshot needs and that is nowhere whole is a finding.

mod content;
mod log;
mod need;
mod objects;
mod report;

use repo_format::id::LeaseId;
use repo_format::manifest::KIND_RECORD;

use crate::error::{Error, Result};
use crate::index::Index;
use crate::monitor::Monitor;
use crate::repository::Repository;

use report::Report;

/// How deep to look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Depth {
    /// All objects but the contents of packs, of which only the tables are read.
    #[default]
    Structure,
    /// Every byte.
    ReadData,
}

/// How to verify.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct VerifyOptions {
    /// How deep to look.
    pub depth: Depth,
}

/// What kind of damage was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FindingKind {
    /// An object is not what it should be.
    DamagedObject,
    /// A pack, or a chunk in it, is not what it should be.
    DamagedPack,
    /// A snapshot needs something that is nowhere.
    LostData,
    /// A snapshot that was there is there no more, and nothing says that it was forgotten.
    MissingSnapshot,
    /// An object has been replaced by an older copy of itself.
    RolledBack,
}

/// Damage.
#[derive(Debug, Clone)]
pub struct Finding {
    /// The object.
    pub object: String,
    /// What kind of damage.
    pub kind: FindingKind,
    /// What is wrong.
    pub message: String,
    /// What suffers from it: at most 100 of the snapshots and paths.
    pub affected: Vec<(LeaseId, Vec<u8>)>,
}

/// What verifying has found.
#[derive(Debug, Default)]
pub struct VerifyReport {
    /// Snapshots whose needs were checked.
    pub snapshots: u64,
    /// Packs looked at.
    pub packs: u64,
    /// Chunks in them.
    pub chunks: u64,
    /// Bytes of packs that were read.
    pub read_bytes: u64,
    /// Damage.
    pub findings: Vec<Finding>,
    /// Harmless things: what interrupted runs left, and the like.
    pub notes: Vec<String>,
}

/// Verifies a repository.
///
/// # Errors
/// If the store cannot be listed, there is no room for the index of this run, or the monitor wishes to stop. Damage is no error.
pub fn verify(repository: &Repository, options: &VerifyOptions, monitor: &dyn Monitor) -> Result<VerifyReport> {
    let report = Report::new(repository.warnings());
    // Snapshots first, packs later: what a running backup adds meanwhile is not missed.
    let manifests = log::check_snapshots(repository, &report)?;
    objects::check_small_objects(repository, &report)?;
    objects::check_versions(repository, &manifests, &report)?;

    let folder = ScratchFolder::make(repository)?;
    let index = Index::open(&folder.path, repository.id())?;
    let packs = content::check_packs(repository, options.depth, &index, &report, monitor)?;
    objects::check_segments(repository, &packs, &report, monitor)?;
    need::check_needs(repository, &manifests, &index, &packs, &report, monitor)?;
    if monitor.is_cancelled() {
        return Err(Error::cancelled());
    }
    let snapshots = manifests.iter().filter(|object| object.manifest.kind != KIND_RECORD).count();
    Ok(report.finish(snapshots as u64))
}

/// A folder for the index of one run; removed when it is over.
struct ScratchFolder {
    path: std::path::PathBuf,
}

impl ScratchFolder {
    fn make(repository: &Repository) -> Result<Self> {
        let name = format!("verify-{}", LeaseId(crate::crypto::random()?));
        Ok(ScratchFolder { path: repository.index().folder().join(name) })
    }
}

impl Drop for ScratchFolder {
    fn drop(&mut self) {
        // What stays is in the cache folder, which may be deleted at any time.
        std::fs::remove_dir_all(&self.path).unwrap_or_default();
    }
}
