//! The time when each pack was last read whole and found good. Only this file knows it. If it is lost, `verify` starts
//! over.

use std::collections::HashMap;

use repo_format::id::PackId;
use rusqlite::params;

use super::Catalog;
use crate::error::Result;

impl Catalog {
    /// Remembers that a pack was read whole and found good, in seconds since 1970.
    pub fn remember_verified(&self, pack: PackId, seconds: i64) -> Result<()> {
        self.write("remember a pack that is good", |t| {
            let sql = "INSERT OR REPLACE INTO verified (pack, seconds) VALUES (?1, ?2)";
            t.prepare_cached(sql)?.execute(params![pack.0, seconds])?;
            Ok(())
        })
    }

    /// Forgets that packs were found good, because they are damaged or gone.
    pub(crate) fn forget_verified(&self, packs: &[PackId]) -> Result<()> {
        if packs.is_empty() {
            return Ok(());
        }
        self.write("forget that packs were good", |t| {
            let mut delete = t.prepare_cached("DELETE FROM verified WHERE pack = ?1")?;
            packs.iter().try_for_each(|pack| delete.execute([pack.0]).map(|_| ()))
        })
    }

    /// The time when each pack was last read whole and found good, in seconds since 1970.
    pub fn verified(&self) -> Result<HashMap<PackId, i64>> {
        self.read_own("recall which packs are good", |c| {
            let mut statement = c.prepare_cached("SELECT pack, seconds FROM verified")?;
            let rows = statement.query_map([], |row| Ok((PackId(row.get(0)?), row.get(1)?)))?;
            rows.collect()
        })
    }
}
