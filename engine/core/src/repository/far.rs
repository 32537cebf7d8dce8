//! Reading over a network: several objects at once, and once more what arrived damaged.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use super::Repository;
use crate::error::Result;

/// Objects that are read before their results are used, at most.
pub(crate) const BATCH: usize = 64;

impl Repository {
    /// Whether each request costs a way over a network.
    pub(crate) fn is_far(&self) -> bool {
        self.store.medium().gets_at_once > 1
    }

    /// Calls `read` for each item, several at a time if the store is behind a network. The results are in the order of
    /// the items.
    pub(crate) fn at_once<T: Sync, R: Send>(&self, items: &[T], read: impl Fn(&T) -> R + Sync) -> Vec<R> {
        let readers = self.store.medium().gets_at_once.min(items.len());
        if readers < 2 {
            return items.iter().map(read).collect();
        }
        let next = AtomicUsize::new(0);
        let work = || {
            let mut results = Vec::new();
            loop {
                let at = next.fetch_add(1, Ordering::Relaxed);
                let Some(item) = items.get(at) else { return results };
                results.push((at, read(item)));
            }
        };
        let mut results: Vec<(usize, R)> = thread::scope(|scope| {
            let readers: Vec<_> = (0..readers).map(|_| scope.spawn(work)).collect();
            let join = |reader: thread::ScopedJoinHandle<'_, _>| {
                reader.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
            };
            readers.into_iter().flat_map(join).collect()
        });
        results.sort_unstable_by_key(|(at, _)| *at);
        results.into_iter().map(|(_, result)| result).collect()
    }

    /// Reads something once more if it is damaged: a network may have changed it on its way.
    pub(crate) fn twice<T>(&self, read: impl Fn() -> Result<T>) -> Result<T> {
        match read() {
            Err(error) if error.is_damage() && self.is_far() => read(),
            done => done,
        }
    }
}
