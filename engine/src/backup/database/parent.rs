//! The same database in the parent snapshot: what its tables were like, to carry over what did not change.

use std::collections::HashMap;

use repo_format::database::{ROWS_FILE, SERVER_FILE, ServerRecord, TABLE_FILE, TableRecord, escape_name};
use repo_format::limits;

use crate::backup::Run;
use crate::backup::parent::Parent;
use crate::tree::{TreeEntry, read_file};

/// A table must really be read at least once in so many seconds: a week.
const READ_WITHIN: i64 = 7 * 24 * 3600;
/// A change in the same second as another does not show in the time of the last change; times that near are not trusted.
const NEAR: i64 = 2;

/// A database of the parent snapshot; empty if there is none, or it cannot be read.
#[derive(Default)]
pub(super) struct ParentDatabase {
    root: Option<TreeEntry>,
    server: Option<ServerRecord>,
    carried: HashMap<(String, String), i64>,
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
        let carried = tables.map(|t| ((t.schema.clone(), t.table.clone()), t.read)).collect();
        ParentDatabase { root, server, carried }
    }

    /// A table as it was.
    pub fn table(&self, run: &Run<'_>, schema: &str, name: &str) -> Option<ParentTable> {
        let server = self.server.as_ref()?;
        let find = |tree, name: &[u8]| run.parent.entries(tree).find(name);
        let schema_entry = find(self.root.as_ref()?.tree, &escape_name(schema))?;
        let table = find(schema_entry.tree, &escape_name(name))?;
        let definition = find(table.tree, TABLE_FILE)?;
        let bytes = read_file(run.parent.reader(), &definition, limits::DATABASE_RECORD).ok()?;
        let record = TableRecord::decode(&bytes).ok()?;
        let rows = find(table.tree, ROWS_FILE);
        let read = self.carried.get(&(schema.to_owned(), name.to_owned())).copied().unwrap_or(server.moment.seconds);
        Some(ParentTable { record, definition, rows, read })
    }

    /// Whether `table` cannot have changed since the parent snapshot, given what the server says of it behind the barrier.
    pub fn is_unchanged(&self, table: &ParentTable, now: &Now<'_>) -> bool {
        let Some(server) = &self.server else { return false };
        let was_late = |t: &repo_format::database::LateTable| t.schema == now.schema && t.table == table.record.name;
        let Some(changed) = table.record.changed.filter(|changed| now.changed == Some(*changed)) else { return false };
        table.record.engine.eq_ignore_ascii_case("MyISAM")
            && server.identity == now.identity
            // A restart may lose changes that were not on disk yet, and their times.
            && (server.started - now.started).abs() <= NEAR
            && changed + NEAR <= server.moment.seconds
            && now.seconds - table.read <= READ_WITHIN
            && !server.late.iter().any(was_late)
            && table.record.columns == now.record.columns
            && table.record.create == now.record.create
    }
}

/// What is known of a table and its server now.
pub(super) struct Now<'a> {
    pub identity: &'a str,
    /// When the server was started.
    pub started: i64,
    /// The server's clock.
    pub seconds: i64,
    pub schema: &'a str,
    pub record: &'a TableRecord,
    /// When the table was last changed, read behind the barrier.
    pub changed: Option<i64>,
}
