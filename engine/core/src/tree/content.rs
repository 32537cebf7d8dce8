//! Lists of chunk ids: the contents of files and streams.

use repo_format::limits;
use repo_format::node::{ContentItem, ContentNode};
use repo_format::pack::ChunkKind;

use super::{ContentRef, SegmentIter, TreeEntry};
use crate::chunk::Compression;
use crate::error::{Error, ErrorKind, Result};
use crate::pack::{ChunkReader, NodeSink};

/// A node has at least this many items before an id may end it.
const ITEMS_MIN: usize = 4;
/// A node has at most this many items.
const ITEMS_MAX: usize = 64;
/// A node ends after an id whose last byte has these bits 0: every 16th on average.
const END_MASK: u8 = 0x0f;

/// Builds a content list, in order. Memory: one unfinished node per level.
#[derive(Default)]
pub struct ContentBuilder {
    levels: Vec<Vec<ContentItem>>,
}

impl ContentBuilder {
    /// Adds the next chunk.
    ///
    /// # Errors
    /// If a node cannot be stored.
    pub fn push(&mut self, item: ContentItem, sink: &mut NodeSink<'_, '_>) -> Result<()> {
        self.push_at(0, item, sink)
    }

    fn push_at(&mut self, level: usize, item: ContentItem, sink: &mut NodeSink<'_, '_>) -> Result<()> {
        if self.levels.len() == level {
            self.levels.push(Vec::new());
        }
        let items = &mut self.levels[level];
        items.push(item);
        let ends = items.len() >= ITEMS_MIN && item.id.0[31] & END_MASK == 0;
        if ends || items.len() >= ITEMS_MAX {
            self.emit(level, sink)?;
        }
        Ok(())
    }

    fn emit(&mut self, level: usize, sink: &mut NodeSink<'_, '_>) -> Result<()> {
        let items = std::mem::take(&mut self.levels[level]);
        let node = ContentNode { level: u8::try_from(level).unwrap_or(u8::MAX), items };
        // Ids do not compress.
        let encoded = node.encode().map_err(|e| Error::damaged("a new content list", e))?;
        let id = sink.store(&encoded, Compression::Never)?;
        self.push_at(level + 1, ContentItem { id, len: node.len() }, sink)
    }

    /// Ends the list; `None` if nothing was added.
    ///
    /// # Errors
    /// If a node cannot be stored.
    pub fn finish(mut self, sink: &mut NodeSink<'_, '_>) -> Result<Option<ContentRef>> {
        if self.levels.len() == 1 && self.levels[0].len() as u64 <= limits::DIRECT_CHUNKS_COUNT {
            return Ok(self.levels.pop().filter(|items| !items.is_empty()).map(ContentRef::Direct));
        }
        let mut level = 0;
        while level < self.levels.len() {
            let is_top = level + 1 == self.levels.len();
            match &self.levels[level][..] {
                [root] if is_top && level > 0 => return Ok(Some(ContentRef::List(root.id))),
                [] => {}
                _ => self.emit(level, sink)?,
            }
            level += 1;
        }
        Ok(None)
    }
}

/// Walks the chunks of a content, in order. Memory: one node per level.
pub struct ContentIter<'r> {
    reader: &'r ChunkReader<'r>,
    /// The rest of one node per level, the deepest last, each reversed.
    stack: Vec<(u8, Vec<ContentItem>)>,
    /// The remaining segments, if the content is a table.
    segments: Option<SegmentIter<'r>>,
    position: u64,
}

impl<'r> ContentIter<'r> {
    /// Starts with a content of `len` plain bytes that is not inline. Refuses lists that add up to another length
    /// before it returns anything of them, so a damaged list cannot branch without end.
    pub fn new(reader: &'r ChunkReader<'r>, content: &ContentRef, len: u64) -> Self {
        let segments = match content {
            ContentRef::Segments(id) => Some(SegmentIter::new(reader, *id, len)),
            _ => None,
        };
        ContentIter { reader, stack: first_step(content, len), segments, position: 0 }
    }

    /// The number of plain bytes up to the end of the last item, which is a chunk or an unreadable list.
    pub fn plain_end(&self) -> u64 {
        self.position
    }

    fn descend(&mut self, level: u8, item: &ContentItem) -> Result<()> {
        let bytes = self.reader.read(ChunkKind::Node, &item.id)?;
        let node = ContentNode::decode(&bytes).map_err(|e| Error::damaged(format!("content list {}", item.id), e))?;
        let is_root = level > limits::NODE_LEVEL;
        let fits = (is_root || node.level + 1 == level) && node.len() == item.len;
        if !fits {
            let message = format!("content list {} does not fit the list that names it", item.id);
            return Err(Error::new(ErrorKind::Damaged, message));
        }
        self.stack.push((node.level, node.items.into_iter().rev().collect()));
        Ok(())
    }
}

/// The first item of a walk.
fn first_step(content: &ContentRef, len: u64) -> Vec<(u8, Vec<ContentItem>)> {
    match content {
        ContentRef::Inline(_) | ContentRef::Segments(_) => Vec::new(),
        ContentRef::Direct(items) => vec![(0, items.iter().rev().copied().collect())],
        // The root's level is not known yet; any level is accepted.
        ContentRef::List(id) => vec![(limits::NODE_LEVEL + 1, vec![ContentItem { id: *id, len }])],
    }
}

impl Iterator for ContentIter<'_> {
    type Item = Result<ContentItem>;

    /// The next chunk. After an error the walk continues behind the unreadable part; see [`ContentIter::plain_end`].
    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let Some((level, items)) = self.stack.last_mut() else {
                let segments = self.segments.as_mut()?;
                match segments.next()? {
                    Ok(segment) => self.stack = first_step(&segment.content, segment.len),
                    Err(error) => {
                        self.position = segments.plain_end();
                        return Some(Err(error));
                    }
                }
                continue;
            };
            let level = *level;
            match items.pop() {
                None => drop(self.stack.pop()),
                Some(item) if level == 0 => {
                    self.position = self.position.saturating_add(item.len);
                    return Some(Ok(item));
                }
                Some(item) => {
                    if let Err(error) = self.descend(level, &item) {
                        self.position = self.position.saturating_add(item.len);
                        return Some(Err(error));
                    }
                }
            }
        }
    }
}

/// The whole content of a small file.
///
/// # Errors
/// [`ErrorKind::Damaged`] if it is larger than `limit`, or a chunk of it is lost.
pub fn read_file(reader: &ChunkReader<'_>, entry: &TreeEntry, limit: u64) -> Result<Vec<u8>> {
    let shown = String::from_utf8_lossy(entry.name());
    if entry.meta.size > limit || entry.meta.holes.is_some() {
        let message = format!("`{shown}` has {} bytes where at most {limit} are expected", entry.meta.size);
        return Err(Error::new(ErrorKind::Damaged, message));
    }
    let mut bytes = Vec::new();
    match &entry.content {
        None => {}
        Some(ContentRef::Inline(inline)) => bytes.extend_from_slice(inline),
        Some(content) => {
            for item in ContentIter::new(reader, content, entry.meta.size) {
                bytes.extend_from_slice(&reader.read(ChunkKind::Data, &item?.id)?);
                if bytes.len() as u64 > entry.meta.size {
                    break;
                }
            }
        }
    }
    if bytes.len() as u64 == entry.meta.size {
        Ok(bytes)
    } else {
        Err(Error::new(ErrorKind::Damaged, format!("`{shown}` is not as long as it says")))
    }
}
