//! The records of a database, and the folder that holds everything.

use std::collections::HashMap;

use std::collections::HashSet;

use repo_format::FormatError;
use repo_format::database::{
    ACCOUNTS_FILE, LeftOut, PartlyReadTable, ROWS_FILE, SCHEMA_FILE, SERVER_FILE, ServerRecord, TABLE_FILE,
    TableRecord, escape_name,
};
use repo_format::entry::Time;
use repo_format::manifest::Root;
use repo_format::node::ProblemKind;

use super::entries::{file, folder, settled};
use super::moment::Moment;
use super::plan::{Means, Plan, PlannedTable};
use super::segments::{Sealer, StoredRows};
use super::state::{Dump, SavedTables};
use crate::database::{Connection, TableName, accounts, read_schema};
use engine_core::error::{Error, Result};
use engine_core::files::backup::{CountedFile, FileState};
use engine_core::tree::TreeEntry;

/// Writes all records, and returns the database's folder.
pub(super) fn write(
    dump: &Dump<'_, '_>,
    control: &mut Connection,
    root: &Root,
    plan: &Plan,
    moment: Moment,
    saved: SavedTables,
) -> Result<TreeEntry> {
    let in_part = partly_read(plan, &saved);
    let SavedTables { mut rows, carried, late, mut left_out, .. } = saved;
    let micros = moment.record.microseconds;
    let time = Time { seconds: moment.record.seconds, nanoseconds: micros * 1000 };
    let mut writer = Writer { dump, sealer: Sealer::new(dump.run)?, time };
    let carried_names = carried.iter().map(|table| TableName::new(&table.schema, &table.table)).collect::<HashSet<_>>();
    let mut schemas: HashMap<&str, Vec<TreeEntry>> = HashMap::new();
    for table in &plan.tables {
        let name = table.name();
        let entry = match (carried_names.contains(&name), rows.remove(&name)) {
            (true, _) => writer.carried_table(table)?,
            (false, stored) if stored.is_some() || table.means == Means::Nothing => writer.table(table, stored)?,
            // It was left out.
            (false, _) => continue,
        };
        schemas.entry(&table.info.schema).or_default().push(entry);
    }
    let mut entries = Vec::new();
    for schema in &dump.schemas {
        let tables = schemas.remove(&schema[..]).unwrap_or_default();
        entries.push(writer.schema(control, schema, tables, &mut left_out)?);
    }
    if dump.source.with_accounts {
        let found = accounts(control, &dump.server)?;
        left_out.extend(writer.named(found.left_out));
        let before = dump.parent.accounts(dump.run)?;
        entries.push(writer.record(ACCOUNTS_FILE, found.record.encode(), before.as_ref())?);
    }
    let now = &dump.now;
    let record = ServerRecord {
        flavour: dump.server.flavour,
        version: dump.server.version_text.clone(),
        identity: now.identity.clone(),
        hostname: now.hostname.clone(),
        started: now.started,
        clock_ahead: now.clock_ahead,
        time_zone: now.time_zone.clone(),
        variables: now.variables.clone(),
        binlog: moment.binlog,
        moment: moment.record,
        carried,
        late,
        left_out,
        profile: dump.source.profile.clone(),
        alterations: now.alterations,
        in_part: (!in_part.is_empty()).then_some(in_part),
    };
    entries.push(writer.server(&record)?);
    folder(dump.run, &mut writer.sealer, &root.name.0, entries, time)
}

/// The tables of which only a part was read.
fn partly_read(plan: &Plan, saved: &SavedTables) -> Vec<PartlyReadTable> {
    let in_part = plan.tables.iter().filter_map(|table| {
        let (name, parent) = (table.name(), table.parent.as_ref()?);
        let rows = saved.rows.get(&name).filter(|rows| rows.amiss.is_none())?.rows;
        table.part.as_ref().filter(|part| !part.is_proof)?;
        Some(PartlyReadTable { schema: name.schema, table: name.table, read: parent.read, rows })
    });
    in_part.collect()
}

struct Writer<'w, 'd, 'r> {
    dump: &'w Dump<'d, 'r>,
    sealer: Sealer<'r>,
    time: Time,
}

impl Writer<'_, '_, '_> {
    /// A record as a file; the parent's, if it says the same.
    fn record(
        &mut self,
        name: &[u8],
        encoded: std::result::Result<Vec<u8>, FormatError>,
        parent: Option<&TreeEntry>,
    ) -> Result<TreeEntry> {
        let entry = self.file(name, encoded)?;
        Ok(settled(self.dump.run, entry, parent))
    }

    fn file(&mut self, name: &[u8], encoded: std::result::Result<Vec<u8>, FormatError>) -> Result<TreeEntry> {
        let bytes =
            encoded.map_err(|e| Error::damaged(format!("a new record `{}`", String::from_utf8_lossy(name)), e))?;
        let content = self.sealer.file(&bytes)?;
        Ok(file(name, bytes.len() as u64, content, self.time))
    }

    /// The record of the server, which tells of this moment.
    fn server(&mut self, record: &ServerRecord) -> Result<TreeEntry> {
        let entry = self.file(SERVER_FILE, record.encode())?;
        self.dump.run.count_file(CountedFile { size: entry.meta.size, state: FileState::Own });
        Ok(entry)
    }

    fn table(&mut self, table: &PlannedTable, stored: Option<StoredRows>) -> Result<TreeEntry> {
        let parent = table.parent.as_ref();
        let kept_digests = stored.as_ref().and_then(|stored| stored.kept_digests.clone());
        let encoded = TableRecord { kept_digests, ..table.record.clone() }.encode();
        let record = self.record(TABLE_FILE, encoded, parent.map(|parent| &parent.definition))?;
        let mut entries = vec![record];
        if let Some(rows) = stored.filter(|rows| rows.content.is_some()) {
            let entry = file(ROWS_FILE, rows.bytes, rows.content, self.time);
            entries.push(settled(self.dump.run, entry, parent.and_then(|parent| parent.rows.as_ref())));
        }
        self.table_folder(table, entries)
    }

    fn carried_table(&mut self, table: &PlannedTable) -> Result<TreeEntry> {
        let Some(parent) = &table.parent else { return self.table(table, None) };
        let record = self.record(TABLE_FILE, parent.record.encode(), Some(&parent.definition))?;
        let rows = parent.rows.clone().map(|rows| settled(self.dump.run, rows.clone(), Some(&rows)));
        self.table_folder(table, std::iter::once(record).chain(rows).collect())
    }

    /// A folder has the time of the newest file in it, so that it stays the same for as long as they do.
    fn table_folder(&mut self, table: &PlannedTable, entries: Vec<TreeEntry>) -> Result<TreeEntry> {
        let time = entries.iter().map(|entry| entry.meta.mtime()).max().unwrap_or(self.time);
        folder(self.dump.run, &mut self.sealer, &escape_name(&table.info.name), entries, time)
    }

    fn schema(
        &mut self,
        control: &mut Connection,
        schema: &str,
        mut entries: Vec<TreeEntry>,
        left_out: &mut Vec<LeftOut>,
    ) -> Result<TreeEntry> {
        self.dump.run.check_stop()?;
        let contents = read_schema(control, &self.dump.server, schema)?;
        left_out.extend(self.named(contents.left_out));
        let name = escape_name(schema);
        let before = self.dump.parent.schema(self.dump.run, schema)?;
        entries.push(self.record(SCHEMA_FILE, contents.record.encode(), before.as_ref())?);
        let time = entries.iter().map(|entry| entry.meta.mtime()).max().unwrap_or(self.time);
        folder(self.dump.run, &mut self.sealer, &name, entries, time)
    }

    /// Names what had to be left out.
    fn named(&self, left_out: Vec<LeftOut>) -> Vec<LeftOut> {
        for left in &left_out {
            let path = format!("{}.{}", left.schema, left.name).into_bytes();
            let message = format!("the {} is not whole in the snapshot: {}", left.what, left.why);
            self.dump.run.problem(&path, ProblemKind::Unreadable, message);
        }
        left_out
    }
}
