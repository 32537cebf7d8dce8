//! The copies of one repository that another one has.

use std::collections::HashMap;

use repo_format::entry::Time;
use repo_format::evidence::EvidenceKind;
use repo_format::id::{Bytes32, LeaseId};
use repo_format::manifest::{Manifest, ManifestKind, Root, SeenManifest};

use crate::error::{ErrorKind, Result};
use crate::repository::{ManifestObject, Repository, SnapshotObject, family};

/// The copies of one repository in another one.
#[derive(Debug, Default)]
pub struct Present {
    /// The manifests with an origin in that repository, by origin.
    copies: HashMap<SeenManifest, Vec<Manifest>>,
    /// The time of the newest copy of the same sources.
    newest: HashMap<Bytes32, Time>,
    /// The manifests of the other repository that are no copies, of which the first may have copies.
    originals: HashMap<SeenManifest, Manifest>,
    /// The time of the newest of these of the same sources.
    newest_original: HashMap<Bytes32, Time>,
}

impl Present {
    /// Reads the copies of `source` that are in `target`.
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
                Ok(SnapshotObject::Manifest(object)) => present.add(source, *object),
                Err(error) if error.kind() == ErrorKind::Unavailable => return Err(error),
                // Gone since it was listed, or unreadable: then it is copied again.
                _ => {}
            }
        }
        Ok(present)
    }

    fn add(&mut self, source: &Repository, object: ManifestObject) {
        let ManifestObject { manifest, digest } = object;
        let (time, sources) = (manifest.time(), sources(source, &manifest));
        let note = |newest: &mut HashMap<Bytes32, Time>| {
            newest.entry(sources).and_modify(|newest| *newest = time.max(*newest)).or_insert(time);
        };
        match &manifest.origin {
            None => {
                note(&mut self.newest_original);
                self.originals.insert(SeenManifest { id: manifest.id, digest }, manifest);
            }
            Some(origin) if origin.repository == source.id() => {
                note(&mut self.newest);
                let original = SeenManifest { id: origin.id, digest: origin.digest };
                self.copies.entry(original).or_default().push(manifest);
            }
            Some(_) => {}
        }
    }

    /// The copy of a manifest of the source that has all these roots. If the manifest is a copy itself, that may be what it
    /// is a copy of: what comes back to where it was made is there already.
    pub fn copy_of(&self, object: &ManifestObject, roots: &[Root]) -> Option<LeaseId> {
        let copied = SeenManifest { id: object.manifest.id, digest: object.digest };
        let copies = self.copies.get(&copied).into_iter().flatten();
        let origin = object.manifest.origin.as_ref();
        let original =
            origin.and_then(|origin| self.originals.get(&SeenManifest { id: origin.id, digest: origin.digest }));
        let has_all = |copy: &&Manifest| roots.iter().all(|root| copy.roots.contains(root));
        copies.chain(original).filter(has_all).map(|copy| copy.id).next()
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

    /// The time of the newest copy of the same sources as those of `manifest`. Where that is a copy itself, the newest
    /// original of the same sources counts, too.
    pub fn newest_like(&self, source: &Repository, manifest: &Manifest) -> Option<Time> {
        let sources = sources(source, manifest);
        let original = manifest.origin.as_ref().and_then(|_| self.newest_original.get(&sources));
        self.newest.get(&sources).max(original).copied()
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
