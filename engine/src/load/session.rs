//! What a session that loads is set up with.

use crate::database::{Address, Connection, Server};
use crate::error::Result;

/// Every value is stored as it was, whatever the server would say of it today.
const SQL_MODE: &str = "NO_AUTO_VALUE_ON_ZERO,ALLOW_INVALID_DATES";
/// Warnings of one statement that the server keeps: all that it can.
pub const WARNINGS_KEPT: usize = 65_535;

/// Whether what is loaded goes into the server's binary log, and from there to its replicas.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Binlog {
    /// As the server is set up.
    #[default]
    Write,
    /// Not.
    Skip,
}

/// Connects and sets the session up for loading.
///
/// # Errors
/// If the server cannot be reached, or refuses a setting.
pub fn open(address: &Address, server: &Server, binlog: Binlog) -> Result<Connection> {
    let mut connection = Connection::open(address)?;
    let mut settings = vec![
        format!("sql_mode='{SQL_MODE}'"),
        "foreign_key_checks=0".to_owned(),
        "unique_checks=1".to_owned(),
        format!("max_error_count={WARNINGS_KEPT}"),
        "lock_wait_timeout=600".to_owned(),
        "autocommit=1".to_owned(),
    ];
    if server.is_mariadb() {
        settings.push("check_constraint_checks=0".to_owned());
        settings.push("max_statement_time=0".to_owned());
    }
    if server.is_mariadb_from((10, 11, 0)) {
        settings.push("system_versioning_insert_history=1".to_owned());
    }
    if server.is_mysql_from((5, 7, 8)) {
        settings.push("max_execution_time=0".to_owned());
    }
    if binlog == Binlog::Skip {
        settings.push("sql_log_bin=0".to_owned());
    }
    settings.iter().try_for_each(|setting| connection.run(&format!("SET SESSION {setting}")))?;
    Ok(connection)
}
