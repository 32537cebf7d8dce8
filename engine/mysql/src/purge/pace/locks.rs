//! How long a session waits for locks, and others for the locks of the session.

use crate::database::{Connection, HASTY, PATIENT, Use, error_code};
use engine_core::error::{Error, Result};

/// A lock was not got in time; a deadlock; a row is newer than the transaction's view.
const LOCKED_OUT: [u16; 3] = [1205, 1213, 1020];

/// Sets a session up for proofs and deletions.
///
/// # Errors
/// If the server refuses.
pub(in crate::purge) fn prepare(connection: &mut Connection) -> Result<()> {
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

/// Does `work`, which holds locks, while the session waits for nobody long, and the server not for the session.
pub(in crate::purge) fn hastily<T>(
    connection: &mut Connection,
    work: &mut dyn FnMut(&mut Connection) -> Result<T>,
) -> Result<T> {
    connection.run(HASTY)?;
    let result = work(connection);
    // The work is done already: if this fails, the connection is gone, and the next statement says so.
    drop(connection.run(PATIENT));
    result
}
