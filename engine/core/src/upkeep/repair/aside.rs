//! Damaged manifests: their needs are unknown, so nothing can be pruned while they are in `snapshots/`.

use repo_format::head::{HEAD_LEN, Head, ObjectKind};
use repo_format::id::LeaseId;
use repo_format::limits;
use repo_format::manifest::SeenManifest;

use super::RepairOptions;
use crate::crypto::SEALED_OVERHEAD;
use crate::error::{Error, ErrorKind, Result};
use crate::machine;
use crate::repository::{ManifestObject, Record, Repository, UnreadableManifest};
use engine_store::{ObjectName, StoreErrorKind};

/// Moves damaged manifests to `aside/`: stores the bytes there, **then** puts a record that names the manifest,
/// **then** deletes it. Keeps manifests that only need newer keys or a newer program, or that the storage cannot return
/// at the moment. Returns the moved ones.
pub(super) fn set_aside(
    repository: &Repository,
    options: &RepairOptions,
    manifests: &[ManifestObject],
    unreadable: &[UnreadableManifest],
) -> Result<Vec<LeaseId>> {
    let mut moved = Vec::new();
    for object in unreadable.iter().filter(|object| object.error.kind() == ErrorKind::Damaged) {
        if options.dry_run || !keep_bytes(repository, object.id)? {
            continue;
        }
        let digest = repository.known_digest(manifests, object.id)?;
        let forgotten = Some(vec![SeenManifest { id: object.id, digest }]);
        repository.put_record(&options.author(), Record { time: machine::now(), forgotten, ..Record::default() })?;
        repository.store().delete(&ObjectName::Snapshot(object.id))?;
        repository.memory().forget_manifests(&[object.id])?;
        moved.push(object.id);
    }
    Ok(moved)
}

/// Copies the bytes to `aside/`, if they are damaged for good. Returns whether `aside/` has them, so that the manifest may
/// go.
fn keep_bytes(repository: &Repository, id: LeaseId) -> Result<bool> {
    let store = repository.store();
    let bytes = match store.get(&ObjectName::Snapshot(id), limits::SMALL_OBJECT + SEALED_OVERHEAD) {
        Ok(bytes) => bytes,
        // The storage may return it another day.
        Err(error) if matches!(error.kind, StoreErrorKind::NotFound | StoreErrorKind::Unreadable) => return Ok(false),
        // No manifest was ever so large, so there is nothing to keep.
        Err(error) if error.kind == StoreErrorKind::TooLarge => return Ok(true),
        Err(error) => return Err(error.into()),
    };
    if repository.read_snapshot_object(id).err().is_none_or(|error| error.kind() != ErrorKind::Damaged) {
        return Ok(false);
    }
    let head = bytes.get(..HEAD_LEN).unwrap_or_default();
    let sealing = Head::decode(head, ObjectKind::Manifest).or_else(|_| Head::decode(head, ObjectKind::Void));
    if sealing.is_ok_and(|head| head.sealing.is_some_and(|s| s.epoch > repository.keys().newest_epoch())) {
        return Ok(false);
    }
    match store.put_new(&ObjectName::Aside(id), &[&bytes]) {
        Ok(()) => Ok(true),
        Err(error) if error.kind == StoreErrorKind::AlreadyExists => has_kept(repository, id, &bytes),
        Err(error) => Err(error.into()),
    }
}

/// Whether an earlier run, which was interrupted, has moved the same bytes. Then makes them durable. Other bytes may be
/// those of an earlier damage.
fn has_kept(repository: &Repository, id: LeaseId, bytes: &[u8]) -> Result<bool> {
    let (store, name) = (repository.store(), ObjectName::Aside(id));
    match store.get(&name, limits::SMALL_OBJECT + SEALED_OVERHEAD).map_err(Error::of_object) {
        Ok(there) if there == bytes => store.ensure_durable(&name).map(|()| true).map_err(Error::of_object),
        Ok(_) => Ok(false),
        Err(error) if error.is_damage() => Ok(false),
        Err(error) => Err(error),
    }
}
