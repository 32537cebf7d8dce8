//! Fills tables of different engines, and explains why some cannot be made.

use repo_format::database::TableRecord;

use crate::database::{Server, error_code};
use engine_core::error::Error;

/// Below this many bytes of rows building keys later is no faster.
const LATER_KEYS_BYTES: u64 = 512 << 10;

/// How a table's engine is filled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Filling {
    /// Keys are built after the rows, all at once.
    LaterKeys,
    /// Keys that are not unique are switched off meanwhile.
    DisabledKeys,
    /// As it is.
    Plain,
    /// It has no rows of its own: they are in other tables.
    NoRows,
}

impl Filling {
    /// How a table with `bytes` of rows is filled.
    pub fn of(record: &TableRecord, bytes: u64) -> Self {
        let is = |names: &[&str]| names.iter().any(|name| record.engine.eq_ignore_ascii_case(name));
        match () {
            () if is(&["MRG_MyISAM", "MERGE", "BLACKHOLE", "FEDERATED"]) => Filling::NoRows,
            // The keys of a table with history are not changed afterwards.
            () if record.versioned == Some(true) => Filling::Plain,
            () if is(&["InnoDB"]) && bytes >= LATER_KEYS_BYTES => Filling::LaterKeys,
            () if is(&["MyISAM", "Aria"]) => Filling::DisabledKeys,
            () => Filling::Plain,
        }
    }
}

/// Adds advice, if the reason why a table cannot be made is known.
pub fn explained(error: Error, server: &Server) -> Error {
    let advice = match error_code(&error) {
        Some(1273 | 1115) => {
            "the server knows neither its collation or character set nor one that is like it: restore to a newer server"
        }
        Some(1286) => "the server does not have its storage engine: install its plugin",
        Some(1118 | 139) => {
            "a row may be longer than the server allows: set innodb_strict_mode=OFF on it, or a larger innodb_page_size"
        }
        Some(1064) if server.is_mariadb() => {
            "its definition is written for a server of another kind or a newer version"
        }
        Some(1064) => "its definition is written for MariaDB, or for a newer version",
        _ => return error,
    };
    error.context(format!("cannot make the table: {advice}"))
}
