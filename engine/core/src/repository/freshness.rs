//! How new a catalog is: with which state of the store it was brought up to date.

use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use repo_format::id::SegmentId;

use super::Repository;
use crate::catalog::Catalog;
use crate::error::Result;
use crate::monitor::NullMonitor;

/// With which state of the store a catalog was brought up to date, for those who miss something in it.
#[derive(Default)]
pub struct Freshness(Mutex<Known>);

#[derive(Default)]
struct Known {
    renewals: u64,
    segments: HashSet<SegmentId>,
}

impl Freshness {
    /// How often the catalog was brought up to date: to be asked before anything is looked up.
    pub(crate) fn renewals(&self) -> u64 {
        self.lock().renewals
    }

    /// Brings `catalog` up to date, also with packs that no segment names, unless another thread has done so since there were `renewals`.
    /// Whether it may know more than it did then: not if the store has the same segments as it had the last time.
    ///
    /// # Errors
    /// If the store cannot be listed or the catalog not be written.
    pub(crate) fn renew(&self, repository: &Repository, catalog: &Catalog, renewals: u64) -> Result<bool> {
        let mut known = self.lock();
        if known.renewals > renewals {
            return Ok(true);
        }
        let segments = repository.sync(catalog, &NullMonitor)?.segments.into_keys().collect();
        if known.renewals > 0 && known.segments == segments {
            return Ok(false);
        }
        // What cannot be used here is reported where a chunk of it is missed, and by `verify`.
        repository.index_unnamed_packs_in(catalog)?;
        known.segments = segments;
        known.renewals += 1;
        Ok(true)
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
