//! The top of a snapshot: its roots, and the directory that holds them.

use repo_format::id::ChunkId;
use repo_format::manifest::{Manifest, Root, RootKind};

use super::{DirectoryIter, TreeEntry};
use crate::error::Result;
use crate::pack::ChunkReader;

/// The common beginning of all paths of a snapshot.
#[derive(Debug, Clone, Copy)]
pub struct Top<'t> {
    /// The saved sources.
    pub roots: &'t [Root],
    /// The directory with their entries.
    pub tree: Option<ChunkId>,
}

impl<'t> Top<'t> {
    /// The top of a snapshot.
    pub fn of(manifest: &'t Manifest) -> Self {
        Top { roots: &manifest.roots, tree: manifest.tree_id() }
    }

    /// The entry of the root at `path`.
    ///
    /// # Errors
    /// If the directory cannot be read.
    pub fn root(&self, reader: &ChunkReader<'_>, kind: RootKind, path: &[u8]) -> Result<Option<TreeEntry>> {
        match self.roots.iter().find(|root| root.kind == kind && (root.path.0 == path || root.plain_path() == path)) {
            Some(root) => DirectoryIter::seek(reader, self.tree, &root.name.0),
            None => Ok(None),
        }
    }
}
