//! The part of a database that is replayed.

use std::collections::BTreeSet;

use super::needs::Needs;
use crate::binlog::replay::LateWindow;
use crate::database::TableName;

/// A part of a database.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct ReplayPart {
    /// Only this; none: everything.
    pub only: Option<Needs>,
    /// Tables that stay as the snapshot has them.
    pub kept: BTreeSet<TableName>,
    /// Tables that were read late, and become exact.
    pub late: Vec<LateWindow>,
}

impl ReplayPart {
    /// Whether a table belongs to it.
    pub fn has(&self, table: &TableName) -> bool {
        self.only.as_ref().is_none_or(|only| only.tables.contains(table))
    }

    /// The part of it that is needed.
    pub fn only(&self, needs: Needs) -> Self {
        let mut part = self.clone();
        part.late.retain(|window| needs.tables.contains(&window.table));
        part.kept.retain(|table| needs.tables.contains(table));
        part.only = Some(needs);
        part
    }
}
