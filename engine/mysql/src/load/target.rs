//! The facts about the target server that matter for a load.

use std::sync::atomic::{AtomicBool, Ordering};

use super::rows::Method;
use crate::database::{Connection, Server};
use crate::dialect::{Collations, END_2038, TableTarget};
use engine_core::error::Result;

/// Asks for the last moment of 32 bits, in UTC as all sessions are; NULL where TIMESTAMP ends before.
const END_OF_TIME: &str = "SELECT FROM_UNIXTIME(4294967295.999999)";

/// The server that is loaded into.
pub struct Target {
    /// Which program and version.
    pub server: Server,
    /// Its identity among all servers.
    pub identity: String,
    /// It takes names that differ only in case for the same.
    pub folds_names: bool,
    /// Several connections may load into one table that has a counting column.
    pub shares_counters: bool,
    /// The last moment of its TIMESTAMP; a period that ends then has not ended.
    pub end_of_time: String,
    /// The collations it knows.
    pub collations: Collations,
    /// The row format of InnoDB tables whose definition names none, if it is not the usual one.
    pub row_format: Option<String>,
    /// Each TIMESTAMP that is not NULL gets a default, and the first one follows every change of its row.
    pub fills_times: bool,
    /// It tells -0 from 0 in FLOAT and DOUBLE.
    pub keeps_signed_zeros: bool,
    allows_local: AtomicBool,
}

impl Target {
    /// Asks the server.
    ///
    /// # Errors
    /// If it does not answer.
    pub fn read(connection: &mut Connection) -> Result<Self> {
        let is = |value: Option<String>, wanted: &[&str]| value.is_some_and(|v| wanted.contains(&v.as_str()));
        let server = Server::detect(connection)?;
        // MySQL computes with later moments than a TIMESTAMP of its tables holds.
        let asked = if server.is_mariadb() { connection.value(END_OF_TIME)? } else { None };
        let end_of_time = asked.unwrap_or_else(|| END_2038.to_owned());
        Ok(Target {
            identity: server.identity(connection)?,
            fills_times: server.fills_times()
                && is(connection.variable("explicit_defaults_for_timestamp")?, &["OFF", "0"]),
            server,
            folds_names: is(connection.variable("lower_case_table_names")?, &["1", "2"]),
            // Elsewhere LOAD DATA holds the counter of the table until it ends, and they would wait for each other.
            shares_counters: is(connection.variable("innodb_autoinc_lock_mode")?, &["2"]),
            end_of_time,
            collations: Collations::read(connection)?,
            keeps_signed_zeros: connection.value("SELECT -0e0")?.is_some_and(|zero| zero.starts_with('-')),
            row_format: connection.variable("innodb_default_row_format")?.filter(|format| format != "dynamic"),
            allows_local: AtomicBool::new(is(connection.variable("local_infile")?, &["ON", "1"])),
        })
    }

    /// As far as tables depend on it.
    pub fn of_tables(&self) -> TableTarget<'_> {
        let Target { server, collations, end_of_time, fills_times, .. } = self;
        TableTarget { server, collations, end_of_time, fills_times: *fills_times }
    }

    /// By which statements rows are stored.
    pub fn method(&self) -> Method {
        if self.allows_local.load(Ordering::Relaxed) { Method::Load } else { Method::Insert }
    }

    /// The server has refused LOAD DATA LOCAL, whatever it says of itself.
    pub fn refuse_local(&self) {
        self.allows_local.store(false, Ordering::Relaxed);
    }

    /// Whether two names are the same to the server.
    pub fn is_same_name(&self, a: &str, b: &str) -> bool {
        a == b || self.folds_names && a.to_lowercase() == b.to_lowercase()
    }
}
