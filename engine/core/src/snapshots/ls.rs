//! Lists the contents of a snapshot.

use repo_format::entry::{Entry, EntryKind};

use super::part::{Part, TableSize, readable, table_size};
use crate::error::Result;
use crate::pack::ChunkReader;
use crate::repository::Repository;
use crate::snapshots::Snapshot;
use crate::tree::{DirectoryIter, EntryCount, TreeEntry, check_depth, join, lookup};

/// Something in a snapshot, as people see it.
pub struct Listed<'l> {
    /// The path from the top directory.
    pub path: &'l [u8],
    /// Its metadata.
    pub entry: &'l Entry,
    /// Its meaning.
    pub part: Part,
    /// How much a table holds; `None` for everything else, and if it is damaged.
    pub size: Option<TableSize>,
}

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
    walk(repository, snapshot, path, &mut |_, path, entry| {
        found(path, &entry.meta)?;
        Ok(if recursive { Next::Enter } else { Next::Pass })
    })
}

/// As [`ls`], but a table is a thing of its own, and the files in which a database is stored are left out.
///
/// # Errors
/// As [`ls`].
pub fn list(
    repository: &Repository,
    snapshot: &Snapshot,
    path: &[u8],
    recursive: bool,
    found: &mut dyn FnMut(&Listed<'_>) -> Result<()>,
) -> Result<()> {
    let manifest = &snapshot.manifest;
    let mut tell = |reader: &ChunkReader<'_>, path: &[u8], entry: &TreeEntry| {
        let part = Part::of(manifest, path);
        if part == Part::Stored {
            return Ok(Next::Pass);
        }
        let size = match part {
            Part::Table => readable(table_size(reader, entry.tree))?,
            _ => None,
        };
        found(&Listed { path, entry: &entry.meta, part, size })?;
        Ok(if recursive && part != Part::Table { Next::Enter } else { Next::Pass })
    };
    let reader = ChunkReader::new(repository);
    let (whole, entry) = lookup(&reader, manifest, path)?;
    match entry {
        Some(table) if Part::of(manifest, &whole) == Part::Table => tell(&reader, &whole, &table).map(drop),
        _ => walk(repository, snapshot, path, &mut tell),
    }
}

/// Whether a walk goes into a folder.
enum Next {
    Enter,
    Pass,
}

type Found<'f> = &'f mut dyn FnMut(&ChunkReader<'_>, &[u8], &TreeEntry) -> Result<Next>;

fn walk(repository: &Repository, snapshot: &Snapshot, path: &[u8], found: Found<'_>) -> Result<()> {
    let reader = &ChunkReader::new(repository);
    let manifest = &snapshot.manifest;
    let (path, entry) = lookup(reader, manifest, path)?;
    let tree = match &entry {
        None => manifest.tree_id(),
        Some(entry) if entry.meta.kind == EntryKind::Directory => entry.tree,
        Some(entry) => return found(reader, &path, entry).map(drop),
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
        let enters = matches!(found(reader, &child, &entry)?, Next::Enter);
        if enters && entry.meta.kind == EntryKind::Directory && entry.tree.is_some() {
            check_depth(stack.len(), &child)?;
            stack.push((child, DirectoryIter::new(reader, entry.tree)));
        }
    }
    Ok(())
}
