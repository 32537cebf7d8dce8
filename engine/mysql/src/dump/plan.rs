//! Plans what to save of a server, and how to read each table.

use std::collections::{HashMap, HashSet};

use repo_format::database::{LeftOut, TableRecord};
use repo_format::node::ProblemKind;

use super::evidence::{Now, is_unchanged};
use super::increment::{Ground, Part};
use super::moment::is_busy;
use super::parent::{ParentDatabase, ParentTable};
use super::reader::TableToRead;
use super::segments::boundary_bits;
use super::server::ServerNow;
use crate::database::TableName;
use crate::database::{
    Connection, OWN_LOCKS, SHARED_LOCKS, Server, TableInfo, TypedJson, WITHOUT_HISTORY, describe_table, error_code,
    holds_rows, quote_name, typed_json,
};
use engine_core::error::{Error, Result, chain};
use engine_core::files::backup::Run;
use engine_core::pack::ChunkReader;

/// How a table is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Means {
    /// From a snapshot.
    Snapshot,
    /// Under a lock.
    Lock,
    /// Not at all: its rows are elsewhere, or nowhere.
    Nothing,
}

/// A table that is to be saved.
pub(super) struct PlannedTable {
    pub info: TableInfo,
    pub record: TableRecord,
    pub parent: Option<ParentTable>,
    pub means: Means,
    /// Documents whose types may get lost.
    pub typed: Vec<TypedJson>,
    /// The part that is read, if it is known what has changed since the parent snapshot.
    pub part: Option<Part>,
}

impl PlannedTable {
    pub fn name(&self) -> TableName {
        self.info.table_name()
    }

    /// For its reader; `reader` reads the parent.
    pub fn to_read<'t>(&'t self, reader: &'t ChunkReader<'t>) -> TableToRead<'t> {
        let ground = self.parent.as_ref().zip(self.part.as_ref());
        TableToRead {
            schema: &self.info.schema,
            record: &self.record,
            rows: self.info.rows,
            segment_bits: self.record.segment_bits.unwrap_or_default(),
            typed: &self.typed,
            ground: ground.map(|(table, part)| Ground { reader, table, part }),
        }
    }
}

/// All tables, in order of their schemas and names, and what has to be left out.
pub(super) struct Plan {
    pub tables: Vec<PlannedTable>,
    pub left_out: Vec<LeftOut>,
    /// Tables to be read when all others have been, and why.
    pub put_off: Vec<(TableInfo, String)>,
}

impl Plan {
    /// Describes the tables that were listed.
    pub fn make(
        run: &Run<'_>,
        control: &mut Connection,
        server: &Server,
        listed: &[TableInfo],
        parent: &ParentDatabase,
    ) -> Result<Self> {
        let mut plan = Plan { tables: Vec::new(), left_out: Vec::new(), put_off: Vec::new() };
        for info in listed {
            run.check_stop()?;
            match describe(run, control, server, info.clone(), parent) {
                Ok(Ok(table)) => plan.tables.push(table),
                Ok(Err(left_out)) => plan.left_out.push(left_out),
                Err(error) => return Err(error),
            }
        }
        Ok(plan)
    }

    /// Leaves out tables that cannot be locked, because they are damaged or not there any more. Whether there were any.
    pub fn leave_out_damaged(&mut self, control: &mut Connection) -> Result<bool> {
        let mut whole = Vec::with_capacity(self.tables.len());
        let before = self.tables.len();
        for table in std::mem::take(&mut self.tables) {
            match try_lock(control, &table) {
                Ok(()) => whole.push(table),
                Err(error) if is_table_error(&error) => self.left_out.push(left_out(&table.info, &error)),
                Err(error) => return Err(error),
            }
        }
        self.tables = whole;
        Ok(self.tables.len() < before)
    }

    /// Puts off tables that cannot be locked, because others hold them for long. Whether there were any.
    pub fn put_off_busy(&mut self, control: &mut Connection) -> Result<bool> {
        let mut free = Vec::with_capacity(self.tables.len());
        let before = self.tables.len();
        for table in std::mem::take(&mut self.tables) {
            match try_lock(control, &table) {
                Err(error) if is_busy(&error) => {
                    self.put_off.push((table.info, "another session held it for too long".to_owned()));
                }
                // Other faults of a table show when all are locked.
                _ => free.push(table),
            }
        }
        self.tables = free;
        Ok(self.tables.len() < before)
    }

    /// The tables by their names.
    pub fn by_name(&self) -> HashMap<TableName, &PlannedTable> {
        self.tables.iter().map(|table| (table.name(), table)).collect()
    }

    /// Whether any table is read by these means.
    pub fn has(&self, means: Means) -> bool {
        self.tables.iter().any(|table| table.means == means)
    }

    /// The locks of each connection: first the groups of small tables, then the largest tables, each alone, smallest
    /// first.
    pub fn lock_groups(&self) -> Vec<Vec<TableName>> {
        let mut tables: Vec<_> = self.tables.iter().filter(|table| table.means == Means::Lock).collect();
        tables.sort_by_key(|table| (table.info.data_bytes, table.name()));
        let small = tables.len().saturating_sub(OWN_LOCKS);
        let mut groups = vec![Vec::new(); SHARED_LOCKS.min(small)];
        for (number, table) in tables[..small].iter().enumerate() {
            groups[number % SHARED_LOCKS].push(table.name());
        }
        groups.extend(tables[small..].iter().map(|table| vec![table.name()]));
        groups
    }

    /// The tables that did not change since the parent snapshot, by what the server, `now` and `infos`, says of them now that the barrier is behind us.
    pub fn unchanged(&self, parent: &ParentDatabase, now: &ServerNow, infos: &[TableInfo]) -> HashSet<TableName> {
        let candidates = |table: &&PlannedTable| table.means == Means::Lock && table.parent.is_some();
        let changed: HashMap<_, _> = infos.iter().map(|info| (info.table_name(), info.changed)).collect();
        let is_as_it_was = |table: &&PlannedTable| {
            let facts = Now {
                server: now.facts(),
                keeps_times: now.keeps_times,
                record: &table.record,
                changed: changed.get(&table.name()).copied().flatten(),
            };
            let before = table.parent.as_ref().and_then(|before| parent.before(before));
            before.is_some_and(|before| is_unchanged(&before, &facts))
        };
        self.tables.iter().filter(candidates).filter(is_as_it_was).map(PlannedTable::name).collect()
    }
}

/// Describes a table. The inner error says why it must be left out.
pub(super) fn describe(
    run: &Run<'_>,
    control: &mut Connection,
    server: &Server,
    info: TableInfo,
    parent: &ParentDatabase,
) -> Result<std::result::Result<PlannedTable, LeftOut>> {
    let Some(means) = means(&info) else {
        let why = if info.comment.is_empty() { "the server cannot open it" } else { &info.comment };
        return Ok(Err(named(&info, why.to_owned())));
    };
    let mut record = match describe_table(control, server, &info) {
        Ok(record) => record,
        Err(error) if crate::database::is_lost(&error) => return Err(error),
        Err(error) => return Ok(Err(left_out(&info, &error))),
    };
    let parent = parent.table(run, &info.schema, &info.name)?;
    let bits = boundary_bits(info.rows, info.data_bytes);
    // Estimates of rows and bytes move; boundaries should not.
    let before = parent.as_ref().and_then(|parent| parent.record.segment_bits);
    record.segment_bits = Some(before.filter(|before| before.abs_diff(bits) <= 1).unwrap_or(bits));
    let typed = typed_json(server, &record);
    if record.versioned == Some(false) {
        let path = format!("{}.{}", info.schema, info.name).into_bytes();
        run.problem(&path, ProblemKind::Unreadable, WITHOUT_HISTORY.to_owned());
    }
    Ok(Ok(PlannedTable { info, record, parent, means, typed, part: None }))
}

/// By which means a table is read; none if the server itself cannot open it.
fn means(info: &TableInfo) -> Option<Means> {
    match &info.engine[..] {
        "" => None,
        engine if !holds_rows(engine) => Some(Means::Nothing),
        _ if info.transactional => Some(Means::Snapshot),
        _ => Some(Means::Lock),
    }
}

fn try_lock(control: &mut Connection, table: &PlannedTable) -> Result<()> {
    if table.means != Means::Lock {
        return Ok(());
    }
    let name = format!("{}.{}", quote_name(&table.info.schema), quote_name(&table.info.name));
    control.run(&format!("LOCK TABLES {name} READ LOCAL"))?;
    control.run("UNLOCK TABLES")
}

/// A table that is left out because of `error`.
pub(super) fn left_out(info: &TableInfo, error: &Error) -> LeftOut {
    named(info, chain(error))
}

fn named(info: &TableInfo, why: String) -> LeftOut {
    LeftOut { schema: info.schema.clone(), name: info.name.clone(), what: "table".to_owned(), why }
}

/// Whether an error says that a table is damaged, or not there any more: others may be whole.
pub(super) fn is_table_error(error: &Error) -> bool {
    /// Key file, record or table damaged, crashed, of another version; not found; no such table; a tablespace is missing or corrupt.
    const CODES: [u16; 17] =
        [126, 127, 134, 144, 145, 1016, 1017, 1030, 1034, 1035, 1146, 1194, 1195, 1812, 1815, 1877, 1932];
    error_code(error).is_some_and(|code| CODES.contains(&code))
}

/// Whether an error says that a table is another one than the snapshot shows.
pub(super) fn is_redefined(error: &Error) -> bool {
    /// The definition changed; there is no such table; a column is not there.
    const CODES: [u16; 3] = [1412, 1146, 1054];
    error_code(error).is_some_and(|code| CODES.contains(&code))
}
