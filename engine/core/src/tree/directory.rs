//! Directories: entries in the order of their names. Hashes of the names decide where nodes end.

use repo_format::id::ChunkId;
use repo_format::limits;
use repo_format::node::{DirectoryLeaf, DirectoryNode, DirectoryPart};
use repo_format::pack::ChunkKind;

use super::TreeEntry;
use super::entry::Places;
use crate::chunk::Compression;
use crate::error::{Error, ErrorKind, Result};
use crate::pack::{ChunkReader, NodeSink};

/// A node has at least this many items before a name may end it.
const ITEMS_MIN: usize = 4;
/// A node has at most this many items.
const ITEMS_MAX: usize = 256;
/// A node ends at about this many bytes.
const BYTES_MAX: usize = 1024 * 1024;
/// A node ends after a name whose hash has these bits 0: every 32nd on average.
const END_MASK: u8 = 0x1f;

/// Builds a directory from entries in ascending order of their names. Memory: one unfinished node per level.
#[derive(Default)]
pub struct DirectoryBuilder {
    places: Places,
    entries: Vec<repo_format::entry::Entry>,
    bytes: usize,
    parts: Vec<Vec<DirectoryPart>>,
}

fn ends(name: &[u8], level: usize) -> bool {
    blake3::hash(name).as_bytes()[level % 32] & END_MASK == 0
}

impl DirectoryBuilder {
    /// Adds the next entry.
    ///
    /// # Errors
    /// If a node cannot be stored.
    pub fn push(&mut self, entry: TreeEntry, sink: &mut NodeSink<'_, '_>) -> Result<()> {
        self.bytes += weight(&entry);
        let name_ends = ends(entry.name(), 0);
        self.entries.push(entry.into_node(&mut self.places));
        let count = self.entries.len();
        if (count >= ITEMS_MIN && name_ends) || count >= ITEMS_MAX || self.bytes >= BYTES_MAX {
            self.emit_leaf(sink)?;
        }
        Ok(())
    }

    fn emit_leaf(&mut self, sink: &mut NodeSink<'_, '_>) -> Result<()> {
        self.bytes = 0;
        let entries = std::mem::take(&mut self.entries);
        let Some(first) = entries.first() else { return Ok(()) };
        let (first_name, count) = (first.name.0.clone(), entries.len() as u64);
        let ids = std::mem::take(&mut self.places).ids;
        let node = DirectoryNode::Leaf(DirectoryLeaf { ids, entries });
        let encoded = node.encode().map_err(|e| Error::damaged("a new directory node", e))?;
        let id = sink.store(&encoded, Compression::Always)?;
        self.push_part(1, DirectoryPart { id, first_name, entries: count }, sink)
    }

    fn push_part(&mut self, level: usize, part: DirectoryPart, sink: &mut NodeSink<'_, '_>) -> Result<()> {
        if self.parts.len() < level {
            self.parts.push(Vec::new());
        }
        let name_ends = ends(&part.first_name, level);
        let parts = &mut self.parts[level - 1];
        parts.push(part);
        if (parts.len() >= ITEMS_MIN && name_ends) || parts.len() >= ITEMS_MAX {
            self.emit_parts(level, sink)?;
        }
        Ok(())
    }

    fn emit_parts(&mut self, level: usize, sink: &mut NodeSink<'_, '_>) -> Result<()> {
        let parts = std::mem::take(&mut self.parts[level - 1]);
        let Some(first) = parts.first() else { return Ok(()) };
        let (first_name, entries) = (first.first_name.clone(), parts.iter().map(|part| part.entries).sum());
        let node = DirectoryNode::Parts(u8::try_from(level).unwrap_or(u8::MAX), parts);
        let encoded = node.encode().map_err(|e| Error::damaged("a new directory node", e))?;
        let id = sink.store(&encoded, Compression::Always)?;
        self.push_part(level + 1, DirectoryPart { id, first_name, entries }, sink)
    }

    /// Ends the directory; `None` if it is empty.
    ///
    /// # Errors
    /// If a node cannot be stored.
    pub fn finish(mut self, sink: &mut NodeSink<'_, '_>) -> Result<Option<ChunkId>> {
        self.emit_leaf(sink)?;
        let mut level = 1;
        while level <= self.parts.len() {
            let is_top = level == self.parts.len();
            match &self.parts[level - 1][..] {
                [root] if is_top => return Ok(Some(root.id)),
                _ => self.emit_parts(level, sink)?,
            }
            level += 1;
        }
        Ok(None)
    }
}

/// The approximate size of an entry in a node, in bytes.
fn weight(entry: &TreeEntry) -> usize {
    let meta = &entry.meta;
    let xattrs: usize = meta.xattrs.iter().flatten().map(|x| x.name.0.len() + x.value.0.len() + 16).sum();
    let target = meta.link_target.as_ref().map_or(0, |target| target.0.len());
    let holes = meta.holes.as_ref().map_or(0, |holes| holes.len() * 20);
    // 400 bytes cover the fixed fields, inline content and up to four ids.
    400 + meta.name.0.len() + xattrs + target + holes
}

/// Walks the entries of a directory, in order. Memory: one node per level.
pub struct DirectoryIter<'r> {
    reader: &'r ChunkReader<'r>,
    /// The rest of one node per level, the deepest last.
    stack: Vec<Parts>,
    leaf: std::vec::IntoIter<TreeEntry>,
    last_name: Vec<u8>,
}

/// A leaf of a directory: a node with entries.
#[derive(Debug)]
pub enum Leaf {
    /// A known one.
    Known(ChunkId),
    /// Another one, and its entries in order.
    Read(ChunkId, Vec<TreeEntry>),
}

/// The rest of a node above the leaves.
struct Parts {
    level: u8,
    /// In reverse order.
    parts: Vec<DirectoryPart>,
    /// All names below come before this one; `None` for the last parts of all.
    end: Option<Vec<u8>>,
}

/// A node to descend into, as [`DirectoryIter::descend`] takes it.
struct NextNode {
    level: u8,
    part: DirectoryPart,
    end: Option<Vec<u8>>,
}

impl<'r> DirectoryIter<'r> {
    /// Starts with the node of a directory; `None` is an empty one.
    pub fn new(reader: &'r ChunkReader<'r>, tree: Option<ChunkId>) -> Self {
        let root = |id| DirectoryPart { id, first_name: Vec::new(), entries: 0 };
        // The root's level is not known yet; any level is accepted.
        let parts = |id| Parts { level: limits::NODE_LEVEL + 1, parts: vec![root(id)], end: None };
        let stack = tree.map(parts).into_iter().collect();
        DirectoryIter { reader, stack, leaf: Vec::new().into_iter(), last_name: Vec::new() }
    }

    /// Starts at the place of `name`, without reading the entries before it.
    ///
    /// # Errors
    /// If a node cannot be read.
    pub fn seek(reader: &'r ChunkReader<'r>, tree: Option<ChunkId>, name: &[u8]) -> Result<Option<TreeEntry>> {
        let mut iter = DirectoryIter::new(reader, tree);
        while let Some(Parts { level, mut parts, .. }) = iter.stack.pop() {
            // In reverse order: the first from the front whose name is not after the wanted one.
            let Some(place) = parts.iter().position(|part| part.first_name.as_slice() <= name) else { return Ok(None) };
            let part = parts.swap_remove(place);
            iter.descend(level, &part, None)?;
            if iter.stack.is_empty() {
                return Ok(iter.leaf.find(|entry| entry.name() == name));
            }
        }
        Ok(None)
    }

    /// Reads a node whose names come before `end`. Refuses a node that does not begin where its parent says, or that
    /// exceeds `end`. Otherwise a few nodes could name each other so often that no walk would end.
    fn descend(&mut self, level: u8, part: &DirectoryPart, end: Option<Vec<u8>>) -> Result<()> {
        let what = format!("directory node {}", part.id);
        let bytes = self.reader.read(ChunkKind::Node, &part.id)?;
        let node = DirectoryNode::decode(&bytes).map_err(|e| Error::damaged(&what, e))?;
        let is_root = level > limits::NODE_LEVEL;
        let found = match &node {
            DirectoryNode::Leaf(_) => 0,
            DirectoryNode::Parts(level, _) => *level,
        };
        let (first, last) = match &node {
            DirectoryNode::Leaf(leaf) => {
                (leaf.entries.first().map(|e| &e.name.0), leaf.entries.last().map(|e| &e.name.0))
            }
            DirectoryNode::Parts(_, parts) => {
                (parts.first().map(|p| &p.first_name), parts.last().map(|p| &p.first_name))
            }
        };
        let fits = is_root || found + 1 == level && first == Some(&part.first_name);
        if !fits || end.as_ref().is_some_and(|end| last >= Some(end)) {
            return Err(Error::new(ErrorKind::Damaged, format!("{what} does not fit the node that names it")));
        }
        match node {
            DirectoryNode::Parts(level, parts) => {
                let parts = parts.into_iter().rev().collect();
                self.stack.push(Parts { level, parts, end });
            }
            DirectoryNode::Leaf(leaf) => {
                let ids = leaf.ids;
                let entries: Vec<_> = leaf.entries.into_iter().map(|e| TreeEntry::from_node(e, &ids)).collect();
                self.leaf = entries.into_iter();
            }
        }
        Ok(())
    }

    /// The next leaf. If it `is_known`, it is passed over, unread: directories that differ in an entry share most leaves.
    ///
    /// # Errors
    /// If a node cannot be read. The walk can go on with the readable rest.
    pub fn leaf(&mut self, is_known: impl Fn(&ChunkId) -> bool) -> Result<Option<Leaf>> {
        while let Some(NextNode { level, part, end }) = self.next_part() {
            if level == 1 && is_known(&part.id) {
                return Ok(Some(Leaf::Known(part.id)));
            }
            let depth = self.stack.len();
            self.descend(level, &part, end)?;
            if self.stack.len() > depth {
                continue;
            }
            let entries = self.leaf.by_ref().collect::<Vec<_>>();
            entries.iter().try_for_each(|entry| self.follows(entry))?;
            return Ok(Some(Leaf::Read(part.id, entries)));
        }
        Ok(None)
    }

    /// Takes the next node to descend into, and leaves the levels that are done.
    fn next_part(&mut self) -> Option<NextNode> {
        while let Some(above) = self.stack.last_mut() {
            if let Some(part) = above.parts.pop() {
                let end = above.parts.last().map(|next| next.first_name.clone()).or_else(|| above.end.clone());
                return Some(NextNode { level: above.level, part, end });
            }
            self.stack.pop();
        }
        None
    }

    /// Notes that an entry comes next, and refuses it if it does not.
    fn follows(&mut self, entry: &TreeEntry) -> Result<()> {
        if !self.last_name.is_empty() && *entry.name() <= *self.last_name {
            return Err(Error::new(ErrorKind::Damaged, "a directory's entries are not in order"));
        }
        self.last_name = entry.name().to_vec();
        Ok(())
    }

    fn advance(&mut self) -> Result<Option<TreeEntry>> {
        loop {
            if let Some(entry) = self.leaf.next() {
                self.follows(&entry)?;
                return Ok(Some(entry));
            }
            let Some(NextNode { level, part, end }) = self.next_part() else { return Ok(None) };
            self.descend(level, &part, end)?;
        }
    }
}

impl Iterator for DirectoryIter<'_> {
    type Item = Result<TreeEntry>;

    /// The next entry. After an error the walk continues with the readable rest.
    fn next(&mut self) -> Option<Self::Item> {
        self.advance().transpose()
    }
}
