//! The contents of schemas: tables by engine, and the number of all other objects.

use std::collections::BTreeMap;

use repo_format::database::LeftOut;

use crate::database::{Connection, Server, TableInfo, WITHOUT_HISTORY, describe_table, quote_text};
use engine_core::error::Result;

/// The contents of a schema. Objects that the account cannot see are not counted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SchemaSurvey {
    /// Its name.
    pub name: String,
    /// Tables.
    pub tables: u64,
    /// Their rows, which the server estimates for some engines.
    pub rows: u64,
    /// Bytes of their data, without keys.
    pub data_bytes: u64,
    /// Views.
    pub views: u64,
    /// Functions, procedures and packages.
    pub routines: u64,
    /// Triggers.
    pub triggers: u64,
    /// Scheduled events.
    pub events: u64,
    /// Sequences.
    pub sequences: u64,
}

/// The tables of one engine.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EngineSurvey {
    /// Its name.
    pub name: String,
    /// Whether its tables show one moment without a lock.
    pub transactional: bool,
    /// How many tables it has.
    pub tables: u64,
    /// Bytes of their data, without keys.
    pub data_bytes: u64,
}

/// The contents of the schemas `names`, whose tables are `tables`.
///
/// # Errors
/// If the server refuses.
pub fn schemas(connection: &mut Connection, names: &[String], tables: &[TableInfo]) -> Result<Vec<SchemaSurvey>> {
    names.iter().map(|name| schema(connection, name, tables)).collect()
}

/// Each of these queries asks for no column that would make the server open a table.
fn schema(connection: &mut Connection, name: &str, tables: &[TableInfo]) -> Result<SchemaSurvey> {
    let mut survey = SchemaSurvey { name: name.to_owned(), ..SchemaSurvey::default() };
    for table in tables.iter().filter(|table| table.schema == name) {
        survey.tables += 1;
        survey.rows += table.rows;
        survey.data_bytes += table.data_bytes;
    }
    let mut count = |from: &str, schema: &str, more: &str| -> Result<u64> {
        let sql = format!("SELECT COUNT(*) FROM information_schema.{from} WHERE {schema} = {}{more}", quote_text(name));
        Ok(connection.value(&sql)?.and_then(|text| text.parse().ok()).unwrap_or(0))
    };
    survey.views = count("TABLES", "TABLE_SCHEMA", " AND TABLE_TYPE = 'VIEW'")?;
    survey.sequences = count("TABLES", "TABLE_SCHEMA", " AND TABLE_TYPE = 'SEQUENCE'")?;
    survey.routines = count("ROUTINES", "ROUTINE_SCHEMA", "")?;
    survey.triggers = count("TRIGGERS", "TRIGGER_SCHEMA", "")?;
    survey.events = count("EVENTS", "EVENT_SCHEMA", "")?;
    Ok(survey)
}

/// `tables` by engine, the one with the most bytes first; damaged ones, whose engine is not known, apart.
pub fn engines(tables: &[TableInfo]) -> Vec<EngineSurvey> {
    let mut engines: BTreeMap<&str, EngineSurvey> = BTreeMap::new();
    for table in tables.iter().filter(|table| !is_damaged(table)) {
        let engine = engines.entry(&table.engine).or_default();
        engine.name.clone_from(&table.engine);
        engine.transactional = table.transactional;
        engine.tables += 1;
        engine.data_bytes += table.data_bytes;
    }
    let mut engines: Vec<_> = engines.into_values().collect();
    engines.sort_by(|a, b| b.data_bytes.cmp(&a.data_bytes).then_with(|| a.name.cmp(&b.name)));
    engines
}

/// Tables that the server cannot open, with what it says of them.
pub fn damaged(tables: &[TableInfo]) -> Vec<LeftOut> {
    let left_out = |table: &TableInfo| LeftOut {
        schema: table.schema.clone(),
        name: table.name.clone(),
        what: "table".to_owned(),
        why: table.comment.clone(),
    };
    tables.iter().filter(|table| is_damaged(table)).map(left_out).collect()
}

/// Tables whose history a backup leaves out.
///
/// # Errors
/// If the server does not answer.
pub fn without_history(connection: &mut Connection, server: &Server, tables: &[TableInfo]) -> Result<Vec<LeftOut>> {
    let mut found = Vec::new();
    for table in tables.iter().filter(|table| table.versioned && !is_damaged(table)) {
        // A table that cannot be described is named otherwise, and has no history that would be.
        let described = describe_table(connection, server, table);
        if described.is_ok_and(|record| record.versioned == Some(false)) {
            found.push(LeftOut {
                schema: table.schema.clone(),
                name: table.name.clone(),
                what: "history".to_owned(),
                why: WITHOUT_HISTORY.to_owned(),
            });
        }
    }
    Ok(found)
}

/// Whether the server cannot open `table`: it does not say of which engine it is.
fn is_damaged(table: &TableInfo) -> bool {
    table.engine.is_empty()
}
