//! Tables as people name them: `SCHEMA.TABLE`.

use engine::database::TableName;

/// Reads `SCHEMA.TABLE`: the first dot is the one between them.
///
/// # Errors
/// A sentence about what it should look like.
pub fn parse_table_name(text: &str) -> Result<TableName, String> {
    match text.split_once('.') {
        Some((schema, table)) if !schema.is_empty() && !table.is_empty() => Ok(TableName::new(schema, table)),
        _ => Err("a table is named as SCHEMA.TABLE, as in opendental.appointment".to_owned()),
    }
}
