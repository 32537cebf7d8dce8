//! Cuts sorted rows into segments, and stores them (FORMAT.md, section 11.1).
//!
//! The hash of a row's key decides where a segment begins. So boundaries stay while rows come and go, for every kind of
//! key, and a changed row affects only one segment.

use repo_format::id::Bytes32;
use repo_format::limits;

use engine_core::chunk::{FileCompression, ProfileName};
use engine_core::error::Result;
use engine_core::files::backup::Run;
use engine_core::pack::NodeSink;
use engine_core::tree::{ChunkWriter, ContentBuilder, ContentRef, Rest, SegmentItem, SegmentListBuilder};

/// How many bytes a segment has on average,
const SEGMENT_AVERAGE: usize = 512 * 1024;
/// and at most, unless a single row is larger.
const SEGMENT_MAX: usize = 4 * 1024 * 1024;

/// The tools with which one thread seals segments, table after table.
pub(super) struct Sealer<'r> {
    run: &'r Run<'r>,
    writer: ChunkWriter<'r, 'r>,
}

impl<'r> Sealer<'r> {
    pub fn new(run: &'r Run<'r>) -> Result<Self> {
        Ok(Sealer { run, writer: ChunkWriter::new(run.store(), ProfileName::Database)? })
    }

    /// Tools for one more table at the same time.
    pub fn another(&self) -> Result<Self> {
        Sealer::new(self.run)
    }

    /// Where nodes go.
    pub fn sink(&mut self) -> NodeSink<'_, 'r> {
        self.writer.sink()
    }

    /// Stores the content of a small file.
    pub fn file(&mut self, bytes: &[u8]) -> Result<Option<ContentRef>> {
        if (bytes.len() as u64) < limits::INLINE_CONTENT {
            return Ok((!bytes.is_empty()).then(|| ContentRef::Inline(bytes.to_vec())));
        }
        self.chunks(bytes, &FileCompression::default())
    }

    /// Stores bytes as chunks; nothing comes of no bytes.
    fn chunks(&mut self, bytes: &[u8], compression: &FileCompression) -> Result<Option<ContentRef>> {
        let mut builder = ContentBuilder::default();
        self.writer.write(bytes, Rest::Ends, compression, &mut builder)?;
        builder.finish(&mut self.sink())
    }
}

/// How many low bits of a key's hash must be 0 where a segment begins, for rows of this average length.
pub(super) fn boundary_bits(rows: u64, bytes: u64) -> u32 {
    let average = (bytes / rows.max(1)).max(16);
    (SEGMENT_AVERAGE as u64 / average).max(1).ilog2()
}

/// The rows of a table as they have been stored.
pub(super) struct StoredRows {
    /// The segment list; `None` if there are no rows.
    pub content: Option<ContentRef>,
    /// How many there are.
    pub rows: u64,
    /// Their encoded bytes.
    pub bytes: u64,
    /// See [`repo_format::database::TableRecord::kept_digests`].
    pub kept_digests: Option<Vec<Bytes32>>,
    /// The reason for reading all of them, though the log was to tell which have changed.
    pub amiss: Option<Amiss>,
}

/// The result of a comparison with the binary log, or with the parent snapshot, that fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Amiss {
    /// The binary log does not tell all changes.
    Log,
    /// The rows of the parent snapshot do not open.
    Parent,
}

/// Collects rows into segments.
pub(super) struct Segmenter<'s, 'r> {
    sealer: &'s mut Sealer<'r>,
    compression: FileCompression,
    segments: Vec<SegmentItem>,
    mask: u64,
    /// Rows of the segment that has begun.
    pub buffer: Vec<u8>,
    rows_in_buffer: u64,
    low: Vec<u8>,
    high: Vec<u8>,
    rows: u64,
    bytes: u64,
}

impl<'s, 'r> Segmenter<'s, 'r> {
    /// Starts one table; `bits` come from [`boundary_bits`].
    pub fn new(sealer: &'s mut Sealer<'r>, bits: u32) -> Self {
        Segmenter {
            sealer,
            compression: FileCompression::default(),
            segments: Vec::new(),
            mask: mask(bits),
            buffer: Vec::with_capacity(2 * SEGMENT_AVERAGE),
            rows_in_buffer: 0,
            low: Vec::new(),
            high: Vec::new(),
            rows: 0,
            bytes: 0,
        }
    }

    /// The row from `start` on has been appended to `buffer`; `key` is its encoded key, empty if the table has none.
    ///
    /// # Errors
    /// If the segment before it cannot be stored, or the run has been stopped.
    pub fn added(&mut self, start: usize, key: &[u8]) -> Result<()> {
        let hashed = if key.is_empty() { &self.buffer[start..] } else { key };
        let begins = boundary_hash(hashed) & self.mask == 0 || self.buffer.len() > SEGMENT_MAX;
        if start > 0 && begins {
            self.seal(start)?;
        }
        if self.rows_in_buffer == 0 {
            self.low.clear();
            self.low.extend_from_slice(key);
        }
        self.high.clear();
        self.high.extend_from_slice(key);
        self.rows_in_buffer += 1;
        Ok(())
    }

    /// Appends a row that was encoded elsewhere.
    ///
    /// # Errors
    /// As [`Segmenter::added`].
    pub fn push(&mut self, key: &[u8], row: &[u8]) -> Result<()> {
        let start = self.buffer.len();
        self.buffer.extend_from_slice(row);
        self.added(start, key)
    }

    /// Whether a segment begins with the row of this key, whatever was added before.
    pub fn begins_with(&self, key: &[u8]) -> bool {
        self.buffer.is_empty() || boundary_hash(key) & self.mask == 0
    }

    /// Adds a segment as it was stored before; one begins with its first row, and one behind its last.
    ///
    /// # Errors
    /// As [`Segmenter::added`].
    pub fn keep(&mut self, segment: SegmentItem) -> Result<()> {
        self.seal_rest()?;
        self.rows += segment.rows;
        self.bytes += segment.len;
        self.segments.push(segment);
        Ok(())
    }

    /// Stores the first `end` bytes of the buffer as a segment.
    fn seal(&mut self, end: usize) -> Result<()> {
        self.sealer.run.check_stop()?;
        let plain = &self.buffer[..end];
        let digest = Bytes32(*blake3::hash(plain).as_bytes());
        let Some(content) = self.sealer.chunks(plain, &self.compression)? else { return Ok(()) };
        let (len, rows) = (end as u64, std::mem::take(&mut self.rows_in_buffer));
        let end_key = |key: &[u8]| (!key.is_empty()).then(|| key.to_vec());
        let item = SegmentItem { len, rows, low: end_key(&self.low), high: end_key(&self.high), digest, content };
        self.segments.push(item);
        self.rows += rows;
        self.bytes += len;
        self.buffer.drain(..end);
        if self.buffer.capacity() > 2 * SEGMENT_MAX {
            // A row of many megabytes must not stay in memory.
            self.buffer.shrink_to(SEGMENT_MAX);
        }
        self.sealer.run.has_read(len);
        Ok(())
    }

    /// Ends a range of a table.
    ///
    /// # Errors
    /// As [`Segmenter::added`].
    pub fn finish_range(mut self) -> Result<StoredRange> {
        self.seal_rest()?;
        Ok(StoredRange { segments: self.segments, rows: self.rows, bytes: self.bytes })
    }

    /// Ends the table.
    ///
    /// # Errors
    /// As [`Segmenter::added`].
    pub fn finish(mut self) -> Result<StoredRows> {
        self.seal_rest()?;
        let range = StoredRange { segments: self.segments, rows: self.rows, bytes: self.bytes };
        join_ranges(self.sealer, vec![range])
    }

    fn seal_rest(&mut self) -> Result<()> {
        let end = self.buffer.len();
        if end > 0 { self.seal(end) } else { Ok(()) }
    }
}

/// The rows of a range of a table as they have been stored. Memory: some 300 bytes a segment.
pub(super) struct StoredRange {
    segments: Vec<SegmentItem>,
    rows: u64,
    bytes: u64,
}

/// Makes one table of its ranges, in order. A segment begins with the first row of each.
///
/// # Errors
/// If a node cannot be stored.
pub(super) fn join_ranges(sealer: &mut Sealer<'_>, ranges: Vec<StoredRange>) -> Result<StoredRows> {
    let (rows, bytes) = (ranges.iter().map(|range| range.rows).sum(), ranges.iter().map(|range| range.bytes).sum());
    let mut list = SegmentListBuilder::default();
    for segment in ranges.into_iter().flat_map(|range| range.segments) {
        list.push(segment, &mut sealer.sink())?;
    }
    let content = list.finish(&mut sealer.sink())?;
    Ok(StoredRows { content, rows, bytes, kept_digests: None, amiss: None })
}

/// Whether a segment begins with the row of this key; `bits` come from [`boundary_bits`].
pub(super) fn is_boundary(key: &[u8], bits: u32) -> bool {
    boundary_hash(key) & mask(bits) == 0
}

fn mask(bits: u32) -> u64 {
    (1 << bits.min(63)) - 1
}

/// A hash that decides where segments begin: FNV-1a, and a last step that makes its low bits depend on all others.
fn boundary_hash(bytes: &[u8]) -> u64 {
    let fnv = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
    let hash = bytes.iter().fold(0xcbf2_9ce4_8422_2325, fnv);
    let mixed = (hash ^ (hash >> 32)).wrapping_mul(0xd6e8_feb8_6659_fd93);
    mixed ^ (mixed >> 32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_key_in_so_many_begins_a_segment() {
        let mask = (1 << 8) - 1;
        let begins = |n: &u64| boundary_hash(n.to_string().as_bytes()) & mask == 0;
        let count = (1..=256_000u64).filter(begins).count();
        assert!((900..1100).contains(&count), "{count} of 1,000 expected");
    }

    #[test]
    fn segments_have_half_a_mebibyte_whatever_the_rows_are() {
        assert_eq!(boundary_bits(1000, 1000 * 128), 12);
        assert_eq!(boundary_bits(1000, 1000 * 1024 * 1024), 0);
        assert_eq!(boundary_bits(0, 0), 15);
    }
}
