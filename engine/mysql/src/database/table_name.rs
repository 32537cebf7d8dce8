//! Names of tables.

use std::fmt;

use super::quote_name;

/// The name of a table: its schema, and its own. As text, quoted.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct TableName {
    /// The schema.
    pub schema: String,
    /// The name in it.
    pub table: String,
}

impl TableName {
    /// The table of this name.
    pub fn new(schema: impl Into<String>, table: impl Into<String>) -> Self {
        TableName { schema: schema.into(), table: table.into() }
    }
}

impl fmt::Display for TableName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", quote_name(&self.schema), quote_name(&self.table))
    }
}
