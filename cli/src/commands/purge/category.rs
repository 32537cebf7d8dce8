//! Messages about a category, in a plan and in a run: rows that go, and rows that stay.

use engine::purge::files::FileCounts;
use engine::purge::{Dates, Forecast, LeftRows, Removed};
use serde::Serialize;

use super::files::{FilesMessage, files_message, files_sentences};
use crate::ui::{Align, Table, format};

/// The part of a category that goes, and the part that stays.
pub(super) struct Going<'a> {
    category: &'a str,
    tables: &'a [(String, u64)],
    bytes: Option<u64>,
    dates: &'a Dates,
    left: &'a LeftRows,
    files: Option<&'a FileCounts>,
}

impl<'a> From<&'a Forecast> for Going<'a> {
    fn from(Forecast { category, tables, bytes, dates, left, files }: &'a Forecast) -> Self {
        Going { category, tables, bytes: Some(*bytes), dates, left, files: files.as_ref() }
    }
}

impl<'a> From<&'a Removed> for Going<'a> {
    fn from(Removed { category, tables, dates, left, files }: &'a Removed) -> Self {
        Going { category, tables, bytes: None, dates, left, files: files.as_ref() }
    }
}

/// For JSON.
#[derive(Serialize)]
pub(super) struct CategoryMessage<'a> {
    category: &'a str,
    tables: Vec<TableMessage<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bytes: Option<u64>,
    first: Option<&'a str>,
    last: Option<&'a str>,
    left: LeftMessage,
    #[serde(skip_serializing_if = "Option::is_none")]
    files: Option<FilesMessage>,
}

#[derive(Serialize)]
struct TableMessage<'a> {
    table: &'a str,
    rows: u64,
}

/// Rows that stay, and why, for JSON.
#[derive(Serialize)]
struct LeftMessage {
    not_in_snapshot: u64,
    changed: u64,
    with_unproven_children: u64,
    used_elsewhere: u64,
    highest_number: u64,
    exceptions: u64,
}

impl<'a> Going<'a> {
    /// For JSON.
    pub fn message(&self) -> CategoryMessage<'a> {
        let range = self.dates.range();
        CategoryMessage {
            category: self.category,
            tables: self.tables.iter().map(|(table, rows)| TableMessage { table, rows: *rows }).collect(),
            bytes: self.bytes,
            first: range.map(|(first, _)| first),
            last: range.map(|(_, last)| last),
            left: left_message(self.left),
            files: self.files.map(files_message),
        }
    }

    /// Sentences about files that go with the rows, and about everything that stays. `goes` is said of the files.
    pub fn sentences(&self, goes: &str) -> Vec<String> {
        let files = self.files.iter().flat_map(|counts| files_sentences(counts, goes));
        files.chain(left_sentences(self.left)).map(|sentence| format!("{}: {sentence}", self.category)).collect()
    }

    fn rows(&self, table: &mut Table) {
        for (at, (name, rows)) in self.tables.iter().enumerate() {
            let (first, last) = self.dates.range().filter(|_| at == 0).unwrap_or_default();
            let category = if at == 0 { self.category } else { "" };
            table.row([category.to_owned(), name.clone(), format::count(*rows), first.to_owned(), last.to_owned()]);
        }
    }
}

/// Rows by category and table; `rows` stands above how many.
pub(super) fn table<'a>(rows: &'static str, all: impl Iterator<Item = Going<'a>>) -> Table {
    let columns = [
        ("CATEGORY", Align::Whole),
        ("TABLE", Align::Left),
        (rows, Align::Right),
        ("FIRST", Align::Whole),
        ("LAST", Align::Whole),
    ];
    let mut table = Table::new(&columns);
    all.for_each(|going| going.rows(&mut table));
    table
}

fn left_message(left: &LeftRows) -> LeftMessage {
    LeftMessage {
        not_in_snapshot: left.not_saved,
        changed: left.changed,
        with_unproven_children: left.children,
        used_elsewhere: left.used,
        highest_number: left.highest,
        exceptions: left.spared,
    }
}

fn left_sentences(left: &LeftRows) -> Vec<String> {
    let all = [
        (left.not_saved, "old and not in the snapshot: left"),
        (left.changed, "different from the snapshot: left"),
        (left.children, "left, because the snapshot does not hold everything that belongs to them"),
        (left.used, "left, because something else needs them or their files"),
        (left.highest, "left, because the highest number of a table stays"),
        (left.spared, "spared by an exception"),
    ];
    let some = all.into_iter().filter(|(rows, _)| *rows > 0);
    some.map(|(rows, what)| format!("{} {what}", format::counted(rows, "row"))).collect()
}
