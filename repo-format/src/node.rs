//! Nodes: chunks that name other chunks (FORMAT.md, section 10).

use minicbor::{Decode, Encode};

use crate::cbor::{self, ByteString};
use crate::entry::Entry;
use crate::error::{FormatError, Result, check_limit};
use crate::id::ChunkId;
use crate::limits;
use crate::pack::check_version;
use crate::reader::Reader;

const WHAT: &str = "node";
/// Bytes of a node before its ids.
const FIXED_LEN: usize = 8;

/// The kinds of nodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum NodeKind {
    /// A list of chunk ids: the content of a file or stream.
    Content = 1,
    /// Entries of a directory.
    Directory = 2,
    /// What could not be read.
    Problems = 3,
}

/// A node taken apart as far as any version can: its ids are known, its body is not looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawNode<'a> {
    /// The kind byte.
    pub kind: u8,
    /// 0 for leaves.
    pub level: u8,
    /// All chunks that it names.
    pub ids: Vec<ChunkId>,
    /// The rest.
    pub body: &'a [u8],
}

impl<'a> RawNode<'a> {
    /// Decodes what is the same in all kinds.
    ///
    /// # Errors
    /// See [`FormatError`].
    pub fn decode(bytes: &'a [u8]) -> Result<Self> {
        check_limit(WHAT, "size", bytes.len() as u64, limits::CHUNK_PLAIN)?;
        let mut r = Reader::new(WHAT, bytes);
        check_version(WHAT, r.u8()?)?;
        let [kind, level, zero] = r.array()?;
        check_limit(WHAT, "level", level.into(), limits::NODE_LEVEL.into())?;
        if zero != 0 {
            return Err(FormatError::invalid(WHAT, "a reserved byte is set"));
        }
        let count = r.u32()?;
        check_limit(WHAT, "ids", count.into(), limits::NODE_IDS_COUNT)?;
        let ids = r.items(count, ChunkId::LEN)?.chunks_exact(ChunkId::LEN).filter_map(ChunkId::from_slice).collect();
        Ok(RawNode { kind, level, ids, body: r.rest() })
    }

    fn expect(&self, kind: NodeKind) -> Result<()> {
        match self.kind == kind as u8 {
            true => Ok(()),
            false => {
                Err(FormatError::Unknown { what: WHAT, field: "kind (another was expected)", value: self.kind.into() })
            }
        }
    }
}

fn encode_node(kind: NodeKind, level: u8, ids: &[ChunkId], body: &[u8]) -> Vec<u8> {
    debug_assert!(ids.len() as u64 <= limits::NODE_IDS_COUNT);
    let mut out = Vec::with_capacity(FIXED_LEN + ids.len() * ChunkId::LEN + body.len());
    out.extend([1, kind as u8, level, 0]);
    out.extend((ids.len() as u32).to_le_bytes());
    for id in ids {
        out.extend(id.0);
    }
    out.extend(body);
    out
}

/// One item of a content list: a data chunk (level 0) or a list one level below, and the plain bytes beneath.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ContentItem {
    /// The chunk.
    pub id: ChunkId,
    /// Plain bytes beneath.
    pub len: u64,
}

/// A list of ids that make up a content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContentNode {
    /// 0 for leaves.
    pub level: u8,
    /// In the order of the content.
    pub items: Vec<ContentItem>,
}

impl ContentNode {
    /// Encodes the node. Lengths at level 0 must fit u32, as those of chunks do.
    pub fn encode(&self) -> Vec<u8> {
        let ids: Vec<_> = self.items.iter().map(|item| item.id).collect();
        let mut body = Vec::with_capacity(self.items.len() * 8);
        for item in &self.items {
            match self.level {
                0 => body.extend((item.len as u32).to_le_bytes()),
                _ => body.extend(item.len.to_le_bytes()),
            }
        }
        encode_node(NodeKind::Content, self.level, &ids, &body)
    }

    /// Decodes a content list.
    ///
    /// # Errors
    /// See [`FormatError`].
    pub fn decode(bytes: &[u8]) -> Result<Self> {
        let raw = RawNode::decode(bytes)?;
        raw.expect(NodeKind::Content)?;
        let mut r = Reader::new("content list", raw.body);
        let mut items = Vec::with_capacity(raw.ids.len());
        let mut total = 0u64;
        for id in raw.ids {
            let len = if raw.level == 0 { r.u32()?.into() } else { r.u64()? };
            if raw.level == 0 {
                check_limit("content list", "plain length", len, limits::CHUNK_PLAIN)?;
            }
            total =
                total.checked_add(len).ok_or_else(|| FormatError::invalid("content list", "its lengths overflow"))?;
            items.push(ContentItem { id, len });
        }
        r.finish()?;
        if items.is_empty() {
            return Err(FormatError::invalid("content list", "it is empty"));
        }
        Ok(ContentNode { level: raw.level, items })
    }

    /// Plain bytes beneath.
    pub fn len(&self) -> u64 {
        self.items.iter().fold(0, |sum, item| sum.saturating_add(item.len))
    }

    /// Whether it lists nothing.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }
}

/// One part of a directory that is longer than a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DirectoryPart {
    /// The node of this part.
    pub id: ChunkId,
    /// The first name beneath.
    pub first_name: Vec<u8>,
    /// Entries beneath.
    pub entries: u64,
}

#[derive(Encode, Decode)]
#[cbor(map)]
struct PartBody {
    #[n(0)]
    first_name: ByteString,
    #[n(1)]
    entries: u64,
}

/// A node of a directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DirectoryNode {
    /// Level 0.
    Leaf(DirectoryLeaf),
    /// Level above 0: the level, and its parts in order.
    Parts(u8, Vec<DirectoryPart>),
}

/// Entries of a directory, and the chunks that they name by place.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DirectoryLeaf {
    /// All chunks that the entries name.
    pub ids: Vec<ChunkId>,
    /// In ascending order of their names.
    pub entries: Vec<Entry>,
}

impl DirectoryNode {
    /// Encodes the node.
    pub fn encode(&self) -> Vec<u8> {
        match self {
            DirectoryNode::Leaf(leaf) => encode_node(NodeKind::Directory, 0, &leaf.ids, &cbor::encode(&leaf.entries)),
            DirectoryNode::Parts(level, parts) => {
                let ids: Vec<_> = parts.iter().map(|part| part.id).collect();
                let body: Vec<_> = parts
                    .iter()
                    .map(|p| PartBody { first_name: ByteString(p.first_name.clone()), entries: p.entries })
                    .collect();
                encode_node(NodeKind::Directory, *level, &ids, &cbor::encode(&body))
            }
        }
    }

    /// Decodes and checks a node: names are valid and in order, places exist.
    ///
    /// # Errors
    /// See [`FormatError`].
    pub fn decode(bytes: &[u8]) -> Result<Self> {
        let what = "directory";
        let raw = RawNode::decode(bytes)?;
        raw.expect(NodeKind::Directory)?;
        if raw.level > 0 {
            let body: Vec<PartBody> = cbor::decode(what, raw.body)?;
            if body.len() != raw.ids.len() || body.is_empty() {
                return Err(FormatError::invalid(what, "its parts and ids differ in number"));
            }
            let parts: Vec<_> = std::iter::zip(raw.ids, body)
                .map(|(id, b)| DirectoryPart { id, first_name: b.first_name.0, entries: b.entries })
                .collect();
            if !parts.is_sorted_by(|a, b| a.first_name < b.first_name) {
                return Err(FormatError::invalid(what, "its parts are not in order"));
            }
            return Ok(DirectoryNode::Parts(raw.level, parts));
        }
        let entries: Vec<Entry> = cbor::decode(what, raw.body)?;
        entries.iter().try_for_each(|entry| entry.check(raw.ids.len()))?;
        if entries.is_empty() || !entries.is_sorted_by(|a, b| a.name < b.name) {
            return Err(FormatError::invalid(what, "its entries are not in order"));
        }
        Ok(DirectoryNode::Leaf(DirectoryLeaf { ids: raw.ids, entries }))
    }
}

/// Something in the source that could not be saved as it should be.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Problem {
    /// Where: the path in the source.
    #[n(0)]
    pub path: ByteString,
    /// See [`ProblemKind`]; unknown numbers are kept.
    #[n(1)]
    pub kind: u8,
    /// What happened, in words.
    #[n(2)]
    pub message: String,
}

/// Kinds of problems.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum ProblemKind {
    /// It could not be read; it is not in the snapshot.
    Unreadable = 1,
    /// It was there when its folder was listed, and then was not.
    Vanished = 2,
    /// It changed while it was read; the snapshot may hold a mixture.
    Changed = 3,
    /// It is in the snapshot, but some of its attributes are not.
    Metadata = 4,
    /// It is of a type that cannot be saved.
    LeftOut = 5,
}

impl ProblemKind {
    /// The kind in one word.
    pub fn name(kind: u8) -> &'static str {
        match kind {
            1 => "unreadable",
            2 => "vanished",
            3 => "changed",
            4 => "metadata",
            5 => "left-out",
            _ => "unknown",
        }
    }
}

/// Encodes a list of problems.
pub fn encode_problems(problems: &[Problem]) -> Vec<u8> {
    encode_node(NodeKind::Problems, 0, &[], &cbor::encode(&problems))
}

/// Decodes a list of problems.
///
/// # Errors
/// See [`FormatError`].
pub fn decode_problems(bytes: &[u8]) -> Result<Vec<Problem>> {
    let raw = RawNode::decode(bytes)?;
    raw.expect(NodeKind::Problems)?;
    cbor::decode("problem list", raw.body)
}
