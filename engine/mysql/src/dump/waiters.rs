//! Who waits for tables, and for which: by what the server says of the sessions, and by the names in their statements.

use crate::database::{Connection, Running, Server, running};
use engine_core::error::Result;

/// What a session that waits for a table is said to do.
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
