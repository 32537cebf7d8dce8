//! The record of a server, and of the moment that a snapshot shows of it.

use minicbor::{Decode, Encode};

use crate::error::{FormatError, Result};

pub(super) const WHAT: &str = "server record";

/// The program that the server is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Encode, Decode)]
#[cbor(index_only)]
pub enum Flavour {
    /// MySQL and Percona Server.
    #[n(1)]
    MySql,
    /// MariaDB.
    #[n(2)]
    MariaDb,
}

/// A server, and the moment that a snapshot shows of it.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct ServerRecord {
    /// The program.
    #[n(0)]
    pub flavour: Flavour,
    /// The result of `VERSION()`.
    #[n(1)]
    pub version: String,
    /// Identifies the server: `@@server_uuid`, or its replacement on servers without it.
    #[n(2)]
    pub identity: String,
    /// The server's name for its machine.
    #[n(3)]
    pub hostname: String,
    /// When it was started, in seconds since 1970 by its own clock.
    #[n(4)]
    pub started: i64,
    /// Its clock minus that of the backup's machine, in milliseconds.
    #[n(5)]
    pub clock_ahead: i64,
    /// `@@global.time_zone` and `@@system_time_zone`, with a slash between.
    #[n(6)]
    pub time_zone: String,
    /// Global variables that change what definitions and data mean, in order of their names.
    #[n(7)]
    pub variables: Vec<Variable>,
    /// The binary log at the moment; absent when the server writes none.
    #[n(8)]
    pub binlog: Option<Binlog>,
    /// The moment that the tables show.
    #[n(9)]
    pub moment: Moment,
    /// Tables that were not read because they had not changed, and when they were last really read.
    #[n(10)]
    pub carried: Vec<CarriedTable>,
    /// Tables that do not show the moment but a later time.
    #[n(11)]
    pub late: Vec<LateTable>,
    /// Tables and other objects that are missing.
    #[n(12)]
    pub left_out: Vec<LeftOut>,
    /// Facts that a profile found out about the application.
    #[n(13)]
    pub profile: Option<ProfileRecord>,
    /// How many statements had altered, renamed or flushed tables before the moment.
    #[n(14)]
    pub alterations: Option<Alterations>,
    /// Tables of which only the rows were read that the binary log names.
    #[n(15)]
    pub in_part: Option<Vec<PartlyReadTable>>,
}

/// A table of which only changed rows were read.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct PartlyReadTable {
    /// Name of its schema.
    #[n(0)]
    pub schema: String,
    /// Name, as the server has it.
    #[n(1)]
    pub table: String,
    /// When it was last read whole: seconds since 1970 by the server's clock.
    #[n(2)]
    pub read: i64,
    /// How many of its rows were read.
    #[n(3)]
    pub rows: u64,
}

/// A server's count of statements that may have put another table in the place of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Alterations {
    /// How many there were.
    #[n(0)]
    pub count: u64,
    /// Since when it counts, in seconds since 1970 by its own clock.
    #[n(1)]
    pub since: i64,
}

/// A variable of a server.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Variable {
    /// Name, as the server has it.
    #[n(0)]
    pub name: String,
    /// Value, as text.
    #[n(1)]
    pub value: String,
}

/// Where the binary log stood.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Binlog {
    /// Name of the file.
    #[n(0)]
    pub file: String,
    /// Position in the file, bytes.
    #[n(1)]
    pub position: u64,
    /// The position as GTIDs, if the server has them.
    #[n(2)]
    pub gtid: String,
    /// `@@binlog_format`: ROW, STATEMENT or MIXED.
    #[n(3)]
    pub format: String,
    /// `@@binlog_row_image`: FULL, MINIMAL or NOBLOB.
    #[n(4)]
    pub row_image: String,
    /// Filters of the log: `binlog_do_db` and `binlog_ignore_db`.
    #[n(5)]
    pub filters: String,
}

/// The moment that all tables show, unless they are late.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Moment {
    /// Seconds since 1970 by the server's clock.
    #[n(0)]
    pub seconds: i64,
    /// Microseconds of that time, below 1,000,000.
    #[n(1)]
    pub microseconds: u32,
    /// How many tries it took.
    #[n(2)]
    pub attempts: u32,
    /// How: `snapshots`, `one snapshot`, `backup stages`, `table locks`; formerly also `global read lock`.
    #[n(3)]
    pub method: String,
    /// Milliseconds for which commits were held up.
    #[n(4)]
    pub commits_blocked: u64,
    /// Milliseconds for which tables were locked, the longest of all.
    #[n(5)]
    pub tables_locked: u64,
    /// Milliseconds that somebody was seen to wait for our locks, at most.
    #[n(6)]
    pub longest_wait: u64,
}

/// A table that was carried over from the parent snapshot.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct CarriedTable {
    /// Name of its schema.
    #[n(0)]
    pub schema: String,
    /// Name, as the server has it.
    #[n(1)]
    pub table: String,
    /// When it was last really read: seconds since 1970 by the server's clock.
    #[n(2)]
    pub read: i64,
}

/// A table that shows another time than the moment.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct LateTable {
    /// Name of its schema.
    #[n(0)]
    pub schema: String,
    /// Name, as the server has it.
    #[n(1)]
    pub table: String,
    /// When reading it ended: seconds since 1970 by the server's clock.
    #[n(2)]
    pub read: i64,
    /// The reason, in words.
    #[n(3)]
    pub why: String,
    /// The place in the binary log before it was read.
    #[n(4)]
    pub before: Option<BinlogPlace>,
    /// The place in the binary log after it was read.
    #[n(5)]
    pub after: Option<BinlogPlace>,
}

/// A place in the binary log.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct BinlogPlace {
    /// Name of the file.
    #[n(0)]
    pub file: String,
    /// Position in the file, bytes.
    #[n(1)]
    pub position: u64,
}

/// Something that is not in the snapshot though it should be.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct LeftOut {
    /// Name of its schema.
    #[n(0)]
    pub schema: String,
    /// Name, as the server has it.
    #[n(1)]
    pub name: String,
    /// Its kind: `table`, `view`, ….
    #[n(2)]
    pub what: String,
    /// The reason, in words.
    #[n(3)]
    pub why: String,
}

/// Facts that a profile found out about the application of the database.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct ProfileRecord {
    /// Name of the profile.
    #[n(0)]
    pub name: String,
    /// Settings of the application that say how to use the snapshot.
    #[n(1)]
    pub settings: Vec<Variable>,
}

impl ServerRecord {
    pub(super) fn check(&self) -> Result<()> {
        if self.moment.microseconds < 1_000_000 {
            Ok(())
        } else {
            Err(FormatError::invalid(WHAT, "its moment has too many microseconds"))
        }
    }
}
