//! Several reads at once, for storage where each waits for a network most of the time.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// Calls `read` for each item, in as many threads as `readers` says. The results are in the order of the items, and items
/// are begun in their order, too.
pub fn at_once<T: Sync, R: Send>(items: &[T], readers: usize, read: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let readers = readers.min(items.len());
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
