//! The kind of a transaction, in a word.

use repo_format::log::{TransactionFlags, TransactionRecord};

/// The kind of a transaction, by the most destructive of its changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ChangeKind {
    /// Rows are added.
    Insert,
    /// Something is made.
    Create,
    /// Anything else: accounts, settings, an unknown statement.
    Other,
    /// Rows are changed.
    Update,
    /// Rows are removed.
    Delete,
    /// A definition is changed.
    Alter,
    /// A table is emptied.
    Truncate,
    /// Something is removed with all that is in it.
    Drop,
}

impl ChangeKind {
    /// The kind of a transaction.
    pub fn of(record: &TransactionRecord) -> Self {
        let by_text = record.text.as_ref().map(|text| of_text(&text.0));
        let rows = record.tables.iter().fold((0u64, 0u64), |(updated, deleted), table| {
            (updated.saturating_add(table.updated), deleted.saturating_add(table.deleted))
        });
        let by_rows = match rows {
            (_, 1..) => ChangeKind::Delete,
            (1.., _) => ChangeKind::Update,
            _ if record.tables.is_empty() => ChangeKind::Other,
            _ => ChangeKind::Insert,
        };
        let has_statements =
            record.flags.has(TransactionFlags::STATEMENTS) || record.flags.has(TransactionFlags::DEFINITIONS);
        match by_text.filter(|_| has_statements) {
            Some(kind) if record.tables.is_empty() => kind,
            Some(kind) => kind.max(by_rows),
            None => by_rows,
        }
    }
}

fn of_text(text: &[u8]) -> ChangeKind {
    let text = String::from_utf8_lossy(text);
    // A comment before the statement says nothing of it.
    let plain = text.trim_start();
    let plain =
        if plain.starts_with("/*") { plain.split_once("*/").map_or("", |(_, rest)| rest.trim_start()) } else { plain };
    let word: String = plain.chars().take_while(char::is_ascii_alphabetic).collect();
    match word.to_ascii_uppercase().as_str() {
        "DROP" => ChangeKind::Drop,
        "TRUNCATE" => ChangeKind::Truncate,
        "ALTER" | "RENAME" => ChangeKind::Alter,
        "DELETE" => ChangeKind::Delete,
        "UPDATE" | "REPLACE" => ChangeKind::Update,
        "INSERT" | "LOAD" => ChangeKind::Insert,
        "CREATE" => ChangeKind::Create,
        _ => ChangeKind::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_are_told_by_their_first_word() {
        for (text, kind) in [
            ("DROP TABLE t", ChangeKind::Drop),
            ("  /* from the office */ truncate t", ChangeKind::Truncate),
            ("delete from t", ChangeKind::Delete),
            ("CREATE TABLE t (a INT)", ChangeKind::Create),
            ("GRANT ALL ON *.* TO x", ChangeKind::Other),
            ("/* never ends", ChangeKind::Other),
            ("", ChangeKind::Other),
        ] {
            assert_eq!(of_text(text.as_bytes()), kind, "{text}");
        }
    }
}
