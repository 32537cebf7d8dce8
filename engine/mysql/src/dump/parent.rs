//! The same database in the parent snapshot: its tables, to carry over those that did not change.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Mutex, PoisonError};

use repo_format::database::{
    ACCOUNTS_FILE, ROWS_FILE, SCHEMA_FILE, SERVER_FILE, ServerRecord, TABLE_FILE, TableRecord, escape_name,
    unescape_name,
};
use repo_format::entry::EntryKind;
use repo_format::id::ChunkId;
use repo_format::limits;

use super::evidence::{Before, ServerFacts};
use super::segments::StoredRows;
use crate::database::TableName;
use engine_core::error::Result;
use engine_core::files::backup::Parent;
use engine_core::files::backup::Run;
use engine_core::tree::{DirectoryIter, TreeEntry, read_file};

/// A database of the parent snapshot; empty if there is none, or it cannot be read.
#[derive(Default)]
pub(super) struct ParentDatabase {
    root: Option<TreeEntry>,
    server: Option<ServerRecord>,
    /// When tables were last read whole that the snapshot did not read so.
    read_before: HashMap<TableName, i64>,
    /// Tables whose records do not open.
    lost: Mutex<BTreeSet<TableName>>,
    /// The record of the server does not open, so nothing is known of any table.
    is_lost: bool,
}

/// A table of the parent snapshot.
#[derive(Debug, Clone)]
pub(super) struct ParentTable {
    pub record: TableRecord,
    /// The entry of its record.
    pub definition: TreeEntry,
    /// The entry of its rows, if it has any.
    pub rows: Option<TreeEntry>,
    /// When it was last really read, as a whole, by the server's clock.
    pub read: i64,
    /// It shows a later time than the snapshot's moment.
    pub is_late: bool,
}

impl ParentTable {
    /// Its rows, of which none was read.
    pub fn stored_rows(&self) -> StoredRows {
        StoredRows {
            content: self.rows.as_ref().and_then(|rows| rows.content.clone()),
            rows: 0,
            bytes: self.rows.as_ref().map_or(0, |rows| rows.meta.size),
            kept_digests: self.record.kept_digests.clone(),
            amiss: None,
        }
    }
}

impl ParentDatabase {
    /// The database of the parent snapshot.
    ///
    /// # Errors
    /// If the repository does not answer.
    pub fn open(parent: &Parent<'_>) -> Result<Self> {
        let mut way = Way { parent, is_damaged: false };
        let root = match parent.origin() {
            Some((manifest, root)) => way.find(manifest.tree_id(), &root.name.0)?,
            None => None,
        };
        let record = way.find_below(root.as_ref(), &[SERVER_FILE])?;
        let bytes = record.as_ref().map(|entry| read_record(parent, entry)).transpose()?;
        let is_lost = way.is_damaged || matches!(bytes, Some(None));
        let server = bytes.flatten().and_then(|bytes| ServerRecord::decode(&bytes).ok());
        let carried = server.iter().flat_map(|server| &server.carried);
        let carried = carried.map(|t| (TableName::new(&t.schema, &t.table), t.read));
        let in_part = server.iter().flat_map(|server| server.in_part.iter().flatten());
        let in_part = in_part.map(|t| (TableName::new(&t.schema, &t.table), t.read));
        let read_before = carried.chain(in_part).collect();
        Ok(ParentDatabase { root, server, read_before, lost: Mutex::default(), is_lost })
    }

    /// The ones of `tables` whose records do not open.
    pub fn lost(&self, tables: impl Iterator<Item = TableName>) -> Vec<TableName> {
        let lost = self.lost.lock().unwrap_or_else(PoisonError::into_inner);
        tables.filter(|name| self.is_lost || lost.contains(name)).collect()
    }

    /// Its server, at its moment.
    pub fn server(&self) -> Option<&ServerRecord> {
        self.server.as_ref()
    }

    /// A table as it was.
    ///
    /// # Errors
    /// As [`ParentDatabase::open`].
    pub fn table(&self, run: &Run<'_>, schema: &str, name: &str) -> Result<Option<ParentTable>> {
        let mut way = Way { parent: run.parent(), is_damaged: false };
        let folder = way.find_below(self.root.as_ref(), &[&escape_name(schema), &escape_name(name)])?;
        let definition = way.find_below(folder.as_ref(), &[TABLE_FILE])?;
        let rows = way.find_below(folder.as_ref(), &[ROWS_FILE])?;
        if way.is_damaged {
            self.note_lost(schema, name);
        }
        let (Some(server), Some(definition)) = (&self.server, definition) else { return Ok(None) };
        let Some(bytes) = read_record(run.parent(), &definition)? else {
            rows.map_or(Ok(()), |rows| run.parent().distrust_damaged(&rows))?;
            self.note_lost(schema, name);
            return Ok(None);
        };
        let Ok(record) = TableRecord::decode(&bytes) else { return Ok(None) };
        let read = self.read_before.get(&TableName::new(schema, name)).copied().unwrap_or(server.moment.seconds);
        let is_late = server.late.iter().any(|late| late.schema == schema && late.table == name);
        Ok(Some(ParentTable { record, definition, rows, read, is_late }))
    }

    /// The record of a schema.
    ///
    /// # Errors
    /// As [`ParentDatabase::open`].
    pub fn schema(&self, run: &Run<'_>, schema: &str) -> Result<Option<TreeEntry>> {
        self.record(run, &[&escape_name(schema), SCHEMA_FILE])
    }

    /// The record of the server's accounts.
    ///
    /// # Errors
    /// As [`ParentDatabase::open`].
    pub fn accounts(&self, run: &Run<'_>) -> Result<Option<TreeEntry>> {
        self.record(run, &[ACCOUNTS_FILE])
    }

    fn record(&self, run: &Run<'_>, path: &[&[u8]]) -> Result<Option<TreeEntry>> {
        let mut way = Way { parent: run.parent(), is_damaged: false };
        way.find_below(self.root.as_ref(), path)
    }

    /// The names of its tables. A folder that does not open gives none.
    ///
    /// # Errors
    /// As [`ParentDatabase::open`].
    pub fn table_names(&self, run: &Run<'_>) -> Result<Vec<TableName>> {
        let mut names = Vec::new();
        for (schema, entry) in self.folders(run, self.root.as_ref())? {
            names.extend(self.folders(run, Some(&entry))?.iter().map(|(table, _)| TableName::new(&schema, table)));
        }
        Ok(names)
    }

    /// How many bytes of rows a table has.
    ///
    /// # Errors
    /// As [`ParentDatabase::open`].
    pub fn row_bytes(&self, run: &Run<'_>, name: &TableName) -> Result<u64> {
        let mut way = Way { parent: run.parent(), is_damaged: false };
        let path = [&escape_name(&name.schema)[..], &escape_name(&name.table), ROWS_FILE];
        Ok(way.find_below(self.root.as_ref(), &path)?.map_or(0, |rows| rows.meta.size))
    }

    /// The folders in a folder, by the names that they stand for.
    fn folders(&self, run: &Run<'_>, folder: Option<&TreeEntry>) -> Result<Vec<(String, TreeEntry)>> {
        let mut folders = Vec::new();
        let Some(folder) = folder else { return Ok(folders) };
        for entry in DirectoryIter::new(run.parent().reader(), folder.tree) {
            match entry {
                Ok(entry) if entry.meta.kind == EntryKind::Directory => {
                    folders.extend(unescape_name(entry.name()).map(|name| (name, entry)));
                }
                Ok(_) => {}
                // Looking for its tables has told that.
                Err(error) if error.is_damage() => break,
                Err(error) => return Err(error),
            }
        }
        Ok(folders)
    }

    fn note_lost(&self, schema: &str, name: &str) {
        self.lost.lock().unwrap_or_else(PoisonError::into_inner).insert(TableName::new(schema, name));
    }

    /// The parent snapshot's knowledge of `table`, as evidence.
    pub fn before<'f>(&'f self, table: &'f ParentTable) -> Option<Before<'f>> {
        let server = ServerFacts::of(self.server.as_ref()?);
        Some(Before { server, record: &table.record, read: table.read, is_late: table.is_late })
    }
}

/// The way to an entry of the parent snapshot.
struct Way<'p, 'r> {
    parent: &'p Parent<'r>,
    /// A folder on the way did not open.
    is_damaged: bool,
}

impl Way<'_, '_> {
    fn find(&mut self, tree: Option<ChunkId>, name: &[u8]) -> Result<Option<TreeEntry>> {
        let mut entries = self.parent.entries(tree);
        let found = entries.find(name)?;
        self.is_damaged |= entries.is_damaged();
        Ok(found)
    }

    fn find_below(&mut self, from: Option<&TreeEntry>, names: &[&[u8]]) -> Result<Option<TreeEntry>> {
        let mut at = from.cloned();
        for name in names {
            at = match at {
                Some(above) => self.find(above.tree, name)?,
                None => return Ok(None),
            };
        }
        Ok(at)
    }
}

/// The bytes of a record; none if they do not open: then this run stores them again.
fn read_record(parent: &Parent<'_>, entry: &TreeEntry) -> Result<Option<Vec<u8>>> {
    match read_file(parent.reader(), entry, limits::DATABASE_RECORD) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.is_damage() => parent.distrust_damaged(entry).map(|()| None),
        Err(error) => Err(error),
    }
}
