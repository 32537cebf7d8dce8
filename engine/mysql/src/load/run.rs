//! What all connections of one load share, and how they share the work.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use super::marker::Marker;
use super::options::LoadOptions;
use super::plan::PlannedSchema;
use super::renaming::Renaming;
use super::session;
use super::source::Source;
use super::table::TableLoad;
use super::tally::Tally;
use super::target::Target;
use crate::database::{Address, Connection};
use engine_core::error::{Error, Result};
use engine_core::monitor::Monitor;

/// Everything that the threads of one load share.
pub struct Run<'r> {
    pub source: &'r Source<'r>,
    pub target: &'r Target,
    /// The names of schemas in the end.
    pub renaming: &'r Renaming,
    /// The names of schemas while tables are loaded.
    pub loading: &'r Renaming,
    pub address: &'r Address,
    pub options: &'r LoadOptions,
    pub tally: &'r Tally<'r>,
    pub monitor: &'r dyn Monitor,
    /// Connections that work at the same time.
    pub jobs: usize,
    pub stop: AtomicBool,
    pub says_inserting: AtomicBool,
    pub says_shortcomings: AtomicBool,
}

/// A schema that is being loaded.
pub struct SchemaRun<'r> {
    pub plan: &'r PlannedSchema<'r>,
    pub marker: Marker,
    /// Some of its tables could not be loaded.
    pub has_failures: AtomicBool,
}

impl Run<'_> {
    /// # Errors
    /// If the user wishes to stop, or another thread has failed.
    pub fn check(&self) -> Result<()> {
        match self.monitor.is_cancelled() || self.stop.load(Ordering::Relaxed) {
            true => Err(Error::cancelled()),
            false => Ok(()),
        }
    }

    /// A connection that is set up for loading.
    ///
    /// # Errors
    /// If the server refuses.
    pub fn connect(&self) -> Result<Connection> {
        let connection = session::open(self.address, self.options.binlog)?;
        if !self.says_shortcomings.swap(true, Ordering::Relaxed) {
            connection.shortcomings().for_each(|text| self.monitor.note(&text));
        }
        Ok(connection)
    }

    /// Says once that rows are inserted, as the server does not allow to load them.
    pub fn say_inserting(&self) {
        self.target.refuse_local();
        if !self.says_inserting.swap(true, Ordering::Relaxed) {
            self.monitor.note(
                "the server does not allow LOAD DATA LOCAL: rows are inserted, which takes longer; SET GLOBAL local_infile=ON \
                 on the server allows it",
            );
        }
    }
}

/// Loads `tables`, the largest first, over as many connections as `run` has.
///
/// # Errors
/// The first of a connection that failed. What the server refuses for one table is a problem of that table.
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
    failures.sort_by_key(|error| error.kind() == engine_core::error::ErrorKind::Cancelled);
    failures.into_iter().next().map_or(Ok(()), Err)
}

/// Stops the other threads when it is dropped: when one has failed, or panics.
struct StopOthers<'s>(&'s AtomicBool);

impl Drop for StopOthers<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
