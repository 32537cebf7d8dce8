//! A catalog of this process alone, for readers that doubt the shared one.

use super::{Freshness, Repository};
use crate::catalog::Catalog;
use crate::error::Result;

/// A catalog of this process alone. It learns only from the store, so a chunk that it does not know when it is up to
/// date does not exist.
pub struct PrivateCatalog {
    /// The catalog.
    pub catalog: Catalog,
    /// Its freshness; in the beginning the catalog is empty.
    pub freshness: Freshness,
}

impl PrivateCatalog {
    /// Brings it up to date; the first time this reads the whole index.
    ///
    /// # Errors
    /// As [`Freshness::renew`].
    pub(crate) fn renew(&self, repository: &Repository) -> Result<()> {
        self.freshness.renew(repository, &self.catalog, self.freshness.renewals()).map(|_| ())
    }
}

impl Repository {
    /// The private catalog, if any reader has needed it.
    pub fn private_catalog(&self) -> Option<&PrivateCatalog> {
        self.private_catalog.get()
    }

    /// Makes the private catalog, unless it exists: all readers share it, and it is filled once.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Cache`] if SQLite fails.
    pub(crate) fn begin_private_catalog(&self) -> Result<&PrivateCatalog> {
        if let Some(begun) = self.private_catalog.get() {
            return Ok(begun);
        }
        let begun = PrivateCatalog { catalog: Catalog::private(self.id())?, freshness: Freshness::default() };
        // Another thread may have been faster; its catalog then counts.
        Ok(self.private_catalog.get_or_init(|| begun))
    }
}
