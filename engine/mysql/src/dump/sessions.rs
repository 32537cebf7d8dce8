//! Runs several sessions at once: each takes the largest remaining table, reads it from its snapshot, and seals it.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, PoisonError};

use crossbeam_channel::bounded;

use super::expected::Expected;
use super::plan::{PlannedTable, is_redefined, is_table_error};
use super::ranges::{self, KeyRange, Splitting};
use super::reader::{
    Source, Spliced, SpoolPlace, SpooledRows, TableToRead, read_as_it_lies, read_in_order, read_range, seal_spooled,
    splice,
};
use super::segments::{Amiss, Sealer, StoredRange, StoredRows, join_ranges};
use super::standstill::{Reading, Standstill};
use crate::database::TableName;
use crate::database::{Address, Connection};
use engine_core::error::{Error, ErrorKind, Result};
use engine_core::files::backup::{Run, join};

/// Before a table is read from a snapshot,
const SAVEPOINT: &str = "SAVEPOINT enamel";
/// and after: its definition is free to change again, and the snapshot stays.
const FREE_TABLE: &str = "ROLLBACK TO SAVEPOINT enamel";
/// Why a table was let go of.
const WAITED_FOR: &str = "others had waited for it while the repository took nothing";
/// Why a table is read again that was to be made of its parent's rows.
const CONTRADICTED: &str = "the binary log does not tell all changes of it";
/// Why a table was not read.
const NO_SESSION: &str = "the session that was to read it was ended, as others had waited for another table while the repository took nothing";

/// A table of which the rows are to be stored.
pub(super) enum Job<'p> {
    /// Read from a snapshot: all of it, or a range.
    Read(&'p PlannedTable, Option<KeyRange>),
    /// Read already, under a lock.
    Seal(&'p PlannedTable, Box<SpooledRows>),
}

impl<'p> Job<'p> {
    /// The place of its range.
    fn number(&self) -> usize {
        match self {
            Job::Read(_, Some(range)) => range.number,
            Job::Read(_, None) | Job::Seal(..) => 0,
        }
    }

    fn table(&self) -> &'p PlannedTable {
        match self {
            Job::Read(table, _) | Job::Seal(table, _) => table,
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
    /// Its rows must be read again, as those of the parent do not open.
    ParentDamaged,
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
    /// See [`super::DatabaseSource::range_bytes`].
    pub range_bytes: u64,
    pub place: SpoolPlace<'a>,
    /// Watches whether the sessions make progress.
    pub standstill: &'a Standstill<'a>,
    /// Hears of tables that have been read.
    pub expected: &'a Expected<'a>,
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
    let Sessions { address, mut snapshots, threads, range_bytes, place, standstill, expected } = sessions;
    let mut jobs = split_largest(&mut snapshots, range_bytes, jobs)?;
    jobs.sort_by_key(|job| job.table().info.data_bytes);
    let (jobs, done) = (Mutex::new(jobs), Mutex::new(Done::default()));
    let missing = threads.saturating_sub(snapshots.len());
    let connections = snapshots.into_iter().map(Some).chain((0..missing).map(|_| None));
    let work = |mut connection: Option<Connection>| {
        let mut sealer = Sealer::new(run)?;
        while let Some(job) = next(&jobs, connection.is_some()) {
            let (table, number) = (job.table(), job.number());
            let to = Storing { run, address, place, standstill };
            let stored = to.store(&mut connection, job, &mut sealer)?;
            match &stored {
                StoredJob::Table(Stored::Rows(rows)) => expected.is_done(table, Some(rows)),
                // The other ranges of it are counted with the first.
                StoredJob::Range(_) if number > 0 => {}
                StoredJob::Table(_) | StoredJob::Range(_) => expected.is_done(table, None),
            }
            let name = table.name();
            done.lock().unwrap_or_else(PoisonError::into_inner).add(name, number, stored);
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
    let done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
    let mut tables = done.join(&mut Sealer::new(run)?)?;
    tables.extend(left.into_iter().map(|job| (job.table().name(), Stored::LetGo(NO_SESSION))));
    Ok(tables)
}

/// Splits tables that one session would read longer than all sessions take for the rest.
fn split_largest<'p>(snapshots: &mut [Connection], range_bytes: u64, jobs: Vec<Job<'p>>) -> Result<Vec<Job<'p>>> {
    let sessions = snapshots.len();
    let bytes: u64 = jobs.iter().map(|job| job.table().info.data_bytes).sum();
    let mut split = Vec::with_capacity(jobs.len());
    for job in jobs {
        let is_long = job.table().info.data_bytes.saturating_mul(sessions as u64) > bytes;
        match (job, snapshots.first_mut()) {
            (Job::Read(table, None), Some(session)) if is_long => {
                session.run(SAVEPOINT)?;
                let ranges = ranges::split(session, table, Splitting { sessions, range_bytes });
                session.run(FREE_TABLE)?;
                match ranges {
                    Ok(ranges) if !ranges.is_empty() => {
                        split.extend(ranges.into_iter().map(|range| Job::Read(table, Some(range))));
                    }
                    Err(error) if !is_redefined(&error) && !is_table_error(&error) => return Err(error),
                    // Its reader finds the same fault.
                    Ok(_) | Err(_) => split.push(Job::Read(table, None)),
                }
            }
            (job, _) => split.push(job),
        }
    }
    Ok(split)
}

/// The results so far.
#[derive(Default)]
struct Done {
    tables: HashMap<TableName, Stored>,
    ranges: HashMap<TableName, BTreeMap<usize, StoredRange>>,
}

impl Done {
    fn add(&mut self, name: TableName, number: usize, stored: StoredJob) {
        match stored {
            StoredJob::Table(stored) => drop(self.tables.insert(name, stored)),
            StoredJob::Range(range) => drop(self.ranges.entry(name).or_default().insert(number, range)),
        }
    }

    /// Joins the ranges of tables of which all were read.
    fn join(self, sealer: &mut Sealer<'_>) -> Result<HashMap<TableName, Stored>> {
        let mut tables = self.tables;
        for (name, ranges) in self.ranges {
            if let Entry::Vacant(vacant) = tables.entry(name) {
                vacant.insert(Stored::Rows(join_ranges(sealer, ranges.into_values().collect())?));
            }
        }
        Ok(tables)
    }
}

/// The result of a job.
enum StoredJob {
    Table(Stored),
    Range(StoredRange),
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
    fn store(&self, connection: &mut Option<Connection>, job: Job<'_>, sealer: &mut Sealer<'_>) -> Result<StoredJob> {
        let (table, range, session) = match (job, connection.as_mut()) {
            (Job::Seal(table, spool), _) => return self.seal(table, *spool, sealer).map(StoredJob::Table),
            (Job::Read(table, range), Some(session)) => (table, range, session),
            (Job::Read(..), None) => unreachable!("only threads with a snapshot take these jobs"),
        };
        let (read, is_let_go) = self.standstill.reading(session.id(), table.name(), |reading| {
            let read = match &range {
                Some(range) => self.read_range(session, table, range, reading, sealer).map(StoredJob::Range),
                None => self.read(session, table, reading, sealer).map(|rows| StoredJob::Table(Stored::Rows(rows))),
            };
            (read, reading.is_given_up())
        });
        if is_let_go {
            *connection = None;
        }
        let failed = match read {
            Ok(stored) => return Ok(stored),
            Err(error) if is_let_go && error.kind() != ErrorKind::Cancelled => Stored::LetGo(WAITED_FOR),
            Err(error) if is_redefined(&error) => Stored::Redefined,
            Err(error) if is_table_error(&error) => Stored::Damaged(error),
            Err(error) => return Err(error),
        };
        Ok(StoredJob::Table(failed))
    }

    /// Stores what was read under a lock.
    fn seal(&self, table: &PlannedTable, spool: SpooledRows, sealer: &mut Sealer<'_>) -> Result<Stored> {
        let to_read = self.to_read(table);
        let stored = match to_read.splices() {
            None => seal_spooled(spool, &to_read, sealer).map(Stored::Rows)?,
            Some(ground) => match splice(spool, ground, &to_read, sealer) {
                Ok(Spliced::Rows(rows)) => Stored::Rows(rows),
                Ok(Spliced::Contradiction) => Stored::LetGo(CONTRADICTED),
                Err(error) if error.is_damage() => Stored::ParentDamaged,
                Err(error) => return Err(error),
            },
        };
        match stored {
            // Rows that were stored beside the comparison may count on a pack that does not open.
            Stored::Rows(StoredRows { amiss: Some(Amiss::Parent), .. }) | Stored::ParentDamaged => {
                self.distrust_parent(table)?;
                Ok(Stored::ParentDamaged)
            }
            stored => Ok(stored),
        }
    }

    /// Finds what does not open of the parent's rows, so that this run stores it again.
    fn distrust_parent(&self, table: &PlannedTable) -> Result<()> {
        match table.parent.as_ref().and_then(|parent| parent.rows.as_ref()) {
            Some(rows) => self.run.parent().distrust_damaged(rows),
            None => Ok(()),
        }
    }

    fn to_read<'t>(&'t self, table: &'t PlannedTable) -> TableToRead<'t> {
        table.to_read(self.run.parent().reader())
    }

    fn read_range(
        &self,
        session: &mut Connection,
        table: &PlannedTable,
        range: &KeyRange,
        reading: &Reading,
        sealer: &mut Sealer<'_>,
    ) -> Result<StoredRange> {
        let mut source = self.source(session, reading)?;
        read_range(self.run, &mut source, &self.to_read(table), range, sealer)
    }

    /// A session that frees the table's definition when its rows are read; its snapshot stays.
    fn source<'s>(&'s self, connection: &'s mut Connection, reading: &'s Reading) -> Result<Source<'s>> {
        connection.run(SAVEPOINT)?;
        Ok(Source { address: self.address, connection, reading: Some(reading), let_go: Some(FREE_TABLE) })
    }

    fn read(
        &self,
        session: &mut Connection,
        table: &PlannedTable,
        reading: &Reading,
        sealer: &mut Sealer<'_>,
    ) -> Result<StoredRows> {
        let mut source = self.source(session, reading)?;
        let to_read = self.to_read(table);
        let Some(ground) = to_read.splices() else {
            let rows = read_in_order(self.run, &mut source, &to_read, sealer, self.place)?;
            if rows.amiss != Some(Amiss::Parent) {
                return Ok(rows);
            }
            return self.read_mending(&mut source, table, sealer);
        };
        let changed = read_as_it_lies(self.run, &mut source, &to_read, self.place)?;
        source.let_go()?;
        match splice(changed, ground, &to_read, sealer) {
            Ok(Spliced::Rows(rows)) => Ok(rows),
            Ok(Spliced::Contradiction) => self.read_whole(&mut source, table, Amiss::Log, sealer),
            Err(error) if error.is_damage() => self.read_mending(&mut source, table, sealer),
            Err(error) => Err(error),
        }
    }

    /// Reads a table whole, of which the parent's rows do not open.
    fn read_mending(
        &self,
        source: &mut Source<'_>,
        table: &PlannedTable,
        sealer: &mut Sealer<'_>,
    ) -> Result<StoredRows> {
        self.distrust_parent(table)?;
        self.read_whole(source, table, Amiss::Parent, sealer)
    }

    /// Reads a table whole, because something is `amiss`.
    fn read_whole(
        &self,
        source: &mut Source<'_>,
        table: &PlannedTable,
        amiss: Amiss,
        sealer: &mut Sealer<'_>,
    ) -> Result<StoredRows> {
        let whole = TableToRead { ground: None, ..self.to_read(table) };
        let rows = read_in_order(self.run, source, &whole, sealer, self.place)?;
        Ok(StoredRows { amiss: Some(amiss), ..rows })
    }
}
