//! Walks what a manifest needs in the source, and stores what the target lacks.

use repo_format::id::ChunkId;
use repo_format::pack::ChunkKind;

use super::complete::Complete;
use crate::error::{Error, ErrorKind, Result};
use crate::monitor::{Monitor, Work};
use crate::pack::{ChunkReader, ChunkStore, CodedChunk};
use crate::tree::{ContentRef, Node, TreeEntry, Visitor, reach};

/// A walk through one manifest.
pub(super) struct Walk<'w, 's> {
    pub reader: &'w ChunkReader<'w>,
    pub store: &'w ChunkStore<'s>,
    pub complete: &'w mut Complete,
    pub monitor: &'w dyn Monitor,
}

impl Visitor for Walk<'_, '_> {
    fn enter(&mut self, id: &ChunkId) -> Result<bool> {
        Ok(!self.complete.has(id))
    }

    fn opened(&mut self, node: &Node, chunk: &CodedChunk) -> Result<()> {
        self.complete.add(&node.id);
        let stored = self.store.store_coded(ChunkKind::Node, chunk)?;
        self.advance(stored.is_new, chunk);
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
        let chunk = self.reader.read_coded(ChunkKind::Data, id)?;
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

    fn advance(&self, is_new: bool, chunk: &CodedChunk) {
        if is_new {
            self.monitor.advance(Work { items: 0, bytes: chunk.plain().len() as u64 });
        }
    }
}
