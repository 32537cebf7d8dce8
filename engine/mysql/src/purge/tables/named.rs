//! A table in errors and in conditions.

use crate::database::{TableInfo, quote_text};
use engine_core::error::{Error, ErrorKind};

/// The error that rows of a table cannot be removed.
pub(in crate::purge) fn refused(table: &str, why: &str) -> Error {
    Error::new(ErrorKind::Refused, format!("the table `{table}` {why}"))
}

/// The condition that two columns name the table.
pub(super) fn is_table(info: &TableInfo, schema: &str, name: &str) -> String {
    format!("{schema} = {} AND {name} = {}", quote_text(&info.schema), quote_text(&info.name))
}
