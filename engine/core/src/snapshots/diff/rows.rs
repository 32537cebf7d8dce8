//! The rows of a table that differ between two snapshots.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::vec::IntoIter;

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
}

/// Counts the rows that differ; `None` if the tables have other columns or another key, so that no row can be compared.
/// Segments that both tables have are not read. Memory: the lists of segments, and a segment of each.
///
/// # Errors
/// [`ErrorKind::Damaged`]; [`ErrorKind::Cancelled`].
pub(super) fn compare_rows(
    reader: &ChunkReader<'_>,
    before: &SavedTable,
    after: &SavedTable,
    monitor: &dyn Monitor,
) -> Result<Option<RowChanges>> {
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
    merge(&RowKeys::of(&before.record), &mut rows(old, of_new), &mut rows(new, of_old)).map(Some)
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

fn merge(keys: &RowKeys, old: &mut Rows<'_>, new: &mut Rows<'_>) -> Result<RowChanges> {
    let keyless = || Error::new(ErrorKind::Damaged, "a saved row has no key");
    let mut changes = RowChanges::default();
    loop {
        let (order, is_same) = match (old.row()?, new.row()?) {
            (None, None) => return Ok(changes),
            (Some(_), None) => (Ordering::Less, false),
            (None, Some(_)) => (Ordering::Greater, false),
            (Some(old), Some(new)) => {
                let pair = (keys.of_row(old).ok_or_else(keyless)?, keys.of_row(new).ok_or_else(keyless)?);
                (pair.0.cmp(&pair.1), old == new)
            }
        };
        match order {
            Ordering::Less => changes.removed += 1,
            Ordering::Greater => changes.added += 1,
            Ordering::Equal => changes.changed += u64::from(!is_same),
        }
        if order.is_le() {
            old.pass();
        }
        if order.is_ge() {
            new.pass();
        }
    }
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
