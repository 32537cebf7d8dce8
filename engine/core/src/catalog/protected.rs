//! The time until which the storage has promised to keep each object. Only this file knows it. If it is lost, `protect`
//! asks the storage again.

use std::collections::HashMap;

use engine_store::ObjectName;
use rusqlite::params;

use super::Catalog;
use crate::error::Result;

impl Catalog {
    /// Remembers that an object is locked until this second since 1970.
    pub(crate) fn remember_protected(&self, name: &ObjectName, until: i64) -> Result<()> {
        self.write("remember a lock", |t| {
            let sql = "INSERT OR REPLACE INTO protected (name, until) VALUES (?1, ?2)";
            t.prepare_cached(sql)?.execute(params![name.to_string(), until])?;
            Ok(())
        })
    }

    /// Forgets the locks of objects that nobody needs any more.
    pub(crate) fn forget_protected(&self, names: &[ObjectName]) -> Result<()> {
        if names.is_empty() {
            return Ok(());
        }
        self.write("forget locks", |t| {
            let mut delete = t.prepare_cached("DELETE FROM protected WHERE name = ?1")?;
            names.iter().try_for_each(|name| delete.execute([name.to_string()]).map(|_| ()))
        })
    }

    /// The time until which each object is locked, in seconds since 1970.
    pub(crate) fn protected(&self) -> Result<HashMap<ObjectName, i64>> {
        self.read_own("recall locks", |c| {
            let mut statement = c.prepare_cached("SELECT name, until FROM protected")?;
            let rows = statement.query_map([], |row| Ok((row.get::<_, String>(0)?, row.get(1)?)))?;
            let named = |row: rusqlite::Result<(String, i64)>| match row {
                Ok((name, until)) => name.parse().ok().map(|name| Ok((name, until))),
                Err(error) => Some(Err(error)),
            };
            rows.filter_map(named).collect()
        })
    }
}
