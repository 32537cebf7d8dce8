//! Obstacles that would hold up the locks of a backup.

use std::time::Duration;

use super::statements::running;
use super::{Connection, LockMethod, Server, TableName, is_lost, texts};
use engine_core::error::Result;

/// A statement or transaction of this age is likely to continue.
const LONG: Duration = Duration::from_secs(1);

/// Something that a backup would have to wait for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Obstacle {
    /// Another session holds `BACKUP STAGE`: another backup runs. The backup waits for it, and then locks tables in
    /// another way.
    BackupStage,
    /// A backup opens more connections than the account can have.
    Connections {
        /// The number that it needs at once.
        needed: u64,
        /// The number that is free.
        free: u64,
        /// The variable that limits them.
        limit: &'static str,
    },
    /// A statement that writes to a table that the backup locks.
    LongStatement {
        /// The server's number of its session.
        id: u64,
        /// The user of the session.
        user: String,
        /// The time in seconds since it began.
        seconds: u64,
        /// An outline of the statement, without its values.
        does: String,
    },
}

impl Obstacle {
    /// Whether a backup is impossible meanwhile.
    pub fn blocks(&self) -> bool {
        matches!(self, Obstacle::Connections { .. })
    }
}

/// Statements and open transactions that locks by `method` on `tables` would have to wait for. A SELECT is no obstacle.
///
/// Without the right PROCESS the account sees only its own; it sees transactions if MySQL lets it read the list of
/// locks.
///
/// # Errors
/// If the server does not answer.
pub fn obstacles(
    connection: &mut Connection,
    server: &Server,
    method: LockMethod,
    tables: &[TableName],
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

/// Sessions that idle within a transaction that has written to one of `tables`.
fn open_transactions(connection: &mut Connection, tables: &[TableName]) -> Result<Vec<Obstacle>> {
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
        let (id, user, seconds, table) = (next(), next(), next(), TableName::new(next(), next()));
        if tables.contains(&table) {
            let does = format!("an open transaction that has changed {table}");
            let (id, seconds) = (id.parse().unwrap_or(0), seconds.parse().unwrap_or(0));
            found.push(Obstacle::LongStatement { id, user, seconds, does });
        }
    }
    Ok(found)
}
