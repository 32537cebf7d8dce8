//! The session that events are replayed in: it has the settings of the session that each statement came from, and is sent only what differs.

use std::collections::HashMap;
use std::fs::File;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::Target;
use super::wire::Wire;
use crate::binlog::event::{Counter, Format, Header, Query, QuerySettings, UserValue, UserVariable};
use crate::database::{Connection, Server, Use, quote_bytes};
use engine_core::error::{Error, ErrorKind, Result};

/// The schema of a statement is not to be used: it makes or drops one.
const SUPPRESS_USE: u16 = 0x8;
/// Settings that BINLOG may leave otherwise than they were.
const SPOILT_BY_ROWS: [&str; 7] = [
    "timestamp",
    "foreign_key_checks",
    "unique_checks",
    "check_constraint_checks",
    "sql_auto_is_null",
    "sql_if_exists",
    "sql_mode",
];
/// Bytes in a statement besides rows.
const BESIDE_ROWS: usize = 64 << 10;
/// The character set of the names that are written here.
const UTF8MB4: &str = "utf8mb4";
/// The first MariaDB that writes and takes these settings.
const SINCE_CHECK_CONSTRAINTS: (u32, u32, u32) = (10, 2, 1);
const SINCE_IF_EXISTS: (u32, u32, u32) = (10, 5, 2);
const SINCE_EXPLICIT_TIMESTAMPS: (u32, u32, u32) = (10, 8, 4);
const SINCE_INSERT_HISTORY: (u32, u32, u32) = (10, 11, 0);
/// Switches of a session, as bits of an event.
const AUTO_IS_NULL: u32 = 1 << 14;
const NO_CONSTRAINTS: u32 = 1 << 15;
const EXPLICIT_TIMESTAMPS: u32 = 1 << 24;
const NO_FOREIGN_KEYS: u32 = 1 << 26;
const NO_UNIQUE_CHECKS: u32 = 1 << 27;
const IF_EXISTS: u32 = 1 << 28;
const INSERT_HISTORY: u32 = 1 << 30;

/// How BINLOG treats rows that are not as they should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RowMode {
    /// They are an error.
    Strict,
    /// A row that is there already is replaced, and one that is missing need not be removed.
    Idempotent,
}

/// A collation, by name: numbers above 2047 mean nothing in a SET.
struct Collation {
    name: String,
    character_set: String,
}

/// A session.
pub(super) struct Session {
    wire: Wire,
    target: Server,
    /// The program and version that wrote the log.
    source: Server,
    /// The settings that it has now, as far as they were set here.
    set: HashMap<&'static str, String>,
    schema: Option<Vec<u8>>,
    format: Option<Vec<u8>>,
    mode: RowMode,
    /// Bytes of a statement, at most.
    packet_max: usize,
    collations: HashMap<u32, Collation>,
}

impl Session {
    /// Connects.
    ///
    /// # Errors
    /// If the server cannot be reached, or refuses a setting.
    pub fn open(target: &Target, source: &Server) -> Result<Self> {
        let mut wire = Wire::open(target, Use::Replay)?;
        let (target, collations) = match wire.connection() {
            Some(connection) => (Server::detect(connection)?, collations(connection)?),
            None => (source.clone(), HashMap::new()),
        };
        let packet_max = wire.value("SELECT @@max_allowed_packet")?.and_then(|text| text.parse().ok());
        Ok(Session {
            wire,
            target,
            source: source.clone(),
            set: HashMap::new(),
            schema: None,
            format: None,
            mode: RowMode::Strict,
            packet_max: packet_max.unwrap_or(usize::MAX),
            collations,
        })
    }

    /// Reads the events that follow as those of `format`.
    ///
    /// # Errors
    /// If the server does not take it.
    pub fn set_format(&mut self, format: &Format) -> Result<()> {
        if self.format.as_ref() == Some(&format.bytes) {
            return Ok(());
        }
        self.binlog(&format.bytes)?;
        if !self.target.is_mariadb() {
            // Otherwise the server waits for the id of the next transaction.
            self.wire.run("SET SESSION gtid_next='AUTOMATIC'")?;
        }
        self.format = Some(format.bytes.clone());
        Ok(())
    }

    /// Bytes of events that a BINLOG can have: four letters stand for three bytes, and the names of tables come before the rows.
    pub fn events_max(&self) -> usize {
        self.packet_max.saturating_sub(BESIDE_ROWS) / 4 * 3
    }

    /// Applies events with rows.
    ///
    /// # Errors
    /// [`ErrorKind::Database`] if a row cannot be applied.
    pub fn rows(&mut self, events: &[u8], mode: RowMode) -> Result<()> {
        self.set_mode(mode)?;
        self.binlog(events)
    }

    fn binlog(&mut self, events: &[u8]) -> Result<()> {
        let mut statement = String::from("BINLOG '");
        STANDARD.encode_string(events, &mut statement);
        statement.push('\'');
        SPOILT_BY_ROWS.iter().for_each(|name| drop(self.set.remove(name)));
        self.wire.run(&statement)
    }

    fn set_mode(&mut self, mode: RowMode) -> Result<()> {
        if self.mode == mode {
            return Ok(());
        }
        let value = match mode {
            RowMode::Strict => "STRICT",
            RowMode::Idempotent => "IDEMPOTENT",
        };
        // MariaDB has it for all sessions only: the server is ours alone.
        let scope = if self.target.is_mariadb() { "GLOBAL slave_exec_mode" } else { "SESSION rbr_exec_mode" };
        self.wire.run(&format!("SET {scope}='{value}'"))?;
        self.mode = mode;
        Ok(())
    }

    /// Runs a statement of ours, which is ASCII and has no quotes.
    ///
    /// # Errors
    /// If the server refuses it.
    pub fn run(&mut self, sql: &str) -> Result<()> {
        self.wire.run(sql)
    }

    /// Runs a statement of ours that names objects.
    ///
    /// # Errors
    /// If the server refuses it.
    pub fn run_with_names(&mut self, sql: &str) -> Result<()> {
        self.use_utf8()?;
        self.wire.run(sql)
    }

    /// Sets the session up as that of `query` was.
    ///
    /// # Errors
    /// If the server does not know a setting, or the schema is not there.
    pub fn become_that_of(&mut self, header: &Header, query: &Query<'_>, settings: &QuerySettings) -> Result<()> {
        let zone = settings.time_zone.as_deref().map(quoted_zone).transpose()?;
        if self.wire.is_rehearsal() {
            return Ok(());
        }
        if header.flags & SUPPRESS_USE == 0 && !query.schema.is_empty() {
            self.use_schema(query.schema)?;
        }
        let mut wanted = self.switches(settings.flags.unwrap_or_default());
        let micros = settings.microseconds.unwrap_or_default();
        wanted.push(("timestamp", format!("{}.{micros:06}", header.timestamp)));
        wanted.push(("pseudo_thread_id", query.thread.to_string()));
        wanted.extend(settings.sql_mode.map(|mode| ("sql_mode", mode.to_string())));
        let (increment, offset) = settings.auto_increment.unwrap_or((1, 1));
        wanted.push(("auto_increment_increment", increment.to_string()));
        wanted.push(("auto_increment_offset", offset.to_string()));
        if let Some([client, connection, server]) = settings.collations {
            wanted.push(("character_set_client", self.collation(client.into())?.character_set.clone()));
            wanted.push(("collation_connection", self.collation(connection.into())?.name.clone()));
            wanted.push(("collation_server", self.collation(server.into())?.name.clone()));
        }
        wanted.extend(zone.map(|zone| ("time_zone", zone)));
        wanted.extend(settings.language.map(|language| ("lc_time_names", language.to_string())));
        wanted.extend(of_mysql(settings));
        if let Some(number) = settings.utf8mb4_collation {
            wanted.push(("default_collation_for_utf8mb4", self.collation(number.into())?.name.clone()));
        }
        if let Some(replaced) = &settings.replaced_collations {
            wanted.push(("character_set_collations", self.replaced(replaced)?));
        }
        let database = match settings.database_collation {
            Some(number) => self.collation(number.into())?.name.clone(),
            None => "DEFAULT".to_owned(),
        };
        if database != "DEFAULT" || self.set.contains_key("collation_database") {
            wanted.push(("collation_database", database));
        }
        self.set(wanted)
    }

    fn switches(&self, flags: u32) -> Vec<(&'static str, String)> {
        let on = |bit: u32| u8::from(flags & bit != 0).to_string();
        let off = |bit: u32| u8::from(flags & bit == 0).to_string();
        let both_from = |since| self.source.is_mariadb_from(since) && self.target.is_mariadb_from(since);
        let mut switches = vec![
            ("foreign_key_checks", off(NO_FOREIGN_KEYS)),
            ("unique_checks", off(NO_UNIQUE_CHECKS)),
            ("sql_auto_is_null", on(AUTO_IS_NULL)),
        ];
        if both_from(SINCE_CHECK_CONSTRAINTS) {
            switches.push(("check_constraint_checks", off(NO_CONSTRAINTS)));
        }
        if both_from(SINCE_IF_EXISTS) {
            switches.push(("sql_if_exists", on(IF_EXISTS)));
        }
        if both_from(SINCE_EXPLICIT_TIMESTAMPS) {
            switches.push(("explicit_defaults_for_timestamp", on(EXPLICIT_TIMESTAMPS)));
        }
        if both_from(SINCE_INSERT_HISTORY) {
            switches.push(("system_versioning_insert_history", on(INSERT_HISTORY)));
        }
        switches
    }

    fn replaced(&self, pairs: &[(u16, u16)]) -> Result<String> {
        let pair = |(from, to): &(u16, u16)| {
            let (of, to) = (self.collation((*from).into())?, self.collation((*to).into())?);
            Ok(format!("{}={}", of.character_set, to.name))
        };
        let pairs: Result<Vec<String>> = pairs.iter().map(pair).collect();
        Ok(format!("'{}'", pairs?.join(",")))
    }

    fn collation(&self, number: u32) -> Result<&Collation> {
        let unknown =
            || Error::new(ErrorKind::Database, format!("the server does not know the collation number {number}"));
        self.collations.get(&number).ok_or_else(unknown)
    }

    fn set(&mut self, wanted: Vec<(&'static str, String)>) -> Result<()> {
        let differs = |(name, value): &(&'static str, String)| self.set.get(name) != Some(value);
        let wanted: Vec<_> = wanted.into_iter().filter(differs).collect();
        if wanted.is_empty() {
            return Ok(());
        }
        let assignments: Vec<String> = wanted.iter().map(|(name, value)| format!("{name}={value}")).collect();
        self.wire.run(&format!("SET SESSION {}", assignments.join(", ")))?;
        self.set.extend(wanted);
        Ok(())
    }

    fn use_schema(&mut self, schema: &[u8]) -> Result<()> {
        if self.schema.as_deref() == Some(schema) {
            return Ok(());
        }
        // Names of schemas are UTF-8 in the log, whatever the client wrote.
        let name = std::str::from_utf8(schema)
            .map_err(|_| Error::new(ErrorKind::Database, "the name of a schema in the log is no UTF-8"))?;
        self.run_with_names(&format!("USE {}", crate::database::quote_name(name)))?;
        // Some settings follow the schema.
        self.set.remove("collation_database");
        self.schema = Some(schema.to_vec());
        Ok(())
    }

    /// The current schema may be gone.
    pub fn forget_schema(&mut self) {
        self.schema = None;
    }

    fn use_utf8(&mut self) -> Result<()> {
        self.set(vec![("character_set_client", UTF8MB4.to_owned())])
    }

    /// Gives the next statement a counter.
    ///
    /// # Errors
    /// If the server refuses.
    pub fn set_counter(&mut self, counter: Counter) -> Result<()> {
        self.wire.run(&match counter {
            Counter::Last(value) => format!("SET LAST_INSERT_ID={value}"),
            Counter::Next(value) => format!("SET INSERT_ID={value}"),
        })
    }

    /// Gives the next statement the seeds of RAND.
    ///
    /// # Errors
    /// If the server refuses.
    pub fn set_seeds(&mut self, (first, second): (u64, u64)) -> Result<()> {
        self.wire.run(&format!("SET SESSION rand_seed1={first}, rand_seed2={second}"))
    }

    /// Sets a user variable.
    ///
    /// # Errors
    /// If the server refuses, or does not know its collation.
    pub fn set_variable(&mut self, variable: &UserVariable) -> Result<()> {
        if self.wire.is_rehearsal() {
            return Ok(());
        }
        let name = std::str::from_utf8(&variable.name)
            .map_err(|_| Error::new(ErrorKind::Database, "the name of a user variable in the log is no UTF-8"))?;
        let value = match &variable.value {
            UserValue::Null => "NULL".to_owned(),
            UserValue::Double(value) => format!("{value:e}"),
            UserValue::Signed(value) => value.to_string(),
            UserValue::Unsigned(value) => value.to_string(),
            UserValue::Decimal(text) => text.clone(),
            UserValue::Text(bytes, number) => {
                let Collation { name, character_set } = self.collation(*number)?;
                format!("_{character_set} {} COLLATE {name}", quote_bytes(bytes))
            }
        };
        self.run_with_names(&format!("SET @{}:={value}", crate::database::quote_name(name)))
    }

    /// Runs a statement of the log.
    ///
    /// # Errors
    /// If the server refuses it.
    pub fn statement(&mut self, text: &[u8]) -> Result<()> {
        self.wire.run_bytes(text)
    }

    /// Runs a statement of the log that loads `file`.
    ///
    /// # Errors
    /// If the server refuses it.
    pub fn load(&mut self, text: &[u8], file: File) -> Result<()> {
        self.wire.load_local_file(text, file)
    }
}

fn of_mysql(settings: &QuerySettings) -> impl Iterator<Item = (&'static str, String)> + use<> {
    let switch = |name, value: Option<bool>| value.map(|is_on| (name, u8::from(is_on).to_string()));
    let all = [
        switch("explicit_defaults_for_timestamp", settings.explicit_timestamps),
        switch("sql_require_primary_key", settings.requires_key),
        switch("default_table_encryption", settings.encrypts),
        switch("enable_cascade_triggers", settings.cascade_triggers),
    ];
    all.into_iter().flatten()
}

/// A time zone as a text. Its letters need no escape.
fn quoted_zone(zone: &str) -> Result<String> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | ':' | '_' | '/');
    match zone.chars().all(is_plain) {
        true => Ok(format!("'{zone}'")),
        false => Err(Error::new(ErrorKind::Database, format!("`{}` is no time zone", zone.escape_debug()))),
    }
}

/// The collations of the server, by number.
fn collations(connection: &mut Connection) -> Result<HashMap<u32, Collation>> {
    const OLD: &str =
        "SELECT ID, COLLATION_NAME, CHARACTER_SET_NAME FROM information_schema.COLLATIONS WHERE ID IS NOT NULL";
    const NEW: &str = "SELECT ID, FULL_COLLATION_NAME, CHARACTER_SET_NAME \
                       FROM information_schema.COLLATION_CHARACTER_SET_APPLICABILITY WHERE ID IS NOT NULL";
    const HAS_NEW: &str = "SELECT COUNT(*) FROM information_schema.COLUMNS WHERE TABLE_SCHEMA='information_schema' \
                           AND TABLE_NAME='COLLATION_CHARACTER_SET_APPLICABILITY' AND COLUMN_NAME='FULL_COLLATION_NAME'";
    let has_new = connection.value(HAS_NEW)?.as_deref() == Some("1");
    let text = |cell: Option<Vec<u8>>| String::from_utf8_lossy(&cell.unwrap_or_default()).into_owned();
    let named = |row: crate::database::Row| {
        let mut cells = row.into_iter().map(text);
        let number = cells.next()?.parse().ok()?;
        Some((number, Collation { name: cells.next()?, character_set: cells.next()? }))
    };
    Ok(connection.rows(if has_new { NEW } else { OLD })?.into_iter().filter_map(named).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_zone_is_nothing_else() {
        assert_eq!(quoted_zone("Europe/Berlin").unwrap(), "'Europe/Berlin'");
        assert_eq!(quoted_zone("+05:30").unwrap(), "'+05:30'");
        assert!(quoted_zone("x', sql_log_bin='1").is_err());
    }
}
