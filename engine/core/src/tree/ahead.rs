//! Contents that are read from the beginning to the end: over a network many chunks at once.

use std::collections::VecDeque;
use std::sync::Arc;

use repo_format::id::ChunkId;
use repo_format::node::ContentItem;

use super::{ContentIter, ContentRef, SegmentItem, SegmentIter};
use crate::error::{Error, Result};
use crate::pack::{ChunkReader, Plain, PlainChunks, WANTED_BYTES, Wanted};

/// The plain chunks of a content, in order. After an error nothing follows.
pub struct ContentPieces<'r> {
    reader: &'r ChunkReader<'r>,
    items: ContentIter<'r>,
    next: VecDeque<ContentItem>,
    wanted: Option<Wanted<'r>>,
    failed: Option<Error>,
    is_over: bool,
}

impl<'r> ContentPieces<'r> {
    /// Starts with a content of `len` plain bytes that is not inline.
    pub fn new(reader: &'r ChunkReader<'r>, content: &ContentRef, len: u64) -> Self {
        ContentPieces {
            reader,
            items: ContentIter::new(reader, content, len),
            next: VecDeque::new(),
            wanted: None,
            failed: None,
            is_over: false,
        }
    }

    /// Passes over whole chunks within the first `skip` bytes, which are not read. Returns the bytes to pass over in the
    /// next one.
    ///
    /// # Errors
    /// If a list cannot be read.
    pub fn skip_chunks(&mut self, mut skip: u64) -> Result<u64> {
        while skip > 0 {
            match self.items.next() {
                None => return Ok(skip),
                Some(item) => {
                    let item = item?;
                    if item.len > skip {
                        self.next.push_back(item);
                        return Ok(skip);
                    }
                    skip -= item.len;
                }
            }
        }
        Ok(0)
    }

    /// Chooses the chunks that are read next.
    fn choose(&mut self) -> Result<()> {
        let most = if self.reader.is_far() { WANTED_BYTES } else { 1 };
        let mut bytes = self.next.iter().map(|item| item.len).sum::<u64>();
        while bytes < most && self.failed.is_none() {
            match self.items.next() {
                None => break,
                Some(Ok(item)) => {
                    bytes = bytes.saturating_add(item.len);
                    self.next.push_back(item);
                }
                Some(Err(error)) => self.failed = Some(error),
            }
        }
        self.wanted = Some(Wanted::new(self.reader, self.next.iter().map(|item| item.id))?);
        Ok(())
    }

    fn piece(&mut self) -> Result<Option<Plain>> {
        if self.next.is_empty() || self.wanted.is_none() {
            self.choose()?;
        }
        match (self.next.pop_front(), &self.wanted) {
            (Some(item), Some(wanted)) => wanted.read_data(&item.id).map(Some),
            _ => self.failed.take().map_or(Ok(None), Err),
        }
    }
}

impl Iterator for ContentPieces<'_> {
    type Item = Result<Plain>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.is_over {
            return None;
        }
        let piece = self.piece().transpose();
        self.is_over = !matches!(piece, Some(Ok(_)));
        piece
    }
}

/// A segment whose chunks are read together with those of its neighbours.
pub struct SegmentAhead<'r> {
    /// The segment.
    pub item: SegmentItem,
    /// The chunks of many segments.
    pub chunks: Arc<Wanted<'r>>,
}

/// The segments of a table, in order. As [`SegmentIter`], the walk continues after an error behind the unreadable part.
pub struct SegmentsAhead<'r> {
    reader: &'r ChunkReader<'r>,
    segments: SegmentIter<'r>,
    next: VecDeque<Result<SegmentItem>>,
    chunks: Arc<Wanted<'r>>,
}

impl<'r> SegmentsAhead<'r> {
    /// Starts with the first of `segments`.
    pub fn new(reader: &'r ChunkReader<'r>, segments: SegmentIter<'r>) -> Self {
        SegmentsAhead { reader, segments, next: VecDeque::new(), chunks: Arc::new(Wanted::nothing(reader)) }
    }

    /// Chooses the segments that are read next.
    fn choose(&mut self) -> Result<()> {
        let most = if self.reader.is_far() { WANTED_BYTES } else { 1 };
        let (mut bytes, mut ids) = (0_u64, Vec::new());
        while bytes < most {
            let Some(segment) = self.segments.next() else { break };
            if let Ok(segment) = &segment {
                bytes = bytes.saturating_add(segment.len);
                if self.reader.is_far() {
                    ids.extend(chunks_of(self.reader, &segment.content, segment.len));
                }
            }
            self.next.push_back(segment);
        }
        self.chunks = Arc::new(Wanted::new(self.reader, ids)?);
        Ok(())
    }
}

/// The chunks of a content, up to the first list that cannot be read: its reader reports it.
pub(crate) fn chunks_of<'r>(
    reader: &'r ChunkReader<'r>,
    content: &ContentRef,
    len: u64,
) -> impl Iterator<Item = ChunkId> + use<'r> {
    ContentIter::new(reader, content, len).map_while(Result::ok).map(|item| item.id)
}

impl<'r> Iterator for SegmentsAhead<'r> {
    type Item = Result<SegmentAhead<'r>>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.next.is_empty()
            && let Err(error) = self.choose()
        {
            return Some(Err(error));
        }
        let item = self.next.pop_front()?;
        Some(item.map(|item| SegmentAhead { item, chunks: self.chunks.clone() }))
    }
}
