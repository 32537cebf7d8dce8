//! What is loaded: the schemas of a snapshot, their tables, and the rows in segments.

use repo_format::database::{
    ACCOUNTS_FILE, AccountsRecord, ROW_ENCODING, ROWS_FILE, SCHEMA_FILE, SERVER_FILE, SchemaRecord, ServerRecord,
    TABLE_FILE, TableRecord, escape_name,
};
use repo_format::entry::EntryKind;
use repo_format::id::ChunkId;
use repo_format::limits;
use repo_format::manifest::Root;
use repo_format::pack::ChunkKind;

use crate::error::{Error, ErrorKind, Result};
use crate::pack::ChunkReader;
use crate::snapshots::Snapshot;
use crate::tree::{ContentIter, ContentRef, DirectoryIter, SegmentItem, SegmentIter, TreeEntry, read_file};

/// A segment of a table is no larger, unless a single row is.
const SEGMENT_BYTES_MAX: u64 = 2 << 30;

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
    /// Bytes of its rows as they are encoded.
    pub bytes: u64,
    /// The list of its segments; none if it has no rows.
    segments: Option<ChunkId>,
}

/// A database of a snapshot.
pub struct Source<'r> {
    reader: &'r ChunkReader<'r>,
    root: Option<ChunkId>,
    /// The server that was saved.
    pub server: ServerRecord,
    /// Its schemas that are wanted, in order of their names.
    pub schemas: Vec<SourceSchema>,
}

/// The databases of a snapshot.
pub fn database_roots(snapshot: &Snapshot) -> Vec<&Root> {
    let roots = snapshot.manifest.roots.iter();
    roots.filter(|root| root.kind == repo_format::manifest::ROOT_DATABASE).collect()
}

impl<'r> Source<'r> {
    /// Reads the records of `root`, a database of `snapshot`; of schemas those that `is_wanted` says.
    ///
    /// # Errors
    /// If they cannot be read, or this version does not know how rows are encoded.
    pub fn open(
        reader: &'r ChunkReader<'r>,
        snapshot: &Snapshot,
        root: &Root,
        is_wanted: &dyn Fn(&str) -> bool,
    ) -> Result<Self> {
        let top = DirectoryIter::seek(reader, snapshot.manifest.tree_id(), &root.name.0)?;
        let top = top.ok_or_else(|| Error::new(ErrorKind::Damaged, "the snapshot has no database where it says so"))?;
        let server = record(reader, &top, SERVER_FILE, ServerRecord::decode)?.ok_or_else(|| missing(".server"))?;
        let mut schemas = Vec::new();
        for entry in DirectoryIter::new(reader, top.tree) {
            let entry = entry?;
            if entry.meta.kind == EntryKind::Directory {
                schemas.extend(read_schema(reader, &entry, is_wanted)?);
            }
        }
        Ok(Source { reader, root: top.tree, server, schemas })
    }

    /// Users, roles and grants, if they were saved.
    ///
    /// # Errors
    /// If they cannot be read.
    pub fn accounts(&self) -> Result<Option<AccountsRecord>> {
        let Some(entry) = DirectoryIter::seek(self.reader, self.root, ACCOUNTS_FILE)? else { return Ok(None) };
        let bytes = read_file(self.reader, &entry, limits::DATABASE_RECORD)?;
        AccountsRecord::decode(&bytes).map(Some).map_err(|e| Error::damaged("the accounts of the snapshot", e))
    }

    /// The segments of a table, in its order.
    pub fn segments(&self, table: &SourceTable) -> Option<SegmentIter<'r>> {
        table.segments.map(|id| SegmentIter::new(self.reader, id, table.bytes))
    }

    /// The rows of a segment.
    ///
    /// # Errors
    /// [`ErrorKind::Damaged`] if they are lost, or are not those that the segment says.
    pub fn read(&self, segment: &SegmentItem) -> Result<Vec<u8>> {
        let is_other = |what: &str| Error::new(ErrorKind::Damaged, format!("a segment of rows {what}"));
        let len = usize::try_from(segment.len).ok().filter(|_| segment.len <= SEGMENT_BYTES_MAX);
        let len = len.ok_or_else(|| is_other("is larger than any row can be"))?;
        let mut bytes = Vec::new();
        for item in ContentIter::new(self.reader, &segment.content, segment.len) {
            let chunk = self.reader.read(ChunkKind::Data, &item?.id)?;
            if bytes.len() + chunk.len() > len {
                return Err(is_other("is longer than it says"));
            }
            bytes.extend_from_slice(&chunk);
        }
        match bytes.len() == len && blake3::hash(&bytes).as_bytes() == &segment.digest.0 {
            true => Ok(bytes),
            false => Err(is_other("is not what its digest says")),
        }
    }
}

fn read_schema(
    reader: &ChunkReader<'_>,
    directory: &TreeEntry,
    is_wanted: &dyn Fn(&str) -> bool,
) -> Result<Option<SourceSchema>> {
    let Some(record) = record(reader, directory, SCHEMA_FILE, SchemaRecord::decode)? else { return Ok(None) };
    if escape_name(&record.name) != directory.name() {
        return Err(Error::new(ErrorKind::Damaged, format!("schema {} stands under another name", record.name)));
    }
    if !is_wanted(&record.name) {
        return Ok(None);
    }
    let mut tables = Vec::new();
    for entry in DirectoryIter::new(reader, directory.tree) {
        let entry = entry?;
        if entry.meta.kind == EntryKind::Directory {
            tables.extend(read_table(reader, &record.name, &entry)?);
        }
    }
    Ok(Some(SourceSchema { record, tables }))
}

fn read_table(reader: &ChunkReader<'_>, schema: &str, directory: &TreeEntry) -> Result<Option<SourceTable>> {
    let Some(record) = record(reader, directory, TABLE_FILE, TableRecord::decode)? else { return Ok(None) };
    let shown = format!("table {schema}.{}", record.name);
    if escape_name(&record.name) != directory.name() {
        return Err(Error::new(ErrorKind::Damaged, format!("{shown} stands under another name")));
    }
    if record.encoding != ROW_ENCODING {
        let message = format!("{shown}: its rows are encoded in a way that this version does not know");
        return Err(Error::new(ErrorKind::TooNew, message));
    }
    let rows = DirectoryIter::seek(reader, directory.tree, ROWS_FILE)?;
    let (bytes, segments) = match rows.map(|rows| (rows.meta.size, rows.content)) {
        None | Some((0, None)) => (0, None),
        Some((bytes, Some(ContentRef::Segments(id)))) => (bytes, Some(id)),
        Some(_) => return Err(Error::new(ErrorKind::Damaged, format!("{shown}: its rows are no list of segments"))),
    };
    Ok(Some(SourceTable { record, bytes, segments }))
}

/// The record in the file `name` of `directory`.
fn record<T>(
    reader: &ChunkReader<'_>,
    directory: &TreeEntry,
    name: &[u8],
    decode: impl FnOnce(&[u8]) -> std::result::Result<T, repo_format::FormatError>,
) -> Result<Option<T>> {
    let Some(entry) = DirectoryIter::seek(reader, directory.tree, name)? else { return Ok(None) };
    let bytes = read_file(reader, &entry, limits::DATABASE_RECORD)?;
    let what = || format!("{} of {}", String::from_utf8_lossy(name), String::from_utf8_lossy(directory.name()));
    decode(&bytes).map(Some).map_err(|e| Error::damaged(what(), e))
}

fn missing(name: &str) -> Error {
    Error::new(ErrorKind::Damaged, format!("the database of the snapshot has no {name}"))
}
