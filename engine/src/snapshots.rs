//! Snapshots: listing them, choosing one, and what each could not save.

use repo_format::entry::Time;
use repo_format::id::LeaseId;
use repo_format::manifest::{KIND_SNAPSHOT, Manifest};
use repo_format::node::{Problem, decode_problems};
use repo_format::pack::ChunkKind;

use crate::error::{Error, ErrorKind, Result};
use crate::pack::ChunkReader;
use crate::repository::{Repository, SnapshotObject};

/// A snapshot.
#[derive(Debug, Clone)]
pub struct Snapshot {
    /// Its id.
    pub id: LeaseId,
    /// What it says.
    pub manifest: Manifest,
}

/// All snapshots of a repository.
#[derive(Debug, Default)]
pub struct SnapshotList {
    /// Those that can be read, oldest first.
    pub snapshots: Vec<Snapshot>,
    /// Those that cannot, and why.
    pub unreadable: Vec<(LeaseId, Error)>,
}

/// How a user names a snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Selector {
    /// The beginning of its id.
    IdPrefix(String),
    /// The newest one.
    Latest {
        /// With this tag.
        tag: Option<String>,
        /// Started at this time or before.
        until: Option<Time>,
    },
}

/// When a snapshot's run started.
pub fn time(manifest: &Manifest) -> Time {
    Time { seconds: manifest.seconds, nanoseconds: manifest.nanoseconds }
}

/// Lists all snapshots.
///
/// # Errors
/// If the store cannot be listed.
pub fn list(repository: &Repository) -> Result<SnapshotList> {
    let (manifests, unreadable) = repository.read_manifests()?;
    let snapshots = manifests.into_iter().map(|object| object.manifest).filter(|m| m.kind == KIND_SNAPSHOT);
    Ok(SnapshotList {
        snapshots: snapshots.map(|manifest| Snapshot { id: manifest.id, manifest }).collect(),
        unreadable: unreadable.into_iter().map(|u| (u.id, u.error)).collect(),
    })
}

/// The snapshot that `selector` names.
///
/// # Errors
/// [`ErrorKind::NotFound`]; [`ErrorKind::Usage`] if several begin like this.
pub fn select(repository: &Repository, selector: &Selector) -> Result<Snapshot> {
    match selector {
        Selector::IdPrefix(prefix) => by_prefix(repository, prefix),
        Selector::Latest { tag, until } => {
            let list = list(repository)?;
            let fits = |s: &Snapshot| {
                tag.as_ref().is_none_or(|tag| s.manifest.tags.contains(tag))
                    && until.is_none_or(|until| time(&s.manifest) <= until)
            };
            let found = list.snapshots.into_iter().rev().find(fits);
            found.ok_or_else(|| Error::new(ErrorKind::NotFound, no_latest(tag.as_deref(), until.is_some())))
        }
    }
}

fn no_latest(tag: Option<&str>, until: bool) -> String {
    let tag = tag.map(|tag| format!(" with the tag `{tag}`")).unwrap_or_default();
    let until = if until { " from that time or before" } else { "" };
    format!("there is no snapshot{tag}{until}")
}

fn by_prefix(repository: &Repository, prefix: &str) -> Result<Snapshot> {
    let wanted = prefix.to_ascii_lowercase();
    if wanted.is_empty() || !wanted.bytes().all(|b| b.is_ascii_hexdigit()) {
        return Err(Error::new(ErrorKind::NotFound, format!("`{prefix}` is not the id of a snapshot")));
    }
    let mut names = repository.snapshot_names()?;
    names.retain(|id| id.to_string().starts_with(&wanted));
    let mut snapshots = Vec::new();
    for id in &names {
        match repository.read_snapshot_object(*id) {
            Ok(SnapshotObject::Manifest(object)) if object.manifest.kind == KIND_SNAPSHOT => {
                snapshots.push(Snapshot { id: *id, manifest: object.manifest });
            }
            Ok(_) => {}
            Err(error) if names.len() == 1 => return Err(error),
            Err(_) => {}
        }
    }
    match snapshots.len() {
        1 => Ok(snapshots.swap_remove(0)),
        0 => Err(Error::new(ErrorKind::NotFound, format!("there is no snapshot {prefix}"))),
        n => Err(Error::new(ErrorKind::Usage, format!("{n} snapshots begin with {prefix}: give more of the id"))),
    }
}

/// What a snapshot could not save as it should be.
///
/// # Errors
/// If the lists cannot be read.
pub fn problems(repository: &Repository, manifest: &Manifest) -> Result<Vec<Problem>> {
    let reader = ChunkReader::new(repository);
    let mut all = Vec::new();
    for place in &manifest.problems.lists {
        let Some(id) = manifest.ids.get(*place as usize) else { continue };
        let node = reader.read(ChunkKind::Node, id)?;
        all.extend(decode_problems(&node).map_err(|e| Error::damaged(format!("problem list {id}"), e))?);
    }
    Ok(all)
}
