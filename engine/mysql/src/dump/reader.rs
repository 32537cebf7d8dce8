//! Reads the rows of one table, from a snapshot or under a lock.

use repo_format::database::{RowOrder, TableRecord};
use repo_format::id::Bytes32;
use repo_format::node::ProblemKind;

use super::increment::{Ground, Proof, Splicer};
use super::ranges::KeyRange;
use super::segments::{Sealer, Segmenter, StoredRange, StoredRows};
use super::spool::{FilledSpool, Spool, SpoolSpace};
use super::standstill::Reading;
use crate::database::{
    Address, Connection, KeptSums, RowEncoder, RowKey, TableName, TypedJson, Value, kept_list, outline, quote_name,
    select_list,
};
use engine_core::error::{Error, Result};
use engine_core::files::backup::Run;

/// The number of rows between looks for the wish to stop.
const ROWS_BETWEEN_LOOKS: u64 = 4096;
/// Changed rows that are read at a time.
const KEYS_PER_STATEMENT: usize = 1000;
/// The rows of a table of the parent's are counted up to so many: counting InnoDB's takes time.
const ROWS_TO_COUNT: u64 = 200_000;
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
    /// How many rows it has, by the server's estimate.
    pub rows: u64,
    /// See [`super::segments::boundary_bits`].
    pub segment_bits: u32,
    /// Documents whose types may get lost: what is selected besides.
    pub typed: &'a [TypedJson],
    /// The parent, and the rows that have changed since, if that is known.
    pub ground: Option<Ground<'a>>,
}

impl<'a> TableToRead<'a> {
    /// The parent, if only changed rows are read.
    pub fn splices(&self) -> Option<Ground<'a>> {
        self.ground.filter(|ground| !ground.part.is_proof)
    }

    /// The parent, if all rows are read and compared with the changed ones.
    fn proves(&self) -> Option<Ground<'a>> {
        self.ground.filter(|ground| ground.part.is_proof)
    }

    /// The statements that read it in any order: one, or some for its changed rows.
    fn statements(&self) -> Vec<String> {
        let Some((ground, key)) = self.splices().zip(self.integer_key()) else { return vec![self.select("")] };
        let Some(of) = ground.part.key else { return Vec::new() };
        let in_keys = |ranks: &[u64]| {
            let keys: Vec<String> = ranks.iter().map(|rank| of.sql(*rank)).collect();
            self.select(&format!(" WHERE {key} IN ({})", keys.join(", ")))
        };
        ground.part.ranks.chunks(KEYS_PER_STATEMENT).map(in_keys).collect()
    }

    fn select(&self, rest: &str) -> String {
        let history = if self.record.versioned == Some(true) { " FOR SYSTEM_TIME ALL" } else { "" };
        let (schema, table) = (quote_name(self.schema), quote_name(&self.record.name));
        let typed = self.typed.iter().map(|typed| typed.expression.clone());
        let besides: String = kept_list(self.record).into_iter().chain(typed).map(|sql| format!(", {sql}")).collect();
        format!("SELECT {}{besides} FROM {schema}.{table}{history}{rest}", select_list(self.record))
    }

    fn integer_key(&self) -> Option<String> {
        Self::key_column(self.record)
    }

    /// The column that a [`RowOrder::Integer`] orders by, quoted.
    pub fn key_column(record: &TableRecord) -> Option<String> {
        let place = record.key.first().filter(|_| record.order == RowOrder::Integer)?;
        record.columns.get(*place as usize).map(|column| quote_name(&column.name))
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
    let mut second = second_sealer(table, sealer)?;
    let mut taking = Taking::begin(table, sealer, second.as_mut())?;
    read_into(run, source, &table.select(&format!(" ORDER BY {key}")), &mut taking)?;
    source.let_go()?;
    taking.end(run)
}

/// Reads a range of a table that is ordered by an integer.
pub(super) fn read_range(
    run: &Run<'_>,
    source: &mut Source<'_>,
    table: &TableToRead<'_>,
    range: &KeyRange,
    sealer: &mut Sealer<'_>,
) -> Result<StoredRange> {
    let key = table.integer_key().unwrap_or_default();
    let mut taking = Taking::begin(table, sealer, None)?;
    read_into(run, source, &table.select(&format!("{} ORDER BY {key}", range.condition(&key))), &mut taking)?;
    source.let_go()?;
    taking.segmenter.finish_range()
}

/// The result of splicing.
pub(super) enum Spliced {
    /// The table as it is now.
    Rows(StoredRows),
    /// It has more or fewer rows than the server counts.
    Contradiction,
}

/// Puts changed rows that were read among those of the parent.
///
/// # Errors
/// [`ErrorKind::Damaged`](engine_core::error::ErrorKind::Damaged) if the parent cannot be read.
pub(super) fn splice(
    spooled: SpooledRows,
    ground: Ground<'_>,
    table: &TableToRead<'_>,
    sealer: &mut Sealer<'_>,
) -> Result<Spliced> {
    let mut splicer = Splicer::new(ground, sealer, table.segment_bits)?;
    let mut read = 0;
    spooled.rows.drain(&mut |row| {
        read += 1;
        splicer.row(row.key, row.row)
    })?;
    let stored = splicer.finish()?;
    if spooled.counted.is_some_and(|counted| counted != stored.rows) {
        return Ok(Spliced::Contradiction);
    }
    Ok(Spliced::Rows(StoredRows { rows: read, ..stored }))
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
    let mut second = second_sealer(table, sealer)?;
    let mut taking = Taking::begin(table, sealer, second.as_mut())?;
    let mut last: Option<String> = None;
    loop {
        let from = last.as_ref().map(|last| format!(" WHERE {key} > {last}")).unwrap_or_default();
        let sql = table.select(&format!("{from} ORDER BY {key} LIMIT {ROWS_PER_RANGE}"));
        let read = read_into(run, source, &sql, &mut taking)?;
        match read.last_key {
            Some(key) if read.rows == ROWS_PER_RANGE => last = Some(key),
            _ => return taking.end(run),
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
    for sql in table.statements() {
        source.each_row(run, &sql, &mut |values| {
            row.clear();
            besides.encode(values, &mut encoder, &mut row, &mut key)?;
            spool.push(&key, &row)
        })?;
    }
    let counted = count_rows(source, table)?;
    let rows = spool.finish()?;
    Ok(SpooledRows { rows, kept_digests: besides.end(run), counted })
}

/// How many rows a table has, if only changed ones are read and counting is quick.
fn count_rows(source: &mut Source<'_>, table: &TableToRead<'_>) -> Result<Option<u64>> {
    let is_quick = table.rows <= ROWS_TO_COUNT || table.record.engine.eq_ignore_ascii_case("MyISAM");
    if table.splices().is_none() || !is_quick {
        return Ok(None);
    }
    let sql = format!("SELECT COUNT(*) FROM {}", TableName::new(table.schema, &table.record.name));
    Ok(source.connection.value(&sql)?.and_then(|text| text.parse().ok()))
}

/// Rows that wait, in order, and what was read beside them.
pub(super) struct SpooledRows {
    rows: FilledSpool,
    kept_digests: Option<Vec<Bytes32>>,
    /// How many rows the table has, if only some were read and it was counted.
    counted: Option<u64>,
}

/// Seals what a spool holds, in order.
pub(super) fn seal_spooled(
    spooled: SpooledRows,
    table: &TableToRead<'_>,
    sealer: &mut Sealer<'_>,
) -> Result<StoredRows> {
    let mut second = second_sealer(table, sealer)?;
    let mut taking = Taking::begin(table, sealer, second.as_mut())?;
    spooled.rows.drain(&mut |row| taking.push(row.key, row.row))?;
    let stored = taking.finish()?;
    Ok(StoredRows { kept_digests: spooled.kept_digests, ..stored })
}

/// The tools for a comparison that goes along with a whole read, if there is one.
fn second_sealer<'r>(table: &TableToRead<'_>, sealer: &Sealer<'r>) -> Result<Option<Sealer<'r>>> {
    table.proves().map(|_| sealer.another()).transpose()
}

/// The rows of one table on their way into segments.
struct Taking<'t, 's, 'r> {
    segmenter: Segmenter<'s, 'r>,
    besides: Besides<'t>,
    proof: Option<Proof<'s, 'r>>,
}

impl<'t, 's, 'r> Taking<'t, 's, 'r> {
    /// Begins a table; `second` stores the rows that a whole read is compared with, see [`second_sealer`].
    fn begin(table: &'t TableToRead<'t>, sealer: &'s mut Sealer<'r>, second: Option<&'s mut Sealer<'r>>) -> Result<Self>
    where
        't: 's,
    {
        let proof = table.proves().zip(second);
        let proof = proof.map(|(ground, second)| Proof::begin(ground, second, table.segment_bits)).transpose()?;
        Ok(Taking { segmenter: Segmenter::new(sealer, table.segment_bits), besides: Besides::of(table), proof })
    }

    /// The row from `start` on has been appended to the segmenter's buffer.
    fn added(&mut self, start: usize, key: &[u8]) -> Result<()> {
        if let Some(proof) = &mut self.proof {
            proof.row(key, &self.segmenter.buffer[start..])?;
        }
        self.segmenter.added(start, key)
    }

    fn push(&mut self, key: &[u8], row: &[u8]) -> Result<()> {
        let start = self.segmenter.buffer.len();
        self.segmenter.buffer.extend_from_slice(row);
        self.added(start, key)
    }

    /// Ends the table, and reports what was read beside its rows.
    fn end(self, run: &Run<'_>) -> Result<StoredRows> {
        let kept_digests = self.besides.end(run);
        Ok(StoredRows { kept_digests, ..self.finish()? })
    }

    fn finish(self) -> Result<StoredRows> {
        let stored = self.segmenter.finish()?;
        let amiss = match self.proof {
            Some(proof) => proof.compare(&stored)?,
            None => None,
        };
        Ok(StoredRows { amiss, ..stored })
    }
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

fn read_into(run: &Run<'_>, source: &mut Source<'_>, sql: &str, taking: &mut Taking<'_, '_, '_>) -> Result<ReadRows> {
    let mut encoder = RowEncoder::new(taking.besides.table.record);
    let mut key = RowKey::default();
    let rows = source.each_row(run, sql, &mut |values| {
        let start = taking.segmenter.buffer.len();
        taking.besides.encode(values, &mut encoder, &mut taking.segmenter.buffer, &mut key)?;
        taking.added(start, &key.text)
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
    pub fn let_go(&mut self) -> Result<()> {
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
