//! Replaces a schema by the one that was loaded beside it, and keeps the former contents.
//!
//! ```text
//!   S__restoring.t  ->  S.t  ->  S__before_DATE.t       all tables in one RENAME TABLE
//! ```
//!
//! Triggers keep a table in its schema, and views, routines and events cannot be renamed. So they are made again in the
//! kept schema, and only then dropped from `S`. Their definitions are noted in the kept schema before anything is
//! touched.

use repo_format::database::{ObjectType, SchemaRecord};

use super::briefly::briefly;
use super::marker::{Contents, MARKER};
use super::objects::{Objects, drop_object, make_routines_and_views, type_name};
use super::options::{Definer, Events, LoadOptions, References, SchemaChoice};
use super::plan::staging_of;
use super::renaming::Renaming;
use super::run::{Run, SchemaRun};
use crate::database::{Connection, quote_bytes, quote_name, quote_text, read_schema};
use engine_core::error::{Error, ErrorKind, Result};

/// The table of the kept schema that notes definitions until they are made there.
const DEFINITIONS: &str = "enamel_definitions";
/// The kind of the first row of the definitions.
const RECORD: &str = "record";

/// Puts the loaded tables of `schema` in place. Returns the schema that keeps the former ones; `kept_before` were kept
/// earlier.
///
/// # Errors
/// If a foreign key from elsewhere would lead to the former table, or the server refuses: then nothing is renamed.
pub fn swap(
    run: &Run<'_>,
    connection: &mut Connection,
    schema: &SchemaRun<'_>,
    kept_before: &[SchemaChoice],
) -> Result<SchemaChoice> {
    let plan = schema.plan;
    let name = &plan.name;
    let former = read_schema(connection, &run.target.server, name)?;
    let is_known = |name: &str| former.record.objects.iter().any(|object| object.name == name);
    if let Some(left_out) = former.left_out.iter().find(|left_out| !is_known(&left_out.name)) {
        let message = format!(
            "schema `{name}` is not replaced, as its {} `{}` could not be kept: {}",
            left_out.what, left_out.name, left_out.why
        );
        return Err(Error::new(ErrorKind::Database, message));
    }
    let kept = match schema.marker.swap() {
        Some(kept) => kept.to_owned(),
        None => kept_name(connection, name)?,
    };
    let moves = moves(connection, schema, &former.record, &kept)?;
    if !moves.is_empty() {
        refuse_foreign_references(run, connection, schema)?;
        schema.marker.note_swap(connection, &kept)?;
        make_kept(connection, &kept, &former.record)?;
        note_definitions(connection, &kept, &former.record)?;
        drop_triggers(run, connection, schema, &former.record)?;
        briefly(run, connection, &format!("RENAME TABLE {}", moves.join(", ")))?;
    }
    let record = noted_definitions(connection, &kept, &former.record)?;
    let choice = SchemaChoice { from: name.clone(), to: kept };
    let names = kept_before.iter().cloned().chain([choice.clone()]).collect();
    keep_objects(run, connection, names, &record, schema)?;
    Ok(choice)
}

/// The tables to rename, former ones first.
fn moves(
    connection: &mut Connection,
    schema: &SchemaRun<'_>,
    former: &SchemaRecord,
    kept: &str,
) -> Result<Vec<String>> {
    let plan = schema.plan;
    let full = |schema: &str, table: &str| format!("{}.{}", quote_name(schema), quote_name(table));
    let there = |connection: &mut Connection, schema: &str| -> Result<Vec<String>> {
        Ok(Contents::read(connection, schema)?.unwrap_or_default().tables)
    };
    let loaded: Vec<String> = there(connection, &plan.staging)?.into_iter().filter(|table| table != MARKER).collect();
    if loaded.is_empty() {
        return Ok(Vec::new());
    }
    let is_view = |table: &str| former.objects.iter().any(|o| o.kind == ObjectType::View && o.name == table);
    let mut moves = Vec::new();
    for table in there(connection, &plan.name)? {
        if !is_view(&table) && (plan.is_whole || loaded.contains(&table)) {
            moves.push(format!("{} TO {}", full(&plan.name, &table), full(kept, &table)));
        }
    }
    moves.extend(loaded.iter().map(|table| format!("{} TO {}", full(&plan.staging, table), full(&plan.name, table))));
    Ok(moves)
}

/// `S__before_2026_11_24`, with a number behind it when that is there.
fn kept_name(connection: &mut Connection, name: &str) -> Result<String> {
    let date = connection.value("SELECT DATE_FORMAT(NOW(), '%Y_%m_%d')")?.unwrap_or_default();
    for number in 1.. {
        let suffix = if number == 1 { String::new() } else { format!("_{number}") };
        let kept = format!("{name}__before_{date}{suffix}");
        if Contents::read(connection, &kept)?.is_none() {
            return Ok(kept);
        }
    }
    unreachable!("there are more numbers than schemas")
}

fn make_kept(connection: &mut Connection, kept: &str, former: &SchemaRecord) -> Result<()> {
    connection.run(&format!(
        "CREATE DATABASE IF NOT EXISTS {} CHARACTER SET {} COLLATE {}",
        quote_name(kept),
        former.character_set,
        quote_name(&former.collation)
    ))
}

/// A foreign key of a table that stays would follow the former table into the kept schema.
fn refuse_foreign_references(run: &Run<'_>, connection: &mut Connection, schema: &SchemaRun<'_>) -> Result<()> {
    let plan = schema.plan;
    let name = quote_text(&plan.name);
    let rows = connection.rows(&format!(
        "SELECT CONSTRAINT_SCHEMA, TABLE_NAME, REFERENCED_TABLE_NAME FROM information_schema.REFERENTIAL_CONSTRAINTS \
         WHERE UNIQUE_CONSTRAINT_SCHEMA = {name}"
    ))?;
    for row in rows {
        let mut texts = row.into_iter().map(|v| String::from_utf8_lossy(&v.unwrap_or_default()).into_owned());
        let (from, child, parent) = (texts.next(), texts.next().unwrap_or_default(), texts.next().unwrap_or_default());
        let from = from.unwrap_or_default();
        // Foreign keys from tables that this run replaces follow the former table.
        let is_replaced = |choice: &SchemaChoice| {
            choice.to == from || from.starts_with(&format!("{}__before_", choice.to)) || from == staging_of(&choice.to)
        };
        let goes_along = if from == plan.name {
            plan.has(&child)
        } else {
            run.options.tables.is_empty() && run.renaming.names.iter().any(is_replaced)
        };
        if plan.has(&parent) && !goes_along {
            let message = format!(
                "`{}`.`{parent}` cannot be replaced: a foreign key of `{from}`.`{child}`, which stays, refers to it",
                plan.name
            );
            return Err(Error::new(ErrorKind::Database, message));
        }
    }
    Ok(())
}

/// Notes the former definitions in the kept schema, each as its text and all as a record: whatever happens from here on, they are
/// not lost.
fn note_definitions(connection: &mut Connection, kept: &str, former: &SchemaRecord) -> Result<()> {
    let table = format!("{}.{}", quote_name(kept), quote_name(DEFINITIONS));
    connection.run(&format!(
        "CREATE TABLE IF NOT EXISTS {table} (`id` int NOT NULL AUTO_INCREMENT, `what` varchar(20) NOT NULL, \
         `name` varbinary(255) NOT NULL, `definition` longblob NOT NULL, PRIMARY KEY (`id`)) \
         COMMENT='Definitions of what Enamel has not made again here'"
    ))?;
    let mut note = |what: &str, name: &str, definition: &[u8]| {
        connection.run(&format!(
            "INSERT INTO {table} (`what`, `name`, `definition`) VALUES ('{what}', {}, {})",
            quote_text(name),
            quote_bytes(definition)
        ))
    };
    let record = former.encode().map_err(|e| Error::damaged("the definitions of the former schema", e))?;
    note(RECORD, &former.name, &record)?;
    former.objects.iter().try_for_each(|object| note(type_name(object.kind), &object.name, &object.create.0))
}

/// The definitions as the first run has noted them: a run that was interrupted may have dropped some.
fn noted_definitions(connection: &mut Connection, kept: &str, former: &SchemaRecord) -> Result<SchemaRecord> {
    let is_there = Contents::read(connection, kept)?.is_some_and(|there| there.tables.iter().any(|t| t == DEFINITIONS));
    if !is_there {
        return Ok(former.clone());
    }
    let sql = format!(
        "SELECT `definition` FROM {}.{} WHERE `what` = '{RECORD}' ORDER BY `id` LIMIT 1",
        quote_name(kept),
        quote_name(DEFINITIONS)
    );
    let row = connection.rows(&sql)?.into_iter().next();
    match row.and_then(|row| row.into_iter().next().flatten()) {
        Some(bytes) => {
            SchemaRecord::decode(&bytes).map_err(|e| Error::damaged("the definitions of the former schema", e))
        }
        None => Ok(former.clone()),
    }
}

fn drop_triggers(
    run: &Run<'_>,
    connection: &mut Connection,
    schema: &SchemaRun<'_>,
    former: &SchemaRecord,
) -> Result<()> {
    let triggers = former.objects.iter().filter(|object| object.kind == ObjectType::Trigger);
    for trigger in triggers.filter(|trigger| trigger.table.as_deref().is_some_and(|table| schema.plan.has(table))) {
        let name = quote_name(&schema.plan.name);
        briefly(run, connection, &format!("DROP TRIGGER IF EXISTS {name}.{}", quote_name(&trigger.name)))?;
    }
    Ok(())
}

/// Makes the former views, routines, triggers and events in the kept schema, and drops those that are there from the schema itself.
fn keep_objects(
    run: &Run<'_>,
    connection: &mut Connection,
    names: Vec<SchemaChoice>,
    former: &SchemaRecord,
    schema: &SchemaRun<'_>,
) -> Result<()> {
    let kept = &names.last().map(|choice| choice.to.clone()).unwrap_or_default();
    let options = LoadOptions { definer: Definer::Keep, events: Events::Disabled, ..LoadOptions::default() };
    let folds = run.target.folds_names;
    let renaming = Renaming { names, folds, references: References::Keep, ..Renaming::default() };
    let objects = Objects { run, schema: kept, record: former, options: &options, renaming: &renaming };
    let problems = run.tally.problem_count();
    objects.make_triggers(connection, &|table| schema.plan.has(table))?;
    if schema.plan.is_whole {
        let mut made = make_routines_and_views(connection, std::slice::from_ref(&objects))?;
        made.extend(objects.make_events(connection)?);
        let name = quote_name(&schema.plan.name);
        for object in made {
            drop_object(connection, object.kind, &format!("{name}.{}", quote_name(&object.name)))?;
        }
    }
    if run.tally.problem_count() == problems {
        return connection.run(&format!("DROP TABLE IF EXISTS {}.{}", quote_name(kept), quote_name(DEFINITIONS)));
    }
    run.monitor.note(&format!(
        "objects of schema `{}` that could not be made again in `{kept}` are kept there, as text, in the table `{DEFINITIONS}`",
        schema.plan.name
    ));
    Ok(())
}

/// Whether an earlier run has begun to rename: its tables are loaded.
pub fn has_begun(schema: &SchemaRun<'_>) -> bool {
    schema.marker.swap().is_some()
}
