//! Tables that have lost many of their rows since the parent snapshot, though no purge has removed them.

use std::collections::HashSet;

use super::plan::{Plan, PlannedTable};
use super::state::{Dump, SavedTables};
use crate::database::TableName;
use engine_core::error::Result;
use engine_core::hold::purged_since;

/// Tables with fewer bytes of rows come and go: queues, sessions.
const BYTES_MIN: u64 = 1024 * 1024;
/// This part of a table's rows is much.
const PART: u64 = 5;

/// Finds them, in order of their names.
///
/// # Errors
/// If the repository cannot be read.
pub(super) fn find(dump: &Dump<'_, '_>, plan: &Plan, saved: &SavedTables) -> Result<Vec<TableName>> {
    let mut found: Vec<TableName> =
        plan.tables.iter().filter(|table| has_shrunk(table, saved)).map(PlannedTable::name).collect();
    found.extend(gone(dump, saved)?);
    let Some((parent, _)) = dump.run.parent().origin().filter(|_| !found.is_empty()) else { return Ok(found) };
    let purged = purged_since(dump.run.store().repository(), parent.time())?;
    found.retain(|name| !purged.tables.contains(&(name.schema.clone(), name.table.clone())));
    found.sort();
    Ok(found)
}

fn has_shrunk(table: &PlannedTable, saved: &SavedTables) -> bool {
    let rows = table.parent.as_ref().and_then(|parent| parent.rows.as_ref());
    let (Some(before), Some(now)) = (rows, saved.rows.get(&table.name())) else { return false };
    let lost = before.meta.size.saturating_sub(now.bytes);
    before.meta.size >= BYTES_MIN && lost.saturating_mul(PART) >= before.meta.size
}

/// Tables of the parent that the server no longer has. A schema that was not asked for is not missed.
fn gone(dump: &Dump<'_, '_>, saved: &SavedTables) -> Result<Vec<TableName>> {
    let mut known: HashSet<TableName> = dump.listed.iter().map(|info| info.table_name()).collect();
    let left_out = saved.left_out.iter().chain(&dump.unseen);
    known.extend(left_out.map(|left| TableName::new(&left.schema, &left.name)));
    let mut gone = Vec::new();
    for name in dump.parent.table_names(dump.run)? {
        let is_asked_for = dump.source.schemas.is_empty() || dump.schemas.contains(&name.schema);
        if is_asked_for && !known.contains(&name) && dump.parent.row_bytes(dump.run, &name)? >= BYTES_MIN {
            gone.push(name);
        }
    }
    Ok(gone)
}
