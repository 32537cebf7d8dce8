//! What identifies a server, what changes the meaning of what it says, and its clock.

use repo_format::database::Variable;

use crate::database::{Connection, Server};
use crate::error::{Error, ErrorKind, Result};
use crate::machine;

/// Name of the lock that keeps two backups of one server apart.
const LOCK: &str = "enamel backup";
/// Variables that change what definitions and data mean, or say what the server would need to take them back.
const VARIABLES: &str = "'character_set_server', 'collation_server', 'default_storage_engine', 'event_scheduler', \
    'explicit_defaults_for_timestamp', 'innodb_file_per_table', 'innodb_page_size', 'local_infile', 'log_bin', \
    'lower_case_table_names', 'max_allowed_packet', 'sql_mode'";

/// A server as it is now.
#[derive(Debug, Clone, Default)]
pub(super) struct ServerNow {
    /// What tells it from others.
    pub identity: String,
    /// What it calls its machine.
    pub hostname: String,
    /// When it was started, by its clock.
    pub started: i64,
    /// Its clock: seconds since 1970.
    pub seconds: i64,
    /// Its clock minus ours, in milliseconds.
    pub clock_ahead: i64,
    pub time_zone: String,
    pub variables: Vec<Variable>,
}

impl ServerNow {
    /// Asks.
    ///
    /// # Errors
    /// If the server does not answer.
    pub fn ask(connection: &mut Connection, server: &Server) -> Result<Self> {
        let identity = server.identity(connection)?;
        let mut one = |sql: &str| Ok::<_, Error>(connection.value(sql)?.unwrap_or_default());
        let hostname = one("SELECT @@hostname")?;
        let time_zone = one("SELECT CONCAT(@@global.time_zone, '/', @@system_time_zone)")?;
        let now: f64 = one("SELECT UNIX_TIMESTAMP(SYSDATE())")?.parse().unwrap_or(0.0);
        let ours = machine::now();
        let uptime = connection.first("SHOW GLOBAL STATUS LIKE 'Uptime'")?;
        let uptime = uptime.and_then(|row| row.get(1).cloned().flatten()).and_then(|text| text.parse::<i64>().ok());
        let seconds = whole_seconds(now);
        let variables = connection.rows(&format!("SHOW GLOBAL VARIABLES WHERE Variable_name IN ({VARIABLES})"))?;
        let text = |cell: &Option<Vec<u8>>| String::from_utf8_lossy(cell.as_deref().unwrap_or_default()).into_owned();
        let variables = variables.iter().filter_map(|row| match &row[..] {
            [name, value, ..] => Some(Variable { name: text(name), value: text(value) }),
            _ => None,
        });
        Ok(ServerNow {
            identity,
            hostname,
            started: seconds - uptime.unwrap_or(0),
            seconds,
            clock_ahead: (seconds - ours.seconds) * 1000,
            time_zone,
            variables: variables.collect(),
        })
    }
}

/// A time of a server, which is far from the limits of either type.
#[expect(clippy::cast_possible_truncation, reason = "seconds since 1970 fit many times")]
fn whole_seconds(seconds: f64) -> i64 {
    seconds as i64
}

/// How long another backup is waited for: a server takes a while to notice that one was killed.
const OTHERS_WAIT_SECONDS: u32 = 5;

/// Keeps other backups of the server away for as long as `connection` lives.
///
/// # Errors
/// [`ErrorKind::Fenced`] if another one is running: its session is named.
pub(super) fn keep_others_away(connection: &mut Connection) -> Result<()> {
    if connection.value(&format!("SELECT GET_LOCK('{LOCK}', {OTHERS_WAIT_SECONDS})"))?.as_deref() == Some("1") {
        return Ok(());
    }
    let who = connection.value(&format!("SELECT IS_USED_LOCK('{LOCK}')"))?;
    let who = who.map(|id| format!(" (session {id})")).unwrap_or_default();
    Err(Error::new(ErrorKind::Fenced, format!("another backup of this database server is running{who}")))
}
