//! Reads the rows of one table, from a snapshot or under a lock.

use repo_format::database::{RowOrder, TableRecord};
use repo_format::id::Bytes32;
use repo_format::node::ProblemKind;

use super::segments::{Sealer, Segmenter, StoredRows};
use super::spool::{FilledSpool, Spool, SpoolSpace};
use super::standstill::Reading;
use crate::database::{
    Address, Connection, KeptSums, RowEncoder, RowKey, TypedJson, Value, kept_list, outline, quote_name, select_list,
};
use engine_core::error::{Error, Result};
use engine_core::files::backup::Run;

/// The number of rows between looks for the wish to stop.
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
        let typed = self.typed.iter().map(|typed| typed.expression.clone());
        let besides: String = kept_list(self.record).into_iter().chain(typed).map(|sql| format!(", {sql}")).collect();
        format!("SELECT {}{besides} FROM {schema}.{table}{history}{rest}", select_list(self.record))
    }

    /// The column that a [`RowOrder::Integer`] orders by.
    fn integer_key(&self) -> Option<String> {
        let place = self.record.key.first().filter(|_| self.record.order == RowOrder::Integer)?;
        self.record.columns.get(*place as usize).map(|column| quote_name(&column.name))
    }
}

/// Reads a table in the order of its rows, straight into segments. If the server cannot sort as needed, this sorts.
pub(super) fn read_in_order(
    run: &Run<'_>,
    source: &mut Source<'_>,
    table: &TableToRead<'_>,
    sealer: &mut Sealer<'_>,
    place: SpoolPlace<'_>,
) -> Result<StoredRows> {
    let Some(key) = table.integer_key() else {
        let filled = read_as_it_lies(run, source, table, place)?;
        source.let_go()?;
        return seal_spooled(filled, table, sealer);
    };
    let (mut segmenter, mut besides) = (Segmenter::new(sealer, table.segment_bits), Besides::of(table));
    read_into(run, source, &table.select(&format!(" ORDER BY {key}")), &mut segmenter, &mut besides)?;
    source.let_go()?;
    let stored = segmenter.finish()?;
    Ok(StoredRows { kept_digests: besides.end(run), ..stored })
}

/// Reads an unlocked table in short ranges; each range shows another time.
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
    let (mut segmenter, mut besides) = (Segmenter::new(sealer, table.segment_bits), Besides::of(table));
    let mut last: Option<String> = None;
    loop {
        let from = last.as_ref().map(|last| format!(" WHERE {key} > {last}")).unwrap_or_default();
        let sql = table.select(&format!("{from} ORDER BY {key} LIMIT {ROWS_PER_RANGE}"));
        let read = read_into(run, source, &sql, &mut segmenter, &mut besides)?;
        match read.last_key {
            Some(key) if read.rows == ROWS_PER_RANGE => last = Some(key),
            _ => {
                let stored = segmenter.finish()?;
                return Ok(StoredRows { kept_digests: besides.end(run), ..stored });
            }
        }
    }
}

/// Reads a table as fast as the server returns rows, in any order.
pub(super) fn read_as_it_lies(
    run: &Run<'_>,
    source: &mut Source<'_>,
    table: &TableToRead<'_>,
    place: SpoolPlace<'_>,
) -> Result<SpooledRows> {
    let mut spool = Spool::new(table.record.order, place.folder, place.space);
    let mut encoder = RowEncoder::new(table.record);
    let (mut row, mut key, mut besides) = (Vec::new(), RowKey::default(), Besides::of(table));
    source.each_row(run, &table.select(""), &mut |values| {
        row.clear();
        besides.encode(values, &mut encoder, &mut row, &mut key)?;
        spool.push(&key, &row)
    })?;
    let rows = spool.finish()?;
    Ok(SpooledRows { rows, kept_digests: besides.end(run) })
}

/// Rows that wait, in order, and what was read beside them.
pub(super) struct SpooledRows {
    rows: FilledSpool,
    kept_digests: Option<Vec<Bytes32>>,
}

/// Seals what a spool holds, in order.
pub(super) fn seal_spooled(
    spooled: SpooledRows,
    table: &TableToRead<'_>,
    sealer: &mut Sealer<'_>,
) -> Result<StoredRows> {
    let mut segmenter = Segmenter::new(sealer, table.segment_bits);
    spooled.rows.drain(&mut |row| segmenter.push(row.key, row.row))?;
    let stored = segmenter.finish()?;
    Ok(StoredRows { kept_digests: spooled.kept_digests, ..stored })
}

/// The values that are selected besides the rows: stored generated columns, and, by column, whether documents hold
/// values whose types get lost.
struct Besides<'t> {
    table: &'t TableToRead<'t>,
    kept: KeptSums,
    typed_rows: Vec<u64>,
}

impl<'t> Besides<'t> {
    fn of(table: &'t TableToRead<'t>) -> Self {
        Besides { table, kept: KeptSums::of(table.record), typed_rows: vec![0; table.typed.len()] }
    }

    /// Encodes the values of a row, and counts what was selected beside them.
    fn encode(
        &mut self,
        values: &[Option<Value>],
        encoder: &mut RowEncoder,
        out: &mut Vec<u8>,
        key: &mut RowKey,
    ) -> Result<()> {
        let (values, typed) = values.split_at(values.len().saturating_sub(self.typed_rows.len()));
        let (row, kept) = values.split_at(values.len().saturating_sub(self.kept.count()));
        let start = out.len();
        encoder.encode(row, out, key)?;
        for (count, value) in self.typed_rows.iter_mut().zip(typed) {
            *count += u64::from(value.as_ref().and_then(Value::whole_number) == Some(1));
        }
        self.kept.add(kept, key, &out[start..])
    }

    /// Reports columns with documents whose types get lost; returns the digests of stored generated columns.
    fn end(&self, run: &Run<'_>) -> Option<Vec<Bytes32>> {
        self.tell(run);
        self.kept.digests()
    }

    fn tell(&self, run: &Run<'_>) {
        let path = format!("{}.{}", self.table.schema, self.table.record.name).into_bytes();
        for (typed, rows) in self.table.typed.iter().zip(&self.typed_rows).filter(|(_, rows)| **rows > 0) {
            let message = format!(
                "its column `{}` holds in {rows} rows JSON with values whose types the text of JSON does not tell (decimals, dates, \
                 times, bytes, unsigned numbers): restored, they are numbers and strings of the same text",
                typed.column
            );
            run.problem(&path, ProblemKind::Unreadable, message);
        }
    }
}

/// The result of one statement.
struct ReadRows {
    rows: u64,
    last_key: Option<String>,
}

fn read_into(
    run: &Run<'_>,
    source: &mut Source<'_>,
    sql: &str,
    segmenter: &mut Segmenter<'_, '_>,
    besides: &mut Besides<'_>,
) -> Result<ReadRows> {
    let mut encoder = RowEncoder::new(besides.table.record);
    let mut key = RowKey::default();
    let rows = source.each_row(run, sql, &mut |values| {
        let start = segmenter.buffer.len();
        besides.encode(values, &mut encoder, &mut segmenter.buffer, &mut key)?;
        segmenter.added(start, &key.text)
    })?;
    Ok(ReadRows { rows, last_key: (rows > 0).then(|| String::from_utf8_lossy(&key.text).into_owned()) })
}

/// A session to read with.
pub(super) struct Source<'a> {
    pub address: &'a Address,
    pub connection: &'a mut Connection,
    /// Where it is told how the reading gets on.
    pub reading: Option<&'a Reading>,
    /// The reason for releasing the table once its rows are read.
    pub let_go: Option<&'static str>,
}

impl Source<'_> {
    /// Frees the table.
    fn let_go(&mut self) -> Result<()> {
        self.let_go.map_or(Ok(()), |statement| self.connection.run(statement))
    }

    /// Calls `each` with every row of `sql`; returns their number.
    pub fn each_row(
        &mut self,
        run: &Run<'_>,
        sql: &str,
        each: &mut dyn FnMut(&[Option<Value>]) -> Result<()>,
    ) -> Result<u64> {
        let (id, reading) = (self.connection.id(), self.reading);
        let mut rows = 0;
        let mut result = self.connection.stream(sql)?;
        loop {
            let Some(row) = result.next_row(&|| format!("cannot read the rows of `{}`", outline(sql))) else {
                return Ok(rows);
            };
            let values = row?;
            rows += 1;
            let looked = if rows % ROWS_BETWEEN_LOOKS == 0 { run.check_stop() } else { Ok(()) };
            let store = |values: &[Option<Value>], each: &mut dyn FnMut(&[Option<Value>]) -> Result<()>| match reading {
                Some(reading) => reading.storing(|| each(values)),
                None => each(values),
            };
            if let Err(error) = looked.and_then(|()| store(&values, each)) {
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
