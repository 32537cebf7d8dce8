//! Records of a database in a snapshot: the server and the moment, schemas, tables (FORMAT.md, section 11.1).
//!
//! A database is a directory of the snapshot like any other, so all that reads trees reads it. The records are files in it:
//!
//! ```text
//! database/                      a root of kind 4
//!   .server                      ServerRecord
//!   .accounts                    AccountsRecord, when they were asked for
//!   <schema>/.schema             SchemaRecord: its definition, views, routines, triggers, events, sequences
//!   <schema>/<table>/.table      TableRecord
//!   <schema>/<table>/rows        the rows, as a segment list
//! ```

use minicbor::{Decode, Encode};

use crate::cbor::{self, ByteString};
use crate::error::Result;
use crate::limits;

/// Name of the file that holds a [`ServerRecord`].
pub const SERVER_FILE: &[u8] = b".server";
/// Name of the file that holds an [`AccountsRecord`].
pub const ACCOUNTS_FILE: &[u8] = b".accounts";
/// Name of the file that holds a [`SchemaRecord`].
pub const SCHEMA_FILE: &[u8] = b".schema";
/// Name of the file that holds a [`TableRecord`].
pub const TABLE_FILE: &[u8] = b".table";
/// Name of the file that holds the rows of a table.
pub const ROWS_FILE: &[u8] = b"rows";

/// Encoding of rows that this version writes: see [`TableRecord::encoding`].
pub const ROW_ENCODING: u32 = 1;

/// Which program the server is.
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
    /// Which program.
    #[n(0)]
    pub flavour: Flavour,
    /// What `VERSION()` says.
    #[n(1)]
    pub version: String,
    /// What tells this server from others: `@@server_uuid`, or what there is in its place.
    #[n(2)]
    pub identity: String,
    /// What it calls its machine.
    #[n(3)]
    pub hostname: String,
    /// When it was started, in seconds since 1970 by its own clock.
    #[n(4)]
    pub started: i64,
    /// Its clock minus that of the backup's machine, in milliseconds.
    #[n(5)]
    pub clock_ahead: i64,
    /// What `@@global.time_zone` and `@@system_time_zone` say, with a slash between.
    #[n(6)]
    pub time_zone: String,
    /// Global variables that change what definitions and data mean, in order of their names.
    #[n(7)]
    pub variables: Vec<Variable>,
    /// The binary log at the moment; absent when the server writes none.
    #[n(8)]
    pub binlog: Option<Binlog>,
    /// The moment.
    #[n(9)]
    pub moment: Moment,
    /// Tables that were not read because they had not changed, and when they were last really read.
    #[n(10)]
    pub carried: Vec<CarriedTable>,
    /// Tables that do not show the moment but a later time.
    #[n(11)]
    pub late: Vec<LateTable>,
    /// Tables and other objects that should be here and are not.
    #[n(12)]
    pub left_out: Vec<LeftOut>,
    /// What a profile has found out about the application.
    #[n(13)]
    pub profile: Option<ProfileRecord>,
}

/// A variable of a server.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Variable {
    /// Its name.
    #[n(0)]
    pub name: String,
    /// Its value.
    #[n(1)]
    pub value: String,
}

/// Where the binary log stood.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Binlog {
    /// The file.
    #[n(0)]
    pub file: String,
    /// The position in it.
    #[n(1)]
    pub position: u64,
    /// The position as GTIDs, if the server has them.
    #[n(2)]
    pub gtid: String,
    /// `@@binlog_format`.
    #[n(3)]
    pub format: String,
    /// `@@binlog_row_image`.
    #[n(4)]
    pub row_image: String,
    /// What the log leaves out: `binlog_do_db` and `binlog_ignore_db`.
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
    /// And microseconds.
    #[n(1)]
    pub microseconds: u32,
    /// How many tries it took.
    #[n(2)]
    pub attempts: u32,
    /// By which means: `snapshots`, `backup stages`, `global read lock`.
    #[n(3)]
    pub method: String,
    /// Milliseconds for which commits were held up.
    #[n(4)]
    pub commits_blocked: u64,
    /// Milliseconds for which tables were locked, the longest of all.
    #[n(5)]
    pub tables_locked: u64,
    /// Milliseconds of the longest wait for our locks that was seen.
    #[n(6)]
    pub longest_wait: u64,
}

/// A table that was carried over from the parent snapshot.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct CarriedTable {
    /// Its schema.
    #[n(0)]
    pub schema: String,
    /// Its name.
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
    /// Its schema.
    #[n(0)]
    pub schema: String,
    /// Its name.
    #[n(1)]
    pub table: String,
    /// When reading it ended: seconds since 1970 by the server's clock.
    #[n(2)]
    pub read: i64,
    /// Why.
    #[n(3)]
    pub why: String,
}

/// Something that is not in the snapshot though it should be.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct LeftOut {
    /// Its schema.
    #[n(0)]
    pub schema: String,
    /// Its name.
    #[n(1)]
    pub name: String,
    /// What it is: `table`, `view`, ….
    #[n(2)]
    pub what: String,
    /// Why.
    #[n(3)]
    pub why: String,
}

/// What a profile found out about the application that the database belongs to.
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

/// A schema, and everything in it but its tables.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct SchemaRecord {
    /// Its name.
    #[n(0)]
    pub name: String,
    /// Its default character set.
    #[n(1)]
    pub character_set: String,
    /// Its default collation.
    #[n(2)]
    pub collation: String,
    /// Sequences, views, routines, triggers, events: by kind, then name; triggers in the order in which they must be made.
    #[n(3)]
    pub objects: Vec<SchemaObject>,
}

/// What an object of a schema is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
#[cbor(index_only)]
pub enum ObjectType {
    /// A sequence (MariaDB).
    #[n(1)]
    Sequence,
    /// A view.
    #[n(2)]
    View,
    /// A stored function.
    #[n(3)]
    Function,
    /// A stored procedure.
    #[n(4)]
    Procedure,
    /// A package (MariaDB, sql_mode=ORACLE).
    #[n(5)]
    Package,
    /// The body of a package.
    #[n(6)]
    PackageBody,
    /// A trigger.
    #[n(7)]
    Trigger,
    /// A scheduled event.
    #[n(8)]
    Event,
}

/// A sequence, view, routine, trigger or event.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct SchemaObject {
    /// What it is.
    #[n(0)]
    pub kind: ObjectType,
    /// Its name.
    #[n(1)]
    pub name: String,
    /// The statement that makes it, without naming its schema where SHOW CREATE leaves it out.
    #[n(2)]
    pub create: ByteString,
    /// The session's `sql_mode` it was made under; absent for views and sequences.
    #[n(3)]
    pub sql_mode: Option<String>,
    /// `character_set_client` it was made under.
    #[n(4)]
    pub client_character_set: Option<String>,
    /// `collation_connection` it was made under.
    #[n(5)]
    pub connection_collation: Option<String>,
    /// The default collation of its schema then.
    #[n(6)]
    pub database_collation: Option<String>,
    /// `user@host` it runs as.
    #[n(7)]
    pub definer: Option<String>,
    /// Time zone of an event.
    #[n(8)]
    pub time_zone: Option<String>,
    /// Table of a trigger.
    #[n(9)]
    pub table: Option<String>,
    /// Of a sequence: the next value that was not handed out.
    #[n(10)]
    pub next_value: Option<i64>,
    /// Of a sequence: how often it began anew.
    #[n(11)]
    pub cycles: Option<i64>,
    /// Of an event: ENABLED, DISABLED, or disabled on this server.
    #[n(12)]
    pub status: Option<String>,
    /// Names of columns of a view, for a table that stands in its place while others are made.
    #[n(13)]
    pub columns: Option<Vec<String>>,
}

/// Users, roles and what they may do: statements in the order in which they must be run.
#[derive(Debug, Clone, PartialEq, Eq, Default, Encode, Decode)]
#[cbor(map)]
pub struct AccountsRecord {
    /// Each user or role.
    #[n(0)]
    pub accounts: Vec<Account>,
}

/// A user or role.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Account {
    /// `'user'@'host'`, or the name of a role.
    #[n(0)]
    pub name: String,
    /// The statement that makes it.
    #[n(1)]
    pub create: String,
    /// The statements that say what it may do.
    #[n(2)]
    pub grants: Vec<String>,
}

/// A table.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct TableRecord {
    /// Its name.
    #[n(0)]
    pub name: String,
    /// What SHOW CREATE TABLE says.
    #[n(1)]
    pub create: ByteString,
    /// Its engine.
    #[n(2)]
    pub engine: String,
    /// All columns that are stored, in their order, and those that are not because they are generated.
    #[n(3)]
    pub columns: Vec<Column>,
    /// Places in `columns` of the key by which rows are ordered; empty: there is none.
    #[n(4)]
    pub key: Vec<u32>,
    /// How rows are ordered.
    #[n(5)]
    pub order: RowOrder,
    /// How rows are encoded: [`ROW_ENCODING`].
    #[n(6)]
    pub encoding: u32,
    /// Whether it keeps history (`WITH SYSTEM VERSIONING`), which is among the rows.
    #[n(7)]
    pub versioned: Option<bool>,
    /// Of an engine without transactions: when the server last changed it, in seconds since 1970 by the server's clock.
    #[n(8)]
    pub changed: Option<i64>,
}

/// The order of rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Encode, Decode)]
#[cbor(index_only)]
pub enum RowOrder {
    /// By the key, a single integer column, as numbers.
    #[n(1)]
    Integer,
    /// By the bytes of the encoded key.
    #[n(2)]
    KeyBytes,
    /// By the bytes of the encoded row; there is no key.
    #[n(3)]
    RowBytes,
}

/// A column.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Column {
    /// Its name.
    #[n(0)]
    pub name: String,
    /// Its type as COLUMN_TYPE says it.
    #[n(1)]
    pub column_type: String,
    /// How its values are encoded.
    #[n(2)]
    pub encoding: ValueEncoding,
    /// Its character set, if it has one.
    #[n(3)]
    pub character_set: Option<String>,
    /// The expression that was selected, if it is not the column itself.
    #[n(4)]
    pub select: Option<String>,
    /// The expression that stores the value `@v`, if it is not stored as it is.
    #[n(5)]
    pub load: Option<String>,
    /// It is generated, and has no values among the rows.
    #[n(6)]
    pub generated: Option<bool>,
    /// It counts up by itself.
    #[n(7)]
    pub auto_increment: Option<bool>,
}

/// How a value becomes text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Encode, Decode)]
#[cbor(index_only)]
pub enum ValueEncoding {
    /// An integer in decimal; also ENUM and SET, by their numbers.
    #[n(1)]
    Integer,
    /// FLOAT: the shortest decimal that a double of the same value reads as.
    #[n(2)]
    Float,
    /// DOUBLE: the shortest decimal that reads as the same value.
    #[n(3)]
    Double,
    /// DECIMAL: as the server writes it.
    #[n(4)]
    Decimal,
    /// The bytes as the server stores them: texts in the column's own character set.
    #[n(5)]
    Bytes,
    /// `YYYY-MM-DD`.
    #[n(6)]
    Date,
    /// `YYYY-MM-DD hh:mm:ss`, with as many digits of a fraction as the column has; TIMESTAMP in UTC.
    #[n(7)]
    DateTime,
    /// `[-]hhh:mm:ss`, likewise.
    #[n(8)]
    Time,
    /// `YYYY`.
    #[n(9)]
    Year,
}

macro_rules! record {
    ($type:ty, $what:literal) => {
        impl $type {
            /// Encodes the record.
            ///
            /// # Errors
            /// [`crate::FormatError::Limit`] if it is too large.
            pub fn encode(&self) -> Result<Vec<u8>> {
                cbor::encode_within($what, limits::DATABASE_RECORD, self)
            }

            /// Decodes the record.
            ///
            /// # Errors
            /// See [`crate::FormatError`].
            pub fn decode(bytes: &[u8]) -> Result<Self> {
                cbor::decode_within($what, limits::DATABASE_RECORD, bytes)
            }
        }
    };
}

record!(ServerRecord, "server record");
record!(AccountsRecord, "accounts record");
record!(SchemaRecord, "schema record");
record!(TableRecord, "table record");

impl TableRecord {
    /// The columns that have values among the rows, in the order of those values.
    pub fn stored(&self) -> impl Iterator<Item = &Column> {
        self.columns.iter().filter(|column| column.generated != Some(true))
    }
}

/// The name of a schema or table as a name in a directory: `%`, `/`, control characters and a `.` at its beginning become `%XX`.
pub fn escape_name(name: &str) -> Vec<u8> {
    let mut escaped = Vec::with_capacity(name.len());
    for (at, byte) in name.bytes().enumerate() {
        let special = byte == b'%' || byte == b'/' || byte < 0x20 || byte == 0x7f || at == 0 && byte == b'.';
        match special {
            true => escaped.extend(format!("%{byte:02X}").bytes()),
            false => escaped.push(byte),
        }
    }
    escaped
}

/// The name that [`escape_name`] has written like this; `None` if it writes none like this.
pub fn unescape_name(escaped: &[u8]) -> Option<String> {
    let mut bytes = Vec::with_capacity(escaped.len());
    let mut rest = escaped;
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        match first {
            b'%' => {
                let (digits, after) = after.split_first_chunk::<2>()?;
                bytes.push(u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?);
                rest = after;
            }
            _ => bytes.push(*first),
        }
    }
    // Each name has one form only.
    String::from_utf8(bytes).ok().filter(|name| escape_name(name) == escaped)
}
