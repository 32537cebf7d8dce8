//! Obstacles of a moment. Each try is preceded by a look for them, because a look holds nobody up.

use std::time::{Duration, Instant};

use crate::database::{Connection, LockMethod, Obstacle, Row, Server, TableName, obstacles, outline};
use engine_core::crypto::random;
use engine_core::error::Result;
use engine_core::files::backup::Run;

/// How often it is looked again.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// After the first try that failed, at least; after each further one more, and always at most twice as much: others have waited for us.
const PAUSE: Duration = Duration::from_millis(400);
/// The longest pause, before it is doubled.
const PAUSE_MAX: Duration = Duration::from_secs(5);
/// A wait for a stop is looked at so often.
const STOP_EVERY: Duration = Duration::from_millis(50);

/// Waits until no statement is seen any more that would hold the locks of `method` on the tables of `groups` up, or `until` has passed.
/// Whether none is seen.
///
/// # Errors
/// If the server does not answer, or the run is stopped.
pub(super) fn wait_for_others(
    run: &Run<'_>,
    control: &mut Connection,
    server: &Server,
    method: LockMethod,
    groups: &[Vec<TableName>],
    until: Instant,
) -> Result<bool> {
    let mut told = Vec::new();
    loop {
        let found = obstacles(control, server, method, &groups.concat())?;
        let Some(first) = found.first() else { return Ok(true) };
        if Instant::now() >= until {
            return Ok(false);
        }
        if let Obstacle::LongStatement { id, user, seconds, does } = first
            && !told.contains(id)
        {
            run.monitor()
                .note(&format!("waits for a statement of {user} that has run for {seconds} s (session {id}: {does})"));
            told.push(*id);
        }
        sleep(run, LOOK_EVERY)?;
    }
}

/// Waits a little, not always as long: two that are in each other's way must not meet again.
///
/// # Errors
/// If the run is stopped.
pub(super) fn pause(run: &Run<'_>, attempt: u32) -> Result<()> {
    let [byte] = random::<1>()?;
    let base = (PAUSE * attempt).min(PAUSE_MAX);
    sleep(run, base + base * u32::from(byte) / 255)
}

fn sleep(run: &Run<'_>, time: Duration) -> Result<()> {
    let end = Instant::now() + time;
    while Instant::now() < end {
        std::thread::sleep(STOP_EVERY);
        run.check_stop()?;
    }
    Ok(())
}

/// Sessions that may hold locks, for the error.
pub(super) fn in_the_way(control: &mut Connection) -> String {
    let sql = "SELECT ID, USER, HOST, COMMAND, TIME, INFO FROM information_schema.PROCESSLIST \
               WHERE ID <> CONNECTION_ID() AND COMMAND NOT IN ('Daemon', 'Binlog Dump') ORDER BY TIME DESC LIMIT 5";
    let Ok(rows) = control.rows(sql) else { return String::new() };
    let describe = |row: &Row| {
        let cell = |at: usize| {
            let cell = row.get(at).cloned().flatten().unwrap_or_default();
            String::from_utf8_lossy(&cell).into_owned()
        };
        // An outline of the statement, without its values.
        let does = match cell(5).as_str() {
            "" => String::new(),
            statement => format!(": {}", outline(statement)),
        };
        format!("{} of {}@{} ({} for {} s{does})", cell(0), cell(1), cell(2), cell(3), cell(4))
    };
    if rows.is_empty() {
        String::new()
    } else {
        format!("; sessions that may be in the way: {}", rows.iter().map(describe).collect::<Vec<_>>().join(", "))
    }
}
