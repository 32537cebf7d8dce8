//! The copies of one repository that another one has.

use std::collections::HashMap;

use repo_format::entry::Time;
use repo_format::evidence::EvidenceKind;
use repo_format::id::{Bytes32, LeaseId};
use repo_format::manifest::{Manifest, ManifestKind, Root, SeenManifest};

use crate::error::{ErrorKind, Result};
use crate::repository::{Repository, SnapshotObject, family};

/// The copies of one repository in another one.
#[derive(Debug, Default)]
pub struct Present {
    /// The manifests with an origin in that repository, by origin.
    copies: HashMap<SeenManifest, Vec<Manifest>>,
    /// The time of the newest copy of the same sources.
    newest: HashMap<Bytes32, Time>,
}

impl Present {
    /// Reads the copies of `source` that are in `target`. A copy of a copy that has come back counts as its original.
    ///
    /// # Errors
    /// If a repository cannot be read.
    pub fn read(source: &Repository, target: &Repository) -> Result<Self> {
        let mut present = Present::default();
        for known in target.manifests()?.present {
            if !is_copied(known.kind) {
                continue;
            }
            match target.read_snapshot_object(known.id) {
                Ok(SnapshotObject::Manifest(object)) => present.add(source, object.manifest),
                Err(error) if error.kind() == ErrorKind::Unavailable => return Err(error),
                // Gone since it was listed, or unreadable: then it is copied again.
                _ => {}
            }
        }
        Ok(present)
    }

    fn add(&mut self, source: &Repository, manifest: Manifest) {
        let Some(origin) = manifest.origin.as_ref().filter(|origin| origin.repository == source.id()) else { return };
        let key = SeenManifest { id: origin.id, digest: origin.digest };
        let time = manifest.time();
        let newest = self.newest.entry(sources(source, &manifest)).or_insert(time);
        *newest = time.max(*newest);
        self.copies.entry(key).or_default().push(manifest);
    }

    /// The copy of a manifest that has all these roots.
    pub fn copy_of(&self, original: SeenManifest, roots: &[Root]) -> Option<LeaseId> {
        let copies = self.copies.get(&original)?.iter();
        let has_all = |copy: &&Manifest| roots.iter().all(|root| copy.roots.contains(root));
        copies.filter(has_all).map(|copy| copy.id).next()
    }

    /// The newest copy that shares most roots with a manifest of the same machine and kind.
    pub(super) fn newest_before(&self, manifest: &Manifest) -> Option<&Manifest> {
        let copies = self.copies.values().flatten();
        let like = copies.filter(|copy| copy.kind == manifest.kind && copy.host == manifest.host);
        let shared = |copy: &Manifest| manifest.roots.iter().filter(|root| copy.roots.contains(root)).count();
        let best = like.max_by_key(|copy| (shared(copy), copy.time()))?;
        (shared(best) > 0).then_some(best)
    }

    /// The newest snapshot that has a copy, and its time.
    pub fn newest_snapshot(&self) -> Option<(SeenManifest, Time)> {
        let copies = self.copies.iter().flat_map(|(original, copies)| copies.iter().map(move |copy| (original, copy)));
        let snapshots = copies.filter(|(_, copy)| copy.kind == ManifestKind::Snapshot);
        let newest = snapshots.max_by_key(|(original, copy)| (copy.time(), original.id))?;
        Some((*newest.0, newest.1.time()))
    }

    /// The time of the newest copy of the same sources as those of `manifest`.
    pub fn newest_like(&self, source: &Repository, manifest: &Manifest) -> Option<Time> {
        self.newest.get(&sources(source, manifest)).copied()
    }
}

/// Whether manifests of this kind are copied. Records are about the repository that they are in.
pub(super) fn is_copied(kind: ManifestKind) -> bool {
    matches!(kind, ManifestKind::Snapshot | ManifestKind::Receipt | ManifestKind::Log | ManifestKind::Evidence)
}

/// Whether a manifest is about the storage of its own repository, though its kind is copied.
pub(super) fn is_about_storage(manifest: &Manifest) -> bool {
    manifest.evidence.as_ref().is_some_and(|evidence| evidence.kind == EvidenceKind::Verify)
}

/// A hash of the machine, the kind, and all roots that the original had.
fn sources(source: &Repository, manifest: &Manifest) -> Bytes32 {
    family(source, &format!("{}\0{}", manifest.host, manifest.kind.number()), &manifest.roots)
}
