//! Options and outcome of an export.

use repo_format::database::LeftOut;

use crate::database::{Server, TableName};

/// The part of a snapshot to export, and for which server.
#[derive(Debug, Clone, Default)]
pub struct ExportOptions {
    /// Name of the database in the snapshot; not needed if it is the only one.
    pub database: Option<Vec<u8>>,
    /// Whole schemas. Without these and without tables: all.
    pub schemas: Vec<String>,
    /// Single tables: schema and name. Only their triggers are exported with them.
    pub tables: Vec<TableName>,
    /// The server that it is for; if it is not said, one like the source.
    pub target: Option<Server>,
}

/// The outcome of an export.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ExportOutcome {
    /// Schemas.
    pub schemas: u64,
    /// Tables.
    pub tables: u64,
    /// Rows.
    pub rows: u64,
    /// Sequences, views, routines, triggers and events.
    pub objects: u64,
    /// Objects that the snapshot lacks according to its backup, and objects that are missing because the repository is
    /// damaged.
    pub left_out: Vec<LeftOut>,
}
