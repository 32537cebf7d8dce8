//! A schema: its defaults, and everything in it that is not a table.

use repo_format::database::{ObjectType, SchemaObject, SchemaRecord};

use super::fields::Fields;
use super::schema_contents::{SchemaContents, object, show_create};
use super::{Connection, Server, event, quote_name, quote_text, routine, trigger, view};
use engine_core::error::{Error, ErrorKind, Result};

/// Reads the schema `schema` and all its sequences, views, routines, triggers and events. Makes it the connection's
/// current schema.
///
/// A definition is the text that makes the object again in a session with its `sql_mode`, `character_set_client` and
/// `collation_connection`; its bytes are in that character set. Objects that the account cannot see are omitted without
/// notice.
///
/// # Errors
/// [`ErrorKind::NotFound`] if there is no such schema; [`ErrorKind::Database`] if the server refuses.
pub fn read_schema(connection: &mut Connection, server: &Server, schema: &str) -> Result<SchemaContents> {
    // Schemas have comments since MariaDB 10.5.
    let comment = if server.is_mariadb_from((10, 5, 0)) { "NULLIF(SCHEMA_COMMENT, '')" } else { "NULL" };
    let defaults = connection.first(&format!(
        "SELECT DEFAULT_CHARACTER_SET_NAME, DEFAULT_COLLATION_NAME, {comment} FROM information_schema.SCHEMATA \
         WHERE SCHEMA_NAME = {}",
        quote_text(schema)
    ))?;
    let Some(defaults) = defaults else {
        return Err(Error::new(ErrorKind::NotFound, format!("the server has no schema {}", quote_name(schema))));
    };
    let mut defaults = defaults.into_iter();
    let mut next = || defaults.next().flatten();
    let mut contents = SchemaContents {
        record: SchemaRecord {
            name: schema.to_owned(),
            character_set: next().unwrap_or_default(),
            collation: next().unwrap_or_default(),
            comment: next(),
            objects: Vec::new(),
        },
        left_out: Vec::new(),
    };
    // Definitions of views omit the schema from tables of the connection's schema.
    connection.run(&format!("USE {}", quote_name(schema)))?;
    if server.is_mariadb() {
        read_sequences(connection, &mut contents)?;
    }
    view::read(connection, &mut contents)?;
    routine::read(connection, &mut contents)?;
    trigger::read(connection, &mut contents)?;
    event::read(connection, &mut contents)?;
    Ok(contents)
}

fn read_sequences(connection: &mut Connection, contents: &mut SchemaContents) -> Result<()> {
    let sql = format!(
        "SELECT TABLE_NAME FROM information_schema.TABLES WHERE TABLE_SCHEMA = {} AND TABLE_TYPE = 'SEQUENCE' \
         ORDER BY TABLE_NAME",
        quote_text(&contents.record.name)
    );
    for row in connection.rows(&sql)? {
        let name = Fields::of(row).text();
        let Some(create) = show_create(connection, "SEQUENCE", &name, 1)? else {
            contents.leave_out(&name, "sequence", "the server does not show its definition");
            continue;
        };
        let sql = format!("SELECT next_not_cached_value, cycle_count FROM {}", quote_name(&name));
        let mut state = connection.rows(&sql)?.into_iter().map(Fields::of);
        let mut state = state.next().ok_or_else(|| {
            Error::new(ErrorKind::Database, format!("the sequence {} has no state", quote_name(&name)))
        })?;
        let sequence = object(ObjectType::Sequence, name, create);
        let (next_value, cycles) = (state.number(), state.number());
        contents.record.objects.push(SchemaObject { next_value, cycles, ..sequence });
    }
    Ok(())
}
