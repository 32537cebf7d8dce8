//! Runs several sessions at once: each takes the largest remaining table, reads it from its snapshot, and seals it.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use crossbeam_channel::bounded;

use super::plan::{PlannedTable, is_redefined, is_table_error};
use super::reader::{
    Source, Spliced, SpoolPlace, SpooledRows, TableToRead, read_as_it_lies, read_in_order, seal_spooled, splice,
};
use super::segments::{Sealer, StoredRows};
use super::standstill::{Reading, Standstill};
use crate::database::TableName;
use crate::database::{Address, Connection};
use engine_core::error::{Error, ErrorKind, Result};
use engine_core::files::backup::{Run, join};

/// Why a table was let go of.
const WAITED_FOR: &str = "others had waited for it while the repository took nothing";
/// Why a table is read again that was to be made of its parent's rows.
const CONTRADICTED: &str = "the binary log does not tell all changes of it";
const PARENT_DAMAGED: &str = "its rows in the earlier snapshot are damaged";
/// Why a table was not read.
const NO_SESSION: &str = "the session that was to read it was ended, as others had waited for another table while the repository took nothing";

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

/// The result for a table.
pub(super) enum Stored {
    /// Its rows, as of the moment.
    Rows(StoredRows),
    /// It is another table by now: its rows must be read again.
    Redefined,
    /// Its rows must be read again, for this reason.
    LetGo(&'static str),
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
    /// Watches whether the sessions make progress.
    pub standstill: &'a Standstill<'a>,
}

/// Stores all `jobs`.
///
/// # Errors
/// If a connection is lost, something cannot be stored, or the run has been stopped. Failures of a single table are in
/// the result.
pub(super) fn store_all(
    run: &Run<'_>,
    sessions: Sessions<'_>,
    jobs: Vec<Job<'_>>,
) -> Result<HashMap<TableName, Stored>> {
    let mut jobs = jobs;
    jobs.sort_by_key(|job| job.table().info.data_bytes);
    let (jobs, done) = (Mutex::new(jobs), Mutex::new(HashMap::new()));
    let Sessions { address, snapshots, threads, place, standstill } = sessions;
    let missing = threads.saturating_sub(snapshots.len());
    let connections = snapshots.into_iter().map(Some).chain((0..missing).map(|_| None));
    let work = |mut connection: Option<Connection>| {
        let mut sealer = Sealer::new(run)?;
        while let Some(job) = next(&jobs, connection.is_some()) {
            let name = job.table().name();
            let to = Storing { run, address, place, standstill };
            let stored = to.store(&mut connection, job, &mut sealer)?;
            done.lock().unwrap_or_else(PoisonError::into_inner).insert(name, stored);
        }
        Ok(())
    };
    let until_failure = |connection| run.part(|| work(connection));
    let results: Vec<Result<()>> = watched(run, standstill, || {
        std::thread::scope(|scope| {
            let start = |connection| {
                scope.spawn({
                    let until_failure = &until_failure;
                    move || until_failure(connection)
                })
            };
            let threads: Vec<_> = connections.map(start).collect();
            threads.into_iter().map(join).collect()
        })
    });
    run.first_failure(results)?;
    let left = jobs.into_inner().unwrap_or_else(PoisonError::into_inner);
    let mut done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
    done.extend(left.into_iter().map(|job| (job.table().name(), Stored::LetGo(NO_SESSION))));
    Ok(done)
}

/// Does `work` while `standstill` looks whether its sessions get on.
pub(super) fn watched<T>(run: &Run<'_>, standstill: &Standstill<'_>, work: impl FnOnce() -> T) -> T {
    let (stop, stopped) = bounded::<()>(0);
    std::thread::scope(|scope| {
        scope.spawn(|| standstill.watch(run, &stopped));
        // Also when the work panics.
        let _stop = stop;
        work()
    })
}

/// The largest job that a thread can do.
fn next<'p>(jobs: &Mutex<Vec<Job<'p>>>, has_snapshot: bool) -> Option<Job<'p>> {
    let mut jobs = jobs.lock().unwrap_or_else(PoisonError::into_inner);
    let at = jobs.iter().rposition(|job| has_snapshot || matches!(job, Job::Seal(..)))?;
    Some(jobs.remove(at))
}

/// How tables are stored.
struct Storing<'a, 'r> {
    run: &'a Run<'r>,
    address: &'a Address,
    place: SpoolPlace<'a>,
    standstill: &'a Standstill<'a>,
}

impl Storing<'_, '_> {
    /// Stores one table. If its session was ended, `connection` is empty afterwards.
    fn store(&self, connection: &mut Option<Connection>, job: Job<'_>, sealer: &mut Sealer<'_>) -> Result<Stored> {
        let (table, session) = match (job, connection.as_mut()) {
            (Job::Seal(table, spool), _) => return self.seal(table, *spool, sealer),
            (Job::Read(table), Some(session)) => (table, session),
            (Job::Read(_), None) => unreachable!("only threads with a snapshot take these jobs"),
        };
        let (read, is_let_go) = self.standstill.reading(session.id(), table.name(), |reading| {
            let read = self.read(session, table, reading, sealer);
            (read, reading.is_given_up())
        });
        if is_let_go {
            *connection = None;
        }
        match read {
            Ok(rows) => Ok(Stored::Rows(rows)),
            Err(error) if is_let_go && error.kind() != ErrorKind::Cancelled => Ok(Stored::LetGo(WAITED_FOR)),
            Err(error) if is_redefined(&error) => Ok(Stored::Redefined),
            Err(error) if is_table_error(&error) => Ok(Stored::Damaged(error)),
            Err(error) => Err(error),
        }
    }

    /// Stores what was read under a lock.
    fn seal(&self, table: &PlannedTable, spool: SpooledRows, sealer: &mut Sealer<'_>) -> Result<Stored> {
        let to_read = self.to_read(table);
        let Some(ground) = to_read.splices() else { return seal_spooled(spool, &to_read, sealer).map(Stored::Rows) };
        match splice(spool, ground, &to_read, sealer) {
            Ok(Spliced::Rows(rows)) => Ok(Stored::Rows(rows)),
            Ok(Spliced::Contradiction) => Ok(Stored::LetGo(CONTRADICTED)),
            Err(error) if error.is_damage() => Ok(Stored::LetGo(PARENT_DAMAGED)),
            Err(error) => Err(error),
        }
    }

    fn to_read<'t>(&'t self, table: &'t PlannedTable) -> TableToRead<'t> {
        table.to_read(self.run.parent().reader())
    }

    fn read(
        &self,
        session: &mut Connection,
        table: &PlannedTable,
        reading: &Reading,
        sealer: &mut Sealer<'_>,
    ) -> Result<StoredRows> {
        session.run("SAVEPOINT enamel")?;
        // The table's definition is free to change again; the snapshot stays.
        let let_go = Some("ROLLBACK TO SAVEPOINT enamel");
        let mut source = Source { address: self.address, connection: session, reading: Some(reading), let_go };
        let to_read = self.to_read(table);
        let Some(ground) = to_read.splices() else {
            return read_in_order(self.run, &mut source, &to_read, sealer, self.place);
        };
        let changed = read_as_it_lies(self.run, &mut source, &to_read, self.place)?;
        source.let_go()?;
        let contradict_log = match splice(changed, ground, &to_read, sealer) {
            Ok(Spliced::Rows(rows)) => return Ok(rows),
            Ok(Spliced::Contradiction) => true,
            Err(error) if error.is_damage() => false,
            Err(error) => return Err(error),
        };
        let whole = TableToRead { ground: None, ..to_read };
        let rows = read_in_order(self.run, &mut source, &whole, sealer, self.place)?;
        Ok(StoredRows { contradict_log, ..rows })
    }
}
