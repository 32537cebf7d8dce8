//! The record of a schema: everything in it except its tables.

use minicbor::{Decode, Encode};

use crate::cbor::ByteString;

pub(super) const WHAT: &str = "schema record";

/// A schema, and everything in it except its tables.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct SchemaRecord {
    /// Name, as the server has it.
    #[n(0)]
    pub name: String,
    /// Its default character set.
    #[n(1)]
    pub character_set: String,
    /// Its default collation.
    #[n(2)]
    pub collation: String,
    /// Sequences, views, routines, triggers, events: by kind, then name; triggers in the order in which they must be created.
    #[n(3)]
    pub objects: Vec<SchemaObject>,
    /// Its comment (MariaDB), if it has one.
    #[n(4)]
    pub comment: Option<String>,
}

/// The kinds of objects in a schema.
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
    /// A trigger of a table.
    #[n(7)]
    Trigger,
    /// A scheduled event.
    #[n(8)]
    Event,
}

impl ObjectType {
    /// The kind as people and programs read it.
    pub fn name(self) -> &'static str {
        match self {
            ObjectType::Sequence => "sequence",
            ObjectType::View => "view",
            ObjectType::Function => "function",
            ObjectType::Procedure => "procedure",
            ObjectType::Package => "package",
            ObjectType::PackageBody => "package body",
            ObjectType::Trigger => "trigger",
            ObjectType::Event => "event",
        }
    }
}

/// A sequence, view, routine, trigger or event.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct SchemaObject {
    /// Its kind.
    #[n(0)]
    pub kind: ObjectType,
    /// Name, as the server has it.
    #[n(1)]
    pub name: String,
    /// The statement that creates it, without naming its schema where SHOW CREATE leaves it out.
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
    /// The default collation that its schema had then.
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
    /// The next value of a sequence that was not handed out.
    #[n(10)]
    pub next_value: Option<i64>,
    /// How often a sequence started again.
    #[n(11)]
    pub cycles: Option<i64>,
    /// Status of an event: ENABLED, DISABLED, or disabled on this server.
    #[n(12)]
    pub status: Option<String>,
    /// Names of the columns of a view, for a table that takes its place while other views are created.
    #[n(13)]
    pub columns: Option<Vec<String>>,
}
