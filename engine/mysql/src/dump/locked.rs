//! Reads tables without transactions while they are locked, in the order that makes writers wait least.
//!
//! A group is released as soon as all its tables are read. Groups that other clients wait for come first, then the
//! smallest. When a client has waited as long as the user allows, all remaining groups are released and read later,
//! without a lock: those tables are *late*.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, bounded};

use super::lock_group::LockGroup;
use super::plan::is_table_error;
use super::reader::{Source, SpoolPlace, SpooledRows, TableToRead, kill, read_as_it_lies};
use super::waiters::waiters;
use crate::database::TableName;
use crate::database::{Address, Connection, Running, Server, error_code};
use engine_core::error::{Error, Result};
use engine_core::files::backup::{Run, join};

/// How often it is looked who waits.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// The server ended a statement because it was told to.
const INTERRUPTED: [u16; 2] = [1317, 1028];

/// The result of reading one table under its lock.
pub(super) enum LockedRead {
    /// All its rows.
    Rows(Box<SpooledRows>),
    /// There was no time.
    Late,
    /// It could not be read.
    Failed(Error),
}

/// How to read locked tables.
pub(super) struct LockedReading<'a> {
    pub address: &'a Address,
    pub server: &'a Server,
    /// The tables by their names; what is not here need not be read.
    pub tables: HashMap<TableName, TableToRead<'a>>,
    /// Whether it can be seen who waits.
    pub sees_others: bool,
    /// The longest time that another client may wait.
    pub wait_max: Duration,
    pub place: SpoolPlace<'a>,
    pub locked_at: Instant,
}

/// The results of all tables.
#[derive(Default)]
pub(super) struct LockedOutcome {
    pub tables: HashMap<TableName, LockedRead>,
    /// From the first lock to the last that was freed.
    pub tables_locked: Duration,
    /// The longest that anybody was seen to wait.
    pub longest_wait: Duration,
}

/// The shared state of the threads.
struct Shared<'a> {
    groups: Mutex<Vec<LockGroup>>,
    done: Mutex<HashMap<TableName, LockedRead>>,
    /// Sessions that are reading.
    reading: Mutex<Vec<u32>>,
    is_over: AtomicBool,
    longest_wait: AtomicU64,
    waiting: Mutex<Vec<Running>>,
    reading_options: &'a LockedReading<'a>,
}

/// Reads all groups with `readers` threads, and releases them.
///
/// # Errors
/// If a connection is lost, or the run has been stopped. Failures of a single table are in the outcome.
pub(super) fn read(
    run: &Run<'_>,
    groups: Vec<LockGroup>,
    reading: &LockedReading<'_>,
    readers: usize,
) -> Result<LockedOutcome> {
    let shared = Shared {
        groups: Mutex::new(groups),
        done: Mutex::default(),
        reading: Mutex::default(),
        is_over: AtomicBool::new(false),
        longest_wait: AtomicU64::new(0),
        waiting: Mutex::default(),
        reading_options: reading,
    };
    let (stop_watching, watched) = bounded::<()>(0);
    let result = std::thread::scope(|scope| {
        let watching = scope.spawn(|| watch(&shared, &watched));
        let threads: Vec<_> = (0..readers).map(|_| scope.spawn(|| run.part(|| read_groups(run, &shared)))).collect();
        let results: Vec<_> = threads.into_iter().map(join).collect();
        drop(stop_watching);
        watching.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        run.first_failure(results)
    });
    result?;
    Ok(LockedOutcome {
        tables: shared.done.into_inner().unwrap_or_else(PoisonError::into_inner),
        tables_locked: reading.locked_at.elapsed(),
        longest_wait: Duration::from_millis(shared.longest_wait.into_inner()),
    })
}

impl Shared<'_> {
    /// The next group to read: one that another client waits for, otherwise the first remaining one.
    fn next_group(&self) -> Option<LockGroup> {
        let mut groups = self.groups.lock().unwrap_or_else(PoisonError::into_inner);
        if groups.is_empty() {
            return None;
        }
        let waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let is_waited_for =
            |group: &LockGroup| group.tables.iter().any(|table| waiting.iter().any(|waiter| waiter.names(table)));
        let at = groups.iter().position(is_waited_for).unwrap_or(0);
        Some(groups.remove(at))
    }

    fn reading(&self) -> std::sync::MutexGuard<'_, Vec<u32>> {
        self.reading.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_over(&self) -> bool {
        self.is_over.load(Ordering::Relaxed)
    }
}

fn read_groups(run: &Run<'_>, shared: &Shared<'_>) -> Result<()> {
    while let Some(mut group) = shared.next_group() {
        let tables = std::mem::take(&mut group.tables);
        for name in tables {
            let Some(table) = shared.reading_options.tables.get(&name) else { continue };
            let read = read_table(run, shared, &mut group.connection, table)?;
            shared.done.lock().unwrap_or_else(PoisonError::into_inner).insert(name, read);
        }
        group.connection.run("UNLOCK TABLES")?;
    }
    Ok(())
}

fn read_table(
    run: &Run<'_>,
    shared: &Shared<'_>,
    connection: &mut Connection,
    table: &TableToRead<'_>,
) -> Result<LockedRead> {
    if shared.is_over() {
        return Ok(LockedRead::Late);
    }
    let id = connection.id();
    shared.reading().push(id);
    let address = shared.reading_options.address;
    let mut source = Source { address, connection, reading: None, let_go: None };
    let read = read_as_it_lies(run, &mut source, table, shared.reading_options.place);
    shared.reading().retain(|other| *other != id);
    match read {
        Ok(rows) => Ok(LockedRead::Rows(Box::new(rows))),
        Err(error) if shared.is_over() && error_code(&error).is_some_and(|code| INTERRUPTED.contains(&code)) => {
            Ok(LockedRead::Late)
        }
        // The server says it of this table: others may be whole.
        Err(error) if is_table_error(&error) => Ok(LockedRead::Failed(error)),
        Err(error) => Err(error),
    }
}

/// Looks for waiting clients until `stop` is closed; ends the reading when one has waited too long.
fn watch(shared: &Shared<'_>, stop: &Receiver<()>) {
    let options = shared.reading_options;
    // Without a connection, or the right to see other sessions, a client may have waited as long as the locks have been
    // held.
    let mut connection = options.sees_others.then(|| Connection::open(options.address).ok()).flatten();
    while let Err(RecvTimeoutError::Timeout) = stop.recv_timeout(LOOK_EVERY) {
        let waiters = connection.as_mut().and_then(|connection| waiters(connection, options.server).ok());
        let longest = match &waiters {
            Some(waiters) => {
                waiters.iter().map(|waiter| waiter.time).max().unwrap_or_default().min(options.locked_at.elapsed())
            }
            None => options.locked_at.elapsed(),
        };
        shared.longest_wait.fetch_max(u64::try_from(longest.as_millis()).unwrap_or(u64::MAX), Ordering::Relaxed);
        *shared.waiting.lock().unwrap_or_else(PoisonError::into_inner) = waiters.unwrap_or_default();
        if longest >= options.wait_max && !shared.is_over.swap(true, Ordering::Relaxed) {
            let reading = shared.reading().clone();
            reading.into_iter().for_each(|id| kill(options.address, id));
        }
    }
}
