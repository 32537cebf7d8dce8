//! The same database in the parent snapshot: its tables, to carry over those that did not change.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Mutex, PoisonError};

use repo_format::database::{ROWS_FILE, SERVER_FILE, ServerRecord, TABLE_FILE, TableRecord, escape_name};
use repo_format::limits;

use super::evidence::{Before, ServerFacts};
use super::segments::StoredRows;
use crate::database::TableName;
use engine_core::error::Result;
use engine_core::files::backup::Parent;
use engine_core::files::backup::Run;
use engine_core::tree::{TreeEntry, read_file};

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
    /// The database whose directory is `root`.
    ///
    /// # Errors
    /// If the repository does not answer.
    pub fn open(parent: &Parent<'_>, root: Option<TreeEntry>) -> Result<Self> {
        let record = root.as_ref().and_then(|root| parent.entries(root.tree).find(SERVER_FILE));
        let bytes = record.as_ref().map(|entry| read_record(parent, entry)).transpose()?;
        let is_lost = matches!(bytes, Some(None));
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
        let find = |tree, name: &[u8]| run.parent().entries(tree).find(name);
        let table = self.root.as_ref().and_then(|root| find(root.tree, &escape_name(schema)));
        let table = table.and_then(|schema| find(schema.tree, &escape_name(name)));
        let definition = table.as_ref().and_then(|table| find(table.tree, TABLE_FILE));
        let (Some(server), Some(table), Some(definition)) = (&self.server, table, definition) else { return Ok(None) };
        let rows = find(table.tree, ROWS_FILE);
        let Some(bytes) = read_record(run.parent(), &definition)? else {
            rows.map_or(Ok(()), |rows| run.parent().distrust_damaged(&rows))?;
            self.lost.lock().unwrap_or_else(PoisonError::into_inner).insert(TableName::new(schema, name));
            return Ok(None);
        };
        let Ok(record) = TableRecord::decode(&bytes) else { return Ok(None) };
        let read = self.read_before.get(&TableName::new(schema, name)).copied().unwrap_or(server.moment.seconds);
        let is_late = server.late.iter().any(|late| late.schema == schema && late.table == name);
        Ok(Some(ParentTable { record, definition, rows, read, is_late }))
    }

    /// The parent snapshot's knowledge of `table`, as evidence.
    pub fn before<'f>(&'f self, table: &'f ParentTable) -> Option<Before<'f>> {
        let server = ServerFacts::of(self.server.as_ref()?);
        Some(Before { server, record: &table.record, read: table.read, is_late: table.is_late })
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
