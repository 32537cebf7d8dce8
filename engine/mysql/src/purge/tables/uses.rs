//! Columns of other tables that need rows or files: they hold keys of rows, or names of files.

use std::collections::BTreeSet;

use super::keys::{KEYS_PER_STATEMENT, is_one_of};
use super::named::refused;
use super::place::Place;
use super::saved_rows::{Key, parse_key};
use crate::database::{Connection, describe_table, quote_name, quote_text};
use crate::purge::terms::Column;
use engine_core::error::Result;

/// A column of a table that is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::purge) struct Use {
    /// Schema and table as SQL has them.
    pub table: String,
    /// The column as SQL has it.
    column: String,
}

/// The columns among `columns` whose tables this schema has: an older or newer version of the application may lack some.
///
/// # Errors
/// [`engine_core::ErrorKind::Refused`] if a table does not have its column: its needs are unknown then. If the server refuses.
pub(in crate::purge) fn uses(place: &mut Place<'_, '_>, columns: &[Column]) -> Result<Vec<Use>> {
    let mut found = Vec::new();
    for Column { table, column } in columns {
        let Some(info) = place.tables.iter().find(|info| info.name.eq_ignore_ascii_case(table)).cloned() else {
            continue;
        };
        let record = describe_table(place.connection, place.server, &info)?;
        let known = record.columns.iter().find(|known| known.name.eq_ignore_ascii_case(column));
        let known =
            known.ok_or_else(|| refused(&info.name, &format!("has no column `{column}`, which may need rows")))?;
        let table = format!("{}.{}", quote_name(&info.schema), quote_name(&info.name));
        found.push(Use { table, column: quote_name(&known.name) });
    }
    Ok(found)
}

/// The keys among `keys` that one of the columns holds.
///
/// # Errors
/// If the server fails.
pub(in crate::purge) fn used_keys(connection: &mut Connection, uses: &[Use], keys: &[Key]) -> Result<BTreeSet<Key>> {
    let mut used = BTreeSet::new();
    for Use { table, column } in uses {
        for keys in keys.chunks(KEYS_PER_STATEMENT) {
            let sql = format!("SELECT DISTINCT {column} FROM {table} WHERE {}", is_one_of(column, keys));
            let rows = connection.rows(&sql)?;
            used.extend(
                rows.into_iter().filter_map(|row| row.into_iter().next().flatten()).filter_map(|k| parse_key(&k)),
            );
        }
    }
    Ok(used)
}

/// The `names` of files, without folders, that a row names in one of the columns, in any folder and in any case. They are given as
/// [`folded`].
///
/// # Errors
/// If the server fails.
pub(in crate::purge) fn used_names(
    connection: &mut Connection,
    uses: &[Use],
    names: &[&str],
) -> Result<BTreeSet<String>> {
    let mut used = BTreeSet::new();
    let quoted: Vec<String> = names.iter().map(|name| quote_text(name)).collect();
    for Use { table, column } in uses {
        // This collation takes more for equal than any file system does: what it finds is looked at again.
        let plain = format!("REPLACE(CONVERT({column} USING utf8mb4), CHAR(92 USING utf8mb4), '/')");
        let last = format!("SUBSTRING_INDEX({plain}, '/', -1) COLLATE utf8mb4_general_ci");
        let sql = format!("SELECT DISTINCT {column} FROM {table} WHERE {last} IN ({})", quoted.join(","));
        for value in connection.rows(&sql)?.into_iter().filter_map(|row| row.into_iter().next().flatten()) {
            let value = String::from_utf8_lossy(&value).into_owned();
            used.insert(folded(value.rsplit(['/', '\\']).next().unwrap_or_default()));
        }
    }
    Ok(used)
}

/// A name of a file in the one form for all cases in which a share would find it.
pub(in crate::purge) fn folded(name: &str) -> String {
    name.trim_end_matches(' ').to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_folded_as_a_share_does() {
        assert_eq!(folded("Röntgen.JPG  "), folded("RÖNTGEN.jpg"));
        assert_ne!(folded("a.jpg"), folded("á.jpg"));
    }
}
