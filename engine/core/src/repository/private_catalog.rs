//! A catalog of this process alone, for those who doubt the one that it shares with others.

use super::{Freshness, Repository};
use crate::catalog::Catalog;
use crate::error::Result;

/// A catalog of this process alone. Nothing but the store tells it anything, so what it does not know once it is up to date is nowhere.
pub struct PrivateCatalog {
    /// What it knows.
    pub catalog: Catalog,
    /// How new that is; in the beginning it knows nothing.
    pub freshness: Freshness,
}

impl PrivateCatalog {
    /// Brings it up to date; in the beginning that reads the whole index.
    ///
    /// # Errors
    /// As [`Freshness::renew`].
    pub(crate) fn renew(&self, repository: &Repository) -> Result<()> {
        self.freshness.renew(repository, &self.catalog, self.freshness.renewals()).map(|_| ())
    }
}

impl Repository {
    /// The catalog of this process alone, if anybody had reason to begin it.
    pub fn private_catalog(&self) -> Option<&PrivateCatalog> {
        self.private_catalog.get()
    }

    /// Begins the catalog of this process alone, unless there is one: all who doubt use the same, and it is filled once.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Cache`] if SQLite fails.
    pub(crate) fn begin_private_catalog(&self) -> Result<&PrivateCatalog> {
        if let Some(begun) = self.private_catalog.get() {
            return Ok(begun);
        }
        let begun = PrivateCatalog { catalog: Catalog::private(self.id())?, freshness: Freshness::default() };
        // Another thread may have been first: then its catalog is the one.
        Ok(self.private_catalog.get_or_init(|| begun))
    }
}
