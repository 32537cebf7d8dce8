//! Rebuilds the list of condemned packs if it is missing, unreadable, or an older copy.

use repo_format::condemned::Condemned;
use repo_format::head::{KeyClass, ObjectKind};
use repo_format::limits;

use crate::crypto::SEALED_OVERHEAD;
use crate::error::{Error, Result};
use crate::repository::{ManifestObject, Repository};
use crate::session::{Announcement, lease_names, read_lease};
use engine_store::{ObjectName, StoreErrorKind, Tag};

/// Rebuilds the list if it is faulty; returns whether it was. No prune may be running: packs that it had condemned
/// count as existing again. The next number is one that no list can have had, so an interrupted prune notices.
pub(super) fn begin_anew(repository: &Repository, manifests: &[ManifestObject], dry_run: bool) -> Result<bool> {
    let known = known_next(repository, manifests)?;
    match repository.condemned() {
        Ok((condemned, _)) if condemned.next >= known => return Ok(false),
        Ok(_) => {}
        Err(error) if error.is_damage() => {}
        Err(error) => return Err(error),
    }
    // The list may be the only evidence that the keyring is an older copy; then it must not be replaced.
    repository.refuse_older_copies()?;
    if dry_run {
        return Ok(true);
    }
    let name = ObjectName::Condemned;
    let there = match repository.store().get(&name, limits::CONDEMNED + SEALED_OVERHEAD) {
        Ok(bytes) => Some(Tag::of(&bytes)),
        Err(error) if error.kind == StoreErrorKind::NotFound => None,
        // No prune wrote this, or the disk cannot read it. It cannot be compared, so it cannot be replaced either.
        Err(error) if matches!(error.kind, StoreErrorKind::TooLarge | StoreErrorKind::Unreadable) => {
            repository.store().delete(&name)?;
            None
        }
        Err(error) if error.kind == StoreErrorKind::NotAFile => {
            repository.store().set_aside(&name)?;
            None
        }
        Err(error) => return Err(error.into()),
    };
    let condemned = Condemned { next: known.saturating_add(1), lists: Vec::new() };
    let plain = condemned.encode().map_err(|e| Error::damaged(name, e))?;
    let object = repository.keys().seal(ObjectKind::Condemned, KeyClass::Index, "condemned", &plain)?;
    repository.store().replace_if(&name, there, &object)?;
    Ok(true)
}

/// The highest next number that manifests, leases or this machine's cache remember; at least 1.
fn known_next(repository: &Repository, manifests: &[ManifestObject]) -> Result<u64> {
    let mut seen: Vec<u64> = manifests.iter().map(|object| object.manifest.condemned_seen).collect();
    // The writer of an invalid lease was shut out before.
    for id in lease_names(repository)? {
        if let Some(Announcement::Lease(lease)) = read_lease(repository, id)? {
            seen.push(lease.seen);
        }
    }
    let remembered = repository.memory().version("condemned")?.map_or(1, |known| known.number);
    Ok(seen.into_iter().map(|seen| seen.saturating_add(1)).fold(remembered, u64::max))
}
