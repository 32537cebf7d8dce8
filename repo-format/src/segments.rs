//! Segment lists: the rows of a table as ranges of its key (FORMAT.md, section 10).

use minicbor::{Decode, Encode};

use crate::cbor::{self, ByteString};
use crate::entry::{Content, check_plain_len};
use crate::error::{FormatError, Result, check_limit};
use crate::id::{Bytes32, ChunkId};
use crate::limits;
use crate::node::{NodeKind, RawNode, check_each_once, encode_node};

const WHAT: &str = "segment list";

/// A range of the rows of a table, stored apart from others.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Segment {
    /// Plain bytes of its rows.
    #[n(0)]
    pub len: u64,
    /// How many rows.
    #[n(1)]
    pub rows: u64,
    /// The encoded key of its first row; absent if the table has no key, or if this key or the last one is beyond
    /// [`limits::ROW_KEY`].
    #[n(2)]
    pub low: Option<ByteString>,
    /// The encoded key of its last row; there if the first one is.
    #[n(3)]
    pub high: Option<ByteString>,
    /// BLAKE3 of its plain bytes.
    #[n(4)]
    pub digest: Bytes32,
    /// Its bytes: direct chunks or a content list, never inline.
    #[n(5)]
    pub content: Content,
}

/// A segment list one level below, and what is beneath it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SegmentPart {
    /// Its node.
    pub id: ChunkId,
    /// Plain bytes beneath.
    pub len: u64,
    /// Rows beneath.
    pub rows: u64,
    /// The first key beneath, if the first segment names it.
    pub low: Option<Vec<u8>>,
}

#[derive(Encode, Decode)]
#[cbor(map)]
struct PartBody {
    #[n(0)]
    len: u64,
    #[n(1)]
    rows: u64,
    #[n(2)]
    low: Option<ByteString>,
}

/// A node of a segment list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SegmentNode {
    /// Level 0: all chunks that the segments name by place, and the segments.
    Leaf(Vec<ChunkId>, Vec<Segment>),
    /// Level above 0.
    Parts(u8, Vec<SegmentPart>),
}

impl SegmentNode {
    /// Checks and encodes the node.
    ///
    /// # Errors
    /// See [`FormatError`].
    pub fn encode(&self) -> Result<Vec<u8>> {
        self.check()?;
        match self {
            SegmentNode::Leaf(ids, segments) => encode_node(NodeKind::Segments, 0, ids, &cbor::encode(segments)),
            SegmentNode::Parts(level, parts) => {
                let ids: Vec<_> = parts.iter().map(|part| part.id).collect();
                let body = |p: &SegmentPart| PartBody { len: p.len, rows: p.rows, low: p.low.clone().map(ByteString) };
                let body: Vec<_> = parts.iter().map(body).collect();
                encode_node(NodeKind::Segments, *level, &ids, &cbor::encode(&body))
            }
        }
    }

    /// Decodes and checks a node.
    ///
    /// # Errors
    /// See [`FormatError`].
    pub fn decode(bytes: &[u8]) -> Result<Self> {
        let raw = RawNode::decode(bytes)?;
        raw.expect(NodeKind::Segments)?;
        let node = match raw.level {
            0 => SegmentNode::Leaf(raw.ids, cbor::decode(WHAT, raw.body)?),
            level => SegmentNode::Parts(level, parts(raw.ids, raw.body)?),
        };
        node.check()?;
        Ok(node)
    }

    /// Plain bytes beneath.
    pub fn len(&self) -> u64 {
        self.lengths().fold(0, |sum, (len, _)| sum.saturating_add(len))
    }

    /// Rows beneath.
    pub fn rows(&self) -> u64 {
        self.lengths().fold(0, |sum, (_, rows)| sum.saturating_add(rows))
    }

    /// Whether it lists nothing.
    pub fn is_empty(&self) -> bool {
        self.lengths().next().is_none()
    }

    fn lengths(&self) -> Box<dyn Iterator<Item = (u64, u64)> + '_> {
        match self {
            SegmentNode::Leaf(_, segments) => Box::new(segments.iter().map(|s| (s.len, s.rows))),
            SegmentNode::Parts(_, parts) => Box::new(parts.iter().map(|p| (p.len, p.rows))),
        }
    }

    fn check(&self) -> Result<()> {
        let (mut bytes, mut rows) = (0u64, 0u64);
        for (more, more_rows) in self.lengths() {
            // Lists of empty items could branch without end and still claim to be short.
            if more == 0 || more_rows == 0 {
                return Err(FormatError::invalid(WHAT, "a part without rows"));
            }
            let sums = bytes.checked_add(more).zip(rows.checked_add(more_rows));
            (bytes, rows) = sums.ok_or_else(|| FormatError::invalid(WHAT, "its lengths overflow"))?;
        }
        if bytes == 0 {
            return Err(FormatError::invalid(WHAT, "it is empty"));
        }
        match self {
            SegmentNode::Parts(0, _) => Err(FormatError::invalid(WHAT, "parts at level 0")),
            SegmentNode::Parts(_, parts) => {
                parts.iter().try_for_each(|part| check_key(part.low.as_deref().unwrap_or_default()))
            }
            SegmentNode::Leaf(ids, segments) => {
                check_each_once(WHAT, ids)?;
                segments.iter().try_for_each(|segment| segment.check(ids.len()))
            }
        }
    }
}

impl Segment {
    fn check(&self, ids: usize) -> Result<()> {
        check_limit(WHAT, "plain bytes of a segment", self.len, limits::ROWS_SEGMENT)?;
        if self.low.is_some() != self.high.is_some() {
            return Err(FormatError::invalid(WHAT, "a segment has one key, not two or none"));
        }
        for key in self.low.iter().chain(&self.high) {
            check_key(&key.0)?;
        }
        self.check_content(ids)
    }

    fn check_content(&self, ids: usize) -> Result<()> {
        let inside = |place: u32| {
            if (place as usize) < ids {
                Ok(())
            } else {
                Err(FormatError::invalid(WHAT, "it names a chunk that its node does not"))
            }
        };
        match &self.content {
            Content { inline: None, direct: Some(direct), list: None, segments: None } => {
                check_limit(WHAT, "direct chunks", direct.len() as u64, limits::DIRECT_CHUNKS_COUNT)?;
                for chunk in direct {
                    check_plain_len(WHAT, chunk.len.into())?;
                    inside(chunk.place)?;
                }
                if direct.iter().map(|chunk| u64::from(chunk.len)).sum::<u64>() == self.len {
                    Ok(())
                } else {
                    Err(FormatError::invalid(WHAT, "a segment is not as long as its chunks"))
                }
            }
            Content { inline: None, direct: None, list: Some(place), segments: None } => inside(*place),
            _ => Err(FormatError::invalid(WHAT, "the content of a segment is neither direct nor a list")),
        }
    }
}

fn check_key(key: &[u8]) -> Result<()> {
    check_limit(WHAT, "key of a row", key.len() as u64, limits::ROW_KEY)
}

fn parts(ids: Vec<ChunkId>, body: &[u8]) -> Result<Vec<SegmentPart>> {
    let body: Vec<PartBody> = cbor::decode(WHAT, body)?;
    if body.len() != ids.len() {
        return Err(FormatError::invalid(WHAT, "its parts and ids differ in number"));
    }
    let part = |(id, b): (ChunkId, PartBody)| SegmentPart { id, len: b.len, rows: b.rows, low: b.low.map(|low| low.0) };
    Ok(std::iter::zip(ids, body).map(part).collect())
}
