//! Whether tables without transactions are whole: before rows are removed, and after.

use super::table::Table;
use crate::database::{Connection, error_code, texts};
use engine_core::error::{Error, ErrorKind, Result};

/// Error numbers of servers for a damaged table.
const DAMAGED: [u16; 6] = [126, 127, 144, 145, 1194, 1195];

/// Checks a table, quickly. One with transactions repairs itself.
///
/// # Errors
/// [`ErrorKind::Database`] if it is damaged; the message has the command that repairs it.
pub(in crate::purge) fn check_table(connection: &mut Connection, table: &Table<'_>) -> Result<()> {
    if table.transactional {
        return Ok(());
    }
    match complaint(connection, &quick(table))? {
        None => Ok(()),
        Some(why) => Err(Error::new(ErrorKind::Database, needs_repair(table, &why))),
    }
}

/// Checks a table that has just been made anew, of any engine. Gives what is wrong with it.
///
/// # Errors
/// If the server does not answer.
pub(in crate::purge) fn check_rebuilt(connection: &mut Connection, table: &Table<'_>) -> Result<Option<String>> {
    let why = complaint(connection, &quick(table))?;
    Ok(why.map(|why| format!("it was rebuilt, and is damaged ({why}): restore it from a snapshot")))
}

/// Runs a statement that looks after a table, and gives what the server has to complain of.
///
/// # Errors
/// If the server does not answer.
pub(in crate::purge) fn complaint(connection: &mut Connection, sql: &str) -> Result<Option<String>> {
    for row in connection.rows(sql)? {
        let mut texts = texts(row).into_iter().skip(2).map(Option::unwrap_or_default);
        let (kind, text) = (texts.next().unwrap_or_default(), texts.next().unwrap_or_default());
        let is_well = text == "OK" || text == "Table is already up to date";
        if kind.eq_ignore_ascii_case("error") || kind.eq_ignore_ascii_case("status") && !is_well {
            return Ok(Some(text));
        }
    }
    Ok(None)
}

fn quick(table: &Table<'_>) -> String {
    format!("CHECK TABLE {} QUICK", table.full_name)
}

/// An error of the server about `table`, with the command that repairs it if it is damaged.
pub(in crate::purge) fn explain(error: Error, table: &Table<'_>) -> Error {
    match error_code(&error) {
        Some(code) if DAMAGED.contains(&code) => error.context(needs_repair(table, "it is marked as crashed")),
        _ => error,
    }
}

fn needs_repair(table: &Table<'_>, why: &str) -> String {
    format!("the table `{}` is damaged ({why}); repair it with: REPAIR TABLE {}", table.name, table.full_name)
}
