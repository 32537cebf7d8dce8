//! Which locks a backup would take, and who holds what it needs.

use super::ServerSurvey;
use super::contents::is_damaged;
use crate::database::{Connection, Privileges, Right, Scope, TableInfo, error_code, texts};
use crate::error::Result;

/// The server's number for a lock that could not be had in time.
const LOCK_WAIT_TIMEOUT: u16 = 1205;
/// The account lacks a right, and the statement does not exist for other reasons: said elsewhere.
const DENIED: u16 = 1227;
/// A statement that runs for so many seconds is likely to run on.
const LONG_SECONDS: u64 = 10;

/// How all tables come to show one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LockMethod {
    /// By snapshots alone, whose places in the binary log are compared: nobody waits.
    Snapshots,
    /// `BACKUP STAGE`, for an instant.
    BackupStages,
    /// `FLUSH TABLES WITH READ LOCK`, for an instant: all who write wait.
    GlobalReadLock,
}

/// The locks that a backup would take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LockPlan {
    /// How the moment is taken.
    pub method: LockMethod,
    /// Tables without transactions: if they changed, they are read under a lock of their own.
    pub tables: u64,
    /// Bytes of their data.
    pub data_bytes: u64,
    /// Whether the account may take them all.
    pub is_allowed: bool,
}

/// Something that a backup would have to wait for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Obstacle {
    /// Another session holds `BACKUP STAGE`: another backup runs.
    BackupStage,
    /// A statement that a global read lock would have to wait for, while everybody else waits for that lock.
    LongStatement {
        /// Whose.
        user: String,
        /// For how long it has been running.
        seconds: u64,
    },
}

impl Obstacle {
    /// Whether a backup cannot be made while it lasts.
    pub fn blocks(&self) -> bool {
        matches!(self, Obstacle::BackupStage)
    }
}

/// The locks that a backup of `tables` would take.
pub fn plan(server: &ServerSurvey, privileges: &Privileges, tables: &[TableInfo]) -> LockPlan {
    let locked = || tables.iter().filter(|table| !table.transactional && !is_damaged(table));
    // Only the binary log tells whether two snapshots show the same moment.
    let can_compare = server.server.is_mariadb_from((5, 3, 0)) && server.binlog.is_some();
    let method = match () {
        () if can_compare && locked().next().is_none() => LockMethod::Snapshots,
        () if server.server.has_backup_stages() => LockMethod::BackupStages,
        () => LockMethod::GlobalReadLock,
    };
    let may_hold_commits = method == LockMethod::Snapshots || privileges.has_on(Right::Reload, &Scope::Server);
    LockPlan {
        method,
        tables: locked().count() as u64,
        data_bytes: locked().map(|table| table.data_bytes).sum(),
        is_allowed: may_hold_commits && locked().all(|table| privileges.has(Right::LockTables, &table.schema)),
    }
}

/// What a backup that locks by `method` would have to wait for.
///
/// # Errors
/// If the server does not answer.
pub fn obstacles(connection: &mut Connection, method: LockMethod) -> Result<Vec<Obstacle>> {
    match method {
        LockMethod::Snapshots => Ok(Vec::new()),
        LockMethod::BackupStages => backup_stage(connection),
        LockMethod::GlobalReadLock => long_statements(connection),
    }
}

/// The server does not list who holds the stage, so it is asked for, without waiting. Its first stage holds nobody up.
fn backup_stage(connection: &mut Connection) -> Result<Vec<Obstacle>> {
    connection.run("SET SESSION lock_wait_timeout=0")?;
    match connection.run("BACKUP STAGE START") {
        Ok(()) => connection.run("BACKUP STAGE END").map(|()| Vec::new()),
        Err(error) => match error_code(&error) {
            Some(LOCK_WAIT_TIMEOUT) => Ok(vec![Obstacle::BackupStage]),
            Some(DENIED) => Ok(Vec::new()),
            _ => Err(error),
        },
    }
}

/// Without the right PROCESS these are the account's own.
fn long_statements(connection: &mut Connection) -> Result<Vec<Obstacle>> {
    let mut obstacles = Vec::new();
    let sql = format!(
        "SELECT USER, TIME FROM information_schema.PROCESSLIST WHERE COMMAND = 'Query' AND TIME >= {LONG_SECONDS} \
         AND ID <> CONNECTION_ID()"
    );
    for row in connection.rows(&sql)? {
        let mut row = texts(row).into_iter().map(Option::unwrap_or_default);
        let (user, seconds) = (row.next().unwrap_or_default(), row.next().unwrap_or_default());
        obstacles.push(Obstacle::LongStatement { user, seconds: seconds.parse().unwrap_or(LONG_SECONDS) });
    }
    Ok(obstacles)
}

#[cfg(test)]
mod tests {
    use super::super::BinlogSurvey;
    use super::*;
    use crate::database::Server;

    fn method(version: &str, binlog: bool, engine: &str) -> LockPlan {
        plan_for(version, binlog, engine, "GRANT RELOAD, LOCK TABLES ON *.* TO `a`@`%`")
    }

    fn plan_for(version: &str, binlog: bool, engine: &str, grant: &str) -> LockPlan {
        let binlog = binlog.then(|| BinlogSurvey { format: "ROW".into(), row_image: None });
        let server = ServerSurvey {
            server: Server::from_version(version),
            hostname: String::new(),
            account: String::new(),
            tls: None,
            clock_ahead: 0,
            binlog,
        };
        let table = TableInfo {
            schema: "s".into(),
            name: "t".into(),
            engine: engine.into(),
            rows: 1,
            data_bytes: 7,
            changed: None,
            versioned: false,
            comment: String::new(),
            transactional: engine == "InnoDB",
        };
        plan(&server, &Privileges::from_grants(&[grant.to_owned()]), &[table])
    }

    #[test]
    fn nothing_is_locked_where_snapshots_can_be_compared() {
        assert_eq!(method("10.11.2-MariaDB", true, "InnoDB").method, LockMethod::Snapshots);
        assert_eq!(method("10.11.2-MariaDB", false, "InnoDB").method, LockMethod::BackupStages);
        assert_eq!(method("8.0.36", true, "InnoDB").method, LockMethod::GlobalReadLock);
        assert_eq!(method("5.5.5-10.3.9-MariaDB", true, "MyISAM").method, LockMethod::GlobalReadLock);
    }

    #[test]
    fn only_tables_without_transactions_are_locked() {
        let locked = |engine| {
            let plan = method("10.11.2-MariaDB", true, engine);
            (plan.tables, plan.data_bytes)
        };
        assert_eq!((locked("MyISAM"), locked("InnoDB")), ((1, 7), (0, 0)));
        assert_eq!(locked(""), (0, 0), "a damaged table cannot be locked");
    }

    #[test]
    fn rights_are_needed_only_for_locks_that_are_taken() {
        let may = |binlog, engine, grant| plan_for("10.11.2-MariaDB", binlog, engine, grant).is_allowed;
        assert!(may(true, "InnoDB", "GRANT SELECT ON *.* TO `a`@`%`"));
        assert!(!may(false, "InnoDB", "GRANT SELECT ON *.* TO `a`@`%`"));
        assert!(!may(true, "MyISAM", "GRANT RELOAD ON *.* TO `a`@`%`"));
        assert!(!may(true, "MyISAM", "GRANT LOCK TABLES ON `s`.* TO `a`@`%`"));
    }
}
