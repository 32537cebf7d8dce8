//! The freshness of a catalog: the state of the store at its last update.

use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use repo_format::id::SegmentId;

use super::Repository;
use crate::catalog::Catalog;
use crate::error::Result;
use crate::monitor::NullMonitor;

/// The state of the store at the last update of a catalog, for readers that miss something in it.
#[derive(Default)]
pub struct Freshness(Mutex<Known>);

#[derive(Default)]
struct Known {
    renewals: u64,
    segments: HashSet<SegmentId>,
}

impl Freshness {
    /// The number of updates so far. Ask for it before looking anything up.
    pub(crate) fn renewals(&self) -> u64 {
        self.lock().renewals
    }

    /// Brings `catalog` up to date, including packs that no segment names, unless another thread has done so since
    /// `renewals`. Returns whether it may know more than then: not if the store still has the same segments.
    ///
    /// # Errors
    /// If the store cannot be listed or the catalog cannot be written.
    pub(crate) fn renew(&self, repository: &Repository, catalog: &Catalog, renewals: u64) -> Result<bool> {
        let mut known = self.lock();
        if known.renewals > renewals {
            return Ok(true);
        }
        let segments = repository.sync(catalog, &NullMonitor)?.segments.into_keys().collect();
        if known.renewals > 0 && known.segments == segments {
            return Ok(false);
        }
        // If one is unusable, the reader that misses a chunk of it reports that, and so does `verify`.
        repository.index_unnamed_packs_in(catalog)?;
        known.segments = segments;
        known.renewals += 1;
        Ok(true)
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
