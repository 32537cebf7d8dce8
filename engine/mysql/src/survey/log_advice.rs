//! How to switch the binary log of a server on, what it costs, and how to undo that.

use crate::database::{Address, Connection, Server};
use engine_core::error::Result;

/// Bytes of the log for a changed row, as measured with rows of a practice.
const BYTES_A_ROW: u64 = 300;
/// Seconds of a day.
const DAY: u64 = 86_400;
/// Counters of changed rows, of all engines.
const CHANGED_ROWS: [&str; 3] = ["Handler_write", "Handler_update", "Handler_delete"];

/// Advice on the binary log of a server.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct LogAdvice {
    /// The server.
    pub server: Server,
    /// Whether it keeps a log now.
    pub is_on: bool,
    /// Lines for its option file, below `[mysqld]`: each setting, and what it is for.
    pub settings: Vec<LogSetting>,
    /// Expected bytes a day, by the rows that were changed since the server was started; none if it was started today.
    pub bytes_a_day: Option<u64>,
    /// The folder that the log would be in.
    pub folder: String,
}

/// A setting of a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogSetting {
    /// As a line of an option file.
    pub line: String,
    /// The reason.
    pub why: &'static str,
    /// Whether the server has it already.
    pub is_set: bool,
}

/// A setting that is wanted: the variable, its value in an option file, values that mean the same, and the reason.
struct Wanted<'w> {
    variable: &'w str,
    value: &'w str,
    same: &'w [&'w str],
    why: &'static str,
}

/// Asks the server at `address`. It changes nothing.
///
/// # Errors
/// If the server cannot be reached.
pub fn log_advice(address: &Address) -> Result<LogAdvice> {
    let mut connection = Connection::open(address)?;
    let server = Server::detect(&mut connection)?;
    let wanted = wanted(&server);
    let mut settings = Vec::new();
    for Wanted { variable, value, same, why } in wanted {
        let now = connection.variable(variable)?.unwrap_or_default();
        let is_set = now.eq_ignore_ascii_case(value) || same.iter().any(|same| now.eq_ignore_ascii_case(same));
        settings.push(LogSetting { line: format!("{variable} = {value}"), why, is_set });
    }
    Ok(LogAdvice {
        is_on: connection.variable("log_bin")?.is_some_and(|on| on.eq_ignore_ascii_case("ON") || on == "1"),
        bytes_a_day: bytes_a_day(&mut connection)?,
        folder: connection.variable("datadir")?.unwrap_or_default(),
        settings,
        server,
    })
}

fn wanted(server: &Server) -> Vec<Wanted<'static>> {
    let wanted = |variable, value, same, why| Wanted { variable, value, same, why };
    let mut all = vec![
        wanted("log_bin", "binlog", &["ON", "1"][..], "writes the log"),
        wanted("binlog_format", "ROW", &[], "logs rows, so that a restore is exact whatever a statement would do"),
        wanted(
            "binlog_row_image",
            "FULL",
            &[],
            "logs whole rows, so that tables that are read without a lock become exact",
        ),
        wanted("sync_binlog", "1", &[], "keeps the end of the log through a power failure"),
        wanted("max_binlog_size", "100M", &["104857600"], "begins a new file in time"),
        wanted("max_allowed_packet", "64M", &["67108864"], "takes large rows back in a restore"),
    ];
    if server.is_mysql_from((8, 0, 1)) {
        all.push(wanted("binlog_expire_logs_seconds", "259200", &[], "keeps files for three days, then deletes them"));
    } else {
        all.push(wanted("expire_logs_days", "3", &["3.000000"], "keeps files for three days, then deletes them"));
    }
    all
}

/// Changed rows a day, in bytes of the log.
fn bytes_a_day(connection: &mut Connection) -> Result<Option<u64>> {
    let number = |text: Option<String>| text.and_then(|text| text.parse::<u64>().ok()).unwrap_or_default();
    let uptime = number(connection.status("Uptime")?);
    let mut rows: u64 = 0;
    for counter in CHANGED_ROWS {
        rows = rows.saturating_add(number(connection.status(counter)?));
    }
    Ok((uptime >= DAY).then(|| rows.saturating_mul(BYTES_A_ROW) / (uptime / DAY)))
}
