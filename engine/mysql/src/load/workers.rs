//! The connections of one load, and how they share the work.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use super::run::Run;
use super::table::TableLoad;
use engine_core::error::{Error, ErrorKind, Result};

/// Loads `tables`, the largest first, over as many connections as `run` has.
///
/// # Errors
/// The error of the first connection that failed. A refusal of the server for one table is a problem of that table.
pub fn load_tables<'r>(run: &Run<'r>, tables: &[TableLoad<'r>]) -> Result<()> {
    let mut order: Vec<&TableLoad<'r>> = tables.iter().collect();
    order.sort_by_key(|table| std::cmp::Reverse(table.bytes()));
    let mut turns = Vec::new();
    for table in order {
        let places = table.places(run);
        table.expect(places);
        turns.extend(std::iter::repeat_n(table, places));
    }
    let next = AtomicUsize::new(0);
    let work = || -> Result<()> {
        let mut connection = run.connect()?;
        while let Some(table) = turns.get(next.fetch_add(1, Ordering::Relaxed)) {
            run.check()?;
            table.help(run, &mut connection)?;
        }
        Ok(())
    };
    let until_failure = || {
        let others = StopOthers(&run.stop);
        let result = work();
        if result.is_ok() {
            std::mem::forget(others);
        }
        result
    };
    let results: Vec<Result<()>> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..run.jobs.min(turns.len())).map(|_| scope.spawn(until_failure)).collect();
        let joined =
            workers.into_iter().map(|worker| worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        joined.collect()
    });
    if run.monitor.is_cancelled() {
        return Err(Error::cancelled());
    }
    let mut failures: Vec<Error> = results.into_iter().filter_map(Result::err).collect();
    failures.sort_by_key(|error| error.kind() == ErrorKind::Cancelled);
    failures.into_iter().next().map_or(Ok(()), Err)
}

/// Stops the other threads when it is dropped: when one has failed, or panics.
struct StopOthers<'s>(&'s AtomicBool);

impl Drop for StopOthers<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
