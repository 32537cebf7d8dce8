//! What errors and conditions call a table.

use crate::database::{TableInfo, quote_text};
use engine_core::error::{Error, ErrorKind};

/// Rows of this table are not removed.
pub(in crate::purge) fn refused(table: &str, why: &str) -> Error {
    Error::new(ErrorKind::Refused, format!("the table `{table}` {why}"))
}

/// The condition that two columns name the table.
pub(super) fn is_table(info: &TableInfo, schema: &str, name: &str) -> String {
    format!("{schema} = {} AND {name} = {}", quote_text(&info.schema), quote_text(&info.name))
}
