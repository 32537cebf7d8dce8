//! Databases in a snapshot: their records, and the rows of their tables (FORMAT.md, section 11.1).
//!
//! Everything is read only when it is needed, and damage is reported there. So a damaged table does not prevent
//! restoring the others.

mod keys;
mod ranges;

use repo_format::database::{
    ACCOUNTS_FILE, AccountsRecord, RECEIPT_FILE, ROWS_FILE, ReceiptRecord, SCHEMA_FILE, SERVER_FILE, SchemaRecord,
    ServerRecord, TABLE_FILE, TableRecord, escape_name, unescape_name,
};
use repo_format::entry::EntryKind;
use repo_format::id::ChunkId;
use repo_format::limits;
use repo_format::manifest::{Manifest, Root, RootKind};

use crate::error::{Error, ErrorKind, Result};
use crate::pack::{ChunkReader, PlainChunks};
use crate::tree::{
    ContentIter, ContentRef, DirectoryIter, SegmentItem, SegmentIter, TreeEntry, join, lookup, read_file,
};

pub use keys::{Key, RowKeys};
pub use ranges::{KeyRanges, RowPiece};

/// The databases of a snapshot, in the order of its roots.
pub fn databases(manifest: &Manifest) -> impl Iterator<Item = &Root> {
    manifest.roots.iter().filter(|root| root.kind == RootKind::Database)
}

/// The snapshot's record of the server of its database `root`; `None` if it has none.
///
/// # Errors
/// [`ErrorKind::Damaged`].
pub fn server_record(reader: &ChunkReader<'_>, manifest: &Manifest, root: &Root) -> Result<Option<ServerRecord>> {
    let path = join(&root.name.0, SERVER_FILE);
    let Some(entry) = find_file(reader, manifest, &path)? else { return Ok(None) };
    let shown = format!("{} of snapshot {}", String::from_utf8_lossy(&path), manifest.id);
    let bytes =
        read_file(reader, &entry, limits::DATABASE_RECORD).map_err(|e| e.context(format!("cannot read {shown}")))?;
    ServerRecord::decode(&bytes).map(Some).map_err(|e| Error::damaged(shown, e))
}

/// Whether the snapshot has a table in its database `root`, by the names of schema and table.
///
/// # Errors
/// If its folders cannot be read.
pub(crate) fn has_table(
    reader: &ChunkReader<'_>,
    manifest: &Manifest,
    root: &Root,
    schema: &str,
    table: &str,
) -> Result<bool> {
    let schema = join(&root.name.0, &escape_name(schema));
    let path = join(&join(&schema, &escape_name(table)), TABLE_FILE);
    Ok(find_file(reader, manifest, &path)?.is_some())
}

fn find_file(reader: &ChunkReader<'_>, manifest: &Manifest, path: &[u8]) -> Result<Option<TreeEntry>> {
    match lookup(reader, manifest, path) {
        Ok((_, entry)) => Ok(entry.filter(|entry| entry.meta.kind == EntryKind::File)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// A database server, as a snapshot shows it.
pub struct Database<'r> {
    /// The server, and the time of the snapshot.
    pub server: ServerRecord,
    folder: Folder<'r>,
}

/// A schema, with everything in it but its tables.
pub struct Schema<'r> {
    /// Its definition.
    pub record: SchemaRecord,
    folder: Folder<'r>,
}

/// A table.
pub struct SavedTable {
    /// Its definition.
    pub record: TableRecord,
    /// The file of its rows; `None` if the table is empty.
    pub rows: Option<TreeEntry>,
    shown: String,
}

/// A directory of a database.
struct Folder<'r> {
    reader: &'r ChunkReader<'r>,
    tree: Option<ChunkId>,
    /// Its name in messages.
    shown: String,
}

impl<'r> Database<'r> {
    /// The database with this name in the snapshot, or the only one.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`]; [`ErrorKind::Usage`] if there are several and none was named; [`ErrorKind::Damaged`].
    pub fn open(reader: &'r ChunkReader<'r>, manifest: &Manifest, name: Option<&[u8]>) -> Result<Self> {
        let root = choose(manifest, name)?;
        let shown = format!("database `{}` of snapshot {}", root.name.0.escape_ascii(), manifest.id);
        let top = Folder { reader, tree: manifest.tree_id(), shown: format!("snapshot {}", manifest.id) };
        let folder = top.folder(&root.name.0, shown)?;
        let server = folder.record(SERVER_FILE, ServerRecord::decode)?;
        Ok(Database { server, folder })
    }

    /// Users, roles and their privileges, if they were saved.
    ///
    /// # Errors
    /// [`ErrorKind::Damaged`].
    pub fn accounts(&self) -> Result<Option<AccountsRecord>> {
        match self.folder.find(ACCOUNTS_FILE)? {
            Some(_) => self.folder.record(ACCOUNTS_FILE, AccountsRecord::decode).map(Some),
            None => Ok(None),
        }
    }

    /// The receipt of a purge; `None` in a snapshot.
    ///
    /// # Errors
    /// [`ErrorKind::Damaged`].
    pub fn receipt(&self) -> Result<Option<ReceiptRecord>> {
        match self.folder.find(RECEIPT_FILE)? {
            Some(_) => self.folder.record(RECEIPT_FILE, ReceiptRecord::decode).map(Some),
            None => Ok(None),
        }
    }

    /// The names of all schemas, sorted by their bytes in the snapshot.
    ///
    /// # Errors
    /// [`ErrorKind::Damaged`].
    pub fn schema_names(&self) -> Result<Vec<String>> {
        self.folder.names()
    }

    /// The schema of this name.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`]; [`ErrorKind::Damaged`].
    pub fn schema(&self, name: &str) -> Result<Schema<'r>> {
        let folder = self.folder.folder(&escape_name(name), format!("schema `{name}` of {}", self.folder.shown))?;
        let record = folder.record(SCHEMA_FILE, SchemaRecord::decode)?;
        folder.check_name(&record.name, name)?;
        Ok(Schema { record, folder })
    }
}

impl Schema<'_> {
    /// The names of all tables, sorted by their bytes in the snapshot.
    ///
    /// # Errors
    /// [`ErrorKind::Damaged`].
    pub fn table_names(&self) -> Result<Vec<String>> {
        self.folder.names()
    }

    /// The table of this name.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`]; [`ErrorKind::Damaged`]; [`ErrorKind::TooNew`] if this version does not know the
    /// encoding of its rows.
    pub fn table(&self, name: &str) -> Result<SavedTable> {
        let shown = format!("table `{}`.`{name}` of {}", self.record.name, self.folder.shown);
        let folder = self.folder.folder(&escape_name(name), shown)?;
        let record = folder.record(TABLE_FILE, TableRecord::decode)?;
        folder.check_name(&record.name, name)?;
        let rows = folder.find(ROWS_FILE)?;
        Ok(SavedTable { record, rows, shown: folder.shown })
    }
}

impl SavedTable {
    /// The segments of its rows, in order; empty if there are no rows.
    ///
    /// # Errors
    /// [`ErrorKind::Damaged`] if its rows are not a segment list.
    pub fn segments<'r>(&self, reader: &'r ChunkReader<'r>) -> Result<SegmentIter<'r>> {
        let Some(rows) = &self.rows else { return Ok(SegmentIter::empty(reader)) };
        let is_file = rows.meta.kind == EntryKind::File && rows.meta.holes.is_none();
        match &rows.content {
            Some(ContentRef::Segments(list)) if is_file => Ok(SegmentIter::new(reader, *list, rows.meta.size)),
            None if is_file && rows.meta.size == 0 => Ok(SegmentIter::empty(reader)),
            _ => Err(Error::new(ErrorKind::Damaged, format!("the rows of {} are not a segment list", self.shown))),
        }
    }

    /// Plain bytes of its rows.
    pub fn row_bytes(&self) -> u64 {
        self.rows.as_ref().map_or(0, |rows| rows.meta.size)
    }
}

/// The plain bytes of a segment, checked against its length and digest. Memory grows only as chunks arrive.
///
/// # Errors
/// [`ErrorKind::Damaged`] if a chunk of it is lost, or its length or digest is wrong.
pub fn read_segment(chunks: &dyn PlainChunks, segment: &SegmentItem) -> Result<Vec<u8>> {
    let damaged = |why: &str| Error::new(ErrorKind::Damaged, format!("a segment of {} rows {why}", segment.rows));
    let mut bytes = Vec::new();
    for item in ContentIter::new(chunks.chunks(), &segment.content, segment.len) {
        bytes.extend_from_slice(&chunks.read_data(&item?.id)?);
        if bytes.len() as u64 > segment.len {
            return Err(damaged("is longer than it says"));
        }
    }
    if bytes.len() as u64 != segment.len {
        return Err(damaged("is shorter than it says"));
    }
    if *blake3::hash(&bytes).as_bytes() == segment.digest.0 {
        Ok(bytes)
    } else {
        Err(damaged("holds other rows than its digest says"))
    }
}

fn choose<'m>(manifest: &'m Manifest, name: Option<&[u8]>) -> Result<&'m Root> {
    let found: Vec<_> = databases(manifest).filter(|root| name.is_none_or(|name| root.name.0 == name)).collect();
    match (&found[..], name) {
        ([root], _) => Ok(root),
        ([], None) => Err(Error::new(ErrorKind::NotFound, format!("snapshot {} holds no database", manifest.id))),
        (_, None) => {
            let names: Vec<_> = found.iter().map(|root| format!("`{}`", root.name.0.escape_ascii())).collect();
            let message = format!("snapshot {} holds several databases: {}", manifest.id, names.join(", "));
            Err(Error::new(ErrorKind::Usage, message).with_hint("`enamel ls SNAP` lists them: SNAP:NAME chooses one."))
        }
        (_, Some(name)) => {
            let message = format!("there is no database `{}` in snapshot {}", name.escape_ascii(), manifest.id);
            Err(Error::new(ErrorKind::NotFound, message))
        }
    }
}

impl<'r> Folder<'r> {
    fn find(&self, name: &[u8]) -> Result<Option<TreeEntry>> {
        DirectoryIter::seek(self.reader, self.tree, name).map_err(|e| e.context(format!("cannot read {}", self.shown)))
    }

    /// The directory `name` in this one; messages call it `shown`.
    fn folder(&self, name: &[u8], shown: String) -> Result<Folder<'r>> {
        match self.find(name)? {
            Some(entry) if entry.meta.kind == EntryKind::Directory => {
                Ok(Folder { reader: self.reader, tree: entry.tree, shown })
            }
            _ => Err(Error::new(ErrorKind::NotFound, format!("there is no {shown}"))),
        }
    }

    /// The record in the file `name`.
    fn record<T>(&self, name: &[u8], decode: fn(&[u8]) -> repo_format::Result<T>) -> Result<T> {
        let what = || format!("`{}` of {}", name.escape_ascii(), self.shown);
        let missing = || Error::new(ErrorKind::Damaged, format!("there is no {}", what()));
        let entry = self.find(name)?.filter(|entry| entry.meta.kind == EntryKind::File).ok_or_else(missing)?;
        let bytes = read_file(self.reader, &entry, limits::DATABASE_RECORD)
            .map_err(|e| e.context(format!("cannot read {}", what())))?;
        decode(&bytes).map_err(|e| Error::damaged(what(), e))
    }

    /// The unescaped names of all directories in this one.
    fn names(&self) -> Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in DirectoryIter::new(self.reader, self.tree) {
            let entry = entry.map_err(|e| e.context(format!("cannot read {}", self.shown)))?;
            if entry.meta.kind != EntryKind::Directory {
                continue;
            }
            let nameless = || {
                let message = format!("`{}` in {} is not an escaped name", entry.name().escape_ascii(), self.shown);
                Error::new(ErrorKind::Damaged, message)
            };
            names.push(unescape_name(entry.name()).ok_or_else(nameless)?);
        }
        Ok(names)
    }

    fn check_name(&self, recorded: &str, wanted: &str) -> Result<()> {
        if recorded == wanted {
            Ok(())
        } else {
            Err(Error::new(ErrorKind::Damaged, format!("{} calls itself `{recorded}`", self.shown)))
        }
    }
}
