//! The snapshots that this machine knows to exist: of very many, a few are in memory at a time.

use repo_format::id::LeaseId;
use repo_format::manifest::ManifestKind;

use super::Snapshot;
use crate::error::Result;
use crate::memory::RememberedManifest;
use crate::repository::{ManifestObject, Repository};

/// Snapshots that exist, in order of time.
#[derive(Debug)]
pub struct KnownSnapshots(Vec<RememberedManifest>);

impl KnownSnapshots {
    /// All snapshots, the oldest first. Reads only what is new to this machine.
    ///
    /// # Errors
    /// If the store cannot be listed, or the memory cannot be used.
    pub fn of(repository: &Repository) -> Result<Self> {
        let mut known = repository.manifests()?.present;
        known.retain(|manifest| manifest.kind == ManifestKind::Snapshot);
        known.sort_by_key(|manifest| (manifest.time, manifest.id));
        Ok(KnownSnapshots(known))
    }

    /// The same ones, the newest first.
    #[must_use]
    pub fn newest_first(mut self) -> Self {
        self.0.reverse();
        self
    }

    /// Only the ones that are wanted.
    #[must_use]
    pub fn only(mut self, is_wanted: impl Fn(LeaseId) -> bool) -> Self {
        self.0.retain(|manifest| is_wanted(manifest.id));
        self
    }

    /// Their ids, and the starts of their runs in seconds since 1970.
    pub fn times(&self) -> impl Iterator<Item = (LeaseId, i64)> {
        self.0.iter().map(|manifest| (manifest.id, manifest.time.seconds))
    }

    /// Reads them in their order, each when it is asked for; over a network a few ahead. The unreadable ones are left out:
    /// `status` names them.
    ///
    /// # Errors
    /// If the store does not answer.
    pub fn read<'s>(&'s self, repository: &'s Repository) -> impl Iterator<Item = Result<Snapshot>> {
        let snapshot = |object: Box<ManifestObject>| Snapshot { id: object.manifest.id, manifest: object.manifest };
        repository.each_readable(&self.0).map(move |read| read.map(snapshot))
    }
}
