//! Holding rows and tables: for a moment, as people wait behind it.

use std::collections::BTreeSet;

use super::job::Job;
use crate::database::{Connection, HASTY, PATIENT, Use, error_code};
use engine_core::error::{Error, Result};

/// A lock was not got in time; a deadlock; a row is newer than the transaction's view.
const LOCKED_OUT: [u16; 3] = [1205, 1213, 1020];

/// Sets a session up for proofs and deletions.
///
/// # Errors
/// If the server refuses.
pub(super) fn prepare(connection: &mut Connection) -> Result<()> {
    connection.set_up(Use::Delete)?;
    connection.run(PATIENT)?;
    // With the older isolation gaps between rows are locked, too. A log of statements needs it.
    let by_statement = connection.value("SELECT @@binlog_format")?.is_some_and(|format| format == "STATEMENT");
    let isolation = if by_statement { "REPEATABLE READ" } else { "READ COMMITTED" };
    connection.run(&format!("SET SESSION TRANSACTION ISOLATION LEVEL {isolation}"))
}

/// Whether the server gave up waiting for what others hold.
pub(super) fn was_locked_out(error: &Error) -> bool {
    error_code(error).is_some_and(|code| LOCKED_OUT.contains(&code))
}

/// Does `work` while its rows are held; it gets what a SELECT must end with for that. In transactional tables all of it happens, or
/// nothing.
pub(super) fn held<'r, T>(
    job: &mut Job<'r>,
    connection: &mut Connection,
    work: &mut dyn FnMut(&mut Job<'r>, &mut Connection, &str) -> Result<T>,
) -> Result<T> {
    let (begin, hold, end, give_up) = match job.is_transactional() {
        true => ("START TRANSACTION".to_owned(), " FOR UPDATE", "COMMIT", "ROLLBACK"),
        false => {
            let own = job.tables().map(|table| format!("{} WRITE", table.full_name));
            let tables: Vec<_> = own.chain(uses(job)).collect();
            (format!("LOCK TABLES {}", tables.join(", ")), "", "UNLOCK TABLES", "UNLOCK TABLES")
        }
    };
    hastily(connection, &mut |connection| {
        connection.run(&begin)?;
        match work(job, connection, hold) {
            Ok(value) => connection.run(end).map(|()| value),
            Err(error) => {
                // What failed is what is to be told. If this fails, too, the connection is gone, and with it locks and transaction.
                drop(connection.run(give_up));
                Err(error)
            }
        }
    })
}

/// Does `work`, which holds locks, while the session waits for nobody long, and the server not for the session.
pub(super) fn hastily<T>(connection: &mut Connection, work: &mut dyn FnMut(&mut Connection) -> Result<T>) -> Result<T> {
    connection.run(HASTY)?;
    let result = work(connection);
    // What has been done is done: if this fails the connection is gone, and the next statement says so.
    drop(connection.run(PATIENT));
    result
}

/// Tables that are asked whether they need rows, to be read under locks.
fn uses(job: &Job<'_>) -> BTreeSet<String> {
    let uses = job.attached.iter().flat_map(|attached| attached.rows_used_by.iter().chain(&attached.parents_used_by));
    uses.map(|used| format!("{} READ", used.table)).collect()
}
