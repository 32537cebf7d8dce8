//! A table to remove rows from, as it is on the server and in the snapshot.

use repo_format::database::{Column, TableRecord};

use super::saved_rows::SavedRows;
use crate::database::select_list;

/// A live table and its saved rows.
pub(in crate::purge) struct Table<'r> {
    pub schema: String,
    pub name: String,
    /// Schema and name as SQL has them.
    pub full_name: String,
    /// As the server has it now.
    pub record: TableRecord,
    /// Its key column as SQL has it.
    pub key: String,
    /// The rows that the snapshot has.
    pub saved: SavedRows<'r>,
    pub engine: String,
    pub transactional: bool,
}

impl Table<'_> {
    /// The start of a statement that reads whole rows after the `leading` expressions.
    pub fn select(&self, leading: &str) -> String {
        format!("SELECT {leading}{} FROM {}", select_list(&self.record), self.full_name)
    }

    /// The column of this name, which may be written in another case.
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.record.columns.iter().find(|column| column.name.eq_ignore_ascii_case(name))
    }

    /// Place of a column among the values of a row.
    pub fn place(&self, name: &str) -> Option<usize> {
        self.record.stored().position(|column| column.name.eq_ignore_ascii_case(name))
    }
}
