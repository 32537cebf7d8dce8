//! Scheduled events.

use repo_format::database::{ObjectType, SchemaObject};

use super::definition::Header;
use super::fields::Fields;
use super::schema_contents::{SchemaContents, object, show_create};
use super::{Connection, is_schema};
use engine_core::error::Result;

/// Adds the events of the connection's schema. The times in a definition are in the time zone of the event.
pub(super) fn read(connection: &mut Connection, contents: &mut SchemaContents) -> Result<()> {
    let sql = format!(
        "SELECT EVENT_NAME, DEFINER, EVENT_COMMENT, SQL_MODE, TIME_ZONE, STATUS, CHARACTER_SET_CLIENT, \
         COLLATION_CONNECTION, DATABASE_COLLATION FROM information_schema.EVENTS WHERE {} \
         ORDER BY EVENT_NAME",
        is_schema("EVENT_SCHEMA", &contents.record.name)
    );
    for row in connection.rows(&sql)? {
        let mut row = Fields::of(row);
        let (name, definer, comment) = (row.text(), row.text(), row.text());
        let (sql_mode, time_zone, status) = (row.next(), row.next(), row.next());
        let (client_character_set, connection_collation) = (row.next(), row.next());
        let Some(create) = show_create(connection, "EVENT", &name, 3)? else {
            contents.leave_out(&name, "event", "the account may not see its body");
            continue;
        };
        let header = Header { definer: &definer, name: Some(("EVENT", &name)), comment: &comment };
        let create = header.in_client_character_set(connection, create, client_character_set.as_deref())?;
        contents.record.objects.push(SchemaObject {
            sql_mode,
            client_character_set,
            connection_collation,
            database_collation: row.next(),
            definer: Some(definer),
            time_zone,
            status,
            ..object(ObjectType::Event, name, create)
        });
    }
    Ok(())
}
