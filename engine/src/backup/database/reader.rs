//! Reads the rows of one table, from a snapshot or under a lock.

use mysql::Value;
use repo_format::database::{RowOrder, TableRecord};

use super::segments::{Sealer, Segmenter, StoredRows};
use super::spool::{FilledSpool, Spool, SpoolSpace};
use crate::backup::Run;
use crate::database::{Address, Connection, RowEncoder, RowKey, failure, outline, quote_name, select_list};
use crate::error::{Error, Result};

/// Whether to stop is asked after so many rows.
const ROWS_BETWEEN_LOOKS: u64 = 4096;
/// Rows that are read at a time from a table that is not locked: writers wait for as long as that takes.
const ROWS_PER_RANGE: u64 = 5000;

/// Where temporary files go.
#[derive(Clone, Copy)]
pub(super) struct SpoolPlace<'a> {
    pub folder: &'a std::path::Path,
    pub space: &'a SpoolSpace,
}

/// A table to be read.
pub(super) struct TableToRead<'a> {
    pub schema: &'a str,
    pub record: &'a TableRecord,
    /// See [`super::segments::boundary_bits`].
    pub segment_bits: u32,
}

impl TableToRead<'_> {
    fn select(&self, rest: &str) -> String {
        let history = if self.record.versioned == Some(true) { " FOR SYSTEM_TIME ALL" } else { "" };
        let (schema, table) = (quote_name(self.schema), quote_name(&self.record.name));
        format!("SELECT {} FROM {schema}.{table}{history}{rest}", select_list(self.record))
    }

    /// The column that a [`RowOrder::Integer`] orders by.
    fn integer_key(&self) -> Option<String> {
        let place = self.record.key.first().filter(|_| self.record.order == RowOrder::Integer)?;
        self.record.columns.get(*place as usize).map(|column| quote_name(&column.name))
    }
}

/// Reads a table in the order of its rows, straight into segments. What the server cannot order as needed is sorted here.
pub(super) fn read_in_order(
    run: &Run<'_>,
    source: &mut Source<'_>,
    table: &TableToRead<'_>,
    sealer: &mut Sealer<'_>,
    place: SpoolPlace<'_>,
) -> Result<StoredRows> {
    let Some(key) = table.integer_key() else {
        let filled = read_as_it_lies(run, source, table, place)?;
        return seal_spooled(filled, table, sealer);
    };
    let mut segmenter = Segmenter::new(sealer, table.segment_bits);
    read_into(run, source, table, &table.select(&format!(" ORDER BY {key}")), &mut segmenter)?;
    segmenter.finish()
}

/// Reads a table that nobody locks, in short ranges: each shows another time.
pub(super) fn read_in_ranges(
    run: &Run<'_>,
    source: &mut Source<'_>,
    table: &TableToRead<'_>,
    sealer: &mut Sealer<'_>,
    place: SpoolPlace<'_>,
) -> Result<StoredRows> {
    let Some(key) = table.integer_key() else {
        let filled = read_as_it_lies(run, source, table, place)?;
        return seal_spooled(filled, table, sealer);
    };
    let mut segmenter = Segmenter::new(sealer, table.segment_bits);
    let mut last: Option<String> = None;
    loop {
        let from = last.as_ref().map(|last| format!(" WHERE {key} > {last}")).unwrap_or_default();
        let sql = table.select(&format!("{from} ORDER BY {key} LIMIT {ROWS_PER_RANGE}"));
        let read = read_into(run, source, table, &sql, &mut segmenter)?;
        match read.last_key {
            Some(key) if read.rows == ROWS_PER_RANGE => last = Some(key),
            _ => return segmenter.finish(),
        }
    }
}

/// Reads a table as fast as the server gives rows, in whatever order.
pub(super) fn read_as_it_lies(
    run: &Run<'_>,
    source: &mut Source<'_>,
    table: &TableToRead<'_>,
    place: SpoolPlace<'_>,
) -> Result<FilledSpool> {
    let mut spool = Spool::new(table.record.order, place.folder, place.space);
    let mut encoder = RowEncoder::new(table.record);
    let (mut row, mut key) = (Vec::new(), RowKey::default());
    source.each_row(run, &table.select(""), &mut |values| {
        row.clear();
        encoder.encode(values, &mut row, &mut key)?;
        spool.push(&key, &row)
    })?;
    spool.finish()
}

/// Seals what a spool holds, in order.
pub(super) fn seal_spooled(
    filled: FilledSpool,
    table: &TableToRead<'_>,
    sealer: &mut Sealer<'_>,
) -> Result<StoredRows> {
    let mut segmenter = Segmenter::new(sealer, table.segment_bits);
    filled.drain(&mut |row| segmenter.push(row.key, row.row))?;
    segmenter.finish()
}

/// What one statement gave.
struct ReadRows {
    rows: u64,
    last_key: Option<String>,
}

fn read_into(
    run: &Run<'_>,
    source: &mut Source<'_>,
    table: &TableToRead<'_>,
    sql: &str,
    segmenter: &mut Segmenter<'_, '_>,
) -> Result<ReadRows> {
    let mut encoder = RowEncoder::new(table.record);
    let mut key = RowKey::default();
    let rows = source.each_row(run, sql, &mut |values| {
        let start = segmenter.buffer.len();
        encoder.encode(values, &mut segmenter.buffer, &mut key)?;
        segmenter.added(start, &key.text)
    })?;
    Ok(ReadRows { rows, last_key: (rows > 0).then(|| String::from_utf8_lossy(&key.text).into_owned()) })
}

/// A session to read with.
pub(super) struct Source<'a> {
    pub address: &'a Address,
    pub connection: &'a mut Connection,
}

impl Source<'_> {
    /// Calls `each` with every row that `sql` gives; how many there were.
    pub fn each_row(
        &mut self,
        run: &Run<'_>,
        sql: &str,
        each: &mut dyn FnMut(&[Option<Value>]) -> Result<()>,
    ) -> Result<u64> {
        let id = self.connection.id();
        let mut rows = 0;
        let mut result = self.connection.stream(sql)?;
        loop {
            let Some(row) = result.next() else { return Ok(rows) };
            let values = match row {
                Ok(values) => values,
                Err(e) => {
                    drop(result);
                    let error = failure(format!("cannot read the rows of `{}`", outline(sql)), e);
                    return Err(self.connection.explained(error));
                }
            };
            rows += 1;
            let looked = if rows % ROWS_BETWEEN_LOOKS == 0 { run.check_stop() } else { Ok(()) };
            if let Err(error) = looked.and_then(|()| each(&values.unwrap_raw())) {
                // Dropping the result would read all that is left of it.
                kill(self.address, id);
                return Err(error);
            }
        }
    }
}

/// Ends what a session is doing. If that fails the session reads on to its end, which only takes longer.
pub(super) fn kill(address: &Address, id: u32) {
    let killed = Connection::open(address).and_then(|mut connection| connection.run(&format!("KILL QUERY {id}")));
    drop::<std::result::Result<(), Error>>(killed);
}
