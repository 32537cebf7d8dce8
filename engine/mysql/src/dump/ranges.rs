//! Ranges of a large table, so that several sessions read it at once.
//!
//! Each range begins where the hash of a key begins a segment. So the segments are those of a table that is read in one piece.

use super::plan::PlannedTable;
use super::reader::TableToRead;
use super::segments::is_boundary;
use crate::binlog::changes::IntegerKey;
use crate::database::{Connection, TableName, kept_list, texts};
use engine_core::error::Result;

/// Ranges for each session: their sizes are guesses.
const RANGES_PER_SESSION: u64 = 2;
/// A place to begin is looked for among so many rows for each one that is expected to be one,
const ROWS_PER_PLACE: u64 = 8;
/// and at most among so many.
const ROWS_MAX: u64 = 50_000;

/// Keys from one on, and before another one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct KeyRange {
    /// The first, in SQL; none at the beginning of the table.
    pub from: Option<String>,
    /// The first one behind; none at the end of the table.
    pub to: Option<String>,
    /// Its place among the ranges of the table.
    pub number: usize,
}

impl KeyRange {
    /// The condition for the column `key`.
    pub fn condition(&self, key: &str) -> String {
        match (&self.from, &self.to) {
            (None, None) => String::new(),
            (Some(from), None) => format!(" WHERE {key} >= {from}"),
            (None, Some(to)) => format!(" WHERE {key} < {to}"),
            (Some(from), Some(to)) => format!(" WHERE {key} >= {from} AND {key} < {to}"),
        }
    }
}

/// How tables are split.
#[derive(Debug, Clone, Copy)]
pub(super) struct Splitting {
    /// How many sessions read.
    pub sessions: usize,
    /// See [`super::DatabaseSource::range_bytes`].
    pub range_bytes: u64,
}

/// The ranges by which a table is read; none if it is read as a whole.
///
/// # Errors
/// If the server does not answer.
pub(super) fn split(session: &mut Connection, table: &PlannedTable, how: Splitting) -> Result<Vec<KeyRange>> {
    let Splitting { sessions, range_bytes } = how;
    let wanted = (sessions as u64 * RANGES_PER_SESSION).min(table.info.data_bytes / range_bytes.max(1));
    let key = IntegerKey::of(&table.record).filter(|_| is_plain(table));
    let Some(key) = key.filter(|_| sessions > 1 && wanted > 1) else { return Ok(Vec::new()) };
    let places = Places { session, table, key };
    let froms = places.find(wanted)?;
    if froms.is_empty() {
        return Ok(Vec::new());
    }
    let froms: Vec<String> = froms.into_iter().map(|rank| key.sql(rank)).collect();
    let from = std::iter::once(None).chain(froms.iter().cloned().map(Some));
    let to = froms.iter().cloned().map(Some).chain(std::iter::once(None));
    Ok(from.zip(to).enumerate().map(|(number, (from, to))| KeyRange { from, to, number }).collect())
}

/// Whether nothing is added up over all rows of a table, and all of them are read.
fn is_plain(table: &PlannedTable) -> bool {
    table.part.is_none()
        && table.typed.is_empty()
        && kept_list(&table.record).is_empty()
        && table.record.versioned.is_none()
}

/// Looks for places where ranges can begin.
struct Places<'p> {
    session: &'p mut Connection,
    table: &'p PlannedTable,
    key: IntegerKey,
}

impl Places<'_> {
    /// At most `wanted` - 1 places in order, about as far from each other as keys are.
    fn find(mut self, wanted: u64) -> Result<Vec<u64>> {
        let column = TableToRead::key_column(&self.table.record).unwrap_or_default();
        let name = self.table.name();
        let ends = self.ranks(&format!("SELECT MIN({column}), MAX({column}) FROM {name}"))?;
        let [Some(low), Some(high)] = ends[..] else { return Ok(Vec::new()) };
        let step = (high - low) / wanted;
        let mut places = Vec::new();
        for number in 1..wanted {
            let near = low + step * number;
            if let Some(place) = self.first_behind(near, &column, &name)?
                && places.last().is_none_or(|last| *last < place)
                && place > low
            {
                places.push(place);
            }
        }
        Ok(places)
    }

    /// The first row from `near` on that begins a segment.
    fn first_behind(&mut self, near: u64, column: &str, name: &TableName) -> Result<Option<u64>> {
        let bits = self.table.record.segment_bits.unwrap_or_default();
        let rows = (ROWS_PER_PLACE << bits.min(32)).min(ROWS_MAX);
        let near = self.key.sql(near);
        let sql = format!("SELECT {column} FROM {name} WHERE {column} >= {near} ORDER BY {column} LIMIT {rows}");
        let key = self.key;
        Ok(self.ranks(&sql)?.into_iter().flatten().find(|rank| is_boundary(key.sql(*rank).as_bytes(), bits)))
    }

    fn ranks(&mut self, sql: &str) -> Result<Vec<Option<u64>>> {
        let rows = self.session.rows(sql)?.into_iter().flat_map(texts);
        Ok(rows.map(|text| self.key.rank_of_text(text.unwrap_or_default().as_bytes())).collect())
    }
}
