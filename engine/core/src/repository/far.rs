//! Reading over a network: several objects at once, and once more what arrived damaged.

use std::sync::atomic::{AtomicBool, Ordering};

use super::Repository;
use crate::at_once::at_once;
use crate::error::{ErrorKind, Result};

/// Objects that are read before their results are used, at most.
pub(crate) const BATCH: usize = 64;

impl Repository {
    /// Whether each request costs a way over a network.
    pub(crate) fn is_far(&self) -> bool {
        self.store.medium().gets_at_once > 1
    }

    /// Calls `read` for each item, several at a time if the store is behind a network. The results are in the order of
    /// the items. When the storage does not answer, no more items are begun, because each would wait as long; the results
    /// then end early, and one of them says so.
    pub(crate) fn at_once<T: Sync, R: Send>(
        &self,
        items: &[T],
        read: impl Fn(&T) -> Result<R> + Sync,
    ) -> Vec<Result<R>> {
        let is_over = AtomicBool::new(false);
        let unless_over = |item: &T| {
            if is_over.load(Ordering::Relaxed) {
                return None;
            }
            let result = read(item);
            if result.as_ref().is_err_and(|error| error.kind() == ErrorKind::Unavailable) {
                is_over.store(true, Ordering::Relaxed);
            }
            Some(result)
        };
        let results = at_once(items, self.store.medium().gets_at_once, unless_over);
        results.into_iter().map_while(|result| result).collect()
    }

    /// Reads something once more if it is damaged: a network may have changed it on its way.
    pub(crate) fn twice<T>(&self, read: impl Fn() -> Result<T>) -> Result<T> {
        match read() {
            Err(error) if error.is_damage() && self.is_far() => read(),
            done => done,
        }
    }
}
