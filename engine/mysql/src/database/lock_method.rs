//! The method by which all tables show one moment: one decision for the backup and for `check`.

use super::privileges::Privileges;
use super::right::{Right, Scope};
use super::{Connection, Server};
use engine_core::error::Result;

/// The method by which all tables show one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LockMethod {
    /// Only snapshots, whose positions in the binary log are compared: nobody waits.
    Snapshots,
    /// One snapshot that one session reads, because several cannot be compared: nobody waits, and the backup takes
    /// longer.
    OneSnapshot,
    /// `BACKUP STAGE`, for an instant.
    BackupStages,
    /// `LOCK TABLES … READ` on the tables without transactions: clients that write to these wait.
    TableLocks,
}

impl LockMethod {
    /// The name of the method in a snapshot.
    pub fn name(self) -> &'static str {
        match self {
            LockMethod::Snapshots => "snapshots",
            LockMethod::OneSnapshot => "one snapshot",
            LockMethod::BackupStages => "backup stages",
            LockMethod::TableLocks => "table locks",
        }
    }
}

/// The facts that decide on the method.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LockFacts {
    /// The server has `BACKUP STAGE`, and the account may use it.
    pub may_stage: bool,
    /// Whether one can tell that two snapshots show the same, see [`tells_snapshots_apart`].
    pub tells_apart: bool,
    /// Some tables have no transactions.
    pub locks_tables: bool,
    /// The account sees other users' sessions, and so clients that wait for its locks.
    pub sees_others: bool,
}

impl LockFacts {
    /// The facts for an account with `privileges` on `server`.
    pub fn new(server: &Server, privileges: &Privileges) -> Self {
        let may_stage = server.has_backup_stages() && privileges.has_on(Right::Reload, &Scope::Server);
        let sees_others = privileges.has_on(Right::Process, &Scope::Server);
        LockFacts { may_stage, tells_apart: false, locks_tables: false, sees_others }
    }

    /// The method.
    ///
    /// It is never a global read lock. If a statement is running, `FLUSH TABLES WITH READ LOCK` marks its tables as old
    /// and waits for it. From then on everybody waits for those tables until that statement ends, even if the flush is
    /// given up or killed.
    pub fn method(&self) -> LockMethod {
        match () {
            () if self.tells_apart && !self.locks_tables => LockMethod::Snapshots,
            () if self.may_stage => LockMethod::BackupStages,
            () if self.locks_tables => LockMethod::TableLocks,
            () => LockMethod::OneSnapshot,
        }
    }
}

/// Whether the server can tell that two snapshots show the same: everything committed between two looks at its binary
/// log is in it. A session that keeps its changes out of the log stays unseen.
///
/// # Errors
/// If the server does not answer.
pub fn tells_snapshots_apart(connection: &mut Connection, server: &Server) -> Result<bool> {
    let log_bin = connection.value("SELECT @@global.log_bin")?;
    if !matches!(log_bin.as_deref(), Some("1" | "ON")) || !knows_commits(connection, server)? {
        return Ok(false);
    }
    // With filters, and on replicas that do not log received changes, some commits are not in the log.
    let Some(status) = log_status(connection, server)? else { return Ok(false) };
    let is_filtered = status.iter().skip(2).take(2).flatten().any(|filter| !filter.is_empty());
    Ok(!is_filtered && logs_all(connection, server)?)
}

/// The state of the binary log: file, position, two filters. `None` without the right to see it, or without a log.
///
/// # Errors
/// If the connection is lost.
pub fn log_status(connection: &mut Connection, server: &Server) -> Result<Option<Vec<Option<String>>>> {
    let new_name = server.is_mysql_from((8, 2, 0));
    match connection.first(if new_name { "SHOW BINARY LOG STATUS" } else { "SHOW MASTER STATUS" }) {
        Ok(status) => Ok(status),
        Err(error) if !super::is_lost(&error) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Whether the server reports which commits a snapshot shows (MariaDB), or which are under way (MySQL).
fn knows_commits(connection: &mut Connection, server: &Server) -> Result<bool> {
    if server.is_mariadb() {
        return Ok(!connection.rows("SHOW STATUS LIKE 'binlog_snapshot_position'")?.is_empty());
    }
    Ok(server.is_mysql_from((5, 7, 6)))
}

/// Whether changes that the server receives as a replica are in its log, too.
pub(super) fn logs_all(connection: &mut Connection, server: &Server) -> Result<bool> {
    let is_on = |rows: Vec<super::Row>| {
        let value = |row: &super::Row| row.get(1).cloned().flatten().unwrap_or_default();
        rows.iter().any(|row| !matches!(&value(row)[..], b"0" | b"OFF" | b""))
    };
    let names = "('log_replica_updates', 'log_slave_updates')";
    if is_on(connection.rows(&format!("SHOW GLOBAL VARIABLES WHERE Variable_name IN {names}"))?) {
        return Ok(true);
    }
    let running = "SHOW GLOBAL STATUS WHERE Variable_name IN ('Slave_running', 'Slaves_running')";
    Ok(server.is_mariadb() && !is_on(connection.rows(running)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn method(version: &str, grant: &str, tells_apart: bool, locks_tables: bool) -> LockMethod {
        let facts =
            LockFacts::new(&Server::from_version(version), &Privileges::from_grants(&[format!("{grant} TO `a`@`%`")]));
        LockFacts { tells_apart, locks_tables, ..facts }.method()
    }

    #[test]
    fn nothing_is_locked_where_snapshots_can_be_compared() {
        for version in ["10.11.2-MariaDB", "9.7.0", "8.0.36"] {
            assert_eq!(method(version, "GRANT RELOAD ON *.*", true, false), LockMethod::Snapshots);
        }
    }

    #[test]
    fn a_server_with_stages_is_locked_by_them_if_the_account_may() {
        let of = |grant| method("10.11.2-MariaDB", grant, false, true);
        assert_eq!(of("GRANT RELOAD ON *.*"), LockMethod::BackupStages);
        assert_eq!(of("GRANT SELECT ON *.*"), LockMethod::TableLocks);
        assert_eq!(method("10.11.2-MariaDB", "GRANT SELECT ON *.*", false, false), LockMethod::OneSnapshot);
    }

    #[test]
    fn no_right_brings_a_global_lock_on_others() {
        for version in ["9.7.0", "5.6.45-log", "5.5.5-10.3.9-MariaDB"] {
            let of = |locks_tables| method(version, "GRANT ALL PRIVILEGES ON *.*", false, locks_tables);
            assert_eq!((of(true), of(false)), (LockMethod::TableLocks, LockMethod::OneSnapshot), "{version}");
        }
    }
}
