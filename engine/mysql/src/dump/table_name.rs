//! Names of tables.

/// Name of a table: schema, table.
pub(super) type TableName = (String, String);
