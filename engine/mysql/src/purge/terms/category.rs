//! A category of rows, as data: a table, the column of the date, and the tables and files that go with it.

use super::attachments::Attachments;
use super::child::Child;
use crate::profile::Removable;

/// Rows that are removed together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Category {
    /// Its name.
    pub name: String,
    /// The table.
    pub table: String,
    /// The column that says how old a row is.
    pub date: String,
    /// Tables whose rows belong to rows of the table, and go with them.
    pub children: Vec<Child>,
    /// Files that go with the rows, if they do; the rows that name them are one more child.
    pub attachments: Option<Attachments>,
    /// An expression in SQL that must also hold for a row to go.
    pub condition: Option<String>,
    /// Years for which rows should be kept, by rules that an audit may ask for.
    pub keep_years: Option<u16>,
    /// A sentence that the user should know, for instance about what stays.
    pub note: Option<String>,
}

/// Rows of this value stay, in every table that has the column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exception {
    /// The column.
    pub column: String,
    /// The value, as a user writes it.
    pub value: String,
}

impl From<&Removable> for Category {
    fn from(removable: &Removable) -> Self {
        let child = |child: &crate::profile::Belonging| Child {
            table: child.table.to_owned(),
            column: child.column.to_owned(),
        };
        Category {
            name: removable.name.to_owned(),
            table: removable.table.to_owned(),
            date: removable.date.to_owned(),
            children: removable.children.iter().map(child).collect(),
            attachments: None,
            condition: None,
            keep_years: removable.keep_years,
            note: removable.note.map(str::to_owned),
        }
    }
}

impl Category {
    /// All tables of it, that of the parents first.
    pub fn tables(&self) -> impl Iterator<Item = &str> {
        [self.table.as_str()].into_iter().chain(self.all_children().map(|child| child.table.as_str()))
    }

    /// Its children; last, if files go, the table that names them.
    pub fn all_children(&self) -> impl Iterator<Item = &Child> {
        self.children.iter().chain(self.attachments.as_ref().map(|attachments| &attachments.rows))
    }
}
