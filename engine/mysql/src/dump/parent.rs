//! The same database in the parent snapshot: its tables, to carry over those that did not change.

use std::collections::HashMap;

use repo_format::database::{ROWS_FILE, SERVER_FILE, ServerRecord, TABLE_FILE, TableRecord, escape_name};
use repo_format::limits;

use super::evidence::{Before, ServerFacts};
use crate::database::TableName;
use engine_core::files::backup::Parent;
use engine_core::files::backup::Run;
use engine_core::tree::{TreeEntry, read_file};

/// A database of the parent snapshot; empty if there is none, or it cannot be read.
#[derive(Default)]
pub(super) struct ParentDatabase {
    root: Option<TreeEntry>,
    server: Option<ServerRecord>,
    carried: HashMap<TableName, i64>,
}

/// A table of the parent snapshot.
#[derive(Debug, Clone)]
pub(super) struct ParentTable {
    pub record: TableRecord,
    /// The entry of its record.
    pub definition: TreeEntry,
    /// The entry of its rows, if it has any.
    pub rows: Option<TreeEntry>,
    /// When it was last really read, by the server's clock.
    pub read: i64,
}

impl ParentDatabase {
    /// The database whose directory is `root`.
    pub fn open(parent: &Parent<'_>, root: Option<TreeEntry>) -> Self {
        let server = root.as_ref().and_then(|root| {
            let entry = parent.entries(root.tree).find(SERVER_FILE)?;
            let bytes = read_file(parent.reader(), &entry, limits::DATABASE_RECORD).ok()?;
            ServerRecord::decode(&bytes).ok()
        });
        let tables = server.iter().flat_map(|server| &server.carried);
        let carried = tables.map(|t| (TableName::new(&t.schema, &t.table), t.read)).collect();
        ParentDatabase { root, server, carried }
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
        let read = self.carried.get(&TableName::new(schema, name)).copied().unwrap_or(server.moment.seconds);
        Some(ParentTable { record, definition, rows, read })
    }

    /// The parent snapshot's knowledge of `table` of `schema`, as evidence.
    pub fn before<'f>(&'f self, schema: &str, table: &'f ParentTable) -> Option<Before<'f>> {
        let server = self.server.as_ref()?;
        let is_late = server.late.iter().any(|late| late.schema == schema && late.table == table.record.name);
        let facts = ServerFacts {
            identity: &server.identity,
            started: server.started,
            seconds: server.moment.seconds,
            clock_ahead: server.clock_ahead,
            alterations: server.alterations,
        };
        Some(Before { server: facts, record: &table.record, read: table.read, is_late })
    }
}
