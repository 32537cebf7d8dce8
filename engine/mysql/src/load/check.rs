//! Reads loaded rows back, and compares them with the snapshot's digests.
//!
//! If the server can return rows in the snapshot's order, this rebuilds the bytes of each segment and compares the
//! digests. Otherwise it compares both sides as sets: by the sum of the rows' digests, which does not depend on order.

use repo_format::database::{RowOrder, TableRecord};

use super::run::Run;
use super::table::TableLoad;
use super::tally::count;
use crate::database::{Connection, RowEncoder, RowKey, RowStream, RowSum, holds_rows, quote_name, select_list};
use engine_core::error::Result;
use engine_core::monitor::Work;
use engine_core::tree::SegmentItem;
use engine_core::words::counted;

/// Progress is told after so many bytes: for each row would cost more than the row.
const TOLD_BYTES: u64 = 1 << 20;

/// Compares the rows of `table` with those of the snapshot. Rows that differ are a problem of the table.
///
/// # Errors
/// If the connection is lost, or the repository cannot be read.
pub fn check(run: &Run<'_>, connection: &mut Connection, table: &TableLoad<'_>) -> Result<()> {
    run.check()?;
    let source = table.source();
    let record = table.record();
    if !holds_rows(&record.engine) {
        return Ok(());
    }
    let segments = run.source.segments(source)?.collect::<Result<Vec<SegmentItem>>>()?;
    let schema = &table.schema().plan.staging;
    let mut differing = None;
    let is_ordered = record.order == RowOrder::Integer;
    if is_ordered {
        differing = compare_segments(run, &mut Rows::select(connection, schema, record)?, table, &segments)?;
    }
    if !is_ordered || differing.is_some() && table.may_lose_signs(run) {
        differing = compare_sets(run, &mut Rows::select(connection, schema, record)?, table, &segments)?;
    }
    count(&run.tally.checked_segments, segments.len() as u64);
    if let Some(differing) = differing {
        let (schema, table) = table.name();
        run.tally.problem(schema, table, &format!("read again, it is not as it was: {differing}"));
    }
    Ok(())
}

/// The rows of a table, encoded again.
struct Rows<'c> {
    result: RowStream<'c>,
    encoder: RowEncoder,
    key: RowKey,
}

impl<'c> Rows<'c> {
    fn select(connection: &'c mut Connection, schema: &str, record: &TableRecord) -> Result<Self> {
        let history = if record.versioned == Some(true) { " FOR SYSTEM_TIME ALL" } else { "" };
        let key = record.key.first().and_then(|place| record.columns.get(*place as usize));
        let order = match (record.order, key) {
            (RowOrder::Integer, Some(column)) => format!(" ORDER BY {}", quote_name(&column.name)),
            _ => String::new(),
        };
        let (schema, table) = (quote_name(schema), quote_name(&record.name));
        let sql = format!("SELECT {} FROM {schema}.{table}{history}{order}", select_list(record));
        Ok(Rows { result: connection.stream(&sql)?, encoder: RowEncoder::new(record), key: RowKey::default() })
    }

    /// Appends the next row; `false` at the end.
    fn next(&mut self, out: &mut Vec<u8>) -> Result<bool> {
        let doing = || "cannot read the rows that were loaded".to_owned();
        let Some(row) = self.result.next_row(&doing) else { return Ok(false) };
        self.encoder.encode(&row?, out, &mut self.key)?;
        Ok(true)
    }
}

/// The first difference, if any.
fn compare_segments(
    run: &Run<'_>,
    rows: &mut Rows<'_>,
    table: &TableLoad<'_>,
    segments: &[SegmentItem],
) -> Result<Option<String>> {
    let mut bytes = Vec::new();
    for segment in segments {
        run.check()?;
        bytes.clear();
        for _ in 0..segment.rows {
            if !rows.next(&mut bytes)? {
                return Ok(Some(format!("rows are missing from {}", range(segment))));
            }
        }
        if blake3::hash(&bytes).as_bytes() != &digest(run, table, segment)? {
            return Ok(Some(format!("rows differ in {}", range(segment))));
        }
        run.monitor.advance(Work { items: 0, bytes: segment.len });
    }
    bytes.clear();
    Ok(rows.next(&mut bytes)?.then(|| "it has more rows".to_owned()))
}

/// That of the rows of a segment as the target holds them.
fn digest(run: &Run<'_>, table: &TableLoad<'_>, segment: &SegmentItem) -> Result<[u8; 32]> {
    if !table.changes_values() {
        return Ok(segment.digest.0);
    }
    let converted = table.converted(run, run.source.read(segment)?, segment.rows);
    Ok(*blake3::hash(&converted.text).as_bytes())
}

fn range(segment: &SegmentItem) -> String {
    let shown = |key: &Option<Vec<u8>>| key.as_ref().map(|key| key.escape_ascii().to_string()).unwrap_or_default();
    format!("the key's range {} to {}", shown(&segment.low), shown(&segment.high))
}

fn compare_sets(
    run: &Run<'_>,
    rows: &mut Rows<'_>,
    table: &TableLoad<'_>,
    segments: &[SegmentItem],
) -> Result<Option<String>> {
    let (mut loaded, mut saved) = (RowSum::default(), RowSum::default());
    let mut bytes = Vec::new();
    let mut untold = 0;
    while rows.next(&mut bytes)? {
        loaded.add(&bytes);
        untold += bytes.len() as u64;
        if untold >= TOLD_BYTES {
            run.monitor.advance(Work { items: 0, bytes: std::mem::take(&mut untold) });
        }
        bytes.clear();
    }
    run.monitor.advance(Work { items: 0, bytes: untold });
    for segment in segments {
        run.check()?;
        let converted = table.converted(run, run.source.read(segment)?, segment.rows);
        converted.text.split_inclusive(|byte| *byte == b'\n').for_each(|row| saved.add(row));
    }
    Ok((loaded != saved)
        .then(|| format!("it has {}, of {} that were saved some differ", counted(loaded.rows, "row"), saved.rows)))
}
