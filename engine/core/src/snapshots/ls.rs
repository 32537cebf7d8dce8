//! Lists the contents of a snapshot.

use repo_format::entry::{Entry, EntryKind};

use crate::error::Result;
use crate::pack::ChunkReader;
use crate::repository::Repository;
use crate::snapshots::Snapshot;
use crate::tree::{DirectoryIter, EntryCount, check_depth, join, lookup};

/// Calls `found` for the thing at `path`: for the entries of a folder, or for the thing itself. With `recursive`, for
/// everything below.
///
/// # Errors
/// [`crate::ErrorKind::NotFound`]; the error of `found`; if a directory cannot be read.
pub fn ls(
    repository: &Repository,
    snapshot: &Snapshot,
    path: &[u8],
    recursive: bool,
    found: &mut dyn FnMut(&[u8], &Entry) -> Result<()>,
) -> Result<()> {
    let reader = &ChunkReader::new(repository);
    let manifest = &snapshot.manifest;
    let (path, entry) = lookup(reader, manifest, path)?;
    let tree = match &entry {
        None => manifest.tree_id(),
        Some(entry) if entry.meta.kind == EntryKind::Directory => entry.tree,
        Some(entry) => return found(&path, &entry.meta),
    };
    // One iterator per level of folders, without recursion, so that depth cannot exhaust the stack.
    let mut stack = vec![(path, DirectoryIter::new(reader, tree))];
    let mut entries = EntryCount::new(manifest);
    while let Some((path, iter)) = stack.last_mut() {
        let Some(entry) = iter.next().transpose()? else {
            stack.pop();
            continue;
        };
        entries.count()?;
        let child = join(path, entry.name());
        found(&child, &entry.meta)?;
        if recursive && entry.meta.kind == EntryKind::Directory && entry.tree.is_some() {
            check_depth(stack.len(), &child)?;
            stack.push((child, DirectoryIter::new(reader, entry.tree)));
        }
    }
    Ok(())
}
