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

    /// The table that events, statements and definitions call so. Servers keep names as UTF-8.
    pub fn of_bytes(schema: &[u8], table: &[u8]) -> Self {
        let text = |name: &[u8]| String::from_utf8_lossy(name).into_owned();
        TableName { schema: text(schema), table: text(table) }
    }

    /// As people read it: without quotes.
    pub fn shown(&self) -> String {
        format!("{}.{}", self.schema, self.table)
    }
}

/// The name of a table in small letters, as a type of its own: it is compared with folded names alone. Servers may write a name in either case, and two
/// tables of one folded name count as one.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct FoldedName(TableName);

impl FoldedName {
    /// A name that no table has: stands for a table that is not known.
    pub fn any() -> Self {
        FoldedName(TableName::default())
    }

    /// The schema.
    pub fn schema(&self) -> &str {
        &self.0.schema
    }

    /// The name in it.
    pub fn table(&self) -> &str {
        &self.0.table
    }
}

impl From<&TableName> for FoldedName {
    fn from(name: &TableName) -> Self {
        FoldedName(TableName { schema: name.schema.to_lowercase(), table: name.table.to_lowercase() })
    }
}

impl fmt::Display for TableName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", quote_name(&self.schema), quote_name(&self.table))
    }
}
