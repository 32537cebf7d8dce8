//! One file or stream on its way through the workers: a job, its batches, and the resulting entry.

use std::collections::BTreeMap;
use std::io::Read;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use crossbeam_channel::Sender;
use repo_format::node::ContentItem;

use super::progress::CountedFile;
use crate::chunk::{Coder, Compression, Cutter, FileCompression};
use crate::error::Result;
use crate::filesystem::Dir;
use crate::pack::{ChunkStore, NodeSink};
use crate::tree::{ContentBuilder, TreeEntry};

/// Something to read.
pub(super) struct Job {
    /// Its name in the snapshot.
    pub name: Vec<u8>,
    /// Its path in messages.
    pub path: Vec<u8>,
    /// The data to read.
    pub input: Input,
    /// The walk's count of it; a stream is counted after it has been read.
    pub counted: Option<CountedFile>,
    /// The receiver of its entry.
    pub result: ResultSlot,
}

/// The data that a job reads.
pub(super) enum Input {
    /// A file, by its name in a folder.
    File {
        /// The folder.
        dir: Arc<Dir>,
        /// The name.
        name: Vec<u8>,
    },
    /// A stream.
    Stream(Box<dyn Read + Send>),
}

/// A file that was read.
pub(super) struct ReadFile {
    /// Its entry.
    pub entry: Box<TreeEntry>,
    /// Whether it begins as its name says; none if the name says nothing.
    pub agrees: Option<bool>,
}

/// Sends a job's result to the tree builder. Dropping it unused tells the builder that the run has failed.
pub(super) struct ResultSlot(Sender<Option<ReadFile>>);

impl ResultSlot {
    pub fn new(sender: Sender<Option<ReadFile>>) -> Self {
        ResultSlot(sender)
    }

    /// Sends the file.
    pub fn send(self, entry: TreeEntry, agrees: Option<bool>) {
        // The receiver is gone if the run has failed, which is reported elsewhere.
        drop(self.0.send(Some(ReadFile { entry: Box::new(entry), agrees })));
    }

    /// Says that the file could not be read.
    pub fn send_nothing(self) {
        drop(self.0.send(None));
    }
}

/// A piece of a file, cut into chunks.
pub(super) struct Batch {
    pub file: Arc<FileInWork>,
    /// Its place in the file.
    pub number: u64,
    pub buffer: Vec<u8>,
    pub chunks: Vec<Range<usize>>,
}

/// A file while its batches are being sealed, in any order.
pub(super) struct FileInWork {
    pub cutter: Cutter,
    pub compression: FileCompression,
    order: Mutex<Order>,
}

#[derive(Default)]
struct Order {
    builder: ContentBuilder,
    next: u64,
    waiting: BTreeMap<u64, Vec<ContentItem>>,
    end: Option<End>,
}

/// Facts that are known once a file has been read to its end.
pub(super) struct End {
    /// The number of batches.
    pub batches: u64,
    /// The entry, without its content.
    pub entry: TreeEntry,
    /// Whether it begins as its name says.
    pub agrees: Option<bool>,
    /// The receiver of the entry.
    pub result: ResultSlot,
}

impl FileInWork {
    pub fn new(cutter: Cutter) -> Self {
        FileInWork { cutter, compression: FileCompression::default(), order: Mutex::default() }
    }

    /// Adds the chunks of a batch, and extends the list up to the first gap.
    pub fn batch_done(
        &self,
        number: u64,
        items: Vec<ContentItem>,
        store: &ChunkStore<'_>,
        coder: &mut Coder,
    ) -> Result<()> {
        let mut order = self.order.lock().unwrap_or_else(PoisonError::into_inner);
        order.waiting.insert(number, items);
        let mut sink = NodeSink { store, coder };
        while let Some(items) = {
            let next = order.next;
            order.waiting.remove(&next)
        } {
            order.next += 1;
            items.into_iter().try_for_each(|item| order.builder.push(item, &mut sink))?;
        }
        order.send_if_complete(&mut sink)
    }

    /// Notes that the file has been read.
    pub fn ended(&self, end: End, store: &ChunkStore<'_>, coder: &mut Coder) -> Result<()> {
        let mut order = self.order.lock().unwrap_or_else(PoisonError::into_inner);
        order.end = Some(end);
        order.send_if_complete(&mut NodeSink { store, coder })
    }
}

impl Order {
    fn send_if_complete(&mut self, sink: &mut NodeSink<'_, '_>) -> Result<()> {
        let next = self.next;
        if let Some(End { mut entry, agrees, result, .. }) = self.end.take_if(|end| end.batches == next) {
            entry.content = std::mem::take(&mut self.builder).finish(sink)?;
            result.send(entry, agrees);
        }
        Ok(())
    }
}

/// Stores the chunks of a batch.
pub(super) fn seal(batch: &Batch, store: &ChunkStore<'_>, coder: &mut Coder) -> Result<Vec<ContentItem>> {
    let compression = Compression::Probe(&batch.file.compression);
    let seal_one = |range: &Range<usize>| {
        let plain = &batch.buffer[range.clone()];
        let stored = store.store(coder, repo_format::pack::ChunkKind::Data, plain, compression)?;
        Ok(ContentItem { id: stored.id, len: plain.len() as u64 })
    };
    batch.chunks.iter().map(seal_one).collect()
}
