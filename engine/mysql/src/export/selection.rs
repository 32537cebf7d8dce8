//! The part of a database to export.

use std::collections::{BTreeMap, BTreeSet};

use super::options::ExportOptions;
use crate::database::TableName;
use engine_core::error::Result;
use engine_core::snapshots::saved::{Database, Schema};

/// Tables of one schema.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Tables {
    /// All, and everything else of the schema.
    All(BTreeSet<String>),
    /// These.
    Some(BTreeSet<String>),
}

/// Schemas that are there, with what is wanted of each.
pub(super) struct Selection<'r> {
    pub schemas: Vec<(Schema<'r>, Tables)>,
}

impl Tables {
    pub fn names(&self) -> &BTreeSet<String> {
        match self {
            Tables::All(names) | Tables::Some(names) => names,
        }
    }
}

impl<'r> Selection<'r> {
    /// Selects the parts of `database` that `options` name.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`](engine_core::ErrorKind::NotFound) if a schema or table does not exist.
    pub fn of(database: &Database<'r>, options: &ExportOptions) -> Result<Self> {
        let mut wanted = BTreeMap::<String, BTreeSet<String>>::new();
        for TableName { schema, table } in &options.tables {
            wanted.entry(schema.clone()).or_default().insert(table.clone());
        }
        let mut whole: BTreeSet<String> = options.schemas.iter().cloned().collect();
        if whole.is_empty() && wanted.is_empty() {
            whole.extend(database.schema_names()?);
        }
        let names: BTreeSet<_> = whole.iter().chain(wanted.keys()).collect();
        let mut schemas = Vec::with_capacity(names.len());
        for name in names {
            let schema = database.schema(name)?;
            let some = wanted.get(name).cloned().unwrap_or_default();
            // A table that is not there is missed before anything is written.
            some.iter().try_for_each(|table| schema.table(table).map(drop))?;
            let tables = if whole.contains(name) {
                Tables::All(schema.table_names()?.into_iter().collect())
            } else {
                Tables::Some(some)
            };
            schemas.push((schema, tables));
        }
        Ok(Selection { schemas })
    }

    /// Whether `name` of `schema` is, or would be, part of it.
    pub fn has(&self, schema: &str, name: &str) -> bool {
        let tables = self.schemas.iter().find(|(there, _)| there.record.name == schema).map(|(_, tables)| tables);
        tables.is_some_and(|tables| matches!(tables, Tables::All(_)) || tables.names().contains(name))
    }
}
