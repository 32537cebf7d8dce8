//! An index of one run, which asks the packs themselves and never this machine's cache.

use std::ops::Deref;
use std::path::PathBuf;

use repo_format::id::LeaseId;

use super::Repository;
use crate::crypto::random;
use crate::error::Result;
use crate::index::Index;

/// An empty index beside the cache, on disk like it; removed when it is dropped.
pub struct ScratchIndex {
    folder: PathBuf,
    index: Index,
}

impl ScratchIndex {
    /// Makes one.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Cache`] if the cache folder cannot be used.
    pub fn make(repository: &Repository) -> Result<Self> {
        let folder = repository.index().folder().join(format!("scratch-{}", LeaseId(random()?)));
        let index = Index::open(&folder, repository.id())?;
        Ok(ScratchIndex { folder, index })
    }
}

impl Deref for ScratchIndex {
    type Target = Index;
    fn deref(&self) -> &Index {
        &self.index
    }
}

impl Drop for ScratchIndex {
    fn drop(&mut self) {
        // What stays is in the cache folder, which may be deleted at any time.
        std::fs::remove_dir_all(&self.folder).unwrap_or_default();
    }
}
