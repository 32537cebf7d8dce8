//! Reads the rows of one table, from a snapshot or under a lock.

use mysql::Value;
use repo_format::database::{RowOrder, TableRecord};
use repo_format::node::ProblemKind;

use super::segments::{Sealer, Segmenter, StoredRows};
use super::spool::{FilledSpool, Spool, SpoolSpace};
use crate::database::{Address, Connection, RowEncoder, RowKey, TypedJson, outline, quote_name, select_list};
use engine_core::backup::Run;
use engine_core::error::{Error, Result};

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
    /// Documents whose types may get lost: what is selected besides.
    pub typed: &'a [TypedJson],
}

impl TableToRead<'_> {
    fn select(&self, rest: &str) -> String {
        let history = if self.record.versioned == Some(true) { " FOR SYSTEM_TIME ALL" } else { "" };
        let (schema, table) = (quote_name(self.schema), quote_name(&self.record.name));
        let besides = self.typed.iter().map(|typed| format!(", {}", typed.expression)).collect::<String>();
        format!("SELECT {}{besides} FROM {schema}.{table}{history}{rest}", select_list(self.record))
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
    let (mut segmenter, mut found) = (Segmenter::new(sealer, table.segment_bits), FoundTypes::of(table));
    read_into((run, source), table, &table.select(&format!(" ORDER BY {key}")), (&mut segmenter, &mut found))?;
    found.tell(run);
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
    let (mut segmenter, mut found) = (Segmenter::new(sealer, table.segment_bits), FoundTypes::of(table));
    let mut last: Option<String> = None;
    loop {
        let from = last.as_ref().map(|last| format!(" WHERE {key} > {last}")).unwrap_or_default();
        let sql = table.select(&format!("{from} ORDER BY {key} LIMIT {ROWS_PER_RANGE}"));
        let read = read_into((run, source), table, &sql, (&mut segmenter, &mut found))?;
        match read.last_key {
            Some(key) if read.rows == ROWS_PER_RANGE => last = Some(key),
            _ => {
                found.tell(run);
                return segmenter.finish();
            }
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
    let (mut row, mut key, mut found) = (Vec::new(), RowKey::default(), FoundTypes::of(table));
    source.each_row(run, &table.select(""), &mut |values| {
        row.clear();
        encoder.encode(found.take(values), &mut row, &mut key)?;
        spool.push(&key, &row)
    })?;
    found.tell(run);
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

/// Documents of a table that were found to hold values whose types get lost, by column.
struct FoundTypes<'t> {
    table: &'t TableToRead<'t>,
    rows: Vec<u64>,
}

impl<'t> FoundTypes<'t> {
    fn of(table: &'t TableToRead<'t>) -> Self {
        FoundTypes { table, rows: vec![0; table.typed.len()] }
    }

    /// Counts what was selected besides; gives the values of the row.
    fn take<'v>(&mut self, values: &'v [Option<Value>]) -> &'v [Option<Value>] {
        let (row, besides) = values.split_at(values.len().saturating_sub(self.rows.len()));
        for (count, value) in self.rows.iter_mut().zip(besides) {
            *count += u64::from(matches!(value, Some(Value::Int(1) | Value::UInt(1))));
        }
        row
    }

    /// Names the columns.
    fn tell(&self, run: &Run<'_>) {
        let path = format!("{}.{}", self.table.schema, self.table.record.name).into_bytes();
        for (typed, rows) in self.table.typed.iter().zip(&self.rows).filter(|(_, rows)| **rows > 0) {
            let message = format!(
                "its column `{}` holds in {rows} rows JSON with values whose types the text of JSON does not tell (decimals, dates, \
                 times, bytes, unsigned numbers): restored, they are numbers and strings of the same text",
                typed.column
            );
            run.problem(&path, ProblemKind::Unreadable, message);
        }
    }
}

/// What one statement gave.
struct ReadRows {
    rows: u64,
    last_key: Option<String>,
}

fn read_into(
    (run, source): (&Run<'_>, &mut Source<'_>),
    table: &TableToRead<'_>,
    sql: &str,
    (segmenter, found): (&mut Segmenter<'_, '_>, &mut FoundTypes<'_>),
) -> Result<ReadRows> {
    let mut encoder = RowEncoder::new(table.record);
    let mut key = RowKey::default();
    let rows = source.each_row(run, sql, &mut |values| {
        let start = segmenter.buffer.len();
        encoder.encode(found.take(values), &mut segmenter.buffer, &mut key)?;
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
            let Some(row) = result.next_row(&|| format!("cannot read the rows of `{}`", outline(sql))) else {
                return Ok(rows);
            };
            let values = row?;
            rows += 1;
            let looked = if rows % ROWS_BETWEEN_LOOKS == 0 { run.check_stop() } else { Ok(()) };
            if let Err(error) = looked.and_then(|()| each(&values)) {
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
