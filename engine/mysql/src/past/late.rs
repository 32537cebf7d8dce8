//! Tables that the snapshot read after its moment: the log makes up for that where its rows can be applied twice.

use std::collections::BTreeSet;

use repo_format::database::BinlogPlace;

use super::foreign_keys::{self, ForeignKey};
use crate::binlog::replay::{LateWindow, Position};
use crate::binlog::window::LateReading;
use crate::database::TableName;
use engine_core::error::Result;
use engine_core::snapshots::saved::Database;

/// A table that is not as it was at the moment that is asked for, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InexactTable {
    /// The table.
    pub table: TableName,
    /// Why.
    pub why: String,
}

/// The late tables of a snapshot.
#[derive(Debug, Clone, Default)]
pub(super) struct LateTables {
    /// Tables that a replay makes exact.
    pub windows: Vec<LateWindow>,
    /// Others: they stay as the snapshot has them.
    pub inexact: Vec<InexactTable>,
}

impl LateTables {
    /// Reads which tables are late.
    ///
    /// # Errors
    /// If the records of such tables cannot be read.
    pub fn of(database: &Database<'_>) -> Result<Self> {
        let mut tables = LateTables::default();
        for late in &database.server.late {
            let table = TableName::new(&late.schema, &late.table);
            match LateReading::of(database, late)? {
                LateReading::Between(before, after) => {
                    tables.windows.push(LateWindow { table, before: position(before), after: position(after) });
                }
                LateReading::Inexact(why) => tables.inexact.push(InexactTable { table, why: why.to_owned() }),
            }
        }
        if !database.server.late.is_empty() {
            tables.heed(&foreign_keys::all(database)?);
        }
        Ok(tables)
    }

    /// Finds the tables whose rows the server changes along with those of late ones, or would at a replay. Its log need not say so, and what a
    /// late table has already would be changed again.
    fn heed(&mut self, keys: &[ForeignKey]) {
        const FOLLOWS: &str = "the snapshot read it after its moment, and a foreign key changes rows along with it";
        let follows =
            |table: &TableName| keys.iter().any(|key| key.follows && (key.child == *table || key.parent == *table));
        for window in self.windows.extract_if(.., |window| follows(&window.table)) {
            self.inexact.push(InexactTable { table: window.table, why: FOLLOWS.to_owned() });
        }
        let mut known: BTreeSet<TableName> = self.inexact.iter().map(|inexact| inexact.table.clone()).collect();
        let mut at = 0;
        while let Some(InexactTable { table: parent, .. }) = self.inexact.get(at).cloned() {
            let children =
                keys.iter().filter(|key| key.follows && key.parent == parent && known.insert(key.child.clone()));
            let why =
                format!("a foreign key changes its rows along with those of {}, which is not exact", parent.shown());
            self.inexact.extend(children.map(|key| InexactTable { table: key.child.clone(), why: why.clone() }));
            at += 1;
        }
        self.windows.retain(|window| !known.contains(&window.table));
    }
}

fn position(place: &BinlogPlace) -> Position {
    Position { file: place.file.clone(), offset: place.position }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(name: &str) -> TableName {
        TableName::new("shop", name)
    }

    #[test]
    fn tables_that_follow_a_late_one_are_not_exact() {
        let window =
            |name: &str| LateWindow { table: table(name), before: Position::default(), after: Position::default() };
        let key =
            |child: &str, parent: &str, follows| ForeignKey { child: table(child), parent: table(parent), follows };
        let mut late = LateTables { windows: vec![window("a"), window("alone"), window("kept")], inexact: Vec::new() };
        late.heed(&[key("b", "a", true), key("c", "b", true), key("d", "a", false), key("d", "kept", false)]);
        let inexact: Vec<String> = late.inexact.iter().map(|inexact| inexact.table.shown()).collect();
        assert_eq!(inexact, ["shop.a", "shop.b", "shop.c"]);
        let windows: Vec<String> = late.windows.iter().map(|window| window.table.shown()).collect();
        assert_eq!(windows, ["shop.alone", "shop.kept"]);
    }
}
