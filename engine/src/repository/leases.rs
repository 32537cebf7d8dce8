//! Leases: who is writing, or died doing so; and the void records that shut a writer out.

use repo_format::head::{KeyClass, ObjectKind};
use repo_format::id::LeaseId;
use repo_format::lease::{Lease, Void};
use repo_format::limits;

use super::Repository;
use super::manifests::SnapshotObject;
use crate::crypto::SEALED_OVERHEAD;
use crate::error::{Error, Result};
use crate::machine;
use crate::store::{Folder, ObjectInfo, ObjectName, StoreErrorKind};

impl Repository {
    /// Ids of all leases, in ascending order.
    ///
    /// # Errors
    /// If the store cannot be listed.
    pub fn lease_names(&self) -> Result<Vec<LeaseId>> {
        let mut ids = Vec::new();
        let mut found = |info: ObjectInfo| {
            if let ObjectName::Lease(id) = info.name {
                ids.push(id);
            }
            Ok(())
        };
        self.store.list(Folder::Leases, &mut found, &mut |_| {})?;
        ids.sort();
        Ok(ids)
    }

    /// Reads a lease.
    ///
    /// # Errors
    /// If it is not there any more. [`crate::ErrorKind::Damaged`]: a lease need not survive a power loss.
    pub fn read_lease(&self, id: LeaseId) -> Result<Lease> {
        let name = ObjectName::Lease(id);
        let bytes = self.store.get(&name, limits::SMALL_OBJECT + SEALED_OVERHEAD)?;
        let limit = limits::SMALL_OBJECT;
        let plain = self.keys.open(ObjectKind::Lease, KeyClass::Index, &name.to_string(), &bytes, limit)?;
        Lease::decode(&plain).map_err(|e| Error::damaged(name, e))
    }

    /// Puts a void record in the place of the manifest that the holder of a lease may commit, so that it cannot; `false` if it has
    /// committed, or been fenced, before. The record stays for good: its writer might live and try, however late.
    ///
    /// # Errors
    /// If the record cannot be written.
    pub fn fence(&self, id: LeaseId, host: &str, reason: &str) -> Result<bool> {
        let void = Void { id, time: machine::now().seconds, host: host.to_owned(), reason: reason.to_owned() };
        let name = ObjectName::Snapshot(id);
        let plain = void.encode().map_err(|e| Error::damaged(name, e))?;
        let object = self.keys.seal(ObjectKind::Void, KeyClass::Meta, &name.to_string(), &plain)?;
        match self.store.put_new(&name, &[&object]) {
            Ok(()) => Ok(true),
            Err(error) if error.kind == StoreErrorKind::AlreadyExists => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Deletes the lease of a writer that a void record keeps from committing. Nobody but itself may delete any other.
    ///
    /// # Errors
    /// If it cannot be deleted; [`crate::ErrorKind::Usage`] if its writer has not been shut out.
    pub fn give_up_fenced(&self, id: LeaseId) -> Result<()> {
        match self.read_snapshot_object(id)? {
            SnapshotObject::Void(_) => Ok(self.store.delete(&ObjectName::Lease(id))?),
            SnapshotObject::Manifest(_) => Err(Error::new(
                crate::ErrorKind::Usage,
                format!("leases/{id} is the lease of a run that has committed"),
            )),
        }
    }
}
