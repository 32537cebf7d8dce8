//! Nodes with the ids of the target in place of those of the source, from the leaves up.

use repo_format::id::ChunkId;
use repo_format::pack::ChunkKind;

use super::addresses::Addresses;
use super::complete::Complete;
use super::table::Pair;
use crate::chunk::Compression;
use crate::error::{Error, ErrorKind, Result};
use crate::monitor::Monitor;
use crate::pack::{ChunkReader, CodedChunk, NodeSink};
use crate::tree::{Child, ContentRef, Node, TreeEntry, Visitor, reach, readdressed};

/// Bytes of nodes that wait for those below them, at most. The others are read again.
const OPEN_BYTES_MAX: usize = 16 << 20;

/// Rewrites the nodes of one manifest, whose data the target has. Where both repositories give data the same ids, there
/// is nothing to rewrite.
pub(super) struct Rewrite<'r, 's> {
    pub reader: &'r ChunkReader<'r>,
    pub sink: NodeSink<'r, 's>,
    pub addresses: &'r mut Addresses,
    pub complete: &'r mut Complete,
    pub monitor: &'r dyn Monitor,
    pub open: OpenNodes,
}

/// The nodes above the one that is looked at, from the top.
#[derive(Default)]
pub(super) struct OpenNodes {
    nodes: Vec<Option<Vec<u8>>>,
    bytes: usize,
}

impl OpenNodes {
    fn push(&mut self, plain: &[u8]) {
        let fits = self.bytes + plain.len() <= OPEN_BYTES_MAX;
        self.bytes += if fits { plain.len() } else { 0 };
        self.nodes.push(fits.then(|| plain.to_vec()));
    }

    fn pop(&mut self) -> Option<Vec<u8>> {
        let plain = self.nodes.pop().flatten()?;
        self.bytes -= plain.len();
        Some(plain)
    }
}

impl Visitor for Rewrite<'_, '_> {
    fn enter(&mut self, id: &ChunkId) -> Result<bool> {
        let is_done = self.complete.has_written(id)
            || (self.complete.is_vouched_for(id) && self.addresses.target_of(ChunkKind::Node, id)?.is_some());
        Ok(!is_done)
    }

    fn opened(&mut self, _: &Node, chunk: &CodedChunk) -> Result<()> {
        self.open.push(chunk.plain());
        Ok(())
    }

    fn chunk(&mut self, _: &ChunkId) -> Result<()> {
        Ok(())
    }

    fn leave(&mut self, id: &ChunkId) -> Result<()> {
        let plain = match self.open.pop() {
            Some(plain) => plain,
            None => self.reader.read(ChunkKind::Node, id)?.to_vec(),
        };
        let rewritten = readdressed(*id, &plain, &mut |child| self.target_of(child))?;
        let target = self.sink.store(&rewritten, Compression::Always)?;
        self.addresses.note(&[Pair { kind: ChunkKind::Node, source: *id, target }])?;
        // Both: one is asked for by this walk, the other by the check of the copy.
        self.complete.wrote(id);
        self.complete.wrote(&target);
        Ok(())
    }
}

impl Rewrite<'_, '_> {
    /// Rewrites the node `id` and everything below it. Returns its id in the target.
    ///
    /// # Errors
    /// As of [`reach`].
    pub fn node(&mut self, id: ChunkId) -> Result<ChunkId> {
        if self.addresses.are_same() {
            return Ok(id);
        }
        let (reader, monitor) = (self.reader, self.monitor);
        reach(reader, id, self, monitor)?;
        self.target_of(Child { id, kind: ChunkKind::Node })
    }

    /// Rewrites everything that the entry of a root needs, and the entry.
    ///
    /// # Errors
    /// As of [`reach`].
    pub fn entry(&mut self, mut entry: TreeEntry) -> Result<TreeEntry> {
        if let Some(tree) = &mut entry.tree {
            *tree = self.node(*tree)?;
        }
        match &mut entry.content {
            None | Some(ContentRef::Inline(_)) => {}
            Some(ContentRef::Direct(items)) => {
                for item in items {
                    item.id = self.target_of(Child { id: item.id, kind: ChunkKind::Data })?;
                }
            }
            Some(ContentRef::List(list) | ContentRef::Segments(list)) => *list = self.node(*list)?,
        }
        Ok(entry)
    }

    fn target_of(&self, child: Child) -> Result<ChunkId> {
        self.addresses.target_of(child.kind, &child.id)?.ok_or_else(|| {
            let message = format!("the local cache has lost the new id of chunk {}: run this again", child.id);
            Error::new(ErrorKind::Cache, message)
        })
    }
}
