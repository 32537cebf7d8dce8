//! Finds clients that wait for tables, and which tables: by the states of sessions, and by the names in their
//! statements.

use crate::database::{Connection, Running, Server, running};
use engine_core::error::Result;

/// The states of a session that waits for a table.
const STATES: [&str; 5] = [
    "Waiting for table level lock",
    "Waiting for table metadata lock",
    "Waiting for table flush",
    "Locked",
    "System lock",
];

/// Sessions that wait for tables now.
///
/// # Errors
/// If the server does not answer.
pub(super) fn waiters(connection: &mut Connection, server: &Server) -> Result<Vec<Running>> {
    let mut all = running(connection, server)?;
    all.retain(|session| STATES.contains(&&session.state[..]));
    Ok(all)
}
