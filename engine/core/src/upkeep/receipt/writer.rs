//! The parts of a receipt: entries of the source snapshot as they are, and new directories of them.

use std::sync::Arc;

use repo_format::id::ChunkId;
use repo_format::node::ContentItem;
use repo_format::pack::ChunkKind;

use super::rely::rely_on;
use super::source::ReceiptSource;
use crate::chunk::{Coder, Compression, Cutter, FileCompression, GearTables, ProfileName};
use crate::error::{Error, ErrorKind, Result};
use crate::monitor::Monitor;
use crate::pack::{ChunkReader, ChunkStore, NodeSink};
use crate::tree::{ContentBuilder, ContentRef, DirectoryBuilder, TreeEntry, lookup};

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

    /// Stores `bytes` as the content of a file.
    pub fn chunks(&mut self, bytes: &[u8]) -> Result<Option<ContentRef>> {
        let repository = self.store.repository();
        let tables = Arc::new(GearTables::new(repository.keys().gear_table()));
        let cutter = Cutter::new(tables, ProfileName::Database.sizes(repository.config()));
        let (mut list, mut start) = (ContentBuilder::default(), 0);
        for end in cutter.ends(bytes, true) {
            let plain = &bytes[start..end];
            let compression = Compression::Probe(&FileCompression::default());
            let stored = self.store.store(&mut self.coder, ChunkKind::Data, plain, compression)?;
            list.push(ContentItem { id: stored.id, len: plain.len() as u64 }, &mut self.sink())?;
            start = end;
        }
        list.finish(&mut self.sink())
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
