//! A session that loads, and what its objects are made under.

use crate::database::{Address, COLLATION, Connection, LOAD_MODE, Server, Use, quote_text};
use crate::error::Result;

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
pub fn open(address: &Address, binlog: Binlog) -> Result<Connection> {
    let mut connection = Connection::open_for(address, Use::Load)?;
    if binlog == Binlog::Skip {
        connection.run("SET SESSION sql_log_bin=0")?;
    }
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
        MadeUnder { sql_mode: LOAD_MODE, client: "utf8mb4", collation: COLLATION, time_zone: "+00:00" }
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
