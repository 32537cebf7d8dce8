//! Makes a table's segments of those of the parent snapshot and of the rows that have changed since.
//!
//! They are the segments that a whole read would make. A segment of the parent is kept as it is if no row from its first one to the first one of the next
//! segment has changed: so its rows are the same, and so is the reason why the next one begins. Other segments are opened, and their rows are cut anew up
//! to the next place where the hash of a key begins a segment.

use std::iter::Peekable;

use super::plan::Part;
use crate::binlog::changes::IntegerKey;
use crate::dump::parent::ParentTable;
use crate::dump::segments::{Sealer, Segmenter, StoredRows};
use engine_core::error::{Error, ErrorKind, Result};
use engine_core::pack::ChunkReader;
use engine_core::snapshots::saved::read_segment;
use engine_core::tree::{ContentRef, SegmentItem, SegmentIter};
use repo_format::database::TableRecord;

/// Takes the changed rows of one table in order, and puts them among those of the parent.
pub(in crate::dump) struct Splicer<'s, 'r> {
    segmenter: Segmenter<'s, 'r>,
    parent: Peekable<SegmentIter<'s>>,
    reader: &'s ChunkReader<'s>,
    part: &'s Part,
    key: IntegerKey,
    /// Place of the key among the cells of a row.
    cell: usize,
    /// Rows of the parent's current segment.
    old: Vec<u8>,
    /// Where the next one begins.
    next: usize,
}

/// The rows of the parent that are spliced.
#[derive(Clone, Copy)]
pub(in crate::dump) struct Ground<'s> {
    pub reader: &'s ChunkReader<'s>,
    pub table: &'s ParentTable,
    pub part: &'s Part,
}

impl<'s, 'r> Splicer<'s, 'r> {
    /// Begins a table.
    ///
    /// # Errors
    /// [`ErrorKind::Damaged`] if the parent has other rows than its records say.
    pub fn new(ground: Ground<'s>, sealer: &'s mut Sealer<'r>, bits: u32) -> Result<Self> {
        let Ground { reader, table, part } = ground;
        let (key, cell) = part.key.zip(cell_of_key(&table.record)).ok_or_else(unfit)?;
        let parent = match table.rows.as_ref().map(|rows| (&rows.content, rows.meta.size)) {
            None | Some((None, 0)) => SegmentIter::empty(reader),
            Some((Some(ContentRef::Segments(id)), size)) => SegmentIter::new(reader, *id, size),
            Some(_) => return Err(unfit()),
        };
        let (parent, segmenter) = (parent.peekable(), Segmenter::new(sealer, bits));
        Ok(Splicer { segmenter, parent, reader, part, key, cell, old: Vec::new(), next: 0 })
    }

    /// Adds a changed row as it is now.
    ///
    /// # Errors
    /// [`ErrorKind::Damaged`] if the parent cannot be read; others if a segment cannot be stored.
    pub fn row(&mut self, key: &[u8], row: &[u8]) -> Result<()> {
        let rank = self.key.rank_of_text(key).ok_or_else(unfit)?;
        self.keep_before(Some(rank))?;
        self.segmenter.push(key, row)
    }

    /// Ends the table.
    ///
    /// # Errors
    /// As [`Splicer::row`].
    pub fn finish(mut self) -> Result<StoredRows> {
        self.keep_before(None)?;
        self.segmenter.finish()
    }

    /// Takes over the rows of the parent before that of the rank `limit` which have not changed.
    fn keep_before(&mut self, limit: Option<u64>) -> Result<()> {
        loop {
            while let Some(row) = next_row(&self.old, self.next) {
                let key = row.split(|byte| matches!(byte, b'\t' | b'\n')).nth(self.cell).unwrap_or_default();
                let rank = self.key.rank_of_text(key).ok_or_else(unfit)?;
                if limit.is_some_and(|limit| rank >= limit) {
                    return Ok(());
                }
                if !self.part.has(rank) {
                    self.segmenter.push(key, row)?;
                }
                self.next += row.len();
            }
            if !self.begin_segment(limit)? {
                return Ok(());
            }
        }
    }

    /// Keeps or opens the next segment of the parent; gives whether there is one that begins before `limit`.
    fn begin_segment(&mut self, limit: Option<u64>) -> Result<bool> {
        let Some(low) = self.peek_low()? else { return Ok(false) };
        if limit.is_some_and(|limit| low >= limit) {
            return Ok(false);
        }
        let Some(segment) = self.parent.next().transpose()? else { return Ok(false) };
        let next_low = self.peek_low()?;
        let is_kept =
            !self.part.has_any(low, next_low) && self.segmenter.begins_with(segment.low.as_deref().unwrap_or_default());
        if is_kept {
            self.segmenter.keep(segment)?;
        } else {
            self.old = read_segment(self.reader, &segment)?;
            self.next = 0;
        }
        Ok(true)
    }

    /// The rank of the first row of the next segment.
    fn peek_low(&mut self) -> Result<Option<u64>> {
        let key = self.key;
        let rank = |segment: &SegmentItem| segment.low.as_ref().and_then(|low| key.rank_of_text(low));
        match self.parent.peek() {
            None => Ok(None),
            Some(Ok(segment)) => rank(segment).map(Some).ok_or_else(unfit),
            Some(Err(_)) => self.parent.next().transpose().and_then(|_| Err(unfit())),
        }
    }
}

/// The row that begins at `start`, with its line feed.
fn next_row(rows: &[u8], start: usize) -> Option<&[u8]> {
    rows.get(start..).filter(|rest| !rest.is_empty())?.split_inclusive(|byte| *byte == b'\n').next()
}

fn cell_of_key(table: &TableRecord) -> Option<usize> {
    let place = *table.key.first()? as usize;
    let stored = |at: &usize| table.columns[*at].generated != Some(true);
    (0..table.columns.len()).filter(stored).position(|at| at == place)
}

fn unfit() -> Error {
    Error::new(ErrorKind::Damaged, "the rows of the earlier snapshot are not as its records say")
}

#[cfg(test)]
mod tests;
