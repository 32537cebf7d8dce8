//! The manifests that this machine has seen in each place. Two places of one line may be a repository and its copy, and
//! the copy may be behind.

use std::collections::HashSet;

use repo_format::id::LeaseId;
use rusqlite::{Transaction, params};

use super::Memory;
use crate::error::Result;

pub(super) fn insert(t: &Transaction<'_>, at: &str, ids: impl IntoIterator<Item = LeaseId>) -> rusqlite::Result<()> {
    let mut insert = t.prepare_cached("INSERT OR IGNORE INTO here (place, manifest) VALUES (?1, ?2)")?;
    ids.into_iter().try_for_each(|id| insert.execute(params![at, id.0]).map(|_| ()))
}

pub(super) fn delete(t: &Transaction<'_>, at: &str, id: LeaseId) -> rusqlite::Result<()> {
    t.prepare_cached("DELETE FROM here WHERE place = ?1 AND manifest = ?2")?.execute(params![at, id.0]).map(|_| ())
}

impl Memory {
    /// The manifests that were seen in the repository's place.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Cache`].
    pub(crate) fn seen_here(&self) -> Result<HashSet<LeaseId>> {
        self.read("recall the snapshots of this place", |c| {
            let mut statement = c.prepare_cached("SELECT manifest FROM here WHERE place = ?1")?;
            statement.query_map([self.at()], |row| row.get(0).map(LeaseId))?.collect()
        })
    }

    /// Remembers that these manifests exist in the repository's place.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Cache`].
    pub(crate) fn remember_here(&self, ids: &[LeaseId]) -> Result<()> {
        if ids.is_empty() {
            return Ok(());
        }
        self.write("remember a snapshot of this place", |t| insert(t, &self.at(), ids.iter().copied()))
    }
}
