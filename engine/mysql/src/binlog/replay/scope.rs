//! The part of a log that is replayed: which schemas, and from where on.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use super::{Position, ReplayOptions};
use crate::database::TableName;

/// Schemas of the server itself.
const OF_THE_SERVER: [&[u8]; 5] = [b"mysql", b"sys", b"information_schema", b"performance_schema", b"ndbinfo"];

/// A table that the base does not hold as of its moment: it was read afterwards, while others may have written it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LateWindow {
    /// The table.
    pub table: TableName,
    /// The place in the log before it was read: what stands before is in it.
    pub before: Position,
    /// The place after it was read: what stands between may be in it.
    pub after: Position,
}

/// The fate of rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum RowFate {
    /// They are applied.
    Apply,
    /// They are applied so that it does not matter whether they were before.
    Repeat,
    /// They are of a sequence, which a statement sets.
    SetSequence,
    /// They are left out.
    Skip(Skipped),
}

/// Why rows are left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Skipped {
    /// Their schema is not replayed.
    Schema,
    /// They are in the base.
    InBase,
    /// Their table is not asked for.
    NotAsked,
    /// Their table stays as the base has it.
    Kept,
}

/// The schemas and tables, and how far the log is.
pub(super) struct Scope {
    /// None: all but the server's own.
    schemas: Option<BTreeSet<Vec<u8>>>,
    /// None: all tables.
    only: Option<BTreeSet<TableName>>,
    kept: BTreeSet<TableName>,
    windows: BTreeMap<TableName, LateWindow>,
    /// Names of the files that came.
    files: HashSet<String>,
    /// The file that the log is in.
    file: String,
    begin: u64,
}

impl Scope {
    /// The part of `options`.
    pub fn of(options: &ReplayOptions) -> Self {
        Scope {
            only: options.only.clone(),
            kept: options.kept.clone(),
            ..Scope::new(options.schemas.as_deref(), &options.late)
        }
    }

    fn new(schemas: Option<&[String]>, windows: &[LateWindow]) -> Self {
        let schemas = schemas.map(|names| names.iter().map(|name| name.as_bytes().to_vec()).collect());
        let windows = windows.iter().map(|window| (window.table.clone(), window.clone())).collect();
        Scope {
            schemas,
            only: None,
            kept: BTreeSet::new(),
            windows,
            files: HashSet::new(),
            file: String::new(),
            begin: 0,
        }
    }

    /// Goes on to an event that begins here.
    pub fn advance(&mut self, file: &str, begin: u64) {
        if self.file != file {
            file.clone_into(&mut self.file);
            self.files.insert(file.to_owned());
        }
        self.begin = begin;
    }

    /// Whether the log is at `place` or behind it.
    pub fn has_reached(&self, place: &Position) -> bool {
        if self.file == place.file { self.begin >= place.offset } else { self.files.contains(&place.file) }
    }

    /// Whether a schema is replayed.
    pub fn has_schema(&self, schema: &[u8]) -> bool {
        let is_of_the_server = OF_THE_SERVER.iter().any(|own| schema.eq_ignore_ascii_case(own));
        !is_of_the_server && self.schemas.as_ref().is_none_or(|schemas| schemas.contains(schema))
    }

    /// A schema was made: all that happens in it is in the log.
    pub fn add_schema(&mut self, schema: &[u8]) {
        if let Some(schemas) = &mut self.schemas {
            schemas.insert(schema.to_vec());
        }
    }

    /// The schemas that are named to be replayed; none if all are.
    pub fn named_schemas(&self) -> impl Iterator<Item = &Vec<u8>> {
        self.schemas.iter().flatten()
    }

    /// The fate of a table's rows here.
    pub fn fate(&self, table: &TableName) -> RowFate {
        if !self.has_schema(table.schema.as_bytes()) {
            return RowFate::Skip(Skipped::Schema);
        }
        if self.only.as_ref().is_some_and(|only| !only.contains(table)) {
            return RowFate::Skip(Skipped::NotAsked);
        }
        if self.kept.contains(table) {
            return RowFate::Skip(Skipped::Kept);
        }
        match self.windows.get(table) {
            Some(window) if !self.has_reached(&window.before) => RowFate::Skip(Skipped::InBase),
            Some(window) if !self.has_reached(&window.after) => RowFate::Repeat,
            _ => RowFate::Apply,
        }
    }

    /// Tables that were read later than the log is now.
    pub fn open_windows(&self) -> impl Iterator<Item = &LateWindow> {
        self.windows.values().filter(|window| !self.has_reached(&window.after))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(file: &str, offset: u64) -> Position {
        Position { file: file.to_owned(), offset }
    }

    #[test]
    fn rows_of_a_late_table_are_left_out_then_repeated_then_applied() {
        let table = TableName::new("shop", "t");
        let window = LateWindow { table: table.clone(), before: at("b.1", 100), after: at("b.2", 50) };
        let mut scope = Scope::new(None, &[window]);
        let mut fate = |file: &str, begin| {
            scope.advance(file, begin);
            (scope.fate(&table), scope.open_windows().count())
        };
        assert_eq!(fate("b.1", 4), (RowFate::Skip(Skipped::InBase), 1));
        assert_eq!(fate("b.1", 100), (RowFate::Repeat, 1));
        assert_eq!(fate("b.2", 4), (RowFate::Repeat, 1));
        assert_eq!(fate("b.2", 50), (RowFate::Apply, 0));
        assert_eq!(fate("b.3", 4), (RowFate::Apply, 0));
        assert_eq!(scope.fate(&TableName::new("shop", "u")), RowFate::Apply);
    }

    #[test]
    fn schemas_of_the_server_and_others_are_left_out() {
        let mut scope = Scope::new(Some(&["shop".to_owned()]), &[]);
        assert!(scope.has_schema(b"shop") && !scope.has_schema(b"other") && !scope.has_schema(b"mysql"));
        scope.add_schema(b"other");
        assert!(scope.has_schema(b"other"));
        let all = Scope::new(None, &[]);
        assert!(all.has_schema(b"anything") && !all.has_schema(b"MySQL"));
    }
}
