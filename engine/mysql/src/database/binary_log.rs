//! A server's binary log: whether it exists, its files, its end, and the settings that decide what its events mean.

use std::time::Duration;

use repo_format::database::Variable;

use super::lock_method::logs_all;
use super::{Connection, Server, log_status, quote_text, texts};
use engine_core::error::{Error, Result};

/// Variables that decide what events mean, what the log omits, and how long files stay.
const VARIABLES: &[&str] = &[
    "binlog_checksum",
    "binlog_do_db",
    "binlog_expire_logs_seconds",
    "binlog_format",
    "binlog_ignore_db",
    "binlog_row_image",
    "binlog_row_metadata",
    "binlog_transaction_compression",
    "character_set_server",
    "collation_server",
    "default_storage_engine",
    "expire_logs_days",
    "gtid_mode",
    "log_bin",
    "log_bin_compress",
    "log_replica_updates",
    "log_slave_updates",
    "lower_case_table_names",
    "server_id",
    "sql_mode",
    "sync_binlog",
    "system_time_zone",
    "time_zone",
];

/// A server's binary log at this moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BinaryLog {
    /// Its files, oldest first.
    pub files: Vec<ServerLogFile>,
    /// Variables, in order of their names.
    pub variables: Vec<Variable>,
    /// The schemas that the log contains exclusively, or omits; empty without filters.
    pub filters: String,
    /// The server's clock: microseconds since 1970.
    pub now: i64,
}

/// A file of a binary log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerLogFile {
    /// Its name.
    pub name: String,
    /// Its bytes.
    pub size: u64,
}

/// The result of looking for a binary log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LogFound {
    /// The server keeps one.
    There(BinaryLog),
    /// The server keeps none.
    Off,
    /// The account may not see it; the server's message.
    Hidden(String),
}

/// How long a server keeps what it has written into its binary log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogLife {
    /// It writes none.
    Off,
    /// So many seconds, and until it next begins a file.
    Seconds(u64),
    /// Until somebody deletes it.
    UntilDeleted,
}

impl BinaryLog {
    /// How long the server keeps its log.
    ///
    /// # Errors
    /// If the connection is lost.
    pub fn life(connection: &mut Connection) -> Result<LogLife> {
        const DAY: f64 = 86_400.0;
        if !Self::is_on(connection)? {
            return Ok(LogLife::Off);
        }
        let variables = variables(connection)?;
        let number = |name: &str| {
            let value = variables.iter().find(|variable| variable.name == name).map(|variable| &variable.value);
            value.and_then(|value| value.parse::<f64>().ok()).unwrap_or_default()
        };
        // Days are a fraction on MariaDB.
        let seconds = number("binlog_expire_logs_seconds").max(number("expire_logs_days") * DAY);
        let life = Duration::try_from_secs_f64(seconds).ok().filter(|life| !life.is_zero());
        Ok(life.map_or(LogLife::UntilDeleted, |life| LogLife::Seconds(life.as_secs())))
    }

    /// Whether the server keeps one.
    ///
    /// # Errors
    /// If the connection is lost.
    pub fn is_on(connection: &mut Connection) -> Result<bool> {
        Ok(connection.value("SELECT @@global.log_bin")?.as_deref() == Some("1"))
    }

    /// Looks for the binary log.
    ///
    /// # Errors
    /// If the connection is lost.
    pub fn look(connection: &mut Connection, server: &Server) -> Result<LogFound> {
        if !Self::is_on(connection)? {
            return Ok(LogFound::Off);
        }
        // The clock comes first: everything committed by then is in the log.
        let now = now(connection)?;
        let files = match connection.rows("SHOW BINARY LOGS") {
            Ok(rows) => rows.into_iter().map(texts).filter_map(|row| file(&row)).collect(),
            Err(error) if super::is_lost(&error) => return Err(error),
            Err(error) => return Ok(LogFound::Hidden(engine_core::error::chain(&error))),
        };
        let status = log_status(connection, server)?.unwrap_or_default();
        let filters: Vec<String> =
            status.into_iter().skip(2).take(2).flatten().filter(|text| !text.is_empty()).collect();
        Ok(LogFound::There(BinaryLog { files, variables: variables(connection)?, filters: filters.join("/"), now }))
    }

    /// The value of a variable; empty if the server has none of this name.
    pub fn variable(&self, name: &str) -> &str {
        self.variables.iter().find(|variable| variable.name == name).map_or("", |variable| &variable.value)
    }
}

/// The server's clock: microseconds since 1970.
///
/// # Errors
/// If the connection is lost.
pub fn now(connection: &mut Connection) -> Result<i64> {
    let text = connection.value("SELECT CAST(UNIX_TIMESTAMP(SYSDATE(6)) * 1000000 AS UNSIGNED)")?;
    Ok(text.and_then(|text| text.parse().ok()).unwrap_or_default())
}

/// Name and size, as `SHOW BINARY LOGS` has them.
fn file(row: &[Option<String>]) -> Option<ServerLogFile> {
    match row {
        [Some(name), Some(size), ..] => Some(ServerLogFile { name: name.clone(), size: size.parse().ok()? }),
        _ => None,
    }
}

fn variables(connection: &mut Connection) -> Result<Vec<Variable>> {
    let names: Vec<String> = VARIABLES.iter().map(|name| quote_text(name)).collect();
    let sql = format!("SHOW GLOBAL VARIABLES WHERE Variable_name IN ({})", names.join(", "));
    let rows = connection.rows(&sql)?.into_iter().map(texts);
    let variable = |row: Vec<Option<String>>| match &row[..] {
        [Some(name), value, ..] => {
            Some(Variable { name: name.to_lowercase(), value: value.clone().unwrap_or_default() })
        }
        _ => None,
    };
    let mut variables: Vec<Variable> = rows.filter_map(variable).collect();
    variables.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(variables)
}

/// Keeps other readers with this name away from the server's log for as long as `connection` lives; returns whether it
/// could.
///
/// # Errors
/// If the connection is lost.
pub fn claim_reader(connection: &mut Connection, name: &str) -> Result<bool> {
    let claimed = connection.value(&format!("SELECT GET_LOCK({}, 0)", quote_text(name)));
    claimed
        .map(|got| got.as_deref() == Some("1"))
        .map_err(|e: Error| e.context("cannot tell whether another run reads the log"))
}

/// The changes that the server omits from its log, in words; `None` if the log is complete.
///
/// # Errors
/// If the connection is lost.
pub fn leaves_out(connection: &mut Connection, server: &Server, log: &BinaryLog) -> Result<Option<String>> {
    if !log.filters.is_empty() {
        return Ok(Some(format!(
            "the server's settings omit changes from its log (binlog_do_db, binlog_ignore_db: {})",
            log.filters
        )));
    }
    let is_all = logs_all(connection, server)?;
    Ok((!is_all && is_replica(connection, server)?).then(|| {
        "changes that the server receives as a replica are not in its log (log_slave_updates, log_replica_updates)"
            .to_owned()
    }))
}

/// Whether the server receives changes from another one, as far as it says so.
fn is_replica(connection: &mut Connection, server: &Server) -> Result<bool> {
    let sql = if server.is_mysql_from((8, 0, 22)) { "SHOW REPLICA STATUS" } else { "SHOW SLAVE STATUS" };
    match connection.rows(sql) {
        Ok(rows) => Ok(!rows.is_empty()),
        Err(error) if super::is_lost(&error) => Err(error),
        Err(_) => Ok(false),
    }
}
