//! Holes that deletions leave in tables of MyISAM, and their effect on other users.

use super::size::{locked_seconds, size};
use crate::database::Connection;
use crate::purge::job::Job;
use crate::purge::tables::Table;
use engine_core::error::Result;

/// The server's names of the setting under which rows are added in spite of holes.
const ALWAYS: [&str; 2] = ["ALWAYS", "2"];

/// Tables in which deletions leave holes, and what that means.
pub(in crate::purge) struct Holes {
    tables: Vec<String>,
    effect: &'static str,
    /// The longest time that one is locked while it is rebuilt.
    seconds: u64,
}

impl Holes {
    /// The holes that deletions of `job` leave; `None` if they leave none.
    ///
    /// # Errors
    /// If the server does not answer.
    pub fn of(job: &Job<'_>, connection: &mut Connection) -> Result<Option<Self>> {
        let tables: Vec<&Table<'_>> =
            job.tables().filter(|table| table.engine.eq_ignore_ascii_case("MyISAM")).collect();
        if tables.is_empty() {
            return Ok(None);
        }
        let mut seconds = 0;
        for table in &tables {
            seconds = locked_seconds(size(connection, table)?.used).max(seconds);
        }
        let setting = connection.value("SELECT @@global.concurrent_insert")?.unwrap_or_default();
        let effect = if ALWAYS.contains(&setting.as_str()) {
            "Their files do not become smaller; rows are added while others are read all the same, as `concurrent_insert` is 2 here."
        } else {
            "Until they are filled, rows cannot be added while others are read, and the next backups hold writers up for longer; the \
             server's setting `concurrent_insert=2` helps."
        };
        let tables = tables.iter().map(|table| format!("`{}`", table.name)).collect();
        Ok(Some(Holes { tables, effect, seconds }))
    }

    /// With those of another category.
    pub fn and(mut self, others: Self) -> Self {
        self.tables.extend(others.tables);
        self.tables.sort();
        self.tables.dedup();
        Holes { seconds: self.seconds.max(others.seconds), ..self }
    }

    /// A warning, of all of them.
    pub fn sentence(&self) -> String {
        format!(
            "Deletions leave holes in {} (MyISAM). {} A run with `--reclaim` rebuilds them afterwards, and locks each meanwhile, for about {} s at most.",
            self.tables.join(", "),
            self.effect,
            self.seconds
        )
    }
}
