//! Statements that need a table exclusively. Later clients queue behind them, so they wait only briefly.

use std::time::{Duration, Instant};

use super::run::Run;
use crate::database::{Connection, error_code};
use engine_core::error::Result;

/// Seconds that one try waits for others, while further ones wait behind it.
const WAIT_SECONDS: u32 = 2;
/// Between two tries other clients get their turn.
const PAUSE: Duration = Duration::from_secs(3);
/// For how long it is tried.
const PATIENCE: Duration = Duration::from_secs(600);
/// A wait for a stop is looked at so often.
const STOP_EVERY: Duration = Duration::from_millis(50);
/// The server's number for a lock that was not got in time.
const LOCK_WAIT_TIMEOUT: u16 = 1205;

/// Runs `sql`, which locks tables that people use: again and again, a short time each.
///
/// # Errors
/// If the server refuses, the tables are in use for ten minutes, or the user wishes to stop.
pub fn briefly(run: &Run<'_>, connection: &mut Connection, sql: &str) -> Result<()> {
    let before = connection.value("SELECT @@lock_wait_timeout")?.unwrap_or_default();
    connection.run(&format!("SET SESSION lock_wait_timeout={WAIT_SECONDS}"))?;
    let (until, mut is_told) = (Instant::now() + PATIENCE, false);
    let result = loop {
        run.check()?;
        match connection.run(sql) {
            Err(error) if error_code(&error) == Some(LOCK_WAIT_TIMEOUT) && Instant::now() < until => {
                if !std::mem::replace(&mut is_told, true) {
                    run.monitor.note("others use the tables that are to be put in place: it is tried again and again, for ten minutes");
                }
                pause(run)?;
            }
            result => break result,
        }
    };
    connection.run(&format!("SET SESSION lock_wait_timeout={before}"))?;
    result
}

fn pause(run: &Run<'_>) -> Result<()> {
    let end = Instant::now() + PAUSE;
    while Instant::now() < end {
        std::thread::sleep(STOP_EVERY);
        run.check()?;
    }
    Ok(())
}
