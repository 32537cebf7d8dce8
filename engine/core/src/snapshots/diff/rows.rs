//! The rows of a table that differ between two snapshots.

use std::cell::Cell;
use std::cmp::Ordering;
use std::collections::HashMap;
use std::vec::IntoIter;

use repo_format::database::TableRecord;
use repo_format::id::Bytes32;

use crate::error::{Error, ErrorKind, Result};
use crate::monitor::Monitor;
use crate::pack::ChunkReader;
use crate::snapshots::saved::{RowKeys, SavedTable, read_segment};
use crate::tree::SegmentItem;

/// How many rows differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RowChanges {
    /// Rows whose key only the later table has; without a key, rows that only it has.
    pub added: u64,
    /// Rows whose key only the earlier table has; without a key, rows that only it has.
    pub removed: u64,
    /// Rows of the same key with other values.
    pub changed: u64,
    /// The limit came first: more rows may differ.
    pub is_cut: bool,
}

/// A row that differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowChange {
    /// How it differs.
    pub kind: RowChangeKind,
    /// The columns of its key, with its values as they are encoded; all values of a table without a key.
    pub key: Vec<(String, String)>,
}

/// How a row differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RowChangeKind {
    /// Only the later table has it.
    Added,
    /// Only the earlier table has it.
    Removed,
    /// These columns have other values.
    Changed(Vec<String>),
}

/// How much of a comparison is wanted. It is used up by all tables together.
#[derive(Debug)]
pub struct RowLimits {
    /// Rows that are looked at; of more, nothing is said.
    rows: Cell<u64>,
    /// Rows of a table that are told one by one.
    told: usize,
}

impl RowLimits {
    /// All rows are counted, and none is told.
    pub fn all() -> Self {
        RowLimits::new(u64::MAX, 0)
    }

    /// So many rows are looked at, and the first ones of each table are told.
    pub fn new(rows: u64, told: usize) -> Self {
        RowLimits { rows: Cell::new(rows), told }
    }

    /// Whether another row may be looked at.
    fn take(&self) -> bool {
        let left = self.rows.get();
        self.rows.set(left.saturating_sub(1));
        left > 0
    }
}

/// Counts the rows that differ, and tells the first; `None` if the tables have other columns or another key, so that no row can be compared.
/// Segments that both tables have are not read. Memory: the lists of segments, and a segment of each.
///
/// # Errors
/// [`ErrorKind::Damaged`]; [`ErrorKind::Cancelled`].
pub(super) fn compare_rows(
    reader: &ChunkReader<'_>,
    before: &SavedTable,
    after: &SavedTable,
    limits: &RowLimits,
    monitor: &dyn Monitor,
) -> Result<Option<(RowChanges, Vec<RowChange>)>> {
    let (old, new) = (&before.record, &after.record);
    let is_comparable =
        old.columns == new.columns && old.key == new.key && old.order == new.order && old.encoding == new.encoding;
    if !is_comparable {
        return Ok(None);
    }
    let listed = |table: &SavedTable| table.segments(reader)?.collect::<Result<Vec<SegmentItem>>>();
    let (old, new) = (listed(before)?, listed(after)?);
    let (of_old, of_new) = (digests(&old), digests(&new));
    let rows = |segments: Vec<SegmentItem>, there| {
        let others = without(segments, there);
        Rows { reader, monitor, segments: others.into_iter(), text: Vec::new(), at: 0 }
    };
    let merge = Merge { table: &before.record, keys: RowKeys::of(&before.record), limits };
    merge.run(&mut rows(old, of_new), &mut rows(new, of_old)).map(Some)
}

/// How often each segment is there.
fn digests(segments: &[SegmentItem]) -> HashMap<Bytes32, usize> {
    let mut there = HashMap::new();
    segments.iter().for_each(|segment| *there.entry(segment.digest).or_default() += 1);
    there
}

/// The segments that the other table, which has those in `there`, does not have.
fn without(mut segments: Vec<SegmentItem>, mut there: HashMap<Bytes32, usize>) -> Vec<SegmentItem> {
    segments.retain(|segment| match there.get_mut(&segment.digest) {
        Some(number) if *number > 0 => {
            *number -= 1;
            false
        }
        _ => true,
    });
    segments
}

/// Two tables that are compared, row by row.
struct Merge<'m> {
    table: &'m TableRecord,
    keys: RowKeys,
    limits: &'m RowLimits,
}

impl Merge<'_> {
    fn run(&self, old: &mut Rows<'_>, new: &mut Rows<'_>) -> Result<(RowChanges, Vec<RowChange>)> {
        let keyless = || Error::new(ErrorKind::Damaged, "a saved row has no key");
        let (mut changes, mut first) = (RowChanges::default(), Vec::new());
        loop {
            let (before, after) = (old.row()?, new.row()?);
            let order = match (before, after) {
                (None, None) => return Ok((changes, first)),
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (Some(old), Some(new)) => {
                    let old = self.keys.of_row(old).ok_or_else(keyless)?;
                    old.cmp(&self.keys.of_row(new).ok_or_else(keyless)?)
                }
            };
            if !self.limits.take() {
                changes.is_cut = true;
                return Ok((changes, first));
            }
            match order {
                Ordering::Less => changes.removed += 1,
                Ordering::Greater => changes.added += 1,
                Ordering::Equal => changes.changed += u64::from(before != after),
            }
            if first.len() < self.limits.told {
                first.extend(self.told(before.filter(|_| order.is_le()), after.filter(|_| order.is_ge())));
            }
            if order.is_le() {
                old.pass();
            }
            if order.is_ge() {
                new.pass();
            }
        }
    }

    /// A row before and after, if it differs.
    fn told(&self, before: Option<&[u8]>, after: Option<&[u8]>) -> Option<RowChange> {
        let kind = match (before, after) {
            (Some(before), Some(after)) if before != after => RowChangeKind::Changed(self.differing(before, after)),
            (Some(_), None) => RowChangeKind::Removed,
            (None, Some(_)) => RowChangeKind::Added,
            _ => return None,
        };
        Some(RowChange { kind, key: self.key(before.or(after)?) })
    }

    /// The names of the columns whose values differ.
    fn differing(&self, before: &[u8], after: &[u8]) -> Vec<String> {
        let pairs = values(before).zip(values(after));
        let differ = self.table.stored().zip(pairs).filter(|(_, (before, after))| before != after);
        differ.map(|(column, _)| column.name.clone()).collect()
    }

    /// The key of a row, by columns.
    fn key(&self, row: &[u8]) -> Vec<(String, String)> {
        let places = &self.table.key;
        let is_key = |name: &str| {
            let mut columns = places.iter().filter_map(|place| self.table.columns.get(*place as usize));
            places.is_empty() || columns.any(|column| column.name == name)
        };
        let named = self.table.stored().zip(values(row)).filter(|(column, _)| is_key(&column.name));
        named.map(|(column, value)| (column.name.clone(), String::from_utf8_lossy(value).into_owned())).collect()
    }
}

/// The encoded values of a row.
fn values(row: &[u8]) -> impl Iterator<Item = &[u8]> {
    row.split(|byte| *byte == b'\t')
}

/// The rows of some segments, in order.
struct Rows<'r> {
    reader: &'r ChunkReader<'r>,
    monitor: &'r dyn Monitor,
    segments: IntoIter<SegmentItem>,
    text: Vec<u8>,
    at: usize,
}

impl Rows<'_> {
    /// The row that is next, without its line feed.
    fn row(&mut self) -> Result<Option<&[u8]>> {
        while self.at >= self.text.len() {
            if self.monitor.is_cancelled() {
                return Err(Error::cancelled());
            }
            let Some(segment) = self.segments.next() else { return Ok(None) };
            self.text = read_segment(self.reader, &segment)?;
            self.at = 0;
        }
        Ok(Some(&self.text[self.at..self.end()]))
    }

    fn pass(&mut self) {
        self.at = self.end() + 1;
    }

    /// The end of the row that is next.
    fn end(&self) -> usize {
        let rest = self.text.get(self.at..).unwrap_or_default();
        self.at + rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len())
    }
}
