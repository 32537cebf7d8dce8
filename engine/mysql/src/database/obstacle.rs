//! What would hold the locks of a backup up.

use std::time::Duration;

use super::statements::running;
use super::{Connection, LockMethod, Server, is_lost, texts};
use engine_core::error::Result;

/// A statement or transaction of this age is likely to go on.
const LONG: Duration = Duration::from_secs(1);

/// Something that a backup would have to wait for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Obstacle {
    /// Another session holds `BACKUP STAGE`: another backup runs. It is waited for, and then tables are locked in another way.
    BackupStage,
    /// A backup opens more connections than the account can have.
    Connections {
        /// So many at once.
        needed: u64,
        /// So many are free.
        free: u64,
        /// The variable that bounds them.
        limit: &'static str,
    },
    /// A statement that writes to a table which the backup locks.
    LongStatement {
        /// The server's number of its session.
        id: u64,
        /// Whose.
        user: String,
        /// For how long it has been running.
        seconds: u64,
        /// What it does, without its values.
        does: String,
    },
}

impl Obstacle {
    /// Whether a backup cannot be made while it lasts.
    pub fn blocks(&self) -> bool {
        matches!(self, Obstacle::Connections { .. })
    }
}

/// Statements and open transactions that locks by `method` on `tables` would have to wait for. A SELECT is none.
///
/// Without the right PROCESS these are the account's own; transactions are seen where MySQL lets the account read which locks there are.
///
/// # Errors
/// If the server does not answer.
pub fn obstacles(
    connection: &mut Connection,
    server: &Server,
    method: LockMethod,
    tables: &[(String, String)],
) -> Result<Vec<Obstacle>> {
    if tables.is_empty() || matches!(method, LockMethod::Snapshots | LockMethod::OneSnapshot) {
        return Ok(Vec::new());
    }
    let mut found = Vec::new();
    for session in running(connection, server)? {
        let is_in_the_way = !session.only_reads() && tables.iter().any(|table| session.names(table));
        if session.time >= LONG && is_in_the_way {
            let (seconds, does) = (session.time.as_secs(), session.outline());
            found.push(Obstacle::LongStatement { id: session.id, user: session.user, seconds, does });
        }
    }
    if server.is_mysql_from((8, 0, 0)) {
        found.extend(open_transactions(connection, tables)?);
    }
    Ok(found)
}

/// Sessions that rest within a transaction which has written to one of `tables`.
fn open_transactions(connection: &mut Connection, tables: &[(String, String)]) -> Result<Vec<Obstacle>> {
    let sql = format!(
        "SELECT t.PROCESSLIST_ID, t.PROCESSLIST_USER, t.PROCESSLIST_TIME, m.OBJECT_SCHEMA, m.OBJECT_NAME \
         FROM performance_schema.metadata_locks m JOIN performance_schema.threads t ON t.THREAD_ID = m.OWNER_THREAD_ID \
         WHERE m.OBJECT_TYPE = 'TABLE' AND m.LOCK_STATUS = 'GRANTED' AND t.PROCESSLIST_COMMAND = 'Sleep' \
         AND t.PROCESSLIST_TIME >= {} \
         AND m.LOCK_TYPE IN ('SHARED_WRITE', 'SHARED_WRITE_LOW_PRIO', 'SHARED_NO_READ_WRITE', 'EXCLUSIVE')",
        LONG.as_secs()
    );
    let rows = match connection.rows(&sql) {
        Ok(rows) => rows,
        // Most accounts may not read it.
        Err(error) if !is_lost(&error) => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut found = Vec::new();
    for row in rows {
        let mut cells = texts(row).into_iter().map(Option::unwrap_or_default);
        let mut next = || cells.next().unwrap_or_default();
        let (id, user, seconds, table) = (next(), next(), next(), (next(), next()));
        if tables.contains(&table) {
            let does = format!("an open transaction that has changed `{}`.`{}`", table.0, table.1);
            let (id, seconds) = (id.parse().unwrap_or(0), seconds.parse().unwrap_or(0));
            found.push(Obstacle::LongStatement { id, user, seconds, does });
        }
    }
    Ok(found)
}
