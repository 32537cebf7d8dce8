//! A catalog of one run, which reads the packs themselves and never this machine's cache.

use std::ops::Deref;
use std::path::PathBuf;

use repo_format::id::LeaseId;

use super::Repository;
use crate::catalog::Catalog;
use crate::crypto::random;
use crate::error::Result;

/// An empty catalog on disk next to the cache, or in memory if there is no cache. Dropping it removes it.
pub struct ScratchCatalog {
    folder: Option<PathBuf>,
    catalog: Catalog,
}

impl ScratchCatalog {
    /// Makes one.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Cache`] if the cache folder cannot be used.
    pub fn make(repository: &Repository) -> Result<Self> {
        let Some(cache) = repository.catalog().folder() else {
            return Ok(ScratchCatalog { folder: None, catalog: Catalog::private(repository.id())? });
        };
        let folder = cache.join(format!("scratch-{}", LeaseId(random()?)));
        let catalog = Catalog::open(&folder, repository.id())?;
        Ok(ScratchCatalog { folder: Some(folder), catalog })
    }
}

impl Deref for ScratchCatalog {
    type Target = Catalog;
    fn deref(&self) -> &Catalog {
        &self.catalog
    }
}

impl Drop for ScratchCatalog {
    fn drop(&mut self) {
        if let Some(folder) = &self.folder {
            // A leftover is in the cache folder, which may be deleted at any time.
            std::fs::remove_dir_all(folder).unwrap_or_default();
        }
    }
}
