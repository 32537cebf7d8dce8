//! Foreign keys of saved tables: rows of a table need those of its parents.

use std::collections::BTreeSet;

use repo_format::database::TableRecord;

use crate::database::TableName;
use crate::dialect::{self, ForeignKeyTo, Token, tokens, unquote};
use engine_core::error::{Error, ErrorKind, Result};
use engine_core::snapshots::saved::Database;

/// A table of tables, whose rows are theirs.
const OF_TABLES: &str = "mrg_myisam";
/// Functions of sequences, which defaults of columns may call.
const OF_SEQUENCES: [&str; 3] = ["NEXTVAL", "LASTVAL", "SETVAL"];

/// A reference to another table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ForeignKey {
    pub child: TableName,
    pub parent: TableName,
    /// Rows of the child follow those of the parent.
    pub follows: bool,
}

/// The tables that are named, and those that they refer to, directly or not; `None` if that cannot be said.
///
/// # Errors
/// [`ErrorKind::NotFound`] if a table that is named is not there; if a record cannot be read.
pub(super) fn with_parents(database: &Database<'_>, named: &[TableName]) -> Result<Option<BTreeSet<TableName>>> {
    let mut open: Vec<TableName> = named.to_vec();
    let mut found = BTreeSet::new();
    while let Some(name) = open.pop() {
        let TableName { schema, table } = &name;
        if found.contains(&name) {
            continue;
        }
        let record = match database.schema(schema).and_then(|saved| saved.table(table)) {
            Ok(saved) => saved.record,
            // A parent that was not saved.
            Err(error) if error.kind() == ErrorKind::NotFound && !named.contains(&name) => continue,
            Err(error) => return Err(error),
        };
        let Some(keys) = foreign_keys(schema, &record).filter(|_| !needs_more(&record)) else { return Ok(None) };
        open.extend(keys.into_iter().map(|key| key.parent));
        found.insert(name);
    }
    Ok(Some(found))
}

/// Whether a table needs more than the tables that it refers to.
fn needs_more(record: &TableRecord) -> bool {
    let sql = &record.create.0;
    let is_of_sequence = |token: &Token| {
        OF_SEQUENCES.iter().any(|name| unquote(&sql[token.at.clone()]).eq_ignore_ascii_case(name.as_bytes()))
    };
    record.engine.eq_ignore_ascii_case(OF_TABLES) || tokens(sql).is_none_or(|tokens| tokens.iter().any(is_of_sequence))
}

/// All foreign keys of a database.
///
/// # Errors
/// [`ErrorKind::Refused`] if a definition cannot be told apart; if a record cannot be read.
pub(super) fn all(database: &Database<'_>) -> Result<Vec<ForeignKey>> {
    let mut all = Vec::new();
    for schema in database.schema_names()? {
        let saved = database.schema(&schema)?;
        for table in saved.table_names()? {
            let record = saved.table(&table)?.record;
            let keys = foreign_keys(&schema, &record).ok_or_else(|| {
                let message = format!("the definition of {schema}.{table} cannot be read");
                Error::new(ErrorKind::Refused, message)
            })?;
            all.extend(keys);
        }
    }
    Ok(all)
}

/// The foreign keys of a table; `None` if its definition cannot be read.
fn foreign_keys(schema: &str, record: &TableRecord) -> Option<Vec<ForeignKey>> {
    let child = TableName::new(schema, &record.name);
    let key = |ForeignKeyTo { schema, table, follows }| {
        let parent = TableName::of_bytes(schema.as_deref().unwrap_or(child.schema.as_bytes()), &table);
        ForeignKey { child: child.clone(), parent, follows }
    };
    Some(dialect::foreign_keys(&record.create.0)?.into_iter().map(key).collect())
}
