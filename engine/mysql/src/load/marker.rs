//! The marker notes the progress of a load in the schema itself. So an interrupted load can resume, and no load touches
//! a schema that it did not create.
//!
//! The table `enamel_restore` has a row for the snapshot, one for each complete table, and one for each table with its
//! foreign keys. It is dropped at the end.

use std::collections::BTreeMap;

use crate::database::{Connection, is_schema, quote_name, quote_text};
use engine_core::error::{Error, ErrorKind, Result};

/// The table's name.
pub const MARKER: &str = "enamel_restore";
/// The item whose state is the snapshot's id.
const SNAPSHOT: &str = "snapshot";
/// The item whose state is the schema that keeps the former contents.
const SWAP: &str = "swap";
/// The item whose state is how far the work on the rows is that follows.
const FOLLOWED: &str = "followed";
/// Names of things in the way that an error says.
const NAMED: usize = 5;

/// The steps that are noted for a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Its rows and keys are there.
    Loaded,
    /// Its foreign keys are there.
    ForeignKeys,
}

/// The notes of one schema.
pub struct Marker {
    table: String,
    done: BTreeMap<String, String>,
}

/// The contents of a schema.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Contents {
    /// Tables, views and sequences.
    pub tables: Vec<String>,
    /// Routines and events, with their kinds.
    pub others: Vec<String>,
}

impl Contents {
    /// The contents of `schema`; `None` if it does not exist.
    ///
    /// # Errors
    /// If the server refuses.
    pub fn read(connection: &mut Connection, schema: &str) -> Result<Option<Self>> {
        let name = quote_text(schema);
        let sql = format!("SELECT 1 FROM information_schema.SCHEMATA WHERE SCHEMA_NAME = {name}");
        if connection.value(&sql)?.is_none() {
            return Ok(None);
        }
        let mut list = |sql: String| -> Result<Vec<String>> {
            let names = connection.rows(&sql)?.into_iter().filter_map(|row| row.into_iter().next().flatten());
            Ok(names.map(|name| String::from_utf8_lossy(&name).into_owned()).collect())
        };
        let tables =
            list(format!("SELECT TABLE_NAME FROM information_schema.TABLES WHERE TABLE_SCHEMA = {name} ORDER BY 1"))?;
        let mut others = list(format!(
            "SELECT CONCAT(LOWER(ROUTINE_TYPE), ' ', ROUTINE_NAME) FROM information_schema.ROUTINES \
             WHERE {} ORDER BY 1",
            is_schema("ROUTINE_SCHEMA", schema)
        ))?;
        others.extend(list(format!(
            "SELECT CONCAT('event ', EVENT_NAME) FROM information_schema.EVENTS WHERE {} ORDER BY 1",
            is_schema("EVENT_SCHEMA", schema)
        ))?);
        Ok(Some(Contents { tables, others }))
    }

    /// Whether there is nothing.
    pub fn is_empty(&self) -> bool {
        self.tables.is_empty() && self.others.is_empty()
    }

    /// Whether an interrupted load has left its marker.
    pub fn has_marker(&self) -> bool {
        self.tables.iter().any(|table| table == MARKER)
    }

    /// The contents, in words.
    pub fn named(&self) -> String {
        let all = || self.tables.iter().chain(&self.others);
        let first: Vec<&str> = all().take(NAMED).map(String::as_str).collect();
        let more = all().count().saturating_sub(NAMED);
        match more {
            0 => first.join(", "),
            more => format!("{} and {more} more", first.join(", ")),
        }
    }
}

/// The snapshot that an unfinished load of `schema` was of.
///
/// # Errors
/// If the marker cannot be read.
pub fn snapshot_of(connection: &mut Connection, schema: &str) -> Result<String> {
    let sql = format!("SELECT `state` FROM {} WHERE `item` = '{SNAPSHOT}'", full_name(schema));
    Ok(connection.value(&sql)?.unwrap_or_default())
}

impl Marker {
    /// Marks `schema` as being loaded from `snapshot`, or reads the progress of an earlier load.
    ///
    /// # Errors
    /// [`ErrorKind::Usage`] if it is being loaded from another snapshot.
    pub fn open(connection: &mut Connection, schema: &str, snapshot: &str) -> Result<Self> {
        let table = full_name(schema);
        connection.run(&format!(
            "CREATE TABLE IF NOT EXISTS {table} (`item` varbinary(255) NOT NULL, `state` varbinary(255) NOT NULL, \
             PRIMARY KEY (`item`)) COMMENT='Enamel is restoring this schema'"
        ))?;
        connection.run(&format!(
            "INSERT IGNORE INTO {table} (`item`, `state`) VALUES ('{SNAPSHOT}', {})",
            quote_text(snapshot)
        ))?;
        let found = snapshot_of(connection, schema)?;
        if found != snapshot {
            return Err(of_another(schema, &found));
        }
        let rows = connection.rows(&format!("SELECT `item`, `state` FROM {table}"))?;
        let done = rows.into_iter().map(|row| {
            let mut texts = row.into_iter().map(|v| String::from_utf8_lossy(&v.unwrap_or_default()).into_owned());
            (texts.next().unwrap_or_default(), texts.next().unwrap_or_default())
        });
        Ok(Marker { table, done: done.collect() })
    }

    /// The note of an earlier run, if it has done the step.
    pub fn noted(&self, step: Step, table: &str) -> Option<&str> {
        self.done.get(&item(step, table)).map(String::as_str)
    }

    /// Notes that a step is done, with its result.
    ///
    /// # Errors
    /// If the server refuses.
    pub fn note(&self, connection: &mut Connection, step: Step, table: &str, state: &str) -> Result<()> {
        self.note_item(connection, &item(step, table), state)
    }

    /// Notes the schema that keeps the former contents: from now on tables are renamed.
    ///
    /// # Errors
    /// If the server refuses.
    pub fn note_swap(&self, connection: &mut Connection, kept: &str) -> Result<()> {
        self.note_item(connection, SWAP, kept)
    }

    /// The schema that [`Marker::note_swap`] of an earlier run has noted.
    pub fn swap(&self) -> Option<&str> {
        self.done.get(SWAP).map(String::as_str)
    }

    /// Notes how far the work that follows the load of the rows is.
    ///
    /// # Errors
    /// If the server refuses.
    pub fn note_followed(&self, connection: &mut Connection, state: &str) -> Result<()> {
        self.note_item(connection, FOLLOWED, state)
    }

    /// The state that [`Marker::note_followed`] of an earlier run has noted.
    pub fn followed(&self) -> Option<&str> {
        self.done.get(FOLLOWED).map(String::as_str)
    }

    fn note_item(&self, connection: &mut Connection, item: &str, state: &str) -> Result<()> {
        let (table, item, state) = (&self.table, quote_text(item), quote_text(state));
        connection.run(&format!("REPLACE INTO {table} (`item`, `state`) VALUES ({item}, {state})"))
    }

    /// Drops the marker: all is done.
    ///
    /// # Errors
    /// If the server refuses.
    pub fn remove(&self, connection: &mut Connection) -> Result<()> {
        connection.run(&format!("DROP TABLE {}", self.table))
    }
}

/// An unfinished load of another snapshot is in the way.
pub fn of_another(schema: &str, snapshot: &str) -> Error {
    Error::new(
        ErrorKind::Usage,
        format!(
            "schema {schema} holds an unfinished restore of snapshot {snapshot}; restore that one again to finish it, or \
             remove it with: DROP DATABASE {}",
            quote_name(schema)
        ),
    )
}

fn item(step: Step, table: &str) -> String {
    match step {
        Step::Loaded => format!("loaded {table}"),
        Step::ForeignKeys => format!("foreign keys {table}"),
    }
}

fn full_name(schema: &str) -> String {
    format!("{}.{}", quote_name(schema), quote_name(MARKER))
}
