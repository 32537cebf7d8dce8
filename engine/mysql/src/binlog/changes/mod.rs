//! The tables, and the rows of them, that have changed between two places of a server's log.
//!
//! ```text
//! follow    server -> events        collect   events -> changed tables and keys of changed rows
//! key       integer keys, in the order of the rows          key_set   each of them once
//! ```
//!
//! Only keys are taken from rows, never values: what a row is now is asked of the server. A change that the log does not tell row by row makes a table, or
//! all of them, unknown: such tables are to be read whole.

mod collect;
mod follow;
mod key;
mod key_set;

use std::collections::{HashMap, HashSet};

use crate::database::TableName;
use key_set::KeySet;

pub use follow::{Followed, LogSpan};
pub use key::IntegerKey;

/// The tables that one wants to know about.
#[derive(Debug, Default)]
pub struct WantedTables {
    tables: HashMap<FoldedName, Option<IntegerKey>>,
    names: HashSet<String>,
}

/// The name of a table, in small letters: servers may write it in either case. Two tables of one folded name count as one.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct FoldedName {
    /// The schema.
    pub schema: String,
    /// The name in it.
    pub table: String,
}

impl FoldedName {
    /// A name that no table has: stands for a table that is not known.
    pub fn any() -> Self {
        FoldedName { schema: String::new(), table: String::new() }
    }
}

impl From<&TableName> for FoldedName {
    fn from(name: &TableName) -> Self {
        FoldedName { schema: name.schema.to_lowercase(), table: name.table.to_lowercase() }
    }
}

impl WantedTables {
    /// Adds a table, and the key whose values are collected, if there is one.
    pub fn add(&mut self, name: &TableName, key: Option<IntegerKey>) {
        let name = FoldedName::from(name);
        self.names.insert(name.table.clone());
        // Rows of two tables of one folded name cannot be told apart.
        let is_second = self.tables.contains_key(&name);
        self.tables.insert(name, key.filter(|_| !is_second));
    }
}

/// The news of one table in a log.
#[derive(Debug, PartialEq, Eq)]
pub enum Change {
    /// It has not changed.
    None,
    /// Only these rows have: ranks of their keys, in order.
    Rows(Vec<u64>),
    /// It has, or may have, in a way that the log does not tell.
    Unknown(&'static str),
}

/// The changes that a log tells.
#[derive(Debug, Default)]
pub struct Changes {
    tables: HashMap<FoldedName, TableChange>,
    /// Names of tables that statements mention, in whatever schema.
    named: HashSet<String>,
    schemas: HashSet<String>,
    everything: Option<&'static str>,
    /// Rows were changed by statements, which name their tables unless programs or views stand between.
    has_statements: bool,
    /// Programs or views were made, changed or dropped.
    has_programs: bool,
    /// Tables that merge others may have been made, changed or dropped.
    has_merges: bool,
}

#[derive(Debug)]
enum TableChange {
    Keys(KeySet),
    Unknown(&'static str),
}

/// A statement changed it, or its definition.
const BY_STATEMENT: &str = "the log has a statement about it";

impl Changes {
    /// Why nothing can be told of any table.
    pub fn everything(&self) -> Option<&'static str> {
        self.everything
    }

    /// Nothing can be told of any table, because of `why`.
    pub fn doubt_everything(&mut self, why: &'static str) {
        self.everything.get_or_insert(why);
    }

    /// Nothing can be told of `table`, because of `why`.
    pub fn doubt(&mut self, table: &FoldedName, why: &'static str) {
        match self.tables.get_mut(table) {
            Some(change) => *change = TableChange::Unknown(why),
            None => drop(self.tables.insert(table.clone(), TableChange::Unknown(why))),
        }
    }

    /// Whether statements changed rows. Programs and views decide whether they change other tables than those that they name.
    pub fn has_statements(&self) -> bool {
        self.has_statements
    }

    /// Whether programs or views were made, changed or dropped.
    pub fn has_programs(&self) -> bool {
        self.has_programs
    }

    /// Whether tables that merge others may have been made, changed or dropped.
    pub fn has_merges(&self) -> bool {
        self.has_merges
    }

    /// Whether `table` has changed, or may have.
    pub fn is_changed(&self, table: &FoldedName) -> bool {
        self.everything.is_some()
            || self.tables.contains_key(table)
            || self.named.contains(&table.table)
            || self.schemas.contains(&table.schema)
    }

    /// Tables whose rows are in the log.
    pub fn tables(&self) -> impl Iterator<Item = &FoldedName> {
        self.tables.keys()
    }

    /// Takes the keys of the changed rows of `table`, or what else is known of it. Tables of one folded name have no keys.
    pub fn take(&mut self, table: &FoldedName) -> Change {
        if let Some(why) = self.everything {
            return Change::Unknown(why);
        }
        if self.named.contains(&table.table) || self.schemas.contains(&table.schema) {
            return Change::Unknown(BY_STATEMENT);
        }
        match self.tables.get_mut(table) {
            None => Change::None,
            Some(TableChange::Unknown(why)) => Change::Unknown(why),
            Some(TableChange::Keys(keys)) => Change::Rows(std::mem::take(keys).into_sorted()),
        }
    }

    fn insert(&mut self, table: &FoldedName, rank: u64) {
        let change = match self.tables.get_mut(table) {
            Some(change) => change,
            None => self.tables.entry(table.clone()).or_insert_with(|| TableChange::Keys(KeySet::default())),
        };
        if let TableChange::Keys(keys) = change
            && !keys.insert(rank)
        {
            *change = TableChange::Unknown("too many of its rows have changed");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_whose_names_differ_by_case_are_doubted_both() {
        let [upper, lower] = ["T", "t"].map(|table| FoldedName::from(&TableName::new("s", table)));
        let mut changes = Changes::default();
        changes.doubt(&upper, "x");
        assert_eq!([changes.take(&upper), changes.take(&lower)], [Change::Unknown("x"), Change::Unknown("x")]);
    }
}
