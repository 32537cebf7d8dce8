//! Examines restored tables: the server checks them, and their rows are counted.

use super::account::Account;
use crate::database::{Connection, holds_rows, quote_name, texts};
use crate::load::LoadedTable;
use engine_core::error::{Error, Result, chain};
use engine_core::monitor::Monitor;
use engine_core::snapshots::saved::Database;
use engine_core::words::counted;

/// A database that was restored.
#[derive(Debug, Clone, Default)]
pub struct Restored {
    /// Put behind the names of its schemas.
    pub ending: &'static str,
    /// The tables that are there.
    pub tables: Vec<LoadedTable>,
}

/// Checks each table of `restored` with CHECK TABLE, counts its rows, and looks for tables of `database` that are not there.
///
/// # Errors
/// If the server fails, or the monitor wishes to stop.
pub fn examine_tables(
    database: &Database<'_>,
    restored: &Restored,
    connection: &mut Connection,
    account: &mut Account,
    monitor: &dyn Monitor,
) -> Result<()> {
    account.step("check tables", monitor, |step| {
        step.figure("tables", restored.tables.len() as u64);
        for table in &restored.tables {
            if monitor.is_cancelled() {
                return Err(Error::cancelled());
            }
            for said in complaints(connection, table)? {
                step.fault(format!("{}.{}: {said}", table.schema, table.table));
            }
        }
        Ok(())
    })?;
    account.step("count rows", monitor, |step| {
        let mut rows = 0;
        for schema in database.schema_names()? {
            let (saved, there) = (database.schema(&schema)?, format!("{schema}{}", restored.ending));
            for name in saved.table_names()? {
                if monitor.is_cancelled() {
                    return Err(Error::cancelled());
                }
                let is_it = |table: &&LoadedTable| {
                    table.table.eq_ignore_ascii_case(&name) && table.schema.eq_ignore_ascii_case(&there)
                };
                let Some(table) = restored.tables.iter().find(is_it) else {
                    step.fault(format!("{schema}.{name} was saved and is not restored"));
                    continue;
                };
                let record = match saved.table(&name) {
                    Ok(table) => table.record,
                    Err(error) if error.is_damage() => {
                        step.fault(chain(&error));
                        continue;
                    }
                    Err(error) => return Err(error),
                };
                if !holds_rows(&record.engine) {
                    continue;
                }
                let found = count(connection, table, record.versioned == Some(true))?;
                rows += found.unwrap_or(0);
                match found {
                    Some(found) if found == table.rows => {}
                    Some(found) => step.fault(format!(
                        "{schema}.{name} has {}, and {} were saved",
                        counted(found, "row"),
                        table.rows
                    )),
                    None => step.fault(format!("{schema}.{name} cannot be read")),
                }
            }
        }
        step.figure("rows", rows);
        Ok(())
    })
}

/// The server's complaints about a table.
fn complaints(connection: &mut Connection, table: &LoadedTable) -> Result<Vec<String>> {
    let sql = format!("CHECK TABLE {}.{} EXTENDED", quote_name(&table.schema), quote_name(&table.table));
    let mut said = Vec::new();
    for row in connection.rows(&sql)? {
        let row = texts(row);
        let column = |place: usize| row.get(place).cloned().flatten().unwrap_or_default();
        let (kind, text) = (column(2).to_ascii_lowercase(), column(3));
        let is_fine = match kind.as_str() {
            // As that the engine knows no check.
            "note" | "info" => true,
            "status" => text == "OK" || text.starts_with("Table is already up to date"),
            _ => false,
        };
        if !is_fine {
            said.push(format!("the server's check says: {text}"));
        }
    }
    Ok(said)
}

/// The rows of a table; `None` if the server cannot read it.
fn count(connection: &mut Connection, table: &LoadedTable, has_history: bool) -> Result<Option<u64>> {
    let history = if has_history { " FOR SYSTEM_TIME ALL" } else { "" };
    let sql = format!("SELECT COUNT(*) FROM {}.{}{history}", quote_name(&table.schema), quote_name(&table.table));
    match connection.value(&sql) {
        Ok(value) => Ok(value.and_then(|value| value.parse().ok())),
        Err(error) if crate::database::is_lost(&error) => Err(error),
        Err(_) => Ok(None),
    }
}
