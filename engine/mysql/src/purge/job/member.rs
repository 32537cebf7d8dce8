//! A table of a job, with what decides on its rows.

use crate::database::{RowEncoder, quote_name, quote_text};
use crate::purge::tables::Table;
use crate::purge::terms::{Exception, Rule};
use engine_core::error::{Error, ErrorKind, Result};

/// A table of a job.
pub(in crate::purge) struct Member<'r> {
    pub table: Table<'r>,
    pub encoder: RowEncoder,
    /// Each must be true, else the row is spared.
    pub exceptions: Vec<String>,
}

/// A table whose rows go with those of the parent.
pub(in crate::purge) struct ChildMember<'r> {
    pub member: Member<'r>,
    /// The column that holds the parent's key, as SQL has it.
    pub column: String,
    /// The index that rows are looked up by, as SQL has it.
    pub index: String,
}

impl<'r> Member<'r> {
    /// The table, with the exceptions of `rule` that are about it.
    ///
    /// # Errors
    /// [`ErrorKind::Usage`] if a column holds numbers and the value of its exception is none.
    pub fn new(table: Table<'r>, rule: &Rule) -> Result<Self> {
        let mut exceptions = Vec::new();
        for exception in &rule.exceptions {
            exceptions.extend(differs(&table, exception)?);
        }
        Ok(Member { encoder: RowEncoder::new(&table.record), table, exceptions })
    }

    /// The exceptions as expressions before the values of a row.
    pub fn leading(&self) -> String {
        self.exceptions.iter().map(|exception| format!("{exception}, ")).collect()
    }
}

/// The condition that a row is no exception; none if the table does not have the column.
fn differs(table: &Table<'_>, exception: &Exception) -> Result<Option<String>> {
    let Some(column) = table.column(&exception.column) else { return Ok(None) };
    let is_whole = ["tinyint", "smallint", "mediumint", "int", "bigint"]
        .iter()
        .any(|whole| column.column_type.to_lowercase().starts_with(whole));
    // As a text a large number would be compared as a double, which is not exact.
    let value = match (is_whole, exception.value.trim().parse::<i128>()) {
        (false, _) => quote_text(&exception.value),
        (true, Ok(number)) => number.to_string(),
        (true, Err(_)) => {
            let message = format!("`{}` of an exception is no number, as `{}` is", exception.value, column.name);
            return Err(Error::new(ErrorKind::Usage, message));
        }
    };
    Ok(Some(format!("NOT ({} <=> {value})", quote_name(&column.name))))
}
