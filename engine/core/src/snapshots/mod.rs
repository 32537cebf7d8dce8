//! Snapshots: lists and chooses them, reports what each could not save, and has all operations that only read them.

pub mod cat;
pub mod diff;
pub mod filter;
pub mod find;
mod known;
pub mod ls;
pub mod part;
mod problems;
pub mod saved;
mod select;
pub mod stats;
pub mod status;
pub mod versions;

use repo_format::entry::Time;
use repo_format::id::LeaseId;
use repo_format::manifest::{Manifest, ManifestKind};

use crate::error::{Error, Result};
use crate::machine;
use crate::repository::{Manifests, Repository};

pub use known::KnownSnapshots;
pub use problems::{concerns, problems};
pub use select::{NotChosen, Remark, Selection, Selector, select, select_unbelieved, snapshot};

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

/// The newest of the `known` snapshots that were made since `since`, in seconds since 1970, newest first and `most` of them at
/// most, without any from the future. This machine reads each only once. An unreadable one is left out: `status` names it.
pub fn recent(repository: &Repository, known: &Manifests, since: i64, most: usize) -> Vec<Manifest> {
    let now = machine::now();
    let is_recent = |time: Time| !machine::is_from_the_future(time, now) && time.seconds > since;
    let snapshots = known.present.iter().filter(|m| m.kind == ManifestKind::Snapshot && is_recent(m.time));
    let snapshots: Vec<_> = snapshots.take(most).copied().collect();
    repository.each_readable(&snapshots).filter_map(Result::ok).map(|object| object.manifest).collect()
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
