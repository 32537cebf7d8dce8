//! Walks what a manifest needs in the source, and stores what the target lacks.

use repo_format::id::ChunkId;
use repo_format::pack::ChunkKind;

use super::carry::Carrier;
use super::complete::Complete;
use crate::error::{Error, ErrorKind, Result};
use crate::monitor::Work;
use crate::pack::CodedChunk;
use crate::tree::{ContentRef, Node, TreeEntry, Visitor, reach};

/// A walk through one manifest. It carries the data. It stores nodes only where they keep their ids; otherwise
/// [`Rewrite`](super::rewrite::Rewrite) does so afterwards.
pub(super) struct Walk<'w, 's> {
    pub carrier: Carrier<'w, 's>,
    pub complete: &'w mut Complete,
}

impl Visitor for Walk<'_, '_> {
    fn enter(&mut self, id: &ChunkId) -> Result<bool> {
        if !self.complete.has(id) {
            return Ok(true);
        }
        // The node above must be able to name it.
        Ok(!self.complete.has_walked(id) && self.carrier.addresses.target_of(ChunkKind::Node, id)?.is_none())
    }

    fn opened(&mut self, node: &Node, chunk: &CodedChunk) -> Result<()> {
        self.complete.walked(&node.id);
        if !self.carrier.addresses.are_same() {
            return Ok(());
        }
        let stored = self.carrier.store.store_coded(ChunkKind::Node, chunk)?;
        if stored.is_new {
            self.carrier.monitor.advance(Work { items: 0, bytes: chunk.plain().len() as u64 });
        }
        Ok(())
    }

    fn chunk(&mut self, id: &ChunkId) -> Result<()> {
        if self.carrier.monitor.is_cancelled() {
            return Err(Error::cancelled());
        }
        if self.complete.has(id) {
            // Ids of data and of nodes have different keys.
            return Err(Error::new(ErrorKind::Damaged, format!("chunk {id} is a node where data should be")));
        }
        self.carrier.want(id)
    }
}

impl Walk<'_, '_> {
    /// Walks the node `id` and everything below it.
    ///
    /// # Errors
    /// As of [`reach`].
    pub fn node(&mut self, id: ChunkId) -> Result<()> {
        let (reader, monitor) = (self.carrier.reader, self.carrier.monitor);
        reach(reader, id, self, monitor)
    }

    /// Walks everything that the entry of a root needs.
    ///
    /// # Errors
    /// As of [`reach`].
    pub fn entry(&mut self, entry: &TreeEntry) -> Result<()> {
        entry.nodes().try_for_each(|id| self.node(id))?;
        match &entry.content {
            Some(ContentRef::Direct(items)) => items.iter().try_for_each(|item| self.chunk(&item.id)),
            _ => Ok(()),
        }
    }

    /// Carries what still waits.
    ///
    /// # Errors
    /// If it cannot be read or stored.
    pub fn finish(mut self) -> Result<()> {
        self.carrier.finish()
    }
}
