//! A file of the repository that is written piece by piece.

use std::sync::Arc;

use repo_format::limits;
use repo_format::node::ContentItem;
use repo_format::pack::ChunkKind;

use super::{ContentBuilder, ContentRef};
use crate::chunk::{Coder, Compression, Cutter, FileCompression, GearTables, ProfileName};
use crate::error::Result;
use crate::pack::{ChunkStore, NodeSink};

/// Stores a file, of any length. Memory: the longest chunk, and what was given at once.
pub struct FileWriter<'w, 's> {
    store: &'w ChunkStore<'s>,
    coder: Coder,
    cutter: Cutter,
    compression: FileCompression,
    list: ContentBuilder,
    buffer: Vec<u8>,
    len: u64,
}

/// A file that has been stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrittenFile {
    /// Where its bytes are; none if there are none.
    pub content: Option<ContentRef>,
    /// How many there are.
    pub len: u64,
}

impl<'w, 's> FileWriter<'w, 's> {
    /// An empty file, to be cut as `profile` says.
    ///
    /// # Errors
    /// If the compressor cannot be set up.
    pub fn new(store: &'w ChunkStore<'s>, profile: ProfileName) -> Result<Self> {
        let repository = store.repository();
        let tables = Arc::new(GearTables::new(repository.keys().gear_table()));
        Ok(FileWriter {
            store,
            coder: Coder::new(repository.config().zstd_level)?,
            cutter: Cutter::new(tables, profile.sizes(repository.config())),
            compression: FileCompression::default(),
            list: ContentBuilder::default(),
            buffer: Vec::new(),
            len: 0,
        })
    }

    /// How many bytes it has.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Appends `bytes`.
    ///
    /// # Errors
    /// If a chunk cannot be stored.
    pub fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.buffer.extend_from_slice(bytes);
        self.len += bytes.len() as u64;
        if self.buffer.len() >= 2 * self.cutter.max() {
            self.store_chunks(false)?;
        }
        Ok(())
    }

    /// Ends the file.
    ///
    /// # Errors
    /// As [`FileWriter::write`].
    pub fn finish(mut self) -> Result<WrittenFile> {
        if self.len < limits::INLINE_CONTENT {
            let content = (!self.buffer.is_empty()).then(|| ContentRef::Inline(std::mem::take(&mut self.buffer)));
            return Ok(WrittenFile { content, len: self.len });
        }
        self.store_chunks(true)?;
        let content = self.list.finish(&mut NodeSink { store: self.store, coder: &mut self.coder })?;
        Ok(WrittenFile { content, len: self.len })
    }

    fn store_chunks(&mut self, is_last: bool) -> Result<()> {
        let mut start = 0;
        for end in self.cutter.ends(&self.buffer, is_last) {
            let plain = &self.buffer[start..end];
            let compression = Compression::Probe(&self.compression);
            let stored = self.store.store(&mut self.coder, ChunkKind::Data, plain, compression)?;
            let item = ContentItem { id: stored.id, len: plain.len() as u64 };
            self.list.push(item, &mut NodeSink { store: self.store, coder: &mut self.coder })?;
            start = end;
        }
        self.buffer.drain(..start);
        Ok(())
    }
}
