//! The needs of manifests: every node and chunk that they reach, which of these are lost, and which snapshots and paths
//! that affects.

mod affected;
mod found;
mod short_ids;

use std::collections::HashSet;

use repo_format::id::PackId;
use repo_format::manifest::Manifest;

pub use affected::Affected;
pub use found::{Judge, Losses, Worth};
pub use short_ids::ShortIds;

use crate::catalog::Catalog;
use crate::error::Result;
use crate::monitor::Monitor;
use crate::pack::ChunkReader;
use crate::repository::Repository;
use crate::tree::reach;
use found::Found;

/// Walks everything that manifests need, each node once.
///
/// Memory: 17 to 34 bytes for each different node, so 34 MB for a million, and the same again for nodes above a loss. A
/// node lists up to 256 files, or 64 chunks of a file with more than 4.
pub struct Needs<'r> {
    reader: ChunkReader<'r>,
    monitor: &'r dyn Monitor,
    found: Found<'r>,
}

impl<'r> Needs<'r> {
    /// A walk that looks for chunks in the places that `catalog` knows.
    pub fn new(
        repository: &'r Repository,
        catalog: &'r Catalog,
        judge: &'r Judge<'r>,
        monitor: &'r dyn Monitor,
    ) -> Self {
        let reader = ChunkReader::with_catalog(repository, catalog);
        Needs { reader, monitor, found: Found::new(catalog, judge) }
    }

    /// The same walk, which also collects the packs with needed data.
    pub(crate) fn collecting_packs(mut self) -> Self {
        self.found.used = Some(HashSet::new());
        self
    }

    /// The packs with needed data; empty unless they were collected.
    pub(crate) fn into_packs(self) -> HashSet<PackId> {
        self.found.used.unwrap_or_default()
    }

    /// Walks everything that a manifest needs.
    ///
    /// # Errors
    /// If the cache fails, or the monitor wishes to stop. A loss is not an error.
    pub fn walk(&mut self, manifest: &Manifest) -> Result<()> {
        self.found.begin();
        manifest.ids.iter().try_for_each(|id| reach(&self.reader, *id, &mut self.found, self.monitor))
    }

    /// The losses found so far.
    pub fn losses(&self) -> &Losses {
        &self.found.losses
    }

    /// Whether a manifest that was walked needs lost data.
    pub fn suffers(&self, manifest: &Manifest) -> bool {
        manifest.ids.iter().any(|id| self.found.suffers(id))
    }
}
