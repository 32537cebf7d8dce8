//! How large a table is, and how long copying it takes.

use std::path::PathBuf;

use crate::database::{Address, Connection, quote_text};
use crate::purge::tables::Table;
use engine_core::error::Result;

/// Bytes that a modest disk copies in a second, keys included: for an estimate.
const BYTES_PER_SECOND: u64 = 20 << 20;

/// How large a table is.
#[derive(Debug, Clone, Copy, Default)]
pub(in crate::purge) struct Size {
    /// Rows and keys: what a copy takes at most.
    pub used: u64,
    /// With what is free in between and belongs to nobody else.
    pub all: u64,
}

/// Where the server keeps its tables, if it runs on this machine.
///
/// # Errors
/// If the server does not answer.
pub(in crate::purge) fn data_folder(connection: &mut Connection, address: &Address) -> Result<Option<PathBuf>> {
    let folder = if address.is_local() { connection.value("SELECT @@datadir")? } else { None };
    Ok(folder.map(PathBuf::from))
}

/// Asks the server how large `table` is.
///
/// # Errors
/// If the server does not answer.
pub(super) fn size(connection: &mut Connection, table: &Table<'_>) -> Result<Size> {
    // Free pages of a space that tables share are not the table's.
    let has_file = connection.variable("innodb_file_per_table")?.is_some_and(|value| value == "ON");
    let sql = format!(
        "SELECT DATA_LENGTH + INDEX_LENGTH, DATA_FREE FROM information_schema.TABLES WHERE TABLE_SCHEMA = {} AND TABLE_NAME = {}",
        quote_text(&table.schema),
        quote_text(&table.name)
    );
    let mut row = connection.first(&sql)?.unwrap_or_default().into_iter().flatten().map(|text| text.parse());
    let mut next = || row.next().and_then(std::result::Result::ok).unwrap_or(0);
    let (used, free): (u64, u64) = (next(), next());
    // The data of other engines has its holes among its bytes.
    let free = if has_file && table.engine.eq_ignore_ascii_case("InnoDB") { free } else { 0 };
    Ok(Size { used, all: used + free })
}

/// Seconds for which a table of so many bytes is locked, about.
pub(super) fn locked_seconds(bytes: u64) -> u64 {
    bytes.div_ceil(BYTES_PER_SECOND).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_takes_a_second_at_least() {
        assert_eq!((locked_seconds(0), locked_seconds(BYTES_PER_SECOND * 3)), (1, 3));
    }
}
