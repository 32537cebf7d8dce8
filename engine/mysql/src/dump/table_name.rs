//! Names of tables.

use std::collections::HashSet;

/// Name of a table: schema, table.
pub(super) type TableName = (String, String);

/// A set of names of tables.
pub(super) fn names<'n>(all: impl Iterator<Item = (&'n String, &'n String)>) -> HashSet<TableName> {
    all.map(|(schema, name)| (schema.clone(), name.clone())).collect()
}
