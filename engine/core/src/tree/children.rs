//! The ids that a node names, which [`reach`](super::reach()) follows.

use std::collections::{HashMap, HashSet};

use repo_format::id::ChunkId;
use repo_format::node::{ContentNode, DirectoryNode, NodeKind, RawNode};
use repo_format::pack::ChunkKind;
use repo_format::segments::SegmentNode;

use crate::error::{Error, Result};
use crate::pack::ChunkReader;

/// An id that a node names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Child {
    /// Its id.
    pub id: ChunkId,
    /// Whether it is data or a node.
    pub kind: ChunkKind,
}

/// A node that has been read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// Its id.
    pub id: ChunkId,
    /// Its kind byte: a [`NodeKind`], or one of a later version.
    pub kind: u8,
    /// The ids that it names.
    pub children: Vec<Child>,
}

impl Node {
    /// Reads the node `id`.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Damaged`].
    pub(crate) fn read(reader: &ChunkReader<'_>, id: ChunkId) -> Result<Self> {
        reader.read(ChunkKind::Node, &id).and_then(|bytes| Self::decode(id, &bytes))
    }

    /// Fails as damaged if `bytes` are not a node, or contradict its kind.
    pub(super) fn decode(id: ChunkId, bytes: &[u8]) -> Result<Self> {
        let damaged = |e| Error::damaged(format!("node {id}"), e);
        let raw = RawNode::decode(bytes).map_err(damaged)?;
        let all = |kind| raw.ids.iter().map(|id| Child { id: *id, kind }).collect();
        let children = match NodeKind::from_byte(raw.kind) {
            Some(NodeKind::Content) => {
                ContentNode::decode(bytes).map_err(damaged)?;
                all(if raw.level == 0 { ChunkKind::Data } else { ChunkKind::Node })
            }
            Some(NodeKind::Directory) => directory_children(bytes).map_err(damaged)?,
            Some(NodeKind::Segments) => segment_children(bytes).map_err(damaged)?,
            // In every kind of a later version, ids name nodes.
            Some(NodeKind::Problems) | None => all(ChunkKind::Node),
        };
        Ok(Node { id, kind: raw.kind, children })
    }
}

/// The bytes of the node `id` with other ids in its list, in the same order: those that `address` gives. Bodies name chunks
/// by their places, so nothing else changes, also in kinds of a later version.
///
/// # Errors
/// [`crate::ErrorKind::Damaged`] if `bytes` are no node; the error of `address`.
pub(crate) fn readdressed(
    id: ChunkId,
    bytes: &[u8],
    address: &mut dyn FnMut(Child) -> Result<ChunkId>,
) -> Result<Vec<u8>> {
    let node = Node::decode(id, bytes)?;
    let raw = RawNode::decode(bytes).map_err(|e| Error::damaged(format!("node {id}"), e))?;
    let ids = node.children.into_iter().map(address).collect::<Result<Vec<_>>>()?;
    raw.with_ids(&ids).map_err(|e| Error::damaged(format!("node {id}"), e))
}

fn segment_children(bytes: &[u8]) -> repo_format::Result<Vec<Child>> {
    let (ids, segments) = match SegmentNode::decode(bytes)? {
        SegmentNode::Parts(_, parts) => {
            return Ok(parts.iter().map(|part| Child { id: part.id, kind: ChunkKind::Node }).collect());
        }
        SegmentNode::Leaf(ids, segments) => (ids, segments),
    };
    let direct = segments.iter().filter_map(|segment| segment.content.direct.as_ref()).flatten();
    let data: HashSet<usize> = direct.map(|chunk| chunk.place as usize).collect();
    let kind = |place: usize| if data.contains(&place) { ChunkKind::Data } else { ChunkKind::Node };
    Ok(ids.iter().enumerate().map(|(place, id)| Child { id: *id, kind: kind(place) }).collect())
}

fn directory_children(bytes: &[u8]) -> repo_format::Result<Vec<Child>> {
    let leaf = match DirectoryNode::decode(bytes)? {
        DirectoryNode::Parts(_, parts) => {
            return Ok(parts.iter().map(|part| Child { id: part.id, kind: ChunkKind::Node }).collect());
        }
        DirectoryNode::Leaf(leaf) => leaf,
    };
    let mut kinds: HashMap<u32, ChunkKind> = HashMap::new();
    for entry in &leaf.entries {
        let content = entry.content.as_ref();
        let direct = content.and_then(|c| c.direct.as_ref()).into_iter().flatten().map(|c| (c.place, ChunkKind::Data));
        let lists = content.into_iter().flat_map(|c| c.list.into_iter().chain(c.segments));
        let nodes = entry.tree.into_iter().chain(lists).map(|place| (place, ChunkKind::Node));
        kinds.extend(direct.chain(nodes));
    }
    let child = |(place, id): (usize, &ChunkId)| {
        let kind = u32::try_from(place).ok().and_then(|place| kinds.get(&place)).copied();
        Child { id: *id, kind: kind.unwrap_or(ChunkKind::Node) }
    };
    Ok(leaf.ids.iter().enumerate().map(child).collect())
}
