//! Explains, in words, what a statement waits for on the server, and who holds it.

use super::statements::Running;
use super::{Connection, Server, is_lost, texts};
use engine_core::error::Result;

/// The reason why the session `own` waits, from its state and from `all` sessions; `None` if it works.
///
/// # Errors
/// If the server does not answer.
pub(super) fn reason(
    connection: &mut Connection,
    server: &Server,
    own: &Running,
    all: &[Running],
) -> Result<Option<String>> {
    if own.state.contains("free space") || own.state.contains("disk space") {
        return Ok(Some("the disk of the server is full, and it waits for free space".to_owned()));
    }
    // MySQL waits for space for its binary log without saying so.
    if own.is_committing() {
        let what =
            "the server does not come to the end of writing: its disk is full, or slow, or a replica is waited for";
        return Ok(Some(what.to_owned()));
    }
    let what = match &own.state[..] {
        "Waiting for table metadata lock" => "the server waits for others that use the table",
        "Waiting for table level lock" | "Locked" => "the server waits for a lock on the table",
        "Waiting for table flush" => "the server waits for others to close the table",
        "Waiting for global read lock" | "Waiting for commit lock" => "somebody has locked the whole server",
        "Waiting for backup lock" => "the server waits for a backup that keeps changes of definitions away",
        _ if waits_for_rows(connection, own)? => "the server waits for rows that another transaction holds",
        _ => return Ok(None),
    };
    let holder = match holder(connection, server, own)? {
        Some(holder) => Some(holder),
        None => all
            .iter()
            .find(|other| other.is_in_the_way_of(own))
            .map(|other| format!("session {} of {} uses it: {}", other.id, other.user, other.outline())),
    };
    Ok(Some(holder.map_or_else(|| what.to_owned(), |holder| format!("{what}; {holder}"))))
}

/// Whether InnoDB reports that it waits for rows. Without the right PROCESS it reports nothing.
fn waits_for_rows(connection: &mut Connection, own: &Running) -> Result<bool> {
    let sql = format!(
        "SELECT 1 FROM information_schema.INNODB_TRX WHERE trx_state = 'LOCK WAIT' AND trx_mysql_thread_id = {}",
        own.id
    );
    match connection.rows(&sql) {
        Ok(rows) => Ok(!rows.is_empty()),
        Err(error) if !is_lost(&error) => Ok(false),
        Err(error) => Err(error),
    }
}

/// The session that holds what another waits for, if MySQL lets the account see it.
fn holder(connection: &mut Connection, server: &Server, own: &Running) -> Result<Option<String>> {
    if !server.is_mysql_from((5, 7, 0)) {
        return Ok(None);
    }
    let sql = format!(
        "SELECT h.PROCESSLIST_ID, h.PROCESSLIST_USER, m.OBJECT_SCHEMA, m.OBJECT_NAME \
         FROM performance_schema.threads o \
         JOIN performance_schema.metadata_locks p ON p.OWNER_THREAD_ID = o.THREAD_ID AND p.LOCK_STATUS = 'PENDING' \
         JOIN performance_schema.metadata_locks m ON m.OBJECT_TYPE = p.OBJECT_TYPE AND m.OBJECT_SCHEMA <=> p.OBJECT_SCHEMA \
           AND m.OBJECT_NAME <=> p.OBJECT_NAME AND m.LOCK_STATUS = 'GRANTED' AND m.OWNER_THREAD_ID <> o.THREAD_ID \
         JOIN performance_schema.threads h ON h.THREAD_ID = m.OWNER_THREAD_ID \
         WHERE o.PROCESSLIST_ID = {} LIMIT 1",
        own.id
    );
    let rows = match connection.rows(&sql) {
        Ok(rows) => rows,
        Err(error) if !is_lost(&error) => return Ok(None),
        Err(error) => return Err(error),
    };
    let Some(row) = rows.into_iter().next() else { return Ok(None) };
    let mut cells = texts(row).into_iter().map(Option::unwrap_or_default);
    let mut next = || cells.next().unwrap_or_default();
    let (id, user, schema, table) = (next(), next(), next(), next());
    let on = if table.is_empty() { schema } else { format!("{schema}.{table}") };
    Ok(Some(format!("session {id} of {user} holds {on}")))
}
