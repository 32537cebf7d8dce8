//! The part of a database that is replayed.

use std::collections::BTreeSet;

use crate::binlog::replay::{LateWindow, TableKey};

/// A part of a database.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct ReplayPart {
    /// Only these tables; none: everything.
    pub only: Option<BTreeSet<TableKey>>,
    /// Tables that stay as the snapshot has them.
    pub kept: BTreeSet<TableKey>,
    /// Tables that were read late, and become exact.
    pub late: Vec<LateWindow>,
}

impl ReplayPart {
    /// Whether a table belongs to it.
    pub fn has(&self, table: &TableKey) -> bool {
        self.only.as_ref().is_none_or(|only| only.contains(table))
    }

    /// The part of it that is of these tables.
    pub fn only(&self, tables: BTreeSet<TableKey>) -> Self {
        let mut part = self.clone();
        part.late.retain(|window| tables.contains(&window.table));
        part.kept.retain(|table| tables.contains(table));
        part.only = Some(tables);
        part
    }
}
