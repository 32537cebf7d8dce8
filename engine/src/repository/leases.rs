//! Leases: who is writing, or died doing so.

use repo_format::head::{KeyClass, ObjectKind};
use repo_format::id::LeaseId;
use repo_format::lease::Lease;
use repo_format::limits;

use super::Repository;
use crate::crypto::SEALED_OVERHEAD;
use crate::error::{Error, Result};
use crate::store::{Folder, ObjectInfo, ObjectName};

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
}
