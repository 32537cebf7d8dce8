//! Walks what a manifest needs in the source, and stores what the target lacks.

use repo_format::id::ChunkId;
use repo_format::pack::ChunkKind;

use super::complete::Complete;
use crate::error::{Error, ErrorKind, Result};
use crate::monitor::{Monitor, Work};
use crate::pack::{ChunkReader, ChunkStore, CodedChunk, Wanted};
use crate::tree::{ContentRef, Node, TreeEntry, Visitor, reach};

/// A walk through one manifest.
pub(super) struct Walk<'w, 's> {
    pub reader: &'w ChunkReader<'w>,
    /// The chunks that the node opened last names.
    pub wanted: Wanted<'w>,
    pub store: &'w ChunkStore<'s>,
    pub complete: &'w mut Complete,
    pub monitor: &'w dyn Monitor,
}

impl Visitor for Walk<'_, '_> {
    fn enter(&mut self, id: &ChunkId) -> Result<bool> {
        Ok(!self.complete.has(id))
    }

    fn opened(&mut self, node: &Node, chunk: &CodedChunk) -> Result<()> {
        self.complete.walked(&node.id);
        let stored = self.store.store_coded(ChunkKind::Node, chunk)?;
        self.advance(stored.is_new, chunk);
        if self.reader.is_far() {
            self.want_data_of(node)?;
        }
        Ok(())
    }

    fn chunk(&mut self, id: &ChunkId) -> Result<()> {
        if self.monitor.is_cancelled() {
            return Err(Error::cancelled());
        }
        if self.complete.has(id) {
            // Ids of data and of nodes have different keys.
            return Err(Error::new(ErrorKind::Damaged, format!("chunk {id} is a node where data should be")));
        }
        if self.store.has_data(id)? {
            return Ok(());
        }
        let chunk = self.wanted.read_coded(id)?;
        let stored = self.store.store_coded(ChunkKind::Data, &chunk)?;
        self.advance(stored.is_new, &chunk);
        Ok(())
    }
}

impl Walk<'_, '_> {
    /// Walks everything that the entry of a root needs.
    ///
    /// # Errors
    /// As of [`reach`].
    pub fn entry(&mut self, entry: &TreeEntry) -> Result<()> {
        let (reader, monitor) = (self.reader, self.monitor);
        if let Some(tree) = entry.tree {
            reach(reader, tree, self, monitor)?;
        }
        match &entry.content {
            None | Some(ContentRef::Inline(_)) => Ok(()),
            Some(ContentRef::Direct(items)) => items.iter().try_for_each(|item| self.chunk(&item.id)),
            Some(ContentRef::List(list) | ContentRef::Segments(list)) => reach(reader, *list, self, monitor),
        }
    }

    /// Prepares to read the chunks of a node that the target lacks.
    fn want_data_of(&mut self, node: &Node) -> Result<()> {
        let mut wanted = Vec::new();
        for child in node.children.iter().filter(|child| child.kind == ChunkKind::Data) {
            if !self.store.has_data(&child.id)? {
                wanted.push(child.id);
            }
        }
        self.wanted = Wanted::new(self.reader, wanted)?;
        Ok(())
    }

    fn advance(&self, is_new: bool, chunk: &CodedChunk) {
        if is_new {
            self.monitor.advance(Work { items: 0, bytes: chunk.plain().len() as u64 });
        }
    }
}
