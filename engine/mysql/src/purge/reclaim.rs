//! Making tables anew after a run, so that the space of the rows that went is free for others.
//!
//! A table is copied: as large as it is, so much must be free. InnoDB lets people work meanwhile; other tables are locked for as long.

use std::path::PathBuf;

use super::check::{check_rebuilt, complaint};
use super::job::Job;
use super::pace::Pace;
use super::run::{Ended, RunOutcome};
use super::table::Table;
use crate::database::{Address, Connection, quote_text};
use engine_core::error::{Error, Result, chain};
use engine_core::filesystem::free_space;
use engine_core::monitor::Monitor;

/// What a modest disk copies in a second, keys included: for an estimate.
const BYTES_PER_SECOND: u64 = 20 << 20;
/// Seconds for which the begin and the end of a rebuild wait for who uses the table. Others wait behind it.
const LOCK_WAIT_SECONDS: u32 = 10;
/// What is left of a disk must not be used up to the last byte.
const SPARE_BYTES: u64 = 64 << 20;
const MIB: u64 = 1 << 20;

/// What came of rebuilding a table.
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

/// How large a table is.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Size {
    /// Rows and keys: what a copy takes at most.
    pub used: u64,
    /// With what is free in between and belongs to nobody else.
    all: u64,
}

/// Where the server keeps its tables, if it runs on this machine.
///
/// # Errors
/// If the server does not answer.
pub(super) fn data_folder(connection: &mut Connection, address: &Address) -> Result<Option<PathBuf>> {
    let folder = if address.is_local() { connection.value("SELECT @@datadir")? } else { None };
    Ok(folder.map(PathBuf::from))
}

/// Asks the server how large `table` is.
///
/// # Errors
/// If the server does not answer.
pub(super) fn size(connection: &mut Connection, table: &Table<'_>) -> Result<Size> {
    // Free pages of a space that tables share are not the table's.
    let has_file = connection.variable("innodb_file_per_table")?.is_some_and(|value| value == "ON");
    let sql = format!(
        "SELECT DATA_LENGTH + INDEX_LENGTH, DATA_FREE FROM information_schema.TABLES WHERE TABLE_SCHEMA = {} AND TABLE_NAME = {}",
        quote_text(&table.schema),
        quote_text(&table.name)
    );
    let mut row = connection.first(&sql)?.unwrap_or_default().into_iter().flatten().map(|text| text.parse());
    let mut next = || row.next().and_then(std::result::Result::ok).unwrap_or(0);
    let (used, free): (u64, u64) = (next(), next());
    // The data of other engines has its holes among its bytes.
    let free = if has_file && table.engine.eq_ignore_ascii_case("InnoDB") { free } else { 0 };
    Ok(Size { used, all: used + free })
}

/// Seconds for which a table of so many bytes is locked, about.
pub(super) fn locked_seconds(bytes: u64) -> u64 {
    bytes.div_ceil(BYTES_PER_SECOND).max(1)
}

/// Rebuilds the tables of `jobs` that rows went from, one after the other, and notes in `outcome` what came of each. If the run had nothing
/// left to remove, all of them; if it did not come to its end, none. None is begun while the window is closed.
///
/// # Errors
/// If the server does not take a setting, or the user wishes to stop. What is wrong with a table is noted.
pub(super) fn reclaim(
    (connection, address): (&mut Connection, &Address),
    jobs: &[&Job<'_>],
    (pace, outcome): (&mut Pace, &mut RunOutcome),
    monitor: &dyn Monitor,
) -> Result<()> {
    if outcome.ended != Ended::Done {
        monitor.note("no table is rebuilt, as the run did not come to its end");
        return Ok(());
    }
    let tables = chosen(jobs, outcome, monitor);
    connection.run(&format!("SET SESSION lock_wait_timeout={LOCK_WAIT_SECONDS}"))?;
    let folder = data_folder(connection, address)?;
    if folder.is_none() {
        monitor.note(
            "the server is on another machine: whether its disk has room for copies of the tables cannot be checked",
        );
    }
    for table in tables {
        pace.wait_for_window(connection, monitor)?;
        if monitor.is_cancelled() {
            monitor.note(&format!("stopped before the table `{}` was rebuilt", table.name));
            return Err(Error::cancelled());
        }
        let mut reclaimed = Reclaimed { table: table.name.clone(), before_bytes: 0, after_bytes: None, problem: None };
        let result = rebuild(connection, table, folder.as_ref(), (&mut reclaimed, monitor));
        reclaimed.problem = result.unwrap_or_else(|error: Error| Some(chain(&error)));
        outcome.reclaimed.push(reclaimed);
    }
    Ok(())
}

fn chosen<'t, 'r>(jobs: &[&'t Job<'r>], outcome: &RunOutcome, monitor: &dyn Monitor) -> Vec<&'t Table<'r>> {
    let removed = outcome.categories.iter().flat_map(|removed| &removed.tables).map(|(_, rows)| *rows);
    let tables: Vec<_> = jobs.iter().flat_map(|job| job.tables()).zip(removed).collect();
    let nothing_went = tables.iter().all(|(_, rows)| *rows == 0);
    if nothing_went {
        let names: Vec<_> = tables.iter().map(|(table, _)| format!("`{}`", table.name)).collect();
        monitor.note(&format!("nothing was left to remove: all tables of the plan are rebuilt: {}", names.join(", ")));
    }
    tables.into_iter().filter(|(_, rows)| nothing_went || *rows > 0).map(|(table, _)| table).collect()
}

/// Rebuilds and checks one table. Gives what is wrong with it.
fn rebuild(
    connection: &mut Connection,
    table: &Table<'_>,
    folder: Option<&PathBuf>,
    (reclaimed, monitor): (&mut Reclaimed, &dyn Monitor),
) -> Result<Option<String>> {
    let before = size(connection, table)?;
    reclaimed.before_bytes = before.all;
    match folder.map(|folder| free_space(folder)) {
        Some(Ok(free)) if free < before.used + SPARE_BYTES => return Ok(Some(too_little(&before, free))),
        Some(Err(error)) => {
            monitor.note(&format!("whether there is room for a copy of `{}` cannot be checked: {error}", table.name))
        }
        None | Some(Ok(_)) => {}
    }
    if !table.transactional {
        let (name, engine, seconds) = (&table.name, &table.engine, locked_seconds(before.used));
        monitor.note(&format!("`{name}` ({engine}) is rebuilt now, and is locked for about {seconds} s"));
    }
    let sql = format!("OPTIMIZE NO_WRITE_TO_BINLOG TABLE {}", table.full_name);
    if let Some(why) = complaint(connection, &sql)? {
        return Ok(Some(format!("it was not rebuilt: {why}; a run of the same plan when fewer people work may do it")));
    }
    reclaimed.after_bytes = Some(size(connection, table)?.all);
    check_rebuilt(connection, table)
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

    #[test]
    fn a_lock_takes_a_second_at_least() {
        assert_eq!((locked_seconds(0), locked_seconds(BYTES_PER_SECOND * 3)), (1, 3));
    }
}
