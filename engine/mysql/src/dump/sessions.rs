//! Several sessions at once: each takes the largest table that is left, reads it from its snapshot, and seals it.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use super::locked::TableName;
use super::plan::{PlannedTable, is_redefined, is_table_error};
use super::reader::{Source, SpoolPlace, SpooledRows, read_in_order, seal_spooled};
use super::segments::{Sealer, StoredRows};
use crate::database::{Address, Connection};
use engine_core::error::{Error, Result};
use engine_core::files::backup::{Run, join};

/// A table of which the rows are to be stored.
pub(super) enum Job<'p> {
    /// Read from a snapshot.
    Read(&'p PlannedTable),
    /// Read already, under a lock.
    Seal(&'p PlannedTable, Box<SpooledRows>),
}

impl Job<'_> {
    fn table(&self) -> &PlannedTable {
        match self {
            Job::Read(table) | Job::Seal(table, _) => table,
        }
    }
}

/// What came of a table.
pub(super) enum Stored {
    /// Its rows, as of the moment.
    Rows(StoredRows),
    /// It is another table by now: its rows must be read anew.
    Redefined,
    /// It cannot be read.
    Damaged(Error),
}

/// Where to read, and where to.
pub(super) struct Sessions<'a> {
    pub address: &'a Address,
    /// Sessions with a snapshot of the moment each.
    pub snapshots: Vec<Connection>,
    /// Threads, when there are no snapshots.
    pub threads: usize,
    pub place: SpoolPlace<'a>,
}

/// Stores all `jobs`.
///
/// # Errors
/// If a connection is lost, something cannot be stored, or the run has been stopped. What concerns one table only is in the result.
pub(super) fn store_all(
    run: &Run<'_>,
    sessions: Sessions<'_>,
    jobs: Vec<Job<'_>>,
) -> Result<HashMap<TableName, Stored>> {
    let mut jobs = jobs;
    jobs.sort_by_key(|job| job.table().info.data_bytes);
    let (jobs, done) = (Mutex::new(jobs), Mutex::new(HashMap::new()));
    let Sessions { address, snapshots, threads, place } = sessions;
    let missing = threads.saturating_sub(snapshots.len());
    let connections = snapshots.into_iter().map(Some).chain((0..missing).map(|_| None));
    let work = |mut connection: Option<Connection>| {
        let mut sealer = Sealer::new(run)?;
        while let Some(job) = next(&jobs, connection.is_some()) {
            let name = job.table().name();
            let stored = store(run, address, connection.as_mut(), job, &mut sealer, place)?;
            done.lock().unwrap_or_else(PoisonError::into_inner).insert(name, stored);
        }
        Ok(())
    };
    let until_failure = |connection| run.part(|| work(connection));
    let results: Vec<Result<()>> = std::thread::scope(|scope| {
        let start = |connection| {
            scope.spawn({
                let until_failure = &until_failure;
                move || until_failure(connection)
            })
        };
        let threads: Vec<_> = connections.map(start).collect();
        threads.into_iter().map(join).collect()
    });
    run.first_failure(results)?;
    Ok(done.into_inner().unwrap_or_else(PoisonError::into_inner))
}

/// The largest job that a thread can do.
fn next<'p>(jobs: &Mutex<Vec<Job<'p>>>, has_snapshot: bool) -> Option<Job<'p>> {
    let mut jobs = jobs.lock().unwrap_or_else(PoisonError::into_inner);
    let at = jobs.iter().rposition(|job| has_snapshot || matches!(job, Job::Seal(..)))?;
    Some(jobs.remove(at))
}

fn store(
    run: &Run<'_>,
    address: &Address,
    connection: Option<&mut Connection>,
    job: Job<'_>,
    sealer: &mut Sealer<'_>,
    place: SpoolPlace<'_>,
) -> Result<Stored> {
    let (table, connection) = match (job, connection) {
        (Job::Seal(table, spool), _) => return Ok(Stored::Rows(seal_spooled(*spool, &table.to_read(), sealer)?)),
        (Job::Read(table), Some(connection)) => (table, connection),
        (Job::Read(_), None) => unreachable!("only threads with a snapshot take these jobs"),
    };
    connection.run("SAVEPOINT enamel")?;
    let mut source = Source { address, connection };
    let read = read_in_order(run, &mut source, &table.to_read(), sealer, place);
    match read {
        Ok(rows) => {
            // The table's definition is free to change again; the snapshot stays.
            connection.run("ROLLBACK TO SAVEPOINT enamel")?;
            Ok(Stored::Rows(rows))
        }
        Err(error) if is_redefined(&error) => Ok(Stored::Redefined),
        Err(error) if is_table_error(&error) => Ok(Stored::Damaged(error)),
        Err(error) => Err(error),
    }
}
