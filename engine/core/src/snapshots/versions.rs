//! The versions of one thing: what was at a path, from snapshot to snapshot.

use std::collections::HashMap;

use repo_format::entry::{Entry, EntryKind};
use repo_format::id::{ChunkId, LeaseId};

use crate::error::Result;
use crate::pack::ChunkReader;
use crate::repository::Repository;
use crate::tree::{DirectoryIter, TreeEntry};

/// Snapshots in a row that have the same at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    /// The thing that is there; `None` if nothing is.
    pub entry: Option<Entry>,
    /// The snapshots, the oldest first; at least one.
    pub snapshots: Vec<LeaseId>,
}

/// The top directory of a snapshot.
#[derive(Debug, Clone, Copy)]
pub struct Top {
    /// The snapshot.
    pub snapshot: LeaseId,
    /// The node of the directory.
    pub tree: Option<ChunkId>,
}

/// The things that were at `path`, a path from the top directory, in snapshots, which are sorted by time and have the root of this path. Two files
/// are the same if their bytes are.
///
/// A folder that snapshots share is looked into once: with 400 snapshots that differ elsewhere it costs a few reads.
///
/// # Errors
/// If a directory cannot be read.
pub fn versions(repository: &Repository, tops: impl Iterator<Item = Top>, path: &[u8]) -> Result<Vec<Version>> {
    let reader = ChunkReader::new(repository);
    let mut seeker = Seeker { reader: &reader, known: HashMap::new() };
    let mut versions: Vec<Version> = Vec::new();
    let mut last: Option<Option<TreeEntry>> = None;
    for Top { snapshot, tree } in tops {
        let found = seeker.lookup(tree, path)?;
        match versions.last_mut() {
            Some(version) if last.as_ref().is_some_and(|last| is_same(last.as_ref(), found.as_ref())) => {
                version.snapshots.push(snapshot);
            }
            _ => {
                let entry = found.as_ref().map(|found| found.meta.clone());
                versions.push(Version { entry, snapshots: vec![snapshot] });
            }
        }
        last = Some(found);
    }
    Ok(versions)
}

fn is_same(one: Option<&TreeEntry>, two: Option<&TreeEntry>) -> bool {
    match (one, two) {
        (None, None) => true,
        (Some(one), Some(two)) if one.meta.kind == two.meta.kind => match one.meta.kind {
            EntryKind::Directory => one.tree == two.tree,
            EntryKind::File => one.content == two.content && one.meta.size == two.meta.size,
            _ => one.meta == two.meta,
        },
        _ => false,
    }
}

/// Looks names up in directories, each in each node once.
struct Seeker<'r> {
    reader: &'r ChunkReader<'r>,
    known: HashMap<(ChunkId, Vec<u8>), Option<TreeEntry>>,
}

impl Seeker<'_> {
    fn lookup(&mut self, mut tree: Option<ChunkId>, path: &[u8]) -> Result<Option<TreeEntry>> {
        let mut found = None;
        for name in path.split(|byte| *byte == b'/').filter(|name| !name.is_empty()) {
            let Some(node) = tree else { return Ok(None) };
            found = self.seek(node, name)?;
            tree = found.as_ref().and_then(|entry| entry.tree);
            if found.is_none() {
                return Ok(None);
            }
        }
        Ok(found)
    }

    fn seek(&mut self, node: ChunkId, name: &[u8]) -> Result<Option<TreeEntry>> {
        let key = (node, name.to_vec());
        if let Some(known) = self.known.get(&key) {
            return Ok(known.clone());
        }
        let found = DirectoryIter::seek(self.reader, Some(node), name)?;
        self.known.insert(key, found.clone());
        Ok(found)
    }
}
