//! The same database in the parent snapshot: its tables, to carry over those that did not change.

use std::collections::HashMap;

use repo_format::database::{ROWS_FILE, SERVER_FILE, ServerRecord, TABLE_FILE, TableRecord, escape_name};
use repo_format::limits;

use super::evidence::{Before, ServerFacts};
use super::segments::StoredRows;
use crate::database::TableName;
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
            contradict_log: false,
        }
    }
}

impl ParentDatabase {
    /// The database whose directory is `root`.
    pub fn open(parent: &Parent<'_>, root: Option<TreeEntry>) -> Self {
        let server = root.as_ref().and_then(|root| {
            let entry = parent.entries(root.tree).find(SERVER_FILE)?;
            let bytes = read_file(parent.reader(), &entry, limits::DATABASE_RECORD).ok()?;
            ServerRecord::decode(&bytes).ok()
        });
        let carried = server.iter().flat_map(|server| &server.carried);
        let carried = carried.map(|t| (TableName::new(&t.schema, &t.table), t.read));
        let in_part = server.iter().flat_map(|server| server.in_part.iter().flatten());
        let in_part = in_part.map(|t| (TableName::new(&t.schema, &t.table), t.read));
        let read_before = carried.chain(in_part).collect();
        ParentDatabase { root, server, read_before }
    }

    /// Its server, at its moment.
    pub fn server(&self) -> Option<&ServerRecord> {
        self.server.as_ref()
    }

    /// A table as it was.
    pub fn table(&self, run: &Run<'_>, schema: &str, name: &str) -> Option<ParentTable> {
        let server = self.server.as_ref()?;
        let find = |tree, name: &[u8]| run.parent().entries(tree).find(name);
        let schema_entry = find(self.root.as_ref()?.tree, &escape_name(schema))?;
        let table = find(schema_entry.tree, &escape_name(name))?;
        let definition = find(table.tree, TABLE_FILE)?;
        let bytes = read_file(run.parent().reader(), &definition, limits::DATABASE_RECORD).ok()?;
        let record = TableRecord::decode(&bytes).ok()?;
        let rows = find(table.tree, ROWS_FILE);
        let read = self.read_before.get(&TableName::new(schema, name)).copied().unwrap_or(server.moment.seconds);
        let is_late = server.late.iter().any(|late| late.schema == schema && late.table == name);
        Some(ParentTable { record, definition, rows, read, is_late })
    }

    /// The parent snapshot's knowledge of `table`, as evidence.
    pub fn before<'f>(&'f self, table: &'f ParentTable) -> Option<Before<'f>> {
        let server = ServerFacts::of(self.server.as_ref()?);
        Some(Before { server, record: &table.record, read: table.read, is_late: table.is_late })
    }
}
