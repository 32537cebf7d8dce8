//! Rows that wait on disk between reading and sealing: they are read in any order, and returned sorted.
//!
//! Tables without transactions are read under a lock, as fast as the server returns rows and in their physical order.
//! Sorting and sealing would take several times as long, so they follow after the lock is released. Until then the rows
//! are in an unnamed file, encrypted with a key that exists only in memory. So nothing remains, whatever happens to
//! this process.

use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering as Memory};

use repo_format::database::RowOrder;

use crate::database::RowKey;
use engine_core::crypto::ScratchKey;
use engine_core::error::{Error, ErrorKind, Result};

/// Rows are collected up to this many bytes, and then sorted.
const BATCH: usize = 16 * 1024 * 1024;
/// A table of fewer bytes stays in memory: a folder may have hundreds of them.
const IN_MEMORY: usize = 64 * 1024;
/// Bytes that are sealed, and later read, at a time; a longer row is alone.
const FRAME: usize = 64 * 1024;
/// Bytes before the parts of a row: their lengths.
const ROW_HEAD: usize = 12;

/// How many bytes all spools of a run may take on disk. Its clones are the same.
#[derive(Clone)]
pub struct SpoolSpace {
    left: Arc<AtomicU64>,
}

impl SpoolSpace {
    /// Room for `bytes`.
    pub fn new(bytes: u64) -> Self {
        SpoolSpace { left: Arc::new(AtomicU64::new(bytes)) }
    }

    fn take(&self, bytes: u64) -> Result<()> {
        let taken = self.left.fetch_update(Memory::Relaxed, Memory::Relaxed, |left| left.checked_sub(bytes));
        taken.map(|_| ()).map_err(|_| {
            let message =
                "the tables that must be read under a lock are larger than the room there is for them on disk";
            Error::new(ErrorKind::NoSpace, message)
        })
    }

    fn give_back(&self, bytes: u64) {
        self.left.fetch_add(bytes, Memory::Relaxed);
    }
}

/// Takes the rows of one table.
pub struct Spool<'s> {
    order: RowOrder,
    folder: &'s Path,
    space: &'s SpoolSpace,
    batch: Batch,
    file: Option<SealedFile>,
    runs: Vec<SortedRun>,
    /// The greatest row of the last run.
    last: Vec<u8>,
}

/// Rows in memory, one after the other: lengths, sort key, key, row.
#[derive(Default)]
struct Batch {
    bytes: Vec<u8>,
    starts: Vec<usize>,
}

/// A row that was put into a spool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SpooledRow<'a> {
    /// The sort key for [`RowOrder::Integer`]; otherwise empty.
    sort: &'a [u8],
    /// The encoded key.
    pub key: &'a [u8],
    /// The encoded row.
    pub row: &'a [u8],
}

impl<'a> SpooledRow<'a> {
    fn read(bytes: &'a [u8]) -> Self {
        let length = |at: usize| {
            let mut word = [0; 4];
            word.copy_from_slice(&bytes[at..at + 4]);
            u32::from_le_bytes(word) as usize
        };
        let (sort, key, row) = (length(0), length(4), length(8));
        let (sort_end, key_end) = (ROW_HEAD + sort, ROW_HEAD + sort + key);
        SpooledRow {
            sort: &bytes[ROW_HEAD..sort_end],
            key: &bytes[sort_end..key_end],
            row: &bytes[key_end..key_end + row],
        }
    }

    fn len(&self) -> usize {
        ROW_HEAD + self.sort.len() + self.key.len() + self.row.len()
    }

    /// The bytes to sort by.
    fn rank(&self, order: RowOrder) -> &'a [u8] {
        match order {
            RowOrder::Integer => self.sort,
            RowOrder::KeyBytes => self.key,
            RowOrder::RowBytes => self.row,
        }
    }
}

/// Frames in order of their rows.
#[derive(Default)]
struct SortedRun {
    frames: Vec<Frame>,
}

/// A sealed piece of the file.
struct Frame {
    offset: u64,
    sealed_len: usize,
    position: u32,
}

/// A file without a name, and its key.
struct SealedFile {
    file: File,
    key: ScratchKey,
    end: u64,
    next_position: u32,
    space: SpoolSpace,
    /// Bytes of the space that it has taken: they are free again when the file is gone.
    taken: u64,
}

impl Drop for SealedFile {
    fn drop(&mut self) {
        self.space.give_back(self.taken);
    }
}

impl<'s> Spool<'s> {
    /// An empty spool whose file, if it needs one, will be in `folder`.
    pub fn new(order: RowOrder, folder: &'s Path, space: &'s SpoolSpace) -> Self {
        Spool { order, folder, space, batch: Batch::default(), file: None, runs: Vec::new(), last: Vec::new() }
    }

    /// Adds a row.
    ///
    /// # Errors
    /// If the disk is full, or the room that a run may take is used up.
    pub fn push(&mut self, key: &RowKey, row: &[u8]) -> Result<()> {
        let sort = if self.order == RowOrder::Integer { &key.sort[..] } else { &[] };
        let length = |part: &[u8]| {
            u32::try_from(part.len()).map_err(|_| Error::new(ErrorKind::Database, "a row is larger than 4 GiB"))
        };
        let head = [length(sort)?, length(&key.text)?, length(row)?];
        self.batch.starts.push(self.batch.bytes.len());
        head.iter().for_each(|length| self.batch.bytes.extend_from_slice(&length.to_le_bytes()));
        [sort, &key.text, row].iter().for_each(|part| self.batch.bytes.extend_from_slice(part));
        if self.batch.bytes.len() >= BATCH { self.flush() } else { Ok(()) }
    }

    /// All rows have been added: makes what is large enough lie on disk.
    ///
    /// # Errors
    /// As [`Spool::push`].
    pub fn finish(mut self) -> Result<FilledSpool> {
        self.batch.sort(self.order);
        if self.file.is_some() || self.batch.bytes.len() > IN_MEMORY {
            self.flush()?;
            self.batch = Batch::default();
        }
        self.batch.bytes.shrink_to_fit();
        Ok(FilledSpool { order: self.order, batch: self.batch, file: self.file, runs: self.runs })
    }

    /// Writes the batch, as a run of its own or at the end of the last one.
    fn flush(&mut self) -> Result<()> {
        self.batch.sort(self.order);
        let Some(first) = self.batch.rows().next() else { return Ok(()) };
        if self.runs.is_empty() || first.rank(self.order) < &self.last[..] {
            self.runs.push(SortedRun::default());
        }
        let file = match &mut self.file {
            Some(file) => file,
            none => none.insert(SealedFile::make(self.folder, self.space)?),
        };
        let mut frames = Vec::new();
        let mut frame = Vec::with_capacity(FRAME + 4096);
        let mut last = None;
        for (start, row) in self.batch.starts.iter().zip(self.batch.rows()) {
            if !frame.is_empty() && frame.len() + row.len() > FRAME {
                frames.push(file.append(&mut frame)?);
            }
            frame.extend_from_slice(&self.batch.bytes[*start..start + row.len()]);
            last = Some(row);
        }
        frames.push(file.append(&mut frame)?);
        if let Some(row) = last {
            self.last = row.rank(self.order).to_vec();
        }
        if let Some(run) = self.runs.last_mut() {
            run.frames.append(&mut frames);
        }
        self.batch.bytes.clear();
        self.batch.starts.clear();
        Ok(())
    }
}

impl Batch {
    fn rows(&self) -> impl Iterator<Item = SpooledRow<'_>> {
        self.starts.iter().map(|start| SpooledRow::read(&self.bytes[*start..]))
    }

    /// Orders the rows by their ranks; rows that are mostly in order take hardly any time.
    fn sort(&mut self, order: RowOrder) {
        let bytes = &self.bytes;
        let row = |start: &usize| SpooledRow::read(&bytes[*start..]);
        self.starts.sort_by(|a, b| row(a).rank(order).cmp(row(b).rank(order)));
    }
}

impl SealedFile {
    fn make(folder: &Path, space: &SpoolSpace) -> Result<Self> {
        let failed = |e| Error::io(format!("cannot make a temporary file in {}", folder.display()), e);
        std::fs::create_dir_all(folder).map_err(failed)?;
        let file = tempfile::tempfile_in(folder).map_err(failed)?;
        Ok(SealedFile { file, key: ScratchKey::new()?, end: 0, next_position: 0, space: space.clone(), taken: 0 })
    }

    /// Seals what is in `frame`, writes it, and empties it.
    fn append(&mut self, frame: &mut Vec<u8>) -> Result<Frame> {
        let position = self.next_position;
        self.key.seal(position, frame)?;
        self.space.take(frame.len() as u64)?;
        self.taken += frame.len() as u64;
        self.file.write_all(frame).map_err(|e| Error::io("cannot write rows that wait to a temporary file", e))?;
        let written = Frame { offset: self.end, sealed_len: frame.len(), position };
        self.end += frame.len() as u64;
        self.next_position =
            position.checked_add(1).ok_or_else(|| Error::new(ErrorKind::NoSpace, "a table has too many rows"))?;
        frame.clear();
        Ok(written)
    }

    fn read(&mut self, frame: &Frame) -> Result<Vec<u8>> {
        let mut bytes = vec![0; frame.sealed_len];
        let read = self.file.seek(SeekFrom::Start(frame.offset)).and_then(|_| self.file.read_exact(&mut bytes));
        read.map_err(|e| Error::io("cannot read rows back from a temporary file", e))?;
        let opened = self.key.open(frame.position, &mut bytes);
        opened.ok_or_else(|| Error::new(ErrorKind::Io, "a temporary file has lost data that was written to it"))?;
        Ok(bytes)
    }
}

/// A spool that has all its rows.
pub struct FilledSpool {
    order: RowOrder,
    batch: Batch,
    file: Option<SealedFile>,
    runs: Vec<SortedRun>,
}

/// A run while it is being merged with others: its current frame, and the row in it that is next.
struct Cursor {
    frames: std::vec::IntoIter<Frame>,
    bytes: Vec<u8>,
    row: Range<usize>,
    order: RowOrder,
}

impl Cursor {
    fn current(&self) -> SpooledRow<'_> {
        SpooledRow::read(&self.bytes[self.row.clone()])
    }

    /// Goes on to the next row; false at the end.
    fn advance(&mut self, file: &mut SealedFile) -> Result<bool> {
        if self.row.end == self.bytes.len() {
            let Some(frame) = self.frames.next() else { return Ok(false) };
            self.bytes = file.read(&frame)?;
            self.row = 0..0;
        }
        let start = self.row.end;
        self.row = start..start + SpooledRow::read(&self.bytes[start..]).len();
        Ok(true)
    }
}

impl PartialEq for Cursor {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Cursor {}

impl PartialOrd for Cursor {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Cursor {
    /// Reversed, because a heap returns its greatest element, and the least row comes first.
    fn cmp(&self, other: &Self) -> Ordering {
        other.current().rank(self.order).cmp(self.current().rank(self.order))
    }
}

impl FilledSpool {
    /// Gives all rows in order.
    ///
    /// # Errors
    /// Of `each`, or if the file cannot be read.
    pub fn drain(self, each: &mut dyn FnMut(SpooledRow<'_>) -> Result<()>) -> Result<()> {
        let FilledSpool { order, batch, file, runs } = self;
        let Some(mut file) = file else { return batch.rows().try_for_each(each) };
        let mut heap = BinaryHeap::with_capacity(runs.len());
        for run in runs {
            let mut cursor = Cursor { frames: run.frames.into_iter(), bytes: Vec::new(), row: 0..0, order };
            if cursor.advance(&mut file)? {
                heap.push(cursor);
            }
        }
        while let Some(mut cursor) = heap.pop() {
            each(cursor.current())?;
            // The common case is one run, or runs that do not overlap: then the heap is left alone.
            while cursor.advance(&mut file)? {
                if heap.peek().is_some_and(|next| *next > cursor) {
                    heap.push(cursor);
                    break;
                }
                each(cursor.current())?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sorted(order: RowOrder, rows: &[(u64, Vec<u8>)], space: &SpoolSpace) -> Result<Vec<Vec<u8>>> {
        let folder = tempfile::tempdir().unwrap();
        let mut spool = Spool::new(order, folder.path(), space);
        for (number, row) in rows {
            spool.push(&RowKey { sort: number.to_be_bytes().to_vec(), text: number.to_string().into_bytes() }, row)?;
        }
        let mut out = Vec::new();
        spool.finish()?.drain(&mut |row| {
            out.push(row.row.to_vec());
            Ok(())
        })?;
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "the file has no name");
        Ok(out)
    }

    #[test]
    fn rows_come_back_in_the_order_of_their_keys_through_many_runs() {
        let mut rows: Vec<(u64, Vec<u8>)> =
            (0..60_000u64).map(|n| (n.wrapping_mul(0x9E37_79B9_7F4A_7C15), vec![b'x'; 1000])).collect();
        rows.iter_mut().for_each(|(n, row)| row.extend(n.to_be_bytes()));
        let sorted = sorted(RowOrder::Integer, &rows, &SpoolSpace::new(u64::MAX)).unwrap();
        rows.sort();
        assert!(sorted == rows.into_iter().map(|(_, row)| row).collect::<Vec<_>>());
    }

    #[test]
    fn what_a_table_took_on_disk_is_free_for_the_next() {
        let rows: Vec<_> = (0..100u64).map(|n| (n, vec![1; 10_000])).collect();
        // Enough for one table, and not for two.
        let space = SpoolSpace::new(1_500_000);
        (0..3).for_each(|_| assert_eq!(sorted(RowOrder::Integer, &rows, &space).unwrap().len(), 100));
        let folder = tempfile::tempdir().unwrap();
        let mut dropped = Spool::new(RowOrder::RowBytes, folder.path(), &space);
        rows.iter().for_each(|(_, row)| dropped.push(&RowKey::default(), row).unwrap());
        drop(dropped.finish().unwrap());
        assert_eq!(space.left.load(Memory::Relaxed), 1_500_000, "also of one that is not read");
    }

    #[test]
    fn a_full_disk_is_an_error_before_it_is_full() {
        let rows: Vec<_> = (0..100u64).map(|n| (n, vec![1; 10_000])).collect();
        let error = sorted(RowOrder::Integer, &rows, &SpoolSpace::new(500_000)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NoSpace);
    }

    proptest! {
        #[test]
        fn the_order_is_that_of_the_ranks(rows in prop::collection::vec((any::<u64>(), prop::collection::vec(any::<u8>(), 0..40)), 0..50)) {
            let got = sorted(RowOrder::RowBytes, &rows, &SpoolSpace::new(u64::MAX)).unwrap();
            let mut wanted: Vec<_> = rows.into_iter().map(|(_, row)| row).collect();
            wanted.sort();
            prop_assert_eq!(got, wanted);
        }
    }
}
