//! The sources of a receipt besides its record: a snapshot, and places in it.

use repo_format::manifest::Root;

use crate::error::{Error, ErrorKind, Result};
use crate::snapshots::Snapshot;
use crate::snapshots::saved::databases;

/// The sources of a receipt besides its record.
#[derive(Debug, Clone, Copy)]
pub struct ReceiptSource<'s> {
    /// The snapshot that holds the rows.
    pub snapshot: &'s Snapshot,
    /// The name of the database's root in it.
    pub root: &'s [u8],
    /// The path in it of the folder that purged files were in, if files go.
    pub folder: Option<&'s [u8]>,
}

impl<'s> ReceiptSource<'s> {
    /// The database's root.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] if the snapshot has no such database.
    pub(super) fn database_root(&self) -> Result<&'s Root> {
        let mut roots = databases(&self.snapshot.manifest);
        roots.find(|root| root.name.0 == self.root).ok_or_else(|| {
            let name = self.root.escape_ascii();
            Error::new(ErrorKind::NotFound, format!("there is no database `{name}` in snapshot {}", self.snapshot.id))
        })
    }
}
