//! Rebuilding tables after a run, so that the space of the rows that went is free for others.
//!
//! A table is copied: as large as it is, so much must be free. InnoDB lets people work meanwhile; other tables are locked for as long.

use std::path::Path;

use super::size::{Size, data_folder, locked_seconds, size};
use crate::database::Address;
use crate::purge::pace::Paced;
use crate::purge::tables::{Table, check_rebuilt, complaint};
use engine_core::error::{Error, Result, chain};
use engine_core::filesystem::free_space;

/// Seconds for which the begin and the end of a rebuild wait for a lock. Others wait behind it.
const LOCK_WAIT_SECONDS: u32 = 10;
/// Bytes of a disk that stay free.
const SPARE_BYTES: u64 = 64 << 20;
const MIB: u64 = 1 << 20;

/// The result of rebuilding a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reclaimed {
    /// The table.
    pub table: String,
    /// Bytes of its rows and keys before, as the server estimates them, with what is free in between.
    pub before_bytes: u64,
    /// The same after; `None` if it was not rebuilt.
    pub after_bytes: Option<u64>,
    /// Why it was not rebuilt, or what is wrong with it.
    pub problem: Option<String>,
}

/// A table that may be rebuilt.
pub(in crate::purge) struct Candidate<'t, 'r> {
    pub table: &'t Table<'r>,
    /// Rows that the run removed from it.
    pub removed: u64,
}

/// Rebuilds tables of a server, one after the other.
pub(in crate::purge) struct Rebuilder<'a> {
    pub paced: Paced<'a>,
    pub address: &'a Address,
}

impl Rebuilder<'_> {
    /// Rebuilds the tables that rows went from, or all of them if no row went, and adds to `reclaimed` what came of each. No table is begun
    /// while the window is closed.
    ///
    /// # Errors
    /// If the server does not take a setting, or the user wishes to stop. The problem of one table is noted.
    pub fn rebuild(&mut self, candidates: &[Candidate<'_, '_>], reclaimed: &mut Vec<Reclaimed>) -> Result<()> {
        let tables = self.chosen(candidates);
        self.paced.connection.run(&format!("SET SESSION lock_wait_timeout={LOCK_WAIT_SECONDS}"))?;
        let folder = data_folder(self.paced.connection, self.address)?;
        if folder.is_none() {
            self.paced.monitor.note(
                "the server is on another machine: whether its disk has room for copies of the tables cannot be checked",
            );
        }
        for table in tables {
            self.paced.wait_for_window()?;
            if self.paced.monitor.is_cancelled() {
                self.paced.monitor.note(&format!("stopped before the table `{}` was rebuilt", table.name));
                return Err(Error::cancelled());
            }
            reclaimed.push(self.one(table, folder.as_deref()));
        }
        Ok(())
    }

    fn chosen<'t, 'r>(&self, candidates: &[Candidate<'t, 'r>]) -> Vec<&'t Table<'r>> {
        let nothing_went = candidates.iter().all(|candidate| candidate.removed == 0);
        if nothing_went {
            let names: Vec<_> = candidates.iter().map(|candidate| format!("`{}`", candidate.table.name)).collect();
            let names = names.join(", ");
            self.paced
                .monitor
                .note(&format!("nothing was left to remove: all tables of the plan are rebuilt: {names}"));
        }
        let chosen = candidates.iter().filter(|candidate| nothing_went || candidate.removed > 0);
        chosen.map(|candidate| candidate.table).collect()
    }

    fn one(&mut self, table: &Table<'_>, folder: Option<&Path>) -> Reclaimed {
        let mut reclaimed = Reclaimed { table: table.name.clone(), before_bytes: 0, after_bytes: None, problem: None };
        let result = self.try_one(table, folder, &mut reclaimed);
        reclaimed.problem = result.unwrap_or_else(|error| Some(chain(&error)));
        reclaimed
    }

    /// Rebuilds and checks one table. Gives what is wrong with it.
    fn try_one(
        &mut self,
        table: &Table<'_>,
        folder: Option<&Path>,
        reclaimed: &mut Reclaimed,
    ) -> Result<Option<String>> {
        let before = size(self.paced.connection, table)?;
        reclaimed.before_bytes = before.all;
        match folder.map(free_space) {
            Some(Ok(free)) if free < before.used + SPARE_BYTES => return Ok(Some(too_little(&before, free))),
            Some(Err(error)) => {
                let name = &table.name;
                self.paced
                    .monitor
                    .note(&format!("whether there is room for a copy of `{name}` cannot be checked: {error}"));
            }
            None | Some(Ok(_)) => {}
        }
        if !table.transactional {
            let (name, engine, seconds) = (&table.name, &table.engine, locked_seconds(before.used));
            self.paced
                .monitor
                .note(&format!("`{name}` ({engine}) is rebuilt now, and is locked for about {seconds} s"));
        }
        let sql = format!("OPTIMIZE NO_WRITE_TO_BINLOG TABLE {}", table.full_name);
        if let Some(why) = complaint(self.paced.connection, &sql)? {
            let why = format!("it was not rebuilt: {why}; a run of the same plan when fewer people work may do it");
            return Ok(Some(why));
        }
        reclaimed.after_bytes = Some(size(self.paced.connection, table)?.all);
        check_rebuilt(self.paced.connection, table)
    }
}

fn too_little(size: &Size, free: u64) -> String {
    let (needed, free) = ((size.used + SPARE_BYTES).div_ceil(MIB), free / MIB);
    format!("it was not rebuilt: that takes {needed} MiB on the server's disk, and {free} MiB are free")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_that_does_not_fit_is_refused_with_both_figures() {
        let text = too_little(&Size { used: 100 * MIB, all: 200 * MIB }, 70 * MIB);
        assert!(text.contains("takes 164 MiB") && text.contains("70 MiB are free"), "{text}");
    }
}
