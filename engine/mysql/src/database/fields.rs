//! Reads the columns of a row that holds names and numbers, one after the other.

use super::Row;
use super::connection::texts;

/// The columns of a row, as UTF-8 texts, in order.
pub(super) struct Fields(std::vec::IntoIter<Option<String>>);

impl Fields {
    /// Starts with the first column of `row`.
    pub fn of(row: Row) -> Self {
        Fields(texts(row).into_iter())
    }

    /// The next column; `None` for NULL and when there are no more.
    pub fn next(&mut self) -> Option<String> {
        self.0.next().flatten()
    }

    /// The next column; empty for NULL.
    pub fn text(&mut self) -> String {
        self.next().unwrap_or_default()
    }

    /// The next column as a number; `None` if it is not a number.
    pub fn number<N: std::str::FromStr>(&mut self) -> Option<N> {
        self.next()?.parse().ok()
    }
}
