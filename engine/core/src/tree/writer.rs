//! A file of the repository that is written piece by piece.

use std::sync::Arc;

use repo_format::limits;
use repo_format::node::ContentItem;
use repo_format::pack::ChunkKind;

use super::{ContentBuilder, ContentRef};
use crate::chunk::{Coder, Compression, Cutter, FileCompression, GearTables, ProfileName};
use crate::error::Result;
use crate::pack::{ChunkStore, NodeSink};

/// The tools with which one thread cuts contents into chunks and stores them.
pub struct ChunkWriter<'w, 's> {
    store: &'w ChunkStore<'s>,
    coder: Coder,
    cutter: Cutter,
}

/// Whether more bytes of a content follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rest {
    /// More follow, so the last cut is not certain yet.
    Follows,
    /// These are the last ones.
    Ends,
}

impl<'w, 's> ChunkWriter<'w, 's> {
    /// Cuts as `profile` says.
    ///
    /// # Errors
    /// If the compressor cannot be set up.
    pub fn new(store: &'w ChunkStore<'s>, profile: ProfileName) -> Result<Self> {
        let repository = store.repository();
        let tables = Arc::new(GearTables::new(repository.keys().gear_table()));
        let cutter = Cutter::new(tables, profile.sizes(repository.config()));
        Ok(ChunkWriter { store, coder: Coder::new(repository.config().zstd_level)?, cutter })
    }

    /// Where nodes go.
    pub fn sink(&mut self) -> NodeSink<'_, 's> {
        NodeSink { store: self.store, coder: &mut self.coder }
    }

    /// Stores the chunks at the beginning of `bytes`, and adds them to `list`. Gives how many bytes these are; all, if the rest ends.
    ///
    /// # Errors
    /// If a chunk cannot be stored.
    pub fn write(
        &mut self,
        bytes: &[u8],
        rest: Rest,
        compression: &FileCompression,
        list: &mut ContentBuilder,
    ) -> Result<usize> {
        let mut start = 0;
        for end in self.cutter.ends(bytes, rest == Rest::Ends) {
            let plain = &bytes[start..end];
            let stored = self.store.store(&mut self.coder, ChunkKind::Data, plain, Compression::Probe(compression))?;
            list.push(ContentItem { id: stored.id, len: plain.len() as u64 }, &mut self.sink())?;
            start = end;
        }
        Ok(start)
    }
}

/// Stores a file, of any length. Memory: the longest chunk, and what was given at once.
pub struct FileWriter<'w, 's> {
    writer: ChunkWriter<'w, 's>,
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
        Ok(FileWriter {
            writer: ChunkWriter::new(store, profile)?,
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
        if self.buffer.len() >= 2 * self.writer.cutter.max() {
            self.store_chunks(Rest::Follows)?;
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
        self.store_chunks(Rest::Ends)?;
        let content = self.list.finish(&mut self.writer.sink())?;
        Ok(WrittenFile { content, len: self.len })
    }

    fn store_chunks(&mut self, rest: Rest) -> Result<()> {
        let stored = self.writer.write(&self.buffer, rest, &self.compression, &mut self.list)?;
        self.buffer.drain(..stored);
        Ok(())
    }
}
