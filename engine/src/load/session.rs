//! What a session that loads is set up with.

use crate::database::{Address, Connection, Server, quote_text};
use crate::error::Result;

/// Every value is stored as it was, whatever the server would say of it today.
const SQL_MODE: &str = "NO_AUTO_VALUE_ON_ZERO,ALLOW_INVALID_DATES";
/// Warnings of one statement that the server keeps: all that it can.
pub const WARNINGS_KEPT: usize = 65_535;

/// What a session may take to build the keys of one MyISAM table by sorting.
const SORT_BUFFER_BYTES: u64 = 64 << 20;

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
        // A row that its table's engine could hold there is held here.
        let more = ["check_constraint_checks=0", "max_statement_time=0", "innodb_strict_mode=0"];
        settings.extend(more.map(str::to_owned));
    }
    if server.is_mariadb_from((10, 6, 1)) {
        // In definitions of older servers `utf8` has three bytes.
        settings.push("old_mode='UTF8_IS_UTF8MB3'".to_owned());
    }
    if server.is_mariadb_from((10, 8, 4)) {
        settings.push("explicit_defaults_for_timestamp=1".to_owned());
    }
    if server.is_mariadb_from((10, 11, 0)) {
        settings.push("system_versioning_insert_history=1".to_owned());
    }
    if server.is_mariadb_from((11, 2, 1)) {
        // A character set alone means the collation that it has always meant.
        settings.push("character_set_collations=''".to_owned());
    }
    if server.is_mysql_from((5, 7, 8)) {
        settings.push("max_execution_time=0".to_owned());
    }
    settings.push(format!("myisam_sort_buffer_size={SORT_BUFFER_BYTES}"));
    if binlog == Binlog::Skip {
        settings.push("sql_log_bin=0".to_owned());
    }
    settings.iter().try_for_each(|setting| connection.run(&format!("SET SESSION {setting}")))?;
    Ok(connection)
}

/// Under what an object of a schema was made, and is made again.
#[derive(Debug, Clone, Copy)]
pub struct MadeUnder<'o> {
    /// `sql_mode`.
    pub sql_mode: &'o str,
    /// `character_set_client`.
    pub client: &'o str,
    /// `collation_connection`.
    pub collation: &'o str,
    /// `time_zone`.
    pub time_zone: &'o str,
}

impl Default for MadeUnder<'_> {
    fn default() -> Self {
        MadeUnder { sql_mode: SQL_MODE, client: "utf8mb4", collation: "utf8mb4_general_ci", time_zone: "+00:00" }
    }
}

impl MadeUnder<'_> {
    /// Sets the session so. The default brings it back to what [`open`] set.
    ///
    /// # Errors
    /// If the server does not know one of them.
    pub fn set(&self, connection: &mut Connection, server: &Server) -> Result<()> {
        let modes: Vec<&str> =
            self.sql_mode.split(',').map(session_name).filter(|mode| knows_mode(server, mode)).collect();
        connection.run(&format!(
            "SET SESSION sql_mode={}, character_set_client={}, collation_connection={}, time_zone={}",
            quote_text(&modes.join(",")),
            quote_text(self.client),
            quote_text(self.collation),
            quote_text(self.time_zone)
        ))
    }
}

/// A mode as a session calls it: tables of routines and events have another name for one.
fn session_name(mode: &str) -> &str {
    if mode == "INVALID_DATES" { "ALLOW_INVALID_DATES" } else { mode }
}

/// MySQL 8 has given up some modes, and has one that MariaDB does not have.
fn knows_mode(server: &Server, mode: &str) -> bool {
    const OLD: [&str; 12] = [
        "NO_AUTO_CREATE_USER",
        "NO_FIELD_OPTIONS",
        "NO_KEY_OPTIONS",
        "NO_TABLE_OPTIONS",
        "DB2",
        "MAXDB",
        "MSSQL",
        "MYSQL323",
        "MYSQL40",
        "ORACLE",
        "POSTGRESQL",
        "IGNORE_BAD_TABLE_OPTIONS",
    ];
    if mode == "NOT_USED" {
        return false;
    }
    match server.is_mariadb() {
        true => mode != "TIME_TRUNCATE_FRACTIONAL",
        false => !server.is_mysql_from((8, 0, 0)) || !OLD.contains(&mode),
    }
}
