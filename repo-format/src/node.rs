//! Nodes: chunks that name other chunks (FORMAT.md, section 10).

use minicbor::{Decode, Encode};

use crate::cbor::{self, ByteString};
use crate::entry::{Entry, check_name_of, check_plain_len};
use crate::error::{FormatError, Result, check_limit, fit};
use crate::id::ChunkId;
use crate::kinds::kinds;
use crate::limits;
use crate::pack::check_version;
use crate::reader::Reader;

const WHAT: &str = "node";
const CONTENT: &str = "content list";
const DIRECTORY: &str = "directory";
const PROBLEMS: &str = "problem list";
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
    /// A list of problems.
    Problems = 3,
    /// The rows of a table: see [`crate::segments`].
    Segments = 4,
}

impl NodeKind {
    /// The kind with this byte.
    pub fn from_byte(byte: u8) -> Option<Self> {
        [NodeKind::Content, NodeKind::Directory, NodeKind::Problems, NodeKind::Segments]
            .into_iter()
            .find(|kind| *kind as u8 == byte)
    }
}

/// A node as far as any version can read it: the ids, and the body unread.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawNode<'a> {
    /// The kind byte.
    pub kind: u8,
    /// 0 for leaves.
    pub level: u8,
    /// All chunks that it names.
    pub ids: Vec<ChunkId>,
    /// Everything after the ids.
    pub body: &'a [u8],
}

impl<'a> RawNode<'a> {
    /// Decodes the part that all kinds share.
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

    /// The bytes of this node with other ids in its list. There must be as many.
    ///
    /// # Errors
    /// If there are more or fewer.
    pub fn with_ids(&self, ids: &[ChunkId]) -> Result<Vec<u8>> {
        if ids.len() != self.ids.len() {
            return Err(FormatError::invalid(WHAT, "it names another number of chunks"));
        }
        encode_parts(self.kind, self.level, ids, self.body)
    }

    pub(crate) fn expect(&self, kind: NodeKind) -> Result<()> {
        match NodeKind::from_byte(self.kind) {
            Some(found) if found == kind => Ok(()),
            Some(found) => Err(FormatError::invalid(WHAT, format!("{found:?} where {kind:?} was expected"))),
            None => Err(FormatError::Unknown { what: WHAT, field: "kind", value: self.kind.into() }),
        }
    }
}

/// Refuses an id that is there twice. Otherwise few nodes could name each other so often that no walk ends.
pub(crate) fn check_each_once(what: &'static str, ids: &[ChunkId]) -> Result<()> {
    let mut sorted: Vec<_> = ids.iter().collect();
    sorted.sort_unstable();
    if sorted.windows(2).any(|pair| pair[0] == pair[1]) {
        return Err(FormatError::invalid(what, "it names a chunk twice"));
    }
    Ok(())
}

pub(crate) fn encode_node(kind: NodeKind, level: u8, ids: &[ChunkId], body: &[u8]) -> Result<Vec<u8>> {
    encode_parts(kind as u8, level, ids, body)
}

fn encode_parts(kind: u8, level: u8, ids: &[ChunkId], body: &[u8]) -> Result<Vec<u8>> {
    check_limit(WHAT, "level", level.into(), limits::NODE_LEVEL.into())?;
    let count: u32 = fit(WHAT, "ids", ids.len(), limits::NODE_IDS_COUNT)?;
    let len = FIXED_LEN + ids.len() * ChunkId::LEN + body.len();
    check_limit(WHAT, "size", len as u64, limits::CHUNK_PLAIN)?;
    let mut out = Vec::with_capacity(len);
    out.extend([1, kind, level, 0]);
    out.extend(count.to_le_bytes());
    for id in ids {
        out.extend(id.0);
    }
    out.extend(body);
    Ok(out)
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
    /// Checks and encodes the node.
    ///
    /// # Errors
    /// See [`FormatError`].
    pub fn encode(&self) -> Result<Vec<u8>> {
        self.check()?;
        let ids: Vec<_> = self.items.iter().map(|item| item.id).collect();
        // Lengths at level 0 are those of chunks, and `check` bounds them: they fit the lower half.
        let width = if self.level == 0 { 4 } else { 8 };
        let mut body = Vec::with_capacity(self.items.len() * width);
        for item in &self.items {
            body.extend(&item.len.to_le_bytes()[..width]);
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
        let mut r = Reader::new(CONTENT, raw.body);
        let mut items = Vec::with_capacity(raw.ids.len());
        for id in raw.ids {
            let len = if raw.level == 0 { r.u32()?.into() } else { r.u64()? };
            items.push(ContentItem { id, len });
        }
        r.finish()?;
        let node = ContentNode { level: raw.level, items };
        node.check()?;
        Ok(node)
    }

    /// An item must have bytes: lists of empty items could branch without end and still claim to be short.
    fn check(&self) -> Result<()> {
        let mut total = 0u64;
        for item in &self.items {
            match (self.level, item.len) {
                (0, len) => check_plain_len(CONTENT, len)?,
                (_, 0) => return Err(FormatError::invalid(CONTENT, "a list of no bytes")),
                _ => {}
            }
            let sum = total.checked_add(item.len);
            total = sum.ok_or_else(|| FormatError::invalid(CONTENT, "its lengths overflow"))?;
        }
        if self.items.is_empty() {
            return Err(FormatError::invalid(CONTENT, "it is empty"));
        }
        Ok(())
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
    /// Checks and encodes the node.
    ///
    /// # Errors
    /// See [`FormatError`].
    pub fn encode(&self) -> Result<Vec<u8>> {
        self.check()?;
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
        let raw = RawNode::decode(bytes)?;
        raw.expect(NodeKind::Directory)?;
        let node = match raw.level {
            0 => {
                let entries = cbor::decode(DIRECTORY, raw.body)?;
                DirectoryNode::Leaf(DirectoryLeaf { ids: raw.ids, entries })
            }
            level => DirectoryNode::Parts(level, decode_parts(raw.ids, raw.body)?),
        };
        node.check()?;
        Ok(node)
    }

    fn check(&self) -> Result<()> {
        match self {
            DirectoryNode::Leaf(leaf) => leaf.check(),
            DirectoryNode::Parts(0, _) => Err(FormatError::invalid(DIRECTORY, "parts at level 0")),
            DirectoryNode::Parts(_, parts) => check_parts(parts),
        }
    }
}

impl DirectoryLeaf {
    fn check(&self) -> Result<()> {
        check_each_once(DIRECTORY, &self.ids)?;
        self.entries.iter().try_for_each(|entry| entry.check(self.ids.len()))?;
        if self.entries.is_empty() || !self.entries.is_sorted_by(|a, b| a.name < b.name) {
            return Err(FormatError::invalid(DIRECTORY, "its entries are not in order"));
        }
        Ok(())
    }
}

fn decode_parts(ids: Vec<ChunkId>, body: &[u8]) -> Result<Vec<DirectoryPart>> {
    let body: Vec<PartBody> = cbor::decode(DIRECTORY, body)?;
    if body.len() != ids.len() {
        return Err(FormatError::invalid(DIRECTORY, "its parts and ids differ in number"));
    }
    let part = |(id, b): (ChunkId, PartBody)| DirectoryPart { id, first_name: b.first_name.0, entries: b.entries };
    Ok(std::iter::zip(ids, body).map(part).collect())
}

fn check_parts(parts: &[DirectoryPart]) -> Result<()> {
    let mut total = 0u64;
    for part in parts {
        check_name_of(DIRECTORY, &part.first_name)?;
        let sum = total.checked_add(part.entries).filter(|_| part.entries > 0);
        total = sum.ok_or_else(|| FormatError::invalid(DIRECTORY, "a part has no entries, or all have too many"))?;
    }
    if parts.is_empty() || !parts.is_sorted_by(|a, b| a.first_name < b.first_name) {
        return Err(FormatError::invalid(DIRECTORY, "its parts are not in order"));
    }
    check_each_once(DIRECTORY, &parts.iter().map(|part| part.id).collect::<Vec<_>>())
}

/// Something in the source that could not be saved as it should be.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Problem {
    /// The path in the source.
    #[n(0)]
    pub path: ByteString,
    /// Its kind.
    #[n(1)]
    pub kind: ProblemKind,
    /// The reason, in words.
    #[n(2)]
    pub message: String,
}

kinds! {
    /// Kinds of problems.
    ProblemKind {
        /// It could not be read; it is not in the snapshot.
        Unreadable = 1 "unreadable",
        /// It was there when its folder was listed, and then it was gone.
        Vanished = 2 "vanished",
        /// It changed while it was read; the snapshot may hold a mixture.
        Changed = 3 "changed",
        /// It is in the snapshot, but some of its attributes are not.
        Metadata = 4 "metadata",
        /// It is of a type that cannot be saved.
        LeftOut = 5 "left-out",
        /// It is in the snapshot as it was found, and holds much less than before, or a file system is no longer mounted there.
        Less = 6 "less-than-before",
    }
}

/// Encodes a list of problems.
///
/// # Errors
/// [`FormatError::Limit`] beyond 8 MiB.
pub fn encode_problems(problems: &[Problem]) -> Result<Vec<u8>> {
    encode_node(NodeKind::Problems, 0, &[], &cbor::encode(&problems))
}

/// Decodes a list of problems.
///
/// # Errors
/// See [`FormatError`].
pub fn decode_problems(bytes: &[u8]) -> Result<Vec<Problem>> {
    let raw = RawNode::decode(bytes)?;
    raw.expect(NodeKind::Problems)?;
    if raw.level != 0 || !raw.ids.is_empty() {
        return Err(FormatError::invalid(PROBLEMS, "it names chunks or has a level"));
    }
    cbor::decode(PROBLEMS, raw.body)
}
