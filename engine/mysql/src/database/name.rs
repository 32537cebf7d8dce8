//! Names, texts and bytes in SQL.

use repo_format::hex;

/// `name` as an identifier.
pub fn quote_name(name: &str) -> String {
    format!("`{}`", name.replace('`', "``"))
}

/// `text` as a string, under any `sql_mode`: a backslash is written so that NO_BACKSLASH_ESCAPES does not matter.
pub fn quote_text(text: &str) -> String {
    if text.contains(['\\', '\0']) {
        format!("_utf8 {}", quote_bytes(text.as_bytes()))
    } else {
        format!("'{}'", text.replace('\'', "''"))
    }
}

/// That `column` of the information schema holds the name `schema`. MariaDB takes names of some of its tables for the same that differ in case,
/// also where they are two schemas.
pub fn is_schema(column: &str, schema: &str) -> String {
    let name = quote_text(schema);
    format!("{column} = {name} AND (@@lower_case_table_names > 0 OR CAST({column} AS BINARY) = CAST({name} AS BINARY))")
}

/// `bytes` as a string of bytes.
pub fn quote_bytes(bytes: &[u8]) -> String {
    format!("X'{}'", hex::upper(bytes))
}
