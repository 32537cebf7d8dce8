//! Identifies a server, and records the settings that change the meaning of its answers, and its clock.

use repo_format::database::{Alterations, Variable};

use super::evidence::ServerFacts;
use crate::database::{Connection, Server, texts};
use engine_core::error::{Error, Result};
use engine_core::machine;

/// Variables that change what definitions and data mean, or say what the server would need to take them back, or where
/// it keeps its data.
const VARIABLES: &str = "'block_encryption_mode', 'character_set_server', 'collation_server', 'datadir', 'default_storage_engine', \
    'default_week_format', 'div_precision_increment', 'event_scheduler', 'explicit_defaults_for_timestamp', \
    'innodb_file_per_table', 'innodb_page_size', 'lc_time_names', 'local_infile', 'log_bin', 'lower_case_table_names', \
    'max_allowed_packet', 'sql_mode'";

/// A server as it is now.
#[derive(Debug, Clone, Default)]
pub(super) struct ServerNow {
    /// Its identity among all servers.
    pub identity: String,
    /// Its own name for its machine.
    pub hostname: String,
    /// When it was started, by its clock.
    pub started: i64,
    /// Its clock: seconds since 1970.
    pub seconds: i64,
    /// Its clock minus ours, in milliseconds.
    pub clock_ahead: i64,
    pub time_zone: String,
    pub variables: Vec<Variable>,
    /// How many statements have altered, renamed or flushed tables.
    pub alterations: Option<Alterations>,
    /// Whether the time of a table's file tells each change of it.
    pub keeps_times: bool,
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
        let seconds = seconds_of(&one("SELECT UNIX_TIMESTAMP(SYSDATE())")?).unwrap_or(0);
        let ours = machine::now();
        let uptime = connection.status("Uptime")?.and_then(|text| text.parse::<i64>().ok());
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
            alterations: alterations(connection)?,
            keeps_times: keeps_times(connection)?,
        })
    }

    /// As evidence.
    pub fn facts(&self) -> ServerFacts<'_> {
        ServerFacts {
            identity: &self.identity,
            started: self.started,
            seconds: self.seconds,
            clock_ahead: self.clock_ahead,
            alterations: self.alterations,
        }
    }
}

/// How many statements have altered, renamed or flushed tables by now (files may be exchanged while tables are flushed); none if the server does not say.
///
/// # Errors
/// If the server does not answer.
pub(super) fn alterations(connection: &mut Connection) -> Result<Option<Alterations>> {
    const NAMES: [&str; 4] = ["Com_alter_table", "Com_rename_table", "Com_flush", "Uptime_since_flush_status"];
    let names = NAMES.map(|name| format!("'{name}'")).join(", ");
    let rows = connection.rows(&format!("SHOW GLOBAL STATUS WHERE Variable_name IN ({names})"))?;
    let now = connection.value("SELECT UNIX_TIMESTAMP(SYSDATE())")?.and_then(|text| seconds_of(&text));
    let shown: Vec<Vec<Option<String>>> = rows.into_iter().map(texts).collect();
    let [alter, rename, flush, counting] = NAMES.map(|name| {
        let row = shown.iter().find(|row| row[0].as_deref().is_some_and(|shown| shown.eq_ignore_ascii_case(name)))?;
        row.get(1)?.as_ref()?.parse::<i64>().ok()
    });
    let count =
        [alter, rename, flush].into_iter().try_fold(0, |sum: u64, one| sum.checked_add(u64::try_from(one?).ok()?));
    Ok((|| Some(Alterations { count: count?, since: now?.checked_sub(counting?)? }))())
}

/// Whether the time of a MyISAM table's file tells each change of it: not on Windows, nor if the server writes files as memory, nor if
/// others may write them.
fn keeps_times(connection: &mut Connection) -> Result<bool> {
    const SYSTEMS: [&str; 4] = ["linux", "bsd", "macos", "osx"];
    let rows = connection.rows(
        "SHOW GLOBAL VARIABLES WHERE Variable_name IN ('version_compile_os', 'myisam_use_mmap', 'skip_external_locking')",
    )?;
    let shown: Vec<Vec<Option<String>>> = rows.into_iter().map(texts).collect();
    let value = |name: &str| {
        let row = shown.iter().find(|row| row[0].as_deref() == Some(name));
        row.and_then(|row| row.get(1)?.as_deref()).unwrap_or_default().to_lowercase()
    };
    let system = value("version_compile_os");
    let is_known = SYSTEMS.iter().any(|known| system.contains(known));
    Ok(is_known && value("myisam_use_mmap") == "off" && value("skip_external_locking") == "on")
}

/// Whole seconds of a time that may have a fraction.
fn seconds_of(text: &str) -> Option<i64> {
    text.split('.').next()?.parse().ok()
}
