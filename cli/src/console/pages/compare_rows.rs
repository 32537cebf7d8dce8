//! Tables of two backups beside each other: which rows came, went and changed, in words.

use engine::snapshots::diff::{ChangeKind, Detail, PartChange, RowChange, RowChangeKind, RowChanges};
use engine::snapshots::part::TableSize;

use super::super::view::number;
use crate::ui::format;

/// Rows of a comparison that are looked at, of all tables together.
pub(super) const ROWS_MAX: u64 = 500_000;
/// Rows of a table that are told one by one.
pub(super) const ROWS_TOLD: usize = 5;
/// Tables that are shown.
const TABLES_MAX: usize = 60;
/// Letters of the key of a row.
const KEY_MAX: usize = 80;

/// The tables that differ.
#[derive(Default)]
pub(super) struct Tables {
    pub(super) first: Vec<Table>,
    count: u64,
}

/// A table that differs.
pub(super) struct Table {
    pub(super) name: String,
    /// How many rows came, went and changed.
    pub(super) sum: String,
    /// The first of these rows.
    pub(super) rows: Vec<String>,
}

impl Tables {
    /// Takes a part of a database that differs.
    pub(super) fn note(&mut self, found: &PartChange) {
        let sum = match &found.detail {
            Detail::Table { before, after, rows, is_redefined, .. } => {
                sum(found.change.kind, [*before, *after], rows.as_ref(), *is_redefined)
            }
            Detail::Object(kind, name) => match found.change.kind {
                ChangeKind::Added => format!("the {} {name} is new", kind.name()),
                ChangeKind::Removed => format!("the {} {name} is gone", kind.name()),
                _ => format!("the {} {name} is another one", kind.name()),
            },
            Detail::Defaults => "character set, collation or comment".to_owned(),
            Detail::Accounts => "the accounts of the server and their rights".to_owned(),
            Detail::None | Detail::Unreadable(_) => return,
        };
        self.count += 1;
        if self.first.len() < TABLES_MAX {
            let rows = match &found.detail {
                Detail::Table { first, .. } => first.iter().map(row).collect(),
                _ => Vec::new(),
            };
            self.first.push(Table { name: name(&found.change.path), sum, rows });
        }
    }

    /// How many there are.
    pub(super) fn counted(&self) -> String {
        number::counted(self.count, "change")
    }

    /// The number of others, which are not shown.
    pub(super) fn more(&self) -> u64 {
        self.count.saturating_sub(self.first.len() as u64)
    }
}

/// The name of a part of a database, without its server: schema and table.
pub(super) fn name(path: &[u8]) -> String {
    let parts: Vec<_> = path.split(|byte| *byte == b'/').filter(|part| !part.is_empty()).collect();
    let inner = if parts.len() > 1 { &parts[1..] } else { &parts[..] };
    inner.iter().map(|part| format::path(part)).collect::<Vec<_>>().join(".")
}

/// How a table differs, in words.
fn sum(
    kind: ChangeKind,
    [before, after]: [Option<TableSize>; 2],
    rows: Option<&RowChanges>,
    is_redefined: bool,
) -> String {
    let size = |size: Option<TableSize>| {
        size.map_or_else(|| "rows that cannot be read".to_owned(), |size| number::counted(size.rows, "row"))
    };
    let columns = || "its columns are other ones".to_owned();
    match (kind, rows) {
        (ChangeKind::Added, _) => format!("a new table with {}", size(after)),
        (ChangeKind::Removed, _) => format!("the table is gone; it had {}", size(before)),
        (_, None) => format!("{}: {} before, {} after", columns(), size(before), size(after)),
        (_, Some(rows)) => {
            let numbers = [(rows.added, "came"), (rows.removed, "went"), (rows.changed, "changed")];
            let told = numbers.iter().filter(|(number, _)| *number > 0);
            let told = told.map(|(rows, what)| format!("{} {what}", number::counted(*rows, "row")));
            let cut = rows.is_cut.then(|| "and maybe more: not all rows were looked at".to_owned());
            told.chain(cut).chain(is_redefined.then(columns)).collect::<Vec<_>>().join(", ")
        }
    }
}

/// A row in words: its key, and what happened to it.
fn row(row: &RowChange) -> String {
    let key: Vec<_> = row.key.iter().map(|(column, value)| format!("{column} {value}")).collect();
    let key: String = key.join(", ").chars().take(KEY_MAX).collect();
    match &row.kind {
        RowChangeKind::Added => format!("{key} came"),
        RowChangeKind::Removed => format!("{key} went"),
        RowChangeKind::Changed(columns) => format!("{key}: {} changed", columns.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_told_in_words() {
        let sized = |rows| Some(TableSize { rows, bytes: 1 });
        let sum =
            |kind, rows: Option<&RowChanges>, is_redefined| super::sum(kind, [sized(7), sized(9)], rows, is_redefined);
        let rows = RowChanges { added: 3, removed: 1, ..RowChanges::default() };
        assert_eq!(sum(ChangeKind::Content, Some(&rows), false), "3 rows came, 1 row went");
        let cut = RowChanges { is_cut: true, ..rows };
        let words = "3 rows came, 1 row went, and maybe more: not all rows were looked at";
        assert_eq!(sum(ChangeKind::Content, Some(&cut), false), words);
        assert_eq!(sum(ChangeKind::Content, None, true), "its columns are other ones: 7 rows before, 9 rows after");
        assert_eq!(sum(ChangeKind::Removed, None, false), "the table is gone; it had 7 rows");
        let key = vec![("PatNum".to_owned(), "912".to_owned())];
        let changed = RowChangeKind::Changed(vec!["HmPhone".to_owned(), "Email".to_owned()]);
        assert_eq!(row(&RowChange { kind: changed, key: key.clone() }), "PatNum 912: HmPhone, Email changed");
        assert_eq!(row(&RowChange { kind: RowChangeKind::Added, key }), "PatNum 912 came");
        assert_eq!(name(b"localhost/practice/patient"), "practice.patient");
    }
}
