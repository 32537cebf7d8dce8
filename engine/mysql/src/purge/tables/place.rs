//! Where tables are looked for: whether rows of one can be removed safely.

use repo_format::database::{Column, RowOrder, TableRecord};
use repo_format::manifest::Manifest;

use super::named::{is_table, refused};
use super::references::{Family, check_references};
use super::saved_rows::SavedRows;
use super::table::Table;
use crate::database::{Connection, Server, TableInfo, describe_table, list_tables, quote_name};
use engine_core::error::{ErrorKind, Result};
use engine_core::pack::ChunkReader;
use engine_core::snapshots::saved::{SavedTable, Schema};

/// The schema as a snapshot has it.
pub(in crate::purge) struct SavedSchema<'a, 'r> {
    pub reader: &'r ChunkReader<'r>,
    /// The snapshot.
    pub manifest: &'a Manifest,
    pub schema: &'a Schema<'r>,
}

/// Where tables are looked for.
pub(in crate::purge) struct Place<'a, 'r> {
    pub connection: &'a mut Connection,
    pub server: &'a Server,
    pub saved: SavedSchema<'a, 'r>,
    /// All tables of the schema on the server.
    pub tables: Vec<TableInfo>,
}

impl<'a, 'r> Place<'a, 'r> {
    /// Lists the tables of the schema.
    ///
    /// # Errors
    /// If the server refuses.
    pub fn new(connection: &'a mut Connection, server: &'a Server, saved: SavedSchema<'a, 'r>) -> Result<Self> {
        let tables = list_tables(connection, std::slice::from_ref(&saved.schema.record.name))?;
        Ok(Place { connection, server, saved, tables })
    }

    /// The table `name`, which may be written in another case. `family` are the tables that go with it: only they may refer to it.
    ///
    /// # Errors
    /// [`ErrorKind::Refused`] if rows cannot be removed from it safely; the message says why. If the server refuses, or the
    /// snapshot cannot be read.
    pub fn table(&mut self, name: &str, family: &[&str]) -> Result<Table<'r>> {
        let exact = self.tables.iter().find(|info| info.name == name);
        let found = exact.or_else(|| self.tables.iter().find(|info| info.name.eq_ignore_ascii_case(name)));
        let info = found.ok_or_else(|| refused(name, "is not in this schema"))?.clone();
        check_opens(&info)?;
        let record = describe_table(self.connection, self.server, &info)?;
        check_kind(&info, &record)?;
        check_key(self.connection, &info, &record)?;
        check_triggers(self.connection, &info)?;
        check_references(self.connection, self.server, &Family { info: &info, names: family })?;
        let saved = self.saved_table(&info.name, &record)?;
        let shown = format!("the saved rows of `{}`.`{}`", info.schema, info.name);
        let key = quote_name(&record.columns[record.key[0] as usize].name);
        Ok(Table {
            full_name: format!("{}.{}", quote_name(&info.schema), quote_name(&info.name)),
            key,
            saved: SavedRows::open(self.saved.reader, &saved, shown)?,
            record,
            transactional: info.transactional,
            engine: info.engine,
            schema: info.schema,
            name: info.name,
        })
    }

    fn saved_table(&self, name: &str, live: &TableRecord) -> Result<SavedTable> {
        let saved = self.saved.schema.table(name).map_err(|error| match error.kind() {
            ErrorKind::NotFound => refused(name, "is not in the snapshot"),
            _ => error,
        })?;
        let same = columns(&saved.record).eq(columns(live)) && saved.record.key == live.key;
        let same = same && saved.record.order == live.order && saved.record.encoding == live.encoding;
        if same && is_generated_alike(&saved.record, live) {
            Ok(saved)
        } else {
            Err(refused(name, "has other columns than in the snapshot: make a new backup first"))
        }
    }
}

/// The columns of a table, without what snapshots of older versions do not say of them.
fn columns(record: &TableRecord) -> impl Iterator<Item = Column> {
    record.columns.iter().map(|column| Column { kept: None, ..column.clone() })
}

/// Values of generated columns are in no snapshot: in restored rows they are what the saved definition makes of the other columns.
fn is_generated_alike(saved: &TableRecord, live: &TableRecord) -> bool {
    let has_generated = live.columns.iter().any(|column| column.generated == Some(true));
    !has_generated || columns_and_keys(saved) == columns_and_keys(live)
}

/// The definition without the options of the table, among them the next number.
fn columns_and_keys(record: &TableRecord) -> &[u8] {
    let create = &record.create.0;
    let end = create.windows(2).rposition(|two| two == b"\n)");
    &create[..end.unwrap_or(create.len())]
}

/// Checks that the server can open the table: otherwise it gives a comment with the reason, and no engine.
fn check_opens(info: &TableInfo) -> Result<()> {
    if !info.engine.is_empty() {
        return Ok(());
    }
    let full_name = format!("{}.{}", quote_name(&info.schema), quote_name(&info.name));
    let why =
        format!("cannot be opened ({}); if it is damaged, repair it with: REPAIR TABLE {full_name}", info.comment);
    Err(refused(&info.name, &why))
}

fn check_kind(info: &TableInfo, record: &TableRecord) -> Result<()> {
    if info.versioned {
        return Err(refused(&info.name, "keeps history: what is deleted from it stays in it"));
    }
    let is_key = |column: &Column| record.key.iter().any(|at| record.columns.get(*at as usize) == Some(column));
    if record.columns.iter().any(|column| column.auto_increment == Some(true) && !is_key(column)) {
        // Its highest number would go, and be given again.
        return Err(refused(&info.name, "counts up in a column that is not its primary key"));
    }
    match record.order {
        RowOrder::Integer => Ok(()),
        RowOrder::KeyBytes | RowOrder::RowBytes => {
            Err(refused(&info.name, "has no primary key of one column of whole numbers"))
        }
    }
}

/// Checks the primary key, by which batches go: with another key the server might read, and lock, the whole table.
fn check_key(connection: &mut Connection, info: &TableInfo, record: &TableRecord) -> Result<()> {
    let sql = format!(
        "SELECT COLUMN_NAME FROM information_schema.STATISTICS WHERE {} AND INDEX_NAME = 'PRIMARY'",
        is_table(info, "TABLE_SCHEMA", "TABLE_NAME")
    );
    let columns = connection.rows(&sql)?;
    let key = record.key.first().and_then(|place| record.columns.get(*place as usize));
    let is_key =
        |row: &crate::database::Row| row.first().and_then(Option::as_deref) == key.map(|key| key.name.as_bytes());
    match &columns[..] {
        [one] if is_key(one) => Ok(()),
        _ => Err(refused(&info.name, "has no primary key of one column of whole numbers")),
    }
}

/// Checks that no trigger runs on deletions: it may change other tables.
fn check_triggers(connection: &mut Connection, info: &TableInfo) -> Result<()> {
    let sql = format!(
        "SELECT TRIGGER_NAME FROM information_schema.TRIGGERS WHERE {} AND EVENT_MANIPULATION = 'DELETE'",
        is_table(info, "EVENT_OBJECT_SCHEMA", "EVENT_OBJECT_TABLE")
    );
    match connection.value(&sql)? {
        None => Ok(()),
        Some(name) => Err(refused(&info.name, &format!("has a trigger `{name}` that runs on deletions"))),
    }
}
