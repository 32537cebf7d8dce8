//! What a node names.

use std::collections::{HashMap, HashSet};

use repo_format::id::ChunkId;
use repo_format::node::{NodeKind, RawNode};
use repo_format::pack::ChunkKind;

use crate::error::{Error, Result};

/// A chunk or node that a node names.
#[derive(Clone, Copy)]
pub(super) struct Child {
    pub id: ChunkId,
    pub kind: ChunkKind,
}

/// What a node names, and of which kind each is.
pub(super) fn children(id: ChunkId, bytes: &[u8]) -> Result<Vec<Child>> {
    let damaged = |e| Error::damaged(format!("node {id}"), e);
    let raw = RawNode::decode(bytes).map_err(damaged)?;
    let all = |kind| raw.ids.iter().map(|id| Child { id: *id, kind }).collect();
    match raw.kind {
        kind if kind == NodeKind::Content as u8 => {
            repo_format::node::ContentNode::decode(bytes).map_err(damaged)?;
            Ok(all(if raw.level == 0 { ChunkKind::Data } else { ChunkKind::Node }))
        }
        kind if kind == NodeKind::Directory as u8 => directory_children(bytes).map_err(damaged),
        kind if kind == NodeKind::Segments as u8 => segment_children(bytes).map_err(damaged),
        // Kinds of a later version name nodes of their own; that they can be read is what can be checked.
        _ => Ok(all(ChunkKind::Node)),
    }
}

fn segment_children(bytes: &[u8]) -> repo_format::Result<Vec<Child>> {
    use repo_format::segments::SegmentNode;
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
    use repo_format::node::DirectoryNode;
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
