//! The parts of a receipt: entries of the source snapshot as they are, and new directories of them.

use repo_format::id::ChunkId;

use super::rely::rely_on;
use super::source::ReceiptSource;
use crate::chunk::Coder;
use crate::error::{Error, ErrorKind, Result};
use crate::monitor::Monitor;
use crate::pack::{ChunkReader, ChunkStore, NodeSink};
use crate::tree::{DirectoryBuilder, TreeEntry, lookup};

/// Stores the parts of one receipt.
pub(super) struct Writer<'w, 's> {
    pub store: &'w ChunkStore<'s>,
    pub source: &'w ReceiptSource<'w>,
    pub reader: ChunkReader<'w>,
    pub monitor: &'w dyn Monitor,
    coder: Coder,
}

impl<'w, 's> Writer<'w, 's> {
    pub fn new(store: &'w ChunkStore<'s>, source: &'w ReceiptSource<'w>, monitor: &'w dyn Monitor) -> Result<Self> {
        let repository = store.repository();
        let coder = Coder::new(repository.config().zstd_level)?;
        Ok(Writer { store, source, reader: ChunkReader::new(repository), monitor, coder })
    }

    pub fn sink(&mut self) -> NodeSink<'_, 's> {
        NodeSink { store: self.store, coder: &mut self.coder }
    }

    /// A file of the snapshot, as it is.
    pub fn copied(&mut self, path: &[u8]) -> Result<TreeEntry> {
        let entry = self.entry(path)?;
        rely_on(self.store, &self.reader, entry.content.as_ref(), self.monitor)?;
        Ok(entry)
    }

    /// The entry that the snapshot has at `path`.
    pub fn entry(&self, path: &[u8]) -> Result<TreeEntry> {
        let missing = || Error::new(ErrorKind::NotFound, format!("snapshot {} is empty", self.source.snapshot.id));
        lookup(&self.reader, &self.source.snapshot.manifest, path)?.1.ok_or_else(missing)
    }

    /// The directory that is at `path` in the snapshot, with other entries.
    pub fn directory(&mut self, path: &[u8], entries: Vec<TreeEntry>) -> Result<TreeEntry> {
        let entry = self.entry(path)?;
        Ok(TreeEntry { tree: self.nodes(entries)?, ..entry })
    }

    /// Stores a directory of `entries`.
    pub fn nodes(&mut self, mut entries: Vec<TreeEntry>) -> Result<Option<ChunkId>> {
        entries.sort_by(|a, b| a.name().cmp(b.name()));
        let mut builder = DirectoryBuilder::default();
        entries.into_iter().try_for_each(|entry| builder.push(entry, &mut self.sink()))?;
        builder.finish(&mut self.sink())
    }
}
