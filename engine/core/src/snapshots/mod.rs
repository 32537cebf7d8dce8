//! Snapshots: lists and chooses them, reports what each could not save, and has all operations that only read them.

pub mod cat;
pub mod diff;
pub mod filter;
pub mod find;
pub mod ls;
mod problems;
pub mod saved;
mod select;
pub mod stats;
pub mod status;
pub mod versions;

use repo_format::id::LeaseId;
use repo_format::manifest::{Manifest, ManifestKind};

use crate::error::{Error, Result};
use crate::repository::Repository;

pub use problems::{concerns, problems};
pub use select::{NotChosen, Remark, Selection, Selector, select, select_unbelieved};

#[derive(Debug, Clone)]
/// A snapshot, by its id and manifest.
pub struct Snapshot {
    /// Its id.
    pub id: LeaseId,
    /// Its manifest.
    pub manifest: Manifest,
}

/// All snapshots of a repository.
#[derive(Debug, Default)]
pub struct SnapshotList {
    /// The readable ones, oldest first.
    pub snapshots: Vec<Snapshot>,
    /// The unreadable ones, and why.
    pub unreadable: Vec<(LeaseId, Error)>,
}

/// Lists all snapshots.
///
/// # Errors
/// If the store cannot be listed.
pub fn list(repository: &Repository) -> Result<SnapshotList> {
    let (manifests, unreadable) = repository.read_manifests()?;
    let snapshots = manifests.into_iter().map(|object| object.manifest).filter(|m| m.kind == ManifestKind::Snapshot);
    Ok(SnapshotList {
        snapshots: snapshots.map(|manifest| Snapshot { id: manifest.id, manifest }).collect(),
        unreadable: unreadable.into_iter().map(|u| (u.id, u.error)).collect(),
    })
}
