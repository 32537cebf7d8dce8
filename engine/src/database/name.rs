//! Names and texts in SQL.

/// `name` as an identifier.
pub fn quote_name(name: &str) -> String {
    format!("`{}`", name.replace('`', "``"))
}

/// `text` as a string, under any `sql_mode`: a backslash is written so that NO_BACKSLASH_ESCAPES does not matter.
pub fn quote_text(text: &str) -> String {
    match text.contains(['\\', '\0']) {
        false => format!("'{}'", text.replace('\'', "''")),
        true => {
            let hex: String = text.bytes().map(|byte| format!("{byte:02X}")).collect();
            format!("_utf8 X'{hex}'")
        }
    }
}
