//! Void records, which shut a writer out (FORMAT.md, section 13.1, step 3).

use repo_format::head::{KeyClass, ObjectKind};
use repo_format::id::LeaseId;
use repo_format::lease::Void;
use repo_format::limits;

use crate::crypto::SEALED_OVERHEAD;
use crate::error::{Error, ErrorKind, Result};
use crate::machine;
use crate::repository::{Repository, SnapshotObject};
use engine_store::{ObjectName, StoreErrorKind};

/// Puts a void record in the place of the manifest that the holder of a lease may commit, so that the holder cannot
/// commit. Returns `false` if it has committed, or was fenced, before. The record stays for good: its writer might be
/// alive and try at any later time.
///
/// # Errors
/// [`ErrorKind::Refused`] where the store has no conditions; if the record cannot be written.
pub fn fence(repository: &Repository, id: LeaseId, host: &str, reason: &str) -> Result<bool> {
    if !repository.has_fencing() {
        let message = "the storage of this repository has no conditional writes, so nobody can be shut out";
        return Err(Error::new(ErrorKind::Refused, message)
            .with_hint("If that run is dead for certain, `enamel leases remove` takes its lease away."));
    }
    let void = Void { id, time: machine::now().seconds, host: host.to_owned(), reason: reason.to_owned() };
    let name = ObjectName::Snapshot(id);
    let plain = void.encode().map_err(|e| Error::damaged(name, e))?;
    let object = repository.keys().seal(ObjectKind::Void, KeyClass::Meta, &name.to_string(), &plain)?;
    match repository.store().put_new(&name, &[&object]) {
        Ok(()) => Ok(true),
        // A lost answer looks like a failure; the stored object decides.
        Err(error) => match repository.store().get(&name, limits::SMALL_OBJECT + SEALED_OVERHEAD) {
            Ok(there) if *there == *object => Ok(true),
            _ if error.kind == StoreErrorKind::AlreadyExists => Ok(false),
            _ => Err(error.into()),
        },
    }
}

/// Deletes the lease of a fenced writer. Any other lease may be deleted only by its own writer.
///
/// # Errors
/// If it cannot be deleted; [`ErrorKind::Usage`] if its writer has not been shut out.
pub fn give_up_fenced(repository: &Repository, id: LeaseId) -> Result<()> {
    match repository.read_snapshot_object(id)? {
        SnapshotObject::Void(_) => Ok(repository.store().delete(&ObjectName::Lease(id))?),
        SnapshotObject::Manifest(_) => {
            Err(Error::new(ErrorKind::Usage, format!("leases/{id} is the lease of a run that has committed")))
        }
    }
}
