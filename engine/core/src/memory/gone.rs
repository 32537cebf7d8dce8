//! Manifests that this machine has seen disappear from a place for good: they were forgotten, or a user confirmed their
//! loss. If one exists again, someone put it back, for example from an old copy of the repository.

use std::collections::HashSet;

use repo_format::id::LeaseId;
use rusqlite::{Transaction, params};

use super::Memory;
use crate::error::Result;

pub(super) fn insert(t: &Transaction<'_>, at: &str, ids: &[LeaseId]) -> rusqlite::Result<()> {
    let mut insert = t.prepare_cached("INSERT OR IGNORE INTO gone (place, manifest) VALUES (?1, ?2)")?;
    ids.iter().try_for_each(|id| insert.execute(params![at, id.0]).map(|_| ()))
}

impl Memory {
    /// The manifests in `there` that had gone for good.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Cache`].
    pub fn put_back(&self, there: &[LeaseId]) -> Result<HashSet<LeaseId>> {
        self.read("recall what was forgotten", |c| {
            let mut statement = c.prepare_cached("SELECT 1 FROM gone WHERE place = ?1 AND manifest = ?2")?;
            let mut back = HashSet::new();
            for id in there {
                if statement.exists(params![self.at(), id.0])? {
                    back.insert(*id);
                }
            }
            Ok(back)
        })
    }

    /// The user confirms that these may exist again.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Cache`].
    pub(crate) fn welcome(&self, ids: &[LeaseId]) -> Result<()> {
        if ids.is_empty() {
            return Ok(());
        }
        self.write("note what is there again", |t| {
            let mut delete = t.prepare_cached("DELETE FROM gone WHERE place = ?1 AND manifest = ?2")?;
            ids.iter().try_for_each(|id| delete.execute(params![self.at(), id.0]).map(|_| ()))
        })
    }
}
