//! Follows ids from node to node, for nodes of every kind. Nothing else does: the iterators of folders and lists return
//! entries and chunks.

use std::collections::HashSet;

use repo_format::id::ChunkId;
use repo_format::node::NodeKind;
use repo_format::pack::ChunkKind;

use super::ContentRef;
use super::children::{Child, Node};
use crate::error::{Error, ErrorKind, Result};
use crate::monitor::Monitor;
use crate::pack::{ChunkReader, CodedChunk};

/// Decides how far a walk goes, and keeps its findings. The walk itself remembers no visited nodes; a visitor keeps the
/// set that suits it.
pub trait Visitor {
    /// Whether to enter a node, which is not read yet. A node that was entered before need not be entered again.
    ///
    /// # Errors
    /// Ends the walk.
    fn enter(&mut self, id: &ChunkId) -> Result<bool>;

    /// A node has been read from `chunk`. The chunks that it names follow, in order, then the nodes.
    ///
    /// # Errors
    /// Ends the walk.
    fn opened(&mut self, _node: &Node, _chunk: &CodedChunk) -> Result<()> {
        Ok(())
    }

    /// A node that was opened names this chunk of data.
    ///
    /// # Errors
    /// Ends the walk.
    fn chunk(&mut self, id: &ChunkId) -> Result<()>;

    /// A node is damaged or missing. The walk continues without everything below it, unless this returns the error.
    ///
    /// # Errors
    /// Ends the walk.
    fn damaged(&mut self, _id: &ChunkId, error: Error) -> Result<()> {
        Err(error)
    }

    /// The walk has visited everything below a node that was entered.
    ///
    /// # Errors
    /// Ends the walk.
    fn leave(&mut self, _id: &ChunkId) -> Result<()> {
        Ok(())
    }
}

/// The next step of a walk.
enum Step {
    Enter(ChunkId),
    Leave(ChunkId),
}

/// Walks the node `root` and everything below it, starting with the last node that another names. It does not recurse,
/// so no depth can exhaust the stack.
///
/// Memory: 33 bytes for each node that was named and not yet entered, and for each node above the open one.
///
/// # Errors
/// The visitor's; if the repository cannot be read, which says nothing about a node; if the monitor wishes to stop.
pub fn reach(reader: &ChunkReader<'_>, root: ChunkId, visitor: &mut dyn Visitor, monitor: &dyn Monitor) -> Result<()> {
    let mut steps = vec![Step::Enter(root)];
    while let Some(step) = steps.pop() {
        let id = match step {
            Step::Enter(id) => id,
            Step::Leave(id) => {
                visitor.leave(&id)?;
                continue;
            }
        };
        if !visitor.enter(&id)? {
            continue;
        }
        if monitor.is_cancelled() {
            return Err(Error::cancelled());
        }
        steps.push(Step::Leave(id));
        let read = reader.read_coded(ChunkKind::Node, &id);
        let (node, chunk) = match read.and_then(|chunk| Ok((Node::decode(id, chunk.plain())?, chunk))) {
            Ok(read) => read,
            Err(error) if error.is_damage() => {
                visitor.damaged(&id, error)?;
                continue;
            }
            Err(error) => return Err(error),
        };
        visitor.opened(&node, &chunk)?;
        drop(chunk);
        for child in node.children {
            match child.kind {
                ChunkKind::Node => steps.push(Step::Enter(child.id)),
                _ => visitor.chunk(&child.id)?,
            }
        }
    }
    Ok(())
}

/// Calls `visit` with every list of a content, once and before reading it, and with every chunk that a list, or the
/// entry itself, names. Skips lists that `visit` declines.
///
/// # Errors
/// The error of `visit`; if a list cannot be read, or is a folder; if the monitor wishes to stop.
pub fn reach_content(
    reader: &ChunkReader<'_>,
    content: &ContentRef,
    monitor: &dyn Monitor,
    visit: &mut dyn FnMut(Child) -> Result<bool>,
) -> Result<()> {
    match content {
        ContentRef::Inline(_) => Ok(()),
        ContentRef::Direct(items) => {
            items.iter().try_for_each(|item| visit(Child { id: item.id, kind: ChunkKind::Data }).map(drop))
        }
        ContentRef::List(root) | ContentRef::Segments(root) => {
            reach(reader, *root, &mut Lists { met: HashSet::new(), visit }, monitor)
        }
    }
}

/// Visits the lists of one content.
struct Lists<'v> {
    /// Lists that are named many times are visited once.
    met: HashSet<ChunkId>,
    visit: &'v mut dyn FnMut(Child) -> Result<bool>,
}

impl Visitor for Lists<'_> {
    fn enter(&mut self, id: &ChunkId) -> Result<bool> {
        Ok(self.met.insert(*id) && (self.visit)(Child { id: *id, kind: ChunkKind::Node })?)
    }

    fn opened(&mut self, node: &Node, _: &CodedChunk) -> Result<()> {
        // Otherwise a hostile list would send the walk through everything in a folder.
        if node.kind != NodeKind::Directory as u8 {
            return Ok(());
        }
        Err(Error::new(ErrorKind::Damaged, format!("node {} is a folder where a list of chunks should be", node.id)))
    }

    fn chunk(&mut self, id: &ChunkId) -> Result<()> {
        (self.visit)(Child { id: *id, kind: ChunkKind::Data }).map(drop)
    }
}
