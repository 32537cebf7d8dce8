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

use crate::database::{FoldedName, TableName};
use key_set::KeySet;

pub use follow::{Followed, LogSpan};
pub use key::IntegerKey;

/// Keys of rows and names of tables take so many bytes together. The table with most keys gives them up first, and is read whole; a set of keys
/// that grows has both copies of itself for a moment.
const BYTES_MAX: usize = 256 << 20;
/// A name of a table takes so many bytes beside its letters.
const NAME_BYTES: usize = 128;

/// The tables that one wants to know about.
#[derive(Debug, Default)]
pub struct WantedTables {
    tables: HashMap<FoldedName, Option<WantedKey>>,
    names: HashSet<String>,
}

/// The key of the rows of a table.
#[derive(Debug, Clone, Copy)]
pub struct WantedKey {
    /// The key.
    pub key: IntegerKey,
    /// If more rows have changed, one does not want to know which.
    pub most: usize,
}

impl WantedTables {
    /// Adds a table, and the key whose values are collected, if there is one.
    pub fn add(&mut self, name: &TableName, key: Option<WantedKey>) {
        let name = FoldedName::from(name);
        self.names.insert(name.table().to_owned());
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
    /// Memory of all keys and names.
    bytes: usize,
}

#[derive(Debug)]
enum TableChange {
    Keys(KeySet),
    Unknown(&'static str),
}

/// A statement changed it, or its definition.
const BY_STATEMENT: &str = "the log has a statement about it";
const TOO_MANY: &str = "too many of its rows have changed";

impl Changes {
    /// Why nothing can be told of any table.
    pub fn everything(&self) -> Option<&'static str> {
        self.everything
    }

    /// Nothing can be told of any table, because of `why`.
    pub fn doubt_everything(&mut self, why: &'static str) {
        if self.everything.is_none() {
            *self = Changes { everything: Some(why), ..Changes::default() };
        }
    }

    /// Nothing can be told of `table`, because of `why`.
    pub fn doubt(&mut self, table: &FoldedName, why: &'static str) {
        let Some(change) = self.change(table) else { return };
        let before = std::mem::replace(change, TableChange::Unknown(why));
        self.bytes -= before.bytes();
        self.make_room(BYTES_MAX);
    }

    /// Nothing can be told of the tables of `schema`, because of a statement about it.
    fn doubt_schema(&mut self, schema: String) {
        if self.everything.is_none() {
            let bytes = schema.len() + NAME_BYTES;
            self.bytes += if self.schemas.insert(schema) { bytes } else { 0 };
            self.make_room(BYTES_MAX);
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
            || self.named.contains(table.table())
            || self.schemas.contains(table.schema())
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
        if self.named.contains(table.table()) || self.schemas.contains(table.schema()) {
            return Change::Unknown(BY_STATEMENT);
        }
        match self.tables.get_mut(table) {
            None => Change::None,
            Some(TableChange::Unknown(why)) => Change::Unknown(why),
            Some(TableChange::Keys(keys)) => Change::Rows(std::mem::take(keys).into_sorted()),
        }
    }

    /// Adds the key of a changed row.
    fn insert(&mut self, table: &FoldedName, rank: u64, most: usize) {
        let Some(change) = self.change(table) else { return };
        let TableChange::Keys(keys) = change else { return };
        let before = keys.bytes();
        keys.insert(rank);
        let mut after = keys.bytes();
        if keys.count() > most {
            (*change, after) = (TableChange::Unknown(TOO_MANY), 0);
        }
        self.bytes = self.bytes + after - before;
        if after > before {
            self.make_room(BYTES_MAX);
        }
    }

    /// The change of a table, which has none so far if it is new; `None` if nothing can be told of any table.
    fn change(&mut self, table: &FoldedName) -> Option<&mut TableChange> {
        if self.everything.is_some() {
            return None;
        }
        if !self.tables.contains_key(table) {
            self.bytes += table.schema().len() + table.table().len() + NAME_BYTES;
            self.tables.insert(table.clone(), TableChange::Keys(KeySet::default()));
        }
        self.tables.get_mut(table)
    }

    /// Gives up keys until all takes no more than `bytes_max`.
    fn make_room(&mut self, bytes_max: usize) {
        while self.bytes > bytes_max {
            let largest = self.tables.values_mut().max_by_key(|change| change.bytes());
            match largest.filter(|change| change.bytes() > 0) {
                Some(change) => {
                    self.bytes -= change.bytes();
                    *change = TableChange::Unknown(TOO_MANY);
                }
                None => return self.doubt_everything("the log names too many tables"),
            }
        }
    }
}

impl TableChange {
    /// The memory of its keys.
    fn bytes(&self) -> usize {
        match self {
            TableChange::Keys(keys) => keys.bytes(),
            TableChange::Unknown(_) => 0,
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

    fn table(number: u64) -> FoldedName {
        FoldedName::from(&TableName::new("s", number.to_string()))
    }

    #[test]
    fn the_table_with_most_keys_gives_them_up_when_memory_ends() {
        let mut changes = Changes::default();
        for key in 0..30_000 {
            changes.insert(&table(1), key, usize::MAX);
            (key % 3 == 0).then(|| changes.insert(&table(2), key, usize::MAX));
        }
        assert_eq!(
            changes.bytes,
            changes.tables.values().map(TableChange::bytes).sum::<usize>() + 2 * (NAME_BYTES + 2)
        );
        changes.make_room(changes.bytes - 1);
        assert_eq!(changes.take(&table(1)), Change::Unknown(TOO_MANY));
        assert!(matches!(changes.take(&table(2)), Change::Rows(ranks) if ranks.len() == 10_000));
    }

    #[test]
    fn more_keys_than_are_wanted_are_not_kept() {
        let mut changes = Changes::default();
        (0..100_000).for_each(|key| changes.insert(&table(1), key % 5000, 10_000));
        assert!(matches!(&changes.tables[&table(1)], TableChange::Keys(_)), "each counts once");
        (0..100_000).for_each(|key| changes.insert(&table(1), key, 10_000));
        assert_eq!((changes.take(&table(1)), changes.bytes), (Change::Unknown(TOO_MANY), NAME_BYTES + 2));
    }

    #[test]
    fn names_alone_cannot_fill_the_memory() {
        let mut changes = Changes::default();
        (0..1000).for_each(|number| changes.doubt(&table(number), "x"));
        changes.make_room(1000 * NAME_BYTES);
        assert_eq!((changes.everything().is_some(), changes.bytes, changes.tables.len()), (true, 0, 0));
        changes.insert(&table(1), 1, usize::MAX);
        changes.doubt(&table(1), "x");
        assert_eq!((changes.tables.len(), changes.is_changed(&table(5))), (0, true));
    }
}
