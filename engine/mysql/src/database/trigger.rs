//! Triggers.

use repo_format::database::{ObjectType, SchemaObject};

use super::definition::Header;
use super::fields::Fields;
use super::schema_contents::{SchemaContents, object, show_create};
use super::{Connection, is_schema};
use engine_core::error::Result;

/// Adds the triggers of the connection's schema, in the order in which they run. Definitions omit FOLLOWS and PRECEDES,
/// so triggers must be made in this order to run in it.
pub(super) fn read(connection: &mut Connection, contents: &mut SchemaContents) -> Result<()> {
    let sql = format!(
        "SELECT TRIGGER_NAME, EVENT_OBJECT_TABLE, DEFINER, SQL_MODE, CHARACTER_SET_CLIENT, COLLATION_CONNECTION, \
         DATABASE_COLLATION FROM information_schema.TRIGGERS WHERE {} \
         ORDER BY EVENT_OBJECT_TABLE, ACTION_TIMING, EVENT_MANIPULATION, ACTION_ORDER, CREATED, TRIGGER_NAME",
        is_schema("TRIGGER_SCHEMA", &contents.record.name)
    );
    for row in connection.rows(&sql)? {
        let mut row = Fields::of(row);
        let (name, table, definer) = (row.text(), row.next(), row.text());
        let (sql_mode, client_character_set, connection_collation) = (row.next(), row.next(), row.next());
        let Some(create) = show_create(connection, "TRIGGER", &name, 2)? else {
            contents.leave_out(&name, "trigger", "the account may not see its body");
            continue;
        };
        let header = Header { definer: &definer, name: None, comment: "" };
        let create = header.in_client_character_set(connection, create, client_character_set.as_deref())?;
        contents.record.objects.push(SchemaObject {
            sql_mode,
            client_character_set,
            connection_collation,
            database_collation: row.next(),
            definer: Some(definer),
            table,
            ..object(ObjectType::Trigger, name, create)
        });
    }
    Ok(())
}
