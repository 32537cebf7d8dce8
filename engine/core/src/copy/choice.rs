//! The manifests of the source that are copied.

use repo_format::id::LeaseId;
use repo_format::manifest::Manifest;

use super::present::{Present, is_about_storage, is_copied};
use super::roots::Roots;
use super::{CopyOptions, CopyOutcome, CopyRef, SourceManifest, What};
use crate::error::{Error, ErrorKind, Result};
use crate::repository::{ManifestObject, Repository, SnapshotObject};

/// The manifests to copy, oldest first, and what is known of the others.
pub(super) struct Choice {
    pub chosen: Vec<ManifestObject>,
    pub outcome: CopyOutcome,
}

impl SourceManifest {
    /// The description of a manifest.
    pub(super) fn of(manifest: &Manifest) -> Self {
        SourceManifest { id: manifest.id, kind: manifest.kind, time: manifest.time() }
    }
}

/// Chooses.
///
/// # Errors
/// [`ErrorKind::NotFound`] for a named manifest that does not exist, or is not copied; if the source cannot be read.
pub(super) fn choose(source: &Repository, present: &Present, what: &What, options: &CopyOptions) -> Result<Choice> {
    let mut choice = Choice { chosen: Vec::new(), outcome: CopyOutcome::default() };
    let candidates = match what {
        What::Named(ids) => ids.iter().map(|id| named(source, *id)).collect::<Result<_>>()?,
        What::All | What::New => all(source, &mut choice.outcome)?,
    };
    for object in candidates {
        choice.judge(source, present, what, options, object);
    }
    choice.chosen.sort_by_key(|object| (object.manifest.time(), object.manifest.id));
    choice.chosen.dedup_by_key(|object| object.manifest.id);
    Ok(choice)
}

impl Choice {
    fn judge(
        &mut self,
        source: &Repository,
        present: &Present,
        what: &What,
        options: &CopyOptions,
        object: ManifestObject,
    ) {
        let manifest = &object.manifest;
        let roots = Roots::of(manifest, &options.only);
        let described = SourceManifest::of(manifest);
        let newest = present.newest_like(source, &Manifest { roots: roots.chosen.clone(), ..manifest.clone() });
        if roots.are_none() {
            self.outcome.without_roots.push(described);
        } else if let Some(copy) = present.copy_of(&object, &roots.chosen) {
            self.outcome.present.push(CopyRef { source: described, copy });
        } else if *what == What::New && newest.is_some_and(|newest| manifest.time() <= newest) {
            self.outcome.older += 1;
        } else {
            self.chosen.push(object);
        }
    }
}

/// The manifest of this id.
fn named(source: &Repository, id: LeaseId) -> Result<ManifestObject> {
    match source.read_snapshot_object(id)? {
        SnapshotObject::Manifest(object) if is_copied(object.manifest.kind) && !is_about_storage(&object.manifest) => {
            Ok(*object)
        }
        _ => Err(Error::new(ErrorKind::NotFound, format!("there is no snapshot {id} to copy"))),
    }
}

/// All manifests that can be copied. A manifest that somebody has put back after it was forgotten is none.
fn all(source: &Repository, outcome: &mut CopyOutcome) -> Result<Vec<ManifestObject>> {
    let manifests = source.manifests()?;
    outcome.unreadable.extend(manifests.unreadable.into_iter().map(|unreadable| (unreadable.id, unreadable.error)));
    let mut all = Vec::new();
    for known in manifests.present.iter().filter(|known| is_copied(known.kind)) {
        match source.read_snapshot_object(known.id) {
            Ok(SnapshotObject::Manifest(object)) if !is_about_storage(&object.manifest) => all.push(*object),
            Ok(SnapshotObject::Manifest(_)) => {}
            Ok(SnapshotObject::Void(_)) => {}
            Err(error) if error.kind() == ErrorKind::Unavailable => return Err(error),
            Err(error) if source.has_snapshot_object(known.id)? => outcome.unreadable.push((known.id, error)),
            Err(_) => {}
        }
    }
    Ok(all)
}
