//! The source of a load: the schemas and tables of a snapshot's database, and the parts that could not be read.

use repo_format::database::{AccountsRecord, SchemaRecord, ServerRecord, TableRecord};

use super::options::LoadOptions;
use engine_core::error::{Error, ErrorKind, Result};
use engine_core::pack::ChunkReader;
use engine_core::snapshots::Snapshot;
use engine_core::snapshots::saved::{Database, SavedTable, read_segment};
use engine_core::tree::{SegmentItem, SegmentIter, SegmentsAhead};

/// A schema that can be loaded.
pub struct SourceSchema {
    /// Its record.
    pub record: SchemaRecord,
    /// Its tables that are wanted.
    pub tables: Vec<SourceTable>,
    /// Tables whose records are lost.
    pub lost: Vec<(String, Error)>,
}

/// A table that can be loaded.
pub struct SourceTable {
    /// Its record.
    pub record: TableRecord,
    /// Bytes of its rows as they are encoded.
    pub bytes: u64,
    saved: SavedTable,
}

/// The database of a snapshot.
pub struct Source<'r> {
    reader: &'r ChunkReader<'r>,
    database: Database<'r>,
    /// Its schemas that are wanted, in order of their names.
    pub schemas: Vec<SourceSchema>,
}

impl<'r> Source<'r> {
    /// Reads the records of the part of `snapshot` that `options` name.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] if it has no database, schema or table of that name; if a record of a schema cannot be
    /// read.
    pub fn open(reader: &'r ChunkReader<'r>, snapshot: &Snapshot, options: &LoadOptions) -> Result<Self> {
        let database = Database::open(reader, &snapshot.manifest, options.database.as_deref())?;
        let names = database.schema_names()?;
        let chosen = options.schemas.iter().map(|choice| &choice.from);
        for name in chosen.chain(options.tables.iter().map(|choice| &choice.schema)) {
            if !names.contains(name) {
                let message = format!("the snapshot has no schema `{name}`, but {}", names.join(", "));
                return Err(Error::new(ErrorKind::NotFound, message));
            }
        }
        let mut schemas = Vec::new();
        for name in names.iter().filter(|name| is_wanted(name, options)) {
            schemas.push(read_schema(&database, name, options)?);
        }
        Ok(Source { reader, database, schemas })
    }

    /// The server that was saved.
    pub fn server(&self) -> &ServerRecord {
        &self.database.server
    }

    /// The names of all schemas of the database, wanted or not.
    ///
    /// # Errors
    /// If they cannot be listed.
    pub fn schema_names(&self) -> Result<Vec<String>> {
        self.database.schema_names()
    }

    /// Users, roles and grants, if they were saved.
    ///
    /// # Errors
    /// If they cannot be read.
    pub fn accounts(&self) -> Result<Option<AccountsRecord>> {
        self.database.accounts()
    }

    /// The segments of a table, in its order.
    ///
    /// # Errors
    /// [`ErrorKind::Damaged`] if it has none though it has rows.
    pub fn segments(&self, table: &SourceTable) -> Result<SegmentIter<'r>> {
        table.saved.segments(self.reader)
    }

    /// The rows of a segment.
    ///
    /// # Errors
    /// [`ErrorKind::Damaged`] if they are lost, or are not those that the segment says.
    pub fn read(&self, segment: &SegmentItem) -> Result<Vec<u8>> {
        read_segment(self.reader, segment)
    }

    /// As [`Source::segments`], to read the rows of all.
    ///
    /// # Errors
    /// [`ErrorKind::Damaged`] if it has none though it has rows.
    pub fn segments_to_read(&self, table: &SourceTable) -> Result<SegmentsAhead<'r>> {
        self.segments(table).map(|segments| SegmentsAhead::new(self.reader, segments))
    }
}

/// Tables that are named choose their schemas; else schemas that are named; else all are wanted.
fn is_wanted(schema: &str, options: &LoadOptions) -> bool {
    if options.tables.is_empty() {
        options.schemas.is_empty() || options.schemas.iter().any(|choice| choice.from == schema)
    } else {
        options.tables.iter().any(|choice| choice.schema == schema)
    }
}

fn read_schema(database: &Database<'_>, name: &str, options: &LoadOptions) -> Result<SourceSchema> {
    let schema = database.schema(name)?;
    let all = schema.table_names()?;
    let chosen: Vec<&String> =
        options.tables.iter().filter(|choice| choice.schema == name).map(|choice| &choice.table).collect();
    if let Some(missing) = chosen.iter().find(|table| !all.contains(table)) {
        return Err(Error::new(ErrorKind::NotFound, format!("the snapshot has no table `{name}`.`{missing}`")));
    }
    let (mut tables, mut lost) = (Vec::new(), Vec::new());
    for table in all.iter().filter(|table| chosen.is_empty() || chosen.contains(table)) {
        match schema.table(table) {
            Ok(saved) => tables.push(SourceTable { record: saved.record.clone(), bytes: saved.row_bytes(), saved }),
            Err(error) if error.kind() == ErrorKind::Damaged => lost.push((table.clone(), error)),
            Err(error) => return Err(error),
        }
    }
    Ok(SourceSchema { record: schema.record, tables, lost })
}
