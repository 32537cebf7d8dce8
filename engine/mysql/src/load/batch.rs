//! Rows that are stored by one statement, and what came of it.

use std::sync::Arc;

use super::warnings::Warnings;

/// Rows of a table, encoded as the snapshot has them.
#[derive(Debug, Default)]
pub struct Batch {
    /// The encoded rows, whole ones in each piece.
    pub pieces: Arc<Vec<Vec<u8>>>,
    /// How many rows.
    pub rows: u64,
    /// How many bytes.
    pub bytes: u64,
}

/// What came of a batch.
#[derive(Debug, Default)]
pub struct Stored {
    /// Rows that the server says it stored.
    pub rows: u64,
    /// What it said of them that is not expected.
    pub warnings: Warnings,
}

/// The expression that stores a value, with `value` in the place of `@v`.
pub fn with_value(expression: &str, value: &str) -> String {
    let mut parts = expression.split("@v");
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let goes_on = part.starts_with(|c: char| c.is_alphanumeric() || matches!(c, '_' | '$' | '.'));
        text.push_str(if goes_on { "@v" } else { value });
        text.push_str(part);
    }
    text
}
