//! Changes that the log does not tell: rows that foreign keys, programs, views and merged tables change.

use std::collections::{BTreeSet, HashSet};

use super::super::plan::{Means, Plan};
use super::super::state::Dump;
use crate::binlog::changes::Changes;
use crate::database::{Connection, FoldedName, TableName, holds_rows, quote_text, texts};
use crate::dialect::{ForeignKeyTo, foreign_keys};
use engine_core::error::Result;

/// Schemas whose programs change no rows of users.
const OF_SERVER: &str = "('mysql', 'sys', 'information_schema', 'performance_schema')";
const BY_FOREIGN_KEY: &str = "a foreign key may have changed it";

/// Adds to `changes` what the log does not tell.
///
/// # Errors
/// If the server does not answer.
pub(super) fn add(dump: &Dump<'_, '_>, control: &mut Connection, plan: &Plan, changes: &mut Changes) -> Result<()> {
    let hides_changes = changes.has_programs() || !dump.sees_programs || has_programs(control)?;
    if changes.has_statements() && hides_changes {
        changes.doubt_everything("the log has statements, which may change tables that they do not name");
    }
    if has_merged(dump, control, plan, changes)? {
        for table in plan.tables.iter().filter(|table| table.means == Means::Lock) {
            changes
                .doubt(&FoldedName::from(&table.name()), "it may have been changed through a table that merges others");
        }
    }
    if dump.server.is_mariadb() && may_have_received(control)? {
        changes.doubt_everything("the server is or was a replica, and does not log what it receives");
    }
    follow_foreign_keys(plan, changes);
    Ok(())
}

/// Whether the server may have received changes that are not in its log, whether or not it receives any at this time.
fn may_have_received(control: &mut Connection) -> Result<bool> {
    const NAMES: [&str; 3] = ["log_slave_updates", "gtid_slave_pos", "wsrep_on"];
    let names = NAMES.map(|name| format!("'{name}'")).join(", ");
    let rows = control.rows(&format!("SHOW GLOBAL VARIABLES WHERE Variable_name IN ({names})"))?;
    let shown: Vec<_> = rows.into_iter().map(texts).collect();
    let [logs, received, is_cluster] = NAMES.map(|name| {
        let row = shown.iter().find(|row| row.first().is_some_and(|shown| shown.as_deref() == Some(name)));
        row.and_then(|row| row.get(1)?.as_deref()).is_some_and(|value| !matches!(value, "" | "OFF"))
    });
    Ok(!logs && (received || is_cluster))
}

/// Whether the server has triggers, views or routines.
fn has_programs(control: &mut Connection) -> Result<bool> {
    let any = |of: &str, column: &str| {
        format!("EXISTS (SELECT 1 FROM information_schema.{of} WHERE {column} NOT IN {OF_SERVER})")
    };
    let all = [("TRIGGERS", "TRIGGER_SCHEMA"), ("VIEWS", "TABLE_SCHEMA"), ("ROUTINES", "ROUTINE_SCHEMA")];
    let all: Vec<String> = all.iter().map(|(of, column)| any(of, column)).collect();
    Ok(control.value(&format!("SELECT {}", all.join(" OR ")))?.as_deref() != Some("0"))
}

/// Whether a table has changed that merges others, or may have: their rows are logged as its own.
fn has_merged(dump: &Dump<'_, '_>, control: &mut Connection, plan: &Plan, changes: &Changes) -> Result<bool> {
    if !plan.has(Means::Lock) {
        return Ok(false);
    }
    let mut without_rows = plan.tables.iter().filter(|table| table.means == Means::Nothing);
    if changes.has_merges() || without_rows.any(|table| changes.is_changed(&FoldedName::from(&table.name()))) {
        return Ok(true);
    }
    let planned: HashSet<_> = plan.tables.iter().map(|table| FoldedName::from(&table.name())).collect();
    let others: Vec<_> = changes.tables().filter(|name| !planned.contains(name)).collect();
    // The parent snapshot knows tables that are gone now; of newer ones the log says how they were made.
    for name in &others {
        let before = dump.parent.table(dump.run, name.schema(), name.table())?;
        if before.is_some_and(|table| !holds_rows(&table.record.engine)) {
            return Ok(true);
        }
    }
    let schemas: BTreeSet<_> = others.iter().map(|name| quote_text(name.schema())).collect();
    let schemas = schemas.into_iter().collect::<Vec<_>>().join(", ");
    // Statements name tables of any schema.
    let among = match (changes.has_statements(), others.is_empty()) {
        (true, _) => String::new(),
        (false, true) => return Ok(false),
        (false, false) => format!("LOWER(TABLE_SCHEMA) IN ({schemas}) AND "),
    };
    let sql = format!(
        "SELECT EXISTS (SELECT 1 FROM information_schema.TABLES WHERE {among}ENGINE IN ('MRG_MyISAM', 'MERGE'))"
    );
    Ok(control.value(&sql)?.as_deref() != Some("0"))
}

/// Doubts tables that a foreign key changes when another table changes, and those that depend on them in turn.
fn follow_foreign_keys(plan: &Plan, changes: &mut Changes) {
    let planned: HashSet<_> = plan.tables.iter().map(|table| FoldedName::from(&table.name())).collect();
    let acting = plan.tables.iter().filter_map(|table| {
        let referenced = referenced_by_acting(&table.record.create.0, &table.info.schema)?;
        Some((FoldedName::from(&table.name()), referenced))
    });
    let mut acting: Vec<_> = acting.collect();
    loop {
        let may_change = |name: &FoldedName| !planned.contains(name) || changes.is_changed(name);
        let (doubted, rest): (Vec<_>, Vec<_>) =
            acting.into_iter().partition(|(_, referenced)| referenced.iter().any(may_change));
        if doubted.is_empty() {
            return;
        }
        doubted.iter().for_each(|(table, _)| changes.doubt(table, BY_FOREIGN_KEY));
        acting = rest;
    }
}

/// The tables that the foreign keys of a definition refer to which change rows; `None` if there are none. A definition that cannot be read may refer to any.
fn referenced_by_acting(create: &[u8], schema: &str) -> Option<Vec<FoldedName>> {
    let Some(all) = foreign_keys(create) else { return Some(vec![FoldedName::any()]) };
    let name = |key: ForeignKeyTo| {
        FoldedName::from(&TableName::of_bytes(key.schema.as_deref().unwrap_or(schema.as_bytes()), &key.table))
    };
    let referenced: Vec<_> = all.into_iter().filter(|key| key.follows).map(name).collect();
    (!referenced.is_empty()).then_some(referenced)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn referenced(create: &str) -> Option<Vec<String>> {
        let names = referenced_by_acting(create.as_bytes(), "S")?;
        Some(names.into_iter().map(|name| format!("{}.{}", name.schema(), name.table())).collect())
    }

    #[test]
    fn only_foreign_keys_that_change_rows_count() {
        let plain =
            "CREATE TABLE `t` (\n  `a` int,\n  CONSTRAINT `f` FOREIGN KEY (`a`) REFERENCES `p` (`id`)\n) ENGINE=InnoDB";
        assert_eq!(referenced(plain), None);
        let acting = "CREATE TABLE `t` (\n  `a` int DEFAULT 1 COMMENT 'REFERENCES',\n  CONSTRAINT `f` FOREIGN KEY (`a`) REFERENCES `P` (`id`) ON DELETE CASCADE,\n  \
             CONSTRAINT `g` FOREIGN KEY (`a`, `b`) REFERENCES `other`.`q` (`x`, `y`) ON UPDATE SET NULL,\n  \
             CONSTRAINT `h` FOREIGN KEY (`a`) REFERENCES `r` (`x`)\n) ENGINE=InnoDB COMMENT='SET'";
        assert_eq!(referenced(acting), Some(vec!["s.p".to_owned(), "other.q".to_owned()]));
        assert_eq!(
            referenced("CREATE TABLE `t` (\n  `a` int DEFAULT '\\',\n  REFERENCES `p`"),
            Some(vec![".".to_owned()])
        );
    }
}
