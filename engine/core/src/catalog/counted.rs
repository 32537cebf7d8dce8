//! The packs that each snapshot counted on. While all of them exist, the next backup need not look up the snapshot's
//! chunks.

use repo_format::id::{LeaseId, PackId};
use rusqlite::params;

use super::Catalog;
use crate::error::Result;

/// The number of snapshots whose packs are remembered; older ones are forgotten.
const COUNTED_SNAPSHOTS: i64 = 16;

impl Catalog {
    /// Remembers the packs that a snapshot counts on.
    pub(crate) fn remember_counted(&self, snapshot: LeaseId, packs: &[PackId]) -> Result<()> {
        self.write("remember a snapshot's packs", |t| {
            let mut insert = t.prepare_cached("INSERT OR IGNORE INTO counted (snapshot, pack) VALUES (?1, ?2)")?;
            packs.iter().try_for_each(|pack| insert.execute(params![snapshot.0, pack.0]).map(|_| ()))?;
            let place = "INSERT OR IGNORE INTO snapshots (id) VALUES (?1)";
            t.prepare_cached(place)?.execute([snapshot.0])?;
            let old = "SELECT number FROM snapshots ORDER BY number DESC LIMIT ?1";
            let old = format!("DELETE FROM snapshots WHERE number NOT IN ({old})");
            t.prepare_cached(&old)?.execute([COUNTED_SNAPSHOTS])?;
            let rest = "DELETE FROM counted WHERE snapshot NOT IN (SELECT id FROM snapshots)";
            t.prepare_cached(rest)?.execute([])?;
            Ok(())
        })
    }

    /// The packs that a snapshot counts on, if they are remembered.
    pub fn counted(&self, snapshot: LeaseId) -> Result<Option<Vec<PackId>>> {
        self.read("recall a snapshot's packs", |c| {
            let mut statement = c.prepare_cached("SELECT pack FROM counted WHERE snapshot = ?1")?;
            let packs = statement.query_map([snapshot.0], |row| row.get(0).map(PackId))?;
            let packs = packs.collect::<rusqlite::Result<Vec<_>>>()?;
            Ok((!packs.is_empty()).then_some(packs))
        })
    }

    /// Forgets the packs of these snapshots.
    pub(crate) fn forget_counted(&self, snapshots: &[LeaseId]) -> Result<()> {
        if snapshots.is_empty() {
            return Ok(());
        }
        self.write("forget a snapshot's packs", |t| {
            for id in snapshots {
                t.prepare_cached("DELETE FROM counted WHERE snapshot = ?1")?.execute([id.0])?;
                t.prepare_cached("DELETE FROM snapshots WHERE id = ?1")?.execute([id.0])?;
            }
            Ok(())
        })
    }
}
