//! Tables that could not be read at the moment. They are read afterwards, each at a time of its own, and named.

use repo_format::database::{BinlogPlace, LateTable, LeftOut};

use super::moment::is_busy;
use super::plan::{Means, PlannedTable, describe, is_table_error, left_out};
use super::reader::{Source, read_in_order, read_in_ranges};
use super::segments::{Sealer, StoredRows};
use super::sessions::watched;
use super::standstill::Reading;
use super::state::Dump;
use crate::database::{Connection, TableInfo, list_tables};
use engine_core::error::{Error, ErrorKind, Result};

/// For how long a table is waited for that others hold.
const WAIT_SECONDS: u32 = 600;
/// How often a table is read again that changes its definition meanwhile.
const TRIES: u32 = 3;

/// The result for a late table.
pub(super) enum LateRead {
    /// Its rows, and how late they are.
    Rows(Box<PlannedTable>, StoredRows, LateTable),
    /// It is not there any more, or cannot be read.
    LeftOut(LeftOut),
}

/// Reads the table `info` as it is now; `why` it is late.
pub(super) fn read(dump: &Dump<'_, '_>, info: &TableInfo, why: &str) -> Result<LateRead> {
    let mut connection = patient(dump)?;
    let mut was_let_go = false;
    for _ in 0..TRIES {
        let listed = list_tables(&mut connection, std::slice::from_ref(&info.schema))?;
        let Some(now) = listed.into_iter().find(|table| table.name == info.name) else {
            let gone = Error::new(ErrorKind::NotFound, "it was dropped or renamed while the backup ran");
            return Ok(LateRead::LeftOut(left_out(info, &gone)));
        };
        let table = match describe(dump.run, &mut connection, &dump.server, now, &dump.parent)? {
            Ok(table) => table,
            Err(left_out) => return Ok(LateRead::LeftOut(left_out)),
        };
        // A replay of the log makes up for what is written between the two places.
        let before = log_place(dump, &mut connection)?;
        let read = read_table(dump, &mut connection, &table);
        was_let_go = read.is_let_go;
        if was_let_go {
            connection = patient(dump)?;
        }
        let rows = match read.rows {
            Ok(rows) => rows,
            Err(error) if was_let_go && error.kind() != ErrorKind::Cancelled => continue,
            Err(error) if super::plan::is_redefined(&error) => continue,
            Err(error) if is_table_error(&error) || is_busy(&error) => {
                return Ok(LateRead::LeftOut(left_out(info, &error)));
            }
            Err(error) => return Err(error),
        };
        if is_as_described(&mut connection, &table)? {
            // The time is not before the place: at that time, the log has passed it.
            let after = log_place(dump, &mut connection)?;
            let read = connection.value("SELECT UNIX_TIMESTAMP()")?.and_then(|text| text.parse().ok()).unwrap_or(0);
            let name = table.name();
            let late = LateTable { schema: name.schema, table: name.table, read, why: why.to_owned(), before, after };
            return Ok(LateRead::Rows(Box::new(table), rows, late));
        }
    }
    if was_let_go {
        let message = "others waited for it again and again while the repository took nothing";
        return Ok(LateRead::LeftOut(left_out(info, &Error::new(ErrorKind::Database, message))));
    }
    let message = format!("the definition of `{}`.`{}` changes again and again", info.schema, info.name);
    Err(Error::new(ErrorKind::Database, message))
}

/// A session that waits for tables that others hold.
fn patient(dump: &Dump<'_, '_>) -> Result<Connection> {
    let mut connection = Connection::open(dump.address)?;
    connection.run(&format!("SET SESSION lock_wait_timeout={WAIT_SECONDS}"))?;
    Ok(connection)
}

/// The place in the binary log now, if the server shows one.
fn log_place(dump: &Dump<'_, '_>, connection: &mut Connection) -> Result<Option<BinlogPlace>> {
    let place = super::place::now(connection, &dump.server)?;
    Ok(place.map(|place| BinlogPlace { file: place.file, position: place.position }))
}

/// The result of reading a table.
struct ReadTable {
    rows: Result<StoredRows>,
    /// Its session was ended for others.
    is_let_go: bool,
}

fn read_table(dump: &Dump<'_, '_>, connection: &mut Connection, table: &PlannedTable) -> ReadTable {
    let standstill = dump.standstill();
    watched(dump.run, &standstill, || {
        standstill.reading(connection.id(), table.name(), |reading| {
            let rows = read_rows(dump, connection, table, reading);
            ReadTable { rows, is_let_go: reading.is_given_up() }
        })
    })
}

fn read_rows(
    dump: &Dump<'_, '_>,
    connection: &mut Connection,
    table: &PlannedTable,
    reading: &Reading,
) -> Result<StoredRows> {
    let mut sealer = Sealer::new(dump.run)?;
    let (address, to_read, reading) = (dump.address, table.to_read(dump.run.parent().reader()), Some(reading));
    if table.means == Means::Snapshot {
        connection.run("START TRANSACTION WITH CONSISTENT SNAPSHOT")?;
        let mut source = Source { address, connection, reading, let_go: Some("ROLLBACK") };
        return read_in_order(dump.run, &mut source, &to_read, &mut sealer, dump.place());
    }
    let mut source = Source { address, connection, reading, let_go: None };
    read_in_ranges(dump.run, &mut source, &to_read, &mut sealer, dump.place())
}

/// Whether a table still has the definition it was read by.
pub(super) fn is_as_described(connection: &mut Connection, table: &PlannedTable) -> Result<bool> {
    match show_create(connection, &table.info) {
        Ok(now) => Ok(without_counter(&now) == without_counter(&table.record.create.0)),
        Err(error) if super::plan::is_redefined(&error) || is_table_error(&error) => Ok(false),
        Err(error) => Err(error),
    }
}

/// The result of SHOW CREATE TABLE.
pub(super) fn show_create(connection: &mut Connection, info: &TableInfo) -> Result<Vec<u8>> {
    let name = format!("{}.{}", crate::database::quote_name(&info.schema), crate::database::quote_name(&info.name));
    let shown = connection.rows(&format!("SHOW CREATE TABLE {name}"))?;
    Ok(shown.into_iter().next().and_then(|row| row.into_iter().nth(1).flatten()).unwrap_or_default())
}

/// A definition without the next number of its counter, which changes with every row.
pub(super) fn without_counter(create: &[u8]) -> Vec<u8> {
    const COUNTER: &[u8] = b" AUTO_INCREMENT=";
    let options = create.iter().rposition(|byte| *byte == b'\n').unwrap_or(0);
    let found = create[options..].windows(COUNTER.len()).position(|window| window == COUNTER);
    let Some(at) = found.map(|at| options + at) else { return create.to_vec() };
    let digits = create[at + COUNTER.len()..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    [&create[..at], &create[at + COUNTER.len() + digits..]].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_counter_is_no_part_of_a_definition() {
        let create = b"CREATE TABLE `t` (\n  `a` int(11) DEFAULT 5 COMMENT ' AUTO_INCREMENT=7'\n) ENGINE=MyISAM AUTO_INCREMENT=42 COMMENT='x'";
        let without = without_counter(create);
        assert!(String::from_utf8(without).unwrap().ends_with("' AUTO_INCREMENT=7'\n) ENGINE=MyISAM COMMENT='x'"));
    }
}
