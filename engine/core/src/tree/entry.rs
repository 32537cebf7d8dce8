//! An entry of a directory, independent of the node that holds it.

use std::collections::HashMap;

use repo_format::cbor::ByteString;
use repo_format::entry::{Content, DirectChunk, Entry};
use repo_format::id::ChunkId;
use repo_format::node::ContentItem;

/// The content of a file, with ids instead of places.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ContentRef {
    /// The bytes themselves.
    Inline(Vec<u8>),
    /// A few chunks, in order.
    Direct(Vec<ContentItem>),
    /// A content list.
    List(ChunkId),
    /// A segment list: the rows of a table.
    Segments(ChunkId),
}

/// An entry with ids instead of places.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TreeEntry {
    /// Its metadata, without `content` and `tree`.
    pub meta: Entry,
    /// The content, if the file is not empty.
    pub content: Option<ContentRef>,
    /// The node, if the directory is not empty.
    pub tree: Option<ChunkId>,
}

impl TreeEntry {
    /// An entry without content.
    pub fn new(meta: Entry) -> Self {
        TreeEntry { meta, content: None, tree: None }
    }

    /// The number of bytes of content according to its size: all but its holes.
    pub fn data_len(&self) -> u64 {
        self.meta.size.saturating_sub(self.meta.hole_bytes())
    }

    /// Whether its content is as long as its size says. The length of a list is unknown before it is read.
    pub fn content_fits(&self) -> bool {
        match &self.content {
            None => self.data_len() == 0,
            Some(ContentRef::Inline(bytes)) => bytes.len() as u64 == self.data_len(),
            Some(ContentRef::Direct(items)) => items.iter().map(|item| item.len).sum::<u64>() == self.data_len(),
            Some(ContentRef::List(_) | ContentRef::Segments(_)) => true,
        }
    }

    /// The nodes that it names.
    pub fn nodes(&self) -> impl Iterator<Item = ChunkId> {
        let list = match self.content {
            Some(ContentRef::List(list) | ContentRef::Segments(list)) => Some(list),
            _ => None,
        };
        self.tree.into_iter().chain(list)
    }

    /// Its name.
    pub fn name(&self) -> &[u8] {
        &self.meta.name.0
    }

    /// Takes an entry out of a node that names `ids`; decoding has checked its places.
    pub(super) fn from_node(mut meta: Entry, ids: &[ChunkId]) -> Self {
        let id = |place: u32| ids.get(place as usize).copied();
        let tree = meta.tree.take().and_then(id);
        let content = meta.content.take().and_then(|content| ContentRef::from_node(content, ids));
        TreeEntry { meta, content, tree }
    }

    /// The entry for a node; `places` collects its ids.
    pub(super) fn into_node(self, places: &mut Places) -> Entry {
        let mut meta = self.meta;
        meta.tree = self.tree.map(|id| places.of(id));
        meta.content = self.content.map(|content| content.into_node(places));
        meta
    }
}

impl ContentRef {
    /// Takes a content out of a node that names `ids`.
    pub(super) fn from_node(content: Content, ids: &[ChunkId]) -> Option<Self> {
        let id = |place: u32| ids.get(place as usize).copied();
        match content {
            Content { inline: Some(bytes), .. } => Some(ContentRef::Inline(bytes.0)),
            Content { direct: Some(direct), .. } => {
                let item = |c: &DirectChunk| id(c.place).map(|id| ContentItem { id, len: c.len.into() });
                direct.iter().map(item).collect::<Option<_>>().map(ContentRef::Direct)
            }
            Content { list: Some(place), .. } => id(place).map(ContentRef::List),
            Content { segments: Some(place), .. } => id(place).map(ContentRef::Segments),
            _ => None,
        }
    }

    /// The content for a node; `places` collects its ids.
    pub(super) fn into_node(self, places: &mut Places) -> Content {
        match self {
            ContentRef::Inline(bytes) => Content { inline: Some(ByteString(bytes)), ..Content::default() },
            ContentRef::Direct(items) => {
                // Plain lengths of chunks fit: they are at most 8 MiB.
                let direct = |item: ContentItem| DirectChunk {
                    place: places.of(item.id),
                    len: u32::try_from(item.len).unwrap_or(u32::MAX),
                };
                Content { direct: Some(items.into_iter().map(direct).collect()), ..Content::default() }
            }
            ContentRef::List(id) => Content { list: Some(places.of(id)), ..Content::default() },
            ContentRef::Segments(id) => Content { segments: Some(places.of(id)), ..Content::default() },
        }
    }
}

/// The ids that a node names, each once.
#[derive(Default)]
pub(super) struct Places {
    pub ids: Vec<ChunkId>,
    known: HashMap<ChunkId, u32>,
}

impl Places {
    fn of(&mut self, id: ChunkId) -> u32 {
        *self.known.entry(id).or_insert_with(|| {
            self.ids.push(id);
            // A node has at most 256 entries of at most 4 ids.
            u32::try_from(self.ids.len() - 1).unwrap_or(u32::MAX)
        })
    }
}
