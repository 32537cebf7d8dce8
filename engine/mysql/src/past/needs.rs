//! The part of a database that a restore needs: what is asked for, and the tables that it refers to.

use std::collections::BTreeSet;

use repo_format::database::ObjectType;

use super::foreign_keys::with_parents;
use crate::database::{TableName, is_of_the_server_by};
use crate::dialect::{Quoting, references};
use crate::load::LoadOptions;
use engine_core::error::Result;
use engine_core::snapshots::saved::{Database, Schema};

/// Tables, and schemas with everything in them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Needs {
    /// All tables, also those of the schemas.
    pub tables: BTreeSet<TableName>,
    /// The schemas.
    pub schemas: BTreeSet<String>,
}

impl Needs {
    /// The least that a load needs; `None` if that is everything, or cannot be said.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] if something that is named is not there; if a record cannot be read.
    ///
    /// [`ErrorKind::NotFound`]: engine_core::error::ErrorKind::NotFound
    pub fn of(database: &Database<'_>, load: &LoadOptions) -> Result<Option<Self>> {
        if !load.tables.is_empty() {
            let tables = with_parents(database, &load.tables)?;
            return Ok(tables.map(|tables| Needs { tables, ..Needs::default() }));
        }
        let schemas: BTreeSet<String> = load.schemas.iter().map(|choice| choice.from.clone()).collect();
        if schemas.is_empty() {
            return Ok(None);
        }
        let mut named = Vec::new();
        for name in &schemas {
            let schema = database.schema(name)?;
            if needs_others(&schema, &schemas) {
                return Ok(None);
            }
            named.extend(schema.table_names()?.into_iter().map(|table| TableName::new(name, &table)));
        }
        Ok(with_parents(database, &named)?.map(|tables| Needs { tables, schemas }))
    }

    /// The tables that are needed beside the schemas.
    pub fn tables_elsewhere(&self) -> impl Iterator<Item = TableName> {
        self.tables.iter().filter(|name| !self.schemas.contains(&name.schema)).cloned()
    }
}

/// Whether objects of a schema may need something of a schema that is not among `schemas`. Values of sequences are not those of a table.
fn needs_others(schema: &Schema<'_>, schemas: &BTreeSet<String>) -> bool {
    schema.record.objects.iter().any(|object| {
        let quoting = Quoting::of(object.sql_mode.as_deref().unwrap_or_default());
        let is_other = |name: &str| !schemas.contains(name) && !is_of_the_server_by(true, name);
        let found = references(&object.create.0, quoting);
        object.kind == ObjectType::Sequence
            || found.is_none_or(|found| found.iter().any(|reference| is_other(&reference.schema)))
    })
}
