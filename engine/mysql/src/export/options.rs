//! Options and outcome of an export.

use engine_core::error::{Error, ErrorKind, Result};
use repo_format::database::{LeftOut, unescape_name};

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

impl ExportOptions {
    /// Exports the thing at `path` in a snapshot: a database, a schema or a table.
    ///
    /// # Errors
    /// [`ErrorKind::Damaged`] if a name in it is not escaped as it should be.
    pub fn of_path(path: &[u8]) -> Result<Self> {
        let mut names = path.split(|byte| *byte == b'/');
        let database = names.next().map(<[u8]>::to_vec);
        let mut name = || names.next().map(|name| unescape_name(name).ok_or_else(|| unnamed(path))).transpose();
        let (schemas, tables) = match (name()?, name()?) {
            (Some(schema), Some(table)) => (Vec::new(), vec![TableName { schema, table }]),
            (Some(schema), None) => (vec![schema], Vec::new()),
            (None, _) => Default::default(),
        };
        Ok(ExportOptions { database, schemas, tables, target: None })
    }
}

fn unnamed(path: &[u8]) -> Error {
    Error::new(ErrorKind::Damaged, format!("`{}` is no path in a database", path.escape_ascii()))
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
