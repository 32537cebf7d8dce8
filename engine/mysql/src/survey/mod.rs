//! Foresees a backup of a database: the server, its contents, the locks that the backup would take, and the obstacles.
//!
//! It reads only the server's information about itself, and keeps no lock.

mod contents;
mod locks;
mod log_advice;

use repo_format::database::LeftOut;

pub use contents::{EngineSurvey, SchemaSurvey};
pub use locks::LockPlan;
pub use log_advice::{LogAdvice, LogSetting, log_advice};

use crate::database::{
    Address, Connection, MissingRight, Obstacle, Privileges, Purpose, Reach, Server, Weight, list_schemas, list_tables,
    missing, tables_of_unknown_types,
};
use engine_core::error::Result;
use engine_core::machine;

/// The results of a survey.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Survey {
    /// The server and the account.
    pub server: ServerSurvey,
    /// The contents of each schema, sorted by name.
    pub schemas: Vec<SchemaSurvey>,
    /// Tables by engine, the one with the most bytes first.
    pub engines: Vec<EngineSurvey>,
    /// The locks that a backup would take.
    pub locks: LockPlan,
    /// Tables that the server cannot open.
    pub damaged: Vec<LeftOut>,
    /// Tables that a backup leaves out because it does not know the type of a column, and those whose history it leaves out.
    pub unknown: Vec<LeftOut>,
    /// Rights that the account lacks.
    pub missing: Vec<MissingRight>,
    /// Rights that it lacks to read the binary log, if there is one. A backup is complete without them, and keeps no log.
    pub missing_for_log: Vec<MissingRight>,
    /// The obstacles that would make a backup wait.
    pub obstacles: Vec<Obstacle>,
}

/// A server and an account.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ServerSurvey {
    /// The program and version.
    pub server: Server,
    /// Its own name for its machine.
    pub hostname: String,
    /// The account as the server knows it: `user@host`.
    pub account: String,
    /// The version of TLS of the connection; none if it is not encrypted.
    pub tls: Option<String>,
    /// Its clock minus that of this machine, in milliseconds.
    pub clock_ahead: i64,
    /// Its binary log, if it writes one.
    pub binlog: Option<BinlogSurvey>,
}

/// How a server writes its binary log.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct BinlogSurvey {
    /// `binlog_format`.
    pub format: String,
    /// `binlog_row_image`; none if the server has no such variable.
    pub row_image: Option<String>,
}

/// Whether a backup could be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// Everything would be in it.
    Complete,
    /// It could be made, and something would be missing.
    Incomplete,
    /// It could not be made.
    Impossible,
}

impl Survey {
    /// Whether a backup could be made now, by what was found.
    pub fn verdict(&self) -> Verdict {
        let lacks = |weight| self.missing.iter().any(|missing| missing.weight == weight);
        match () {
            () if lacks(Weight::Needed) || self.obstacles.iter().any(Obstacle::blocks) => Verdict::Impossible,
            () if lacks(Weight::Whole) || !self.damaged.is_empty() || !self.unknown.is_empty() => Verdict::Incomplete,
            () => Verdict::Complete,
        }
    }
}

/// Surveys the schemas of the server at `address` that are `wanted`, or all but the server's own if none is named.
///
/// # Errors
/// If the server cannot be reached or refuses, or has no schema of such a name.
pub fn survey(address: &Address, wanted: &[String]) -> Result<Survey> {
    let mut connection = Connection::open(address)?;
    let server = describe(&mut connection)?;
    let names = list_schemas(&mut connection, wanted)?;
    let tables = list_tables(&mut connection, &names)?;
    let schemas = contents::schemas(&mut connection, &names, &tables)?;
    let privileges = Privileges::read(&mut connection, &server.server)?;
    let mut unknown = Vec::new();
    for name in &names {
        unknown.extend(tables_of_unknown_types(&mut connection, &server.server, name, &tables)?);
    }
    unknown.extend(contents::without_history(&mut connection, &server.server, &tables)?);
    let (locks, obstacles) = locks::plan(&mut connection, &server.server, &privileges, &tables)?;
    let reach = Reach::seen(&mut connection, wanted, &names, &tables)?;
    let lacks = |purpose| missing(&privileges, &server.server, purpose, &reach);
    Ok(Survey {
        missing: lacks(Purpose::Backup),
        missing_for_log: server.binlog.iter().flat_map(|_| lacks(Purpose::Watch)).collect(),
        schemas,
        engines: contents::engines(&tables),
        damaged: contents::damaged(&tables),
        unknown,
        locks,
        obstacles,
        server,
    })
}

fn describe(connection: &mut Connection) -> Result<ServerSurvey> {
    let server = Server::detect(connection)?;
    let log_bin = connection.value("SELECT @@log_bin")?;
    let binlog = match log_bin.as_deref() {
        Some("1" | "ON") => Some(BinlogSurvey {
            format: connection.variable("binlog_format")?.unwrap_or_default(),
            row_image: connection.variable("binlog_row_image")?,
        }),
        _ => None,
    };
    Ok(ServerSurvey {
        hostname: connection.value("SELECT @@hostname")?.unwrap_or_default(),
        account: connection.value("SELECT CURRENT_USER()")?.unwrap_or_default(),
        tls: connection.session_status("Ssl_version")?.filter(|version| !version.is_empty()),
        clock_ahead: clock_ahead(connection, &server)?,
        binlog,
        server,
    })
}

/// The server's clock minus this machine's, in milliseconds, as good as the way there and back is even.
fn clock_ahead(connection: &mut Connection, server: &Server) -> Result<i64> {
    // MySQL before 5.6.4 knows whole seconds only.
    let has_fractions = server.is_mariadb() || server.is_mysql_from((5, 6, 4));
    let digits = if has_fractions { "6" } else { "" };
    let before = milliseconds();
    let theirs = connection.value(&format!("SELECT UNIX_TIMESTAMP(SYSDATE({digits}))"))?.unwrap_or_default();
    let ours = i64::midpoint(before, milliseconds());
    let (seconds, fraction) = theirs.split_once('.').unwrap_or((&theirs, ""));
    let milli = format!("{fraction:0<3}").get(..3).and_then(|digits| digits.parse().ok()).unwrap_or(0);
    Ok(seconds.parse::<i64>().map_or(0, |seconds| seconds.saturating_mul(1000) + milli - ours))
}

fn milliseconds() -> i64 {
    let now = machine::now();
    now.seconds.saturating_mul(1000) + i64::from(now.nanoseconds / 1_000_000)
}
