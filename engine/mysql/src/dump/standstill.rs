//! Releases tables when a backup makes no progress. A repository whose disk hangs must not make other clients wait.
//!
//! A session that reads a table from a snapshot keeps the table's definition from changing. An ALTER waits for it, and
//! every later client waits behind the ALTER. So a table is released if a client waits for it and no more of it can be
//! stored. Only ending the session releases it. The table is read again later.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError};

use super::waiters::waiters;
use crate::database::TableName;
use crate::database::{Address, Connection, Server};
use engine_core::error::Result;
use engine_core::files::backup::Run;

/// How often it is looked whether readers get on. The server is asked only when one does not.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// A table is released after this long if the account cannot see waiting clients.
const UNSEEN_MAX: Duration = Duration::from_secs(60);

/// A table that a session reads.
pub(super) struct Reading {
    /// The server's number of the session.
    id: u32,
    table: TableName,
    rows: AtomicU64,
    is_storing: AtomicBool,
    is_given_up: AtomicBool,
}

impl Reading {
    /// Does `work` with a row that was read, as storing it.
    pub fn storing(&self, work: impl FnOnce() -> Result<()>) -> Result<()> {
        self.is_storing.store(true, Ordering::Relaxed);
        let result = work();
        self.rows.fetch_add(1, Ordering::Relaxed);
        self.is_storing.store(false, Ordering::Relaxed);
        result
    }

    /// Whether its session was ended for others.
    pub fn is_given_up(&self) -> bool {
        self.is_given_up.load(Ordering::Acquire)
    }
}

/// The tables that are being read, and the watch over their progress.
pub(super) struct Standstill<'a> {
    address: &'a Address,
    server: &'a Server,
    /// Whether it can be seen who waits.
    sees_others: bool,
    /// The longest time that another client may wait.
    wait_max: Duration,
    readings: Mutex<Vec<Arc<Reading>>>,
}

impl<'a> Standstill<'a> {
    /// Looks after sessions at `address`.
    pub fn new(address: &'a Address, server: &'a Server, sees_others: bool, wait_max: Duration) -> Self {
        Standstill { address, server, sees_others, wait_max, readings: Mutex::default() }
    }

    /// The session `id` reads `table` while `work` is done.
    pub fn reading<T>(&self, id: u32, table: TableName, work: impl FnOnce(&Reading) -> T) -> T {
        let new = Reading {
            id,
            table,
            rows: AtomicU64::new(0),
            is_storing: AtomicBool::new(false),
            is_given_up: AtomicBool::new(false),
        };
        let reading = Arc::new(new);
        self.lock().push(Arc::clone(&reading));
        let result = work(&reading);
        self.lock().retain(|other| !Arc::ptr_eq(other, &reading));
        result
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Arc<Reading>>> {
        self.readings.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Looks until `stop` is closed.
    pub fn watch(&self, run: &Run<'_>, stop: &Receiver<()>) {
        let mut seen: HashMap<u32, (u64, Instant)> = HashMap::new();
        let mut connection = None;
        while let Err(RecvTimeoutError::Timeout) = stop.recv_timeout(LOOK_EVERY) {
            let readings = self.lock().clone();
            let mut still = Vec::new();
            for reading in readings.into_iter().filter(|reading| !reading.is_given_up()) {
                let rows = reading.rows.load(Ordering::Relaxed);
                let (before, since) = seen.entry(reading.id).or_insert_with(|| (rows, Instant::now()));
                if *before != rows || !reading.is_storing.load(Ordering::Relaxed) {
                    (*before, *since) = (rows, Instant::now());
                } else if since.elapsed() >= self.wait_max {
                    still.push((reading, since.elapsed()));
                }
            }
            if !still.is_empty() {
                self.give_up(run, &mut connection, still);
            }
        }
    }

    /// Ends the sessions of tables that other clients wait for.
    fn give_up(&self, run: &Run<'_>, connection: &mut Option<Connection>, still: Vec<(Arc<Reading>, Duration)>) {
        // If the server does not answer, the next look asks again.
        let Some(asking) = connection.take().or_else(|| Connection::open(self.address).ok()) else { return };
        let asking = connection.insert(asking);
        let Ok(waiting) = waiters(asking, self.server) else { return *connection = None };
        for (reading, stood) in still {
            let waiter = waiting.iter().find(|waiter| waiter.names(&reading.table) && waiter.time >= self.wait_max);
            if waiter.is_none() && (self.sees_others || stood < UNSEEN_MAX) {
                continue;
            }
            reading.is_given_up.store(true, Ordering::Release);
            if asking.run(&format!("KILL CONNECTION {}", reading.id)).is_err() {
                reading.is_given_up.store(false, Ordering::Release);
                continue;
            }
            let TableName { schema, table } = &reading.table;
            let who = waiter.map_or_else(
                || "others may wait".to_owned(),
                |waiter| format!("session {} of {} waits for it: {}", waiter.id, waiter.user, waiter.outline()),
            );
            run.monitor().note(&format!(
                "the repository has taken nothing of {schema}.{table} for {} s, and {who}; the table is let go of, and read again later",
                stood.as_secs()
            ));
        }
    }
}
