//! A store around another that refuses to delete or replace.

use std::io;
use std::sync::Arc;

use super::{ObjectName, Result, Store, StoreError, StoreErrorKind, Tag};

const REASON: &str = "this repository is used as append-only: nothing in it is deleted or replaced";

/// A [`Store`] that passes on calls that add, and refuses calls that take away, with
/// [`StoreErrorKind::PermissionDenied`]. It refuses to delete anything but leases, and to replace `config` and
/// `condemned`. The card may be replaced: it holds nothing that is needed. Deleting an object that does not exist succeeds, as in every store.
///
/// It protects from mistakes of this program. Only the storage itself can stop someone who writes to it by other means.
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
    forward!([store] location place medium put_new put_owned get get_range list list_names holdings ensure_durable stat protect);

    fn overwrite(&self, name: &ObjectName, parts: &[&[u8]]) -> Result<()> {
        match name {
            ObjectName::Lease(_) | ObjectName::Card => self.store.overwrite(name, parts),
            // The names of these are never given twice.
            ObjectName::Pack(_) | ObjectName::Segment(_) | ObjectName::Snapshot(_) => self.store.overwrite(name, parts),
            _ if self.store.stat(name)?.is_none() => self.store.overwrite(name, parts),
            _ => Err(refused("replace", name)),
        }
    }

    fn delete(&self, name: &ObjectName) -> Result<()> {
        match name {
            // A writer deletes its own lease when it is done.
            ObjectName::Lease(_) => self.store.delete(name),
            _ if self.store.stat(name)?.is_none() => Ok(()),
            _ => Err(refused("delete", name)),
        }
    }

    fn replace_if(&self, name: &ObjectName, expected: Option<Tag>, bytes: &[u8]) -> Result<()> {
        match name {
            // No lease of a repository is ever replaced; but `conformance` tests conditions with one.
            ObjectName::Lease(_) | ObjectName::Card => self.store.replace_if(name, expected, bytes),
            _ => Err(refused("replace", name)),
        }
    }
}
