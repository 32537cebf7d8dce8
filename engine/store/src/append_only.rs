//! A store around another, in which nothing is deleted or replaced.

use std::io;
use std::ops::Range;
use std::sync::Arc;

use super::{Folder, ObjectInfo, ObjectName, Result, Store, StoreError, StoreErrorKind, Tag};

const REASON: &str = "this repository is used as append-only: nothing in it is deleted or replaced";

/// A [`Store`] that passes on what adds to it, and refuses what takes away: deletes of anything but leases, and replacements of `config` and
/// `condemned`, with [`StoreErrorKind::PermissionDenied`]. Deleting what is not there succeeds, as in every store.
///
/// That protects from mistakes of this program. Whoever can write to the storage by other means is stopped only by the storage itself.
pub struct AppendOnlyStore {
    store: Arc<dyn Store>,
}

impl AppendOnlyStore {
    /// A store around `store`.
    pub fn new(store: Arc<dyn Store>) -> Self {
        AppendOnlyStore { store }
    }
}

fn refused(action: &'static str, name: &ObjectName) -> StoreError {
    let source = io::Error::new(io::ErrorKind::PermissionDenied, REASON);
    StoreError { kind: StoreErrorKind::PermissionDenied, action, object: name.to_string(), source: Some(source) }
}

impl Store for AppendOnlyStore {
    fn location(&self) -> String {
        self.store.location()
    }

    fn place(&self) -> String {
        self.store.place()
    }

    fn put_new(&self, name: &ObjectName, parts: &[&[u8]]) -> Result<()> {
        self.store.put_new(name, parts)
    }

    fn get(&self, name: &ObjectName, limit: u64) -> Result<Vec<u8>> {
        self.store.get(name, limit)
    }

    fn get_range(&self, name: &ObjectName, range: Range<u64>) -> Result<Vec<u8>> {
        self.store.get_range(name, range)
    }

    fn list(
        &self,
        folder: Folder,
        found: &mut dyn FnMut(ObjectInfo) -> Result<()>,
        strange: &mut dyn FnMut(String),
    ) -> Result<()> {
        self.store.list(folder, found, strange)
    }

    fn ensure_durable(&self, name: &ObjectName) -> Result<()> {
        self.store.ensure_durable(name)
    }

    fn delete(&self, name: &ObjectName) -> Result<()> {
        match name {
            // A writer's note of itself, which it takes away when it is done.
            ObjectName::Lease(_) => self.store.delete(name),
            _ if self.store.stat(name)?.is_none() => Ok(()),
            _ => Err(refused("delete", name)),
        }
    }

    fn stat(&self, name: &ObjectName) -> Result<Option<ObjectInfo>> {
        self.store.stat(name)
    }

    fn replace_if(&self, name: &ObjectName, expected: Option<Tag>, bytes: &[u8]) -> Result<()> {
        match name {
            // Nothing of a repository; with one, `conformance` tries whether conditions hold.
            ObjectName::Lease(_) => self.store.replace_if(name, expected, bytes),
            _ => Err(refused("replace", name)),
        }
    }
}
