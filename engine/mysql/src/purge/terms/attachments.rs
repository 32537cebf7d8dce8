//! Files that go with the rows of a category, as data: where they are, which rows name them, and what else may need them.

use super::child::Child;
use crate::profile;

/// Files that go with the rows of a category, and the rows that name them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attachments {
    /// The rows that name them. They are children of the category: they go with their parents.
    pub rows: Child,
    /// The column of the file's name: names with `/` or `\` between, below the sub-folder.
    pub file_name: String,
    /// The folder, where it is now: absolute.
    pub folder: String,
    /// Where it is in the snapshot, from its top. [`plan`](crate::purge::plan()) finds it; before it is empty.
    pub saved_folder: String,
    /// The folder in it that the files are in.
    pub sub_folder: String,
    /// Columns of the rows that hold 0; of a row of which one does not, the parent stays.
    pub unset: Vec<String>,
    /// Columns of other tables that name files in the sub-folder: a file that is named stays.
    pub named_by: Vec<Column>,
    /// Columns of other tables that hold keys of the rows: of such a row the parent stays.
    pub rows_used_by: Vec<Column>,
    /// Columns of other tables that hold keys of parents: they stay.
    pub parents_used_by: Vec<Column>,
}

/// A column of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// The table. There need not be such a table.
    pub table: String,
    /// The column.
    pub column: String,
}

impl Attachments {
    /// The attachments that a profile describes, in `folder`.
    pub fn of(profile: &profile::Attachments, folder: String) -> Self {
        let columns = |columns: &[profile::TableColumn]| {
            let column = |c: &profile::TableColumn| Column { table: c.table.to_owned(), column: c.column.to_owned() };
            columns.iter().map(column).collect()
        };
        Attachments {
            rows: Child { table: profile.rows.table.to_owned(), column: profile.rows.column.to_owned() },
            file_name: profile.file_name.to_owned(),
            folder,
            saved_folder: String::new(),
            sub_folder: profile.folder.to_owned(),
            unset: profile.unset.iter().map(|column| (*column).to_owned()).collect(),
            named_by: columns(profile.named_by),
            rows_used_by: columns(profile.rows_used_by),
            parents_used_by: columns(profile.owners_used_by),
        }
    }
}
