//! Rows that one statement stores, and its result.

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

/// The result of a batch.
#[derive(Debug, Default)]
pub struct Stored {
    /// Rows that the server says it stored.
    pub rows: u64,
    /// Unexpected warnings about them.
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
