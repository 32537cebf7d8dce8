//! Segment lists: the rows of a table.

use repo_format::cbor::ByteString;
use repo_format::id::{Bytes32, ChunkId};
use repo_format::limits;
use repo_format::pack::ChunkKind;
use repo_format::segments::{Segment, SegmentNode, SegmentPart};

use super::ContentRef;
use super::entry::Places;
use crate::chunk::Compression;
use crate::error::{Error, ErrorKind, Result};
use crate::pack::{ChunkReader, NodeSink};

/// A node has at least this many items before a digest may end it.
const ITEMS_MIN: usize = 4;
/// A node has at most this many items.
const ITEMS_MAX: usize = 64;
/// A node ends at about this many bytes, because keys may be long.
const BYTES_MAX: usize = 1024 * 1024;
/// A node ends after a digest, or an id, that has these bits 0: every eighth on average.
const END_MASK: u8 = 0x07;

/// A segment with ids instead of places.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SegmentItem {
    /// The plain bytes of its rows.
    pub len: u64,
    /// How many rows.
    pub rows: u64,
    /// The encoded key of its first row. `None` if the table has no key, or this key or `high` is very long.
    pub low: Option<Vec<u8>>,
    /// The encoded key of its last row, under the same conditions.
    pub high: Option<Vec<u8>>,
    /// BLAKE3 of its plain bytes.
    pub digest: Bytes32,
    /// Its bytes; never inline.
    pub content: ContentRef,
}

/// Builds a segment list, in order. Memory: one unfinished node per level.
#[derive(Default)]
pub struct SegmentListBuilder {
    places: Places,
    segments: Vec<Segment>,
    bytes: usize,
    parts: Vec<Vec<SegmentPart>>,
}

impl SegmentListBuilder {
    /// Adds the next segment.
    ///
    /// # Errors
    /// If a node cannot be stored.
    pub fn push(&mut self, item: SegmentItem, sink: &mut NodeSink<'_, '_>) -> Result<()> {
        let SegmentItem { len, rows, low, high, digest, content } = item;
        let is_short = |key: &Vec<u8>| key.len() as u64 <= limits::ROW_KEY;
        // Both or none: they only help to find a row, and a unique key of MariaDB may have megabytes.
        let keys = low.filter(is_short).zip(high.filter(is_short));
        self.bytes += keys.as_ref().map_or(0, |(low, high)| low.len() + high.len());
        let content = content.into_node(&mut self.places);
        let (low, high) = keys.map(|(low, high)| (ByteString(low), ByteString(high))).unzip();
        self.segments.push(Segment { len, rows, low, high, digest, content });
        let ends = self.segments.len() >= ITEMS_MIN && digest.0[31] & END_MASK == 0;
        if ends || self.segments.len() >= ITEMS_MAX || self.bytes >= BYTES_MAX { self.emit_leaf(sink) } else { Ok(()) }
    }

    fn emit_leaf(&mut self, sink: &mut NodeSink<'_, '_>) -> Result<()> {
        self.bytes = 0;
        let segments = std::mem::take(&mut self.segments);
        let Some(first) = segments.first() else { return Ok(()) };
        let low = first.low.clone().map(|low| low.0);
        let node = SegmentNode::Leaf(std::mem::take(&mut self.places).ids, segments);
        self.emit(&node, low, 0, sink)
    }

    fn emit_parts(&mut self, level: usize, sink: &mut NodeSink<'_, '_>) -> Result<()> {
        let parts = std::mem::take(&mut self.parts[level - 1]);
        let Some(first) = parts.first() else { return Ok(()) };
        let low = first.low.clone();
        let node = SegmentNode::Parts(u8::try_from(level).unwrap_or(u8::MAX), parts);
        self.emit(&node, low, level, sink)
    }

    /// Stores a node of `level`, and names it one level above.
    fn emit(
        &mut self,
        node: &SegmentNode,
        low: Option<Vec<u8>>,
        level: usize,
        sink: &mut NodeSink<'_, '_>,
    ) -> Result<()> {
        let encoded = node.encode().map_err(|e| Error::damaged("a new segment list", e))?;
        let id = sink.store(&encoded, Compression::Always)?;
        if self.parts.len() <= level {
            self.parts.push(Vec::new());
        }
        let above = &mut self.parts[level];
        above.push(SegmentPart { id, len: node.len(), rows: node.rows(), low });
        let ends = above.len() >= ITEMS_MIN && id.0[31] & END_MASK == 0;
        if ends || above.len() >= ITEMS_MAX { self.emit_parts(level + 1, sink) } else { Ok(()) }
    }

    /// Ends the list; `None` if nothing was added.
    ///
    /// # Errors
    /// If a node cannot be stored.
    pub fn finish(mut self, sink: &mut NodeSink<'_, '_>) -> Result<Option<ContentRef>> {
        self.emit_leaf(sink)?;
        let mut level = 1;
        while level <= self.parts.len() {
            match &self.parts[level - 1][..] {
                [root] if level == self.parts.len() => return Ok(Some(ContentRef::Segments(root.id))),
                _ => self.emit_parts(level, sink)?,
            }
            level += 1;
        }
        Ok(None)
    }
}

/// The next part of a segment list to walk.
enum Step {
    /// A list of this level, and the bytes and rows that it must hold.
    List { id: ChunkId, level: u8, len: u64, rows: Option<u64> },
    /// A segment.
    Segment(SegmentItem),
}

/// Walks the segments of a table, in order. Memory: one node per level.
pub struct SegmentIter<'r> {
    reader: &'r ChunkReader<'r>,
    /// The rest of one node per level, the deepest last, each reversed.
    stack: Vec<Vec<Step>>,
    position: u64,
}

impl<'r> SegmentIter<'r> {
    /// Starts with the list `id` of `len` plain bytes. Refuses lists that add up to another length before it returns
    /// anything of them.
    pub fn new(reader: &'r ChunkReader<'r>, id: ChunkId, len: u64) -> Self {
        // The root's level is not known yet; any level is accepted.
        let root = Step::List { id, level: limits::NODE_LEVEL + 1, len, rows: None };
        SegmentIter { reader, stack: vec![vec![root]], position: 0 }
    }

    /// A walk of a table without rows.
    pub fn empty(reader: &'r ChunkReader<'r>) -> Self {
        SegmentIter { reader, stack: Vec::new(), position: 0 }
    }

    /// The number of plain bytes up to the end of the last item, which is a segment or an unreadable list.
    pub fn plain_end(&self) -> u64 {
        self.position
    }

    fn descend(&mut self, id: ChunkId, above: u8, len: u64, rows: Option<u64>) -> Result<()> {
        let bytes = self.reader.read(ChunkKind::Node, &id)?;
        let node = SegmentNode::decode(&bytes).map_err(|e| Error::damaged(format!("segment list {id}"), e))?;
        let level = match &node {
            SegmentNode::Leaf(..) => 0,
            SegmentNode::Parts(level, _) => *level,
        };
        let is_root = above > limits::NODE_LEVEL;
        let fits = (is_root || level + 1 == above) && node.len() == len && rows.is_none_or(|rows| rows == node.rows());
        if !fits {
            let message = format!("segment list {id} does not fit the node that names it");
            return Err(Error::new(ErrorKind::Damaged, message));
        }
        let mut steps: Vec<Step> = match node {
            SegmentNode::Leaf(ids, segments) => {
                segments.into_iter().filter_map(|segment| item(segment, &ids)).map(Step::Segment).collect()
            }
            SegmentNode::Parts(level, parts) => parts
                .into_iter()
                .map(|part| Step::List { id: part.id, level, len: part.len, rows: Some(part.rows) })
                .collect(),
        };
        steps.reverse();
        self.stack.push(steps);
        Ok(())
    }
}

/// A segment with ids; decoding has checked its places.
fn item(segment: Segment, ids: &[ChunkId]) -> Option<SegmentItem> {
    let Segment { len, rows, low, high, digest, content } = segment;
    let content = ContentRef::from_node(content, ids)?;
    Some(SegmentItem { len, rows, low: low.map(|key| key.0), high: high.map(|key| key.0), digest, content })
}

impl Iterator for SegmentIter<'_> {
    type Item = Result<SegmentItem>;

    /// The next segment. After an error the walk continues behind the unreadable part; see [`SegmentIter::plain_end`].
    fn next(&mut self) -> Option<Self::Item> {
        loop {
            match self.stack.last_mut()?.pop() {
                None => drop(self.stack.pop()),
                Some(Step::Segment(item)) => {
                    self.position = self.position.saturating_add(item.len);
                    return Some(Ok(item));
                }
                Some(Step::List { id, level, len, rows }) => {
                    if let Err(error) = self.descend(id, level, len, rows) {
                        self.position = self.position.saturating_add(len);
                        return Some(Err(error));
                    }
                }
            }
        }
    }
}
