//! The snapshots and paths that lost data affects.

use repo_format::entry::EntryKind;
use repo_format::id::ChunkId;
use repo_format::limits;
use repo_format::manifest::Manifest;

use super::Needs;
use super::short_ids::ShortIds;
use crate::error::Result;
use crate::tree::{ContentRef, DirectoryIter, TreeEntry, join};

/// Finds the affected paths, snapshot by snapshot.
pub struct Affected<'n, 'r> {
    needs: &'n Needs<'r>,
    /// Folders that contain a lost node, but no path to report.
    fruitless: ShortIds,
}

/// An affected folder whose entries are being examined.
struct Suffering<'r> {
    tree: ChunkId,
    path: Vec<u8>,
    iter: DirectoryIter<'r>,
    found_before: usize,
}

impl<'n, 'r> Affected<'n, 'r> {
    /// Starts after a walk that has seen all manifests in question.
    pub fn new(needs: &'n Needs<'r>) -> Self {
        Affected { needs, fruitless: ShortIds::default() }
    }

    /// The affected paths in a snapshot, up to `at_most`. The tables of a database are folders of its rows and
    /// definitions. The empty path stands for everything.
    ///
    /// # Errors
    /// If the cache fails.
    pub fn paths(&mut self, manifest: &Manifest, at_most: usize) -> Result<Vec<Vec<u8>>> {
        let mut paths = Vec::new();
        if let Some(tree) = manifest.tree_id().filter(|tree| self.needs.found.suffers(tree)) {
            self.name(tree, at_most, &mut paths)?;
        }
        Ok(paths)
    }

    fn name(&mut self, tree: ChunkId, at_most: usize, paths: &mut Vec<Vec<u8>>) -> Result<()> {
        let mut stack = vec![self.folder(tree, Vec::new(), paths.len())];
        while let Some(folder) = stack.last_mut().filter(|_| paths.len() < at_most) {
            let entry = match folder.iter.next() {
                Some(Ok(entry)) => entry,
                Some(Err(error)) if error.is_damage() => {
                    paths.push(folder.path.clone());
                    continue;
                }
                Some(Err(error)) => return Err(error),
                None => {
                    if folder.found_before == paths.len() {
                        self.fruitless.add(&folder.tree);
                    }
                    stack.pop();
                    continue;
                }
            };
            let child = join(&folder.path, entry.name());
            let suffers = |tree: &ChunkId| self.needs.found.suffers(tree) && !self.fruitless.has(tree);
            let is_file = entry.meta.kind == EntryKind::File;
            if is_file && self.file_suffers(&entry)? || stack.len() > limits::DIRECTORY_DEPTH {
                paths.push(child);
            } else if let Some(tree) = entry.tree.filter(suffers) {
                stack.push(self.folder(tree, child, paths.len()));
            }
        }
        Ok(())
    }

    fn folder(&self, tree: ChunkId, path: Vec<u8>, found_before: usize) -> Suffering<'n> {
        Suffering { tree, path, iter: DirectoryIter::new(&self.needs.reader, Some(tree)), found_before }
    }

    fn file_suffers(&self, entry: &TreeEntry) -> Result<bool> {
        match &entry.content {
            None | Some(ContentRef::Inline(_)) => Ok(false),
            Some(ContentRef::List(list) | ContentRef::Segments(list)) => Ok(self.needs.found.suffers(list)),
            Some(ContentRef::Direct(items)) => {
                for item in items {
                    if self.needs.found.is_lost(&item.id)? {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
        }
    }
}
