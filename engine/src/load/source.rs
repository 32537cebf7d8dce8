//! What is loaded: the schemas of a snapshot, their tables, and the rows in segments.

use repo_format::database::{AccountsRecord, SchemaRecord, ServerRecord, TableRecord};

use crate::error::Result;
use crate::tree::ContentRef;

/// A schema that can be loaded.
#[derive(Debug, Clone)]
pub struct SourceSchema {
    /// Its record.
    pub record: SchemaRecord,
    /// Its tables.
    pub tables: Vec<SourceTable>,
}

/// A table that can be loaded.
#[derive(Debug, Clone)]
pub struct SourceTable {
    /// Its record.
    pub record: TableRecord,
    /// How many rows it has.
    pub rows: u64,
    /// Bytes of these as they are encoded.
    pub bytes: u64,
}

/// Some rows of a table, in its order.
#[derive(Debug, Clone)]
pub struct Segment {
    /// How many rows.
    pub rows: u64,
    /// Bytes of these.
    pub bytes: u64,
    /// BLAKE3 of these bytes.
    pub digest: [u8; 32],
    /// Where they are.
    pub content: ContentRef,
}

/// Segments one after the other.
pub type Segments<'s> = Box<dyn Iterator<Item = Result<Segment>> + Send + 's>;

/// Gives what is loaded. Asked from many threads.
pub trait Source: Sync {
    /// The server that was saved.
    fn server(&self) -> &ServerRecord;

    /// Its schemas.
    fn schemas(&self) -> &[SourceSchema];

    /// Users, roles and grants, if they were saved.
    ///
    /// # Errors
    /// If they cannot be read.
    fn accounts(&self) -> Result<Option<AccountsRecord>>;

    /// The segments of the table `table` of schema `schema`, by their places, in order.
    ///
    /// # Errors
    /// If their list cannot be read.
    fn segments(&self, schema: usize, table: usize) -> Result<Segments<'_>>;

    /// The rows of a segment.
    ///
    /// # Errors
    /// If they cannot be read: [`crate::ErrorKind::Damaged`] if they are lost.
    fn read(&self, segment: &Segment) -> Result<Vec<u8>>;
}
