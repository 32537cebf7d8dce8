//! Decides which tables are read in part.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use super::Extent;
use crate::binlog::changes::{Change, Changes, IntegerKey, WantedKey, WantedTables};
use crate::database::{FoldedName, TableInfo, TableName, kept_list};
use crate::dump::evidence::{READ_WITHIN, ServerFacts, has_same_names};
use crate::dump::late::without_counter;
use crate::dump::plan::{Means, Plan, PlannedTable};
use crate::dump::server::ServerNow;
use crate::dump::state::Dump;
use engine_core::error::Result;

/// A table of which more than one row in so many has changed is read whole: reading a row by its key takes about ten times as long.
const ONE_IN: u64 = 10;
/// Engines whose changes are in the log, and of which the server tells when they changed.
const ENGINES: [&str; 3] = ["InnoDB", "MyISAM", "Aria"];

/// The part of a table that is read.
#[derive(Debug)]
pub(in crate::dump) struct Part {
    /// The key of its rows, unless none has changed.
    pub key: Option<IntegerKey>,
    /// Ranks of the keys of the rows that have changed, in order.
    pub ranks: Vec<u64>,
    /// It is read whole, and compared with the parent in which only these rows were replaced.
    pub is_proof: bool,
}

impl Part {
    /// Whether nothing of it is read.
    pub fn is_nothing(&self) -> bool {
        self.ranks.is_empty() && !self.is_proof
    }

    /// Whether the row of this rank has changed.
    pub fn has(&self, rank: u64) -> bool {
        self.ranks.binary_search(&rank).is_ok()
    }

    /// Whether any row from `low` to `high` has changed; no `high` means to the end.
    pub fn has_any(&self, low: u64, high: Option<u64>) -> bool {
        let at = self.ranks.partition_point(|rank| *rank < low);
        self.ranks.get(at).is_some_and(|rank| high.is_none_or(|high| *rank <= high))
    }
}

/// The answers of the server now that the moment is held.
pub(in crate::dump) struct Findings<'f> {
    pub now: &'f ServerNow,
    pub infos: &'f [TableInfo],
    /// Its sessions log rows, unless they choose otherwise.
    pub logs_rows: bool,
}

/// The tables whose changes are to be found in the log.
pub(in crate::dump) fn wanted_tables(plan: &Plan) -> WantedTables {
    let mut wanted = WantedTables::default();
    for table in &plan.tables {
        let key = IntegerKey::of(&table.record).filter(|_| is_candidate(table));
        wanted.add(&table.name(), key.map(|key| WantedKey { key, most: most_ranks(table) }));
    }
    wanted
}

/// The findings beside the parts themselves.
pub(in crate::dump) struct FoundParts {
    /// Why many tables are read whole, if they are.
    pub whole_because: Option<&'static str>,
    /// Tables that are read whole because rows of the parent are lost.
    pub lost: Vec<TableName>,
}

/// Finds the tables that are read in part. Files of tables without transactions may have been exchanged while they were flushed: then nothing is
/// known of them.
///
/// # Errors
/// If the repository cannot be asked.
pub(in crate::dump) fn find_parts(
    dump: &Dump<'_, '_>,
    plan: &mut Plan,
    changes: &mut Changes,
    findings: &Findings<'_>,
) -> Result<FoundParts> {
    const FLUSHED: &str = "a statement has altered, renamed or flushed tables since the earlier snapshot, and those without transactions may have \
                           other files now";
    let changed: HashMap<TableName, Option<i64>> =
        findings.infos.iter().map(|info| (info.table_name(), info.changed)).collect();
    let server = dump.parent.server().map(ServerFacts::of);
    let has_same_files = server.is_some_and(|server| has_same_names(&server, &findings.now.facts()));
    let logs_rows = findings.logs_rows;
    let is_candidate =
        |table: &&mut PlannedTable| is_candidate(table) && (table.means != Means::Lock || has_same_files);
    let mut why = changes.everything();
    if !has_same_files && plan.tables.iter().any(|table| table.means == Means::Lock && table.parent.is_some()) {
        why = why.or(Some(FLUSHED));
    }
    let mut lost = Vec::new();
    for table in plan.tables.iter_mut().filter(is_candidate) {
        let part = match changes.take(&FoldedName::from(&table.name())) {
            Change::Unknown(_) => None,
            Change::None => {
                let changed = changed.get(&table.name()).copied().flatten();
                is_still(dump, table, changed).then(|| Part { key: None, ranks: Vec::new(), is_proof: false })
            }
            // Statements on tables without transactions may be logged later than they take effect.
            Change::Rows(_) if table.means == Means::Lock && !logs_rows => None,
            Change::Rows(ranks) if ranks.len() > most_ranks(table) => None,
            Change::Rows(ranks) => Some(Part { key: IntegerKey::of(&table.record), ranks, is_proof: false }),
        };
        let Some(part) = part else { continue };
        if parent_is_stored(dump, table)? {
            table.part = Some(Part { is_proof: is_due(dump, table), ..part });
        } else {
            lost.push(table.name());
        }
    }
    Ok(FoundParts { whole_because: why, lost })
}

/// If more of a table's rows have changed, it is read whole.
fn most_ranks(table: &PlannedTable) -> usize {
    usize::try_from(table.info.rows / ONE_IN).unwrap_or(usize::MAX)
}

/// Whether the parent's rows of a table can be the ground for this snapshot's.
fn is_candidate(table: &PlannedTable) -> bool {
    let Some(parent) = &table.parent else { return false };
    let (before, now) = (&parent.record, &table.record);
    ENGINES.iter().any(|engine| now.engine.eq_ignore_ascii_case(engine))
        && table.means != Means::Nothing
        && !parent.is_late
        && table.typed.is_empty()
        && kept_list(now).is_empty()
        && now.versioned.is_none()
        && before.engine == now.engine
        && before.columns == now.columns
        && before.key == now.key
        && before.order == now.order
        && before.encoding == now.encoding
        && before.segment_bits == now.segment_bits
        && without_counter(&before.create.0) == without_counter(&now.create.0)
}

/// Whether the server says that a table has not changed that the log does not mention: changes can be kept out of the log.
fn is_still(dump: &Dump<'_, '_>, table: &PlannedTable, changed: Option<i64>) -> bool {
    match (table.means, &table.parent, dump.parent.server()) {
        (Means::Lock, Some(parent), _) => changed.is_some() && changed == parent.record.changed,
        // The time is in whole seconds, and people work in each: what the log has of the moment's second is known.
        (Means::Snapshot, _, Some(server)) => changed.is_none_or(|changed| changed <= server.moment.seconds),
        _ => false,
    }
}

fn parent_is_stored(dump: &Dump<'_, '_>, table: &PlannedTable) -> Result<bool> {
    match table.parent.as_ref().and_then(|parent| parent.rows.as_ref()) {
        Some(rows) => dump.run.parent().content_is_stored(rows),
        None => Ok(true),
    }
}

/// Whether a table is to be read whole. Tables that were read at one time are due at several, within a week.
fn is_due(dump: &Dump<'_, '_>, table: &PlannedTable) -> bool {
    let mut hasher = DefaultHasher::new();
    table.name().hash(&mut hasher);
    let half = READ_WITHIN.unsigned_abs() / 2;
    let within = half + hasher.finish() % half;
    let read = table.parent.as_ref().map(|parent| parent.read).unwrap_or_default();
    let age = u64::try_from(dump.now.seconds.saturating_sub(read));
    dump.source.extent == Extent::Prove || age.is_ok_and(|age| age > within)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_knows_its_rows() {
        let part = Part { key: None, ranks: vec![3, 5, 9], is_proof: false };
        assert!(part.has(5) && !part.has(4));
        assert!(part.has_any(4, Some(5)) && part.has_any(9, None) && part.has_any(0, None));
        assert!(!part.has_any(6, Some(8)) && !part.has_any(10, None));
    }
}
