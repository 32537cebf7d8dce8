//! Stored functions, procedures and packages.

use repo_format::database::{ObjectType, SchemaObject};

use super::definition::Header;
use super::fields::Fields;
use super::schema_contents::{SchemaContents, object, show_create};
use super::{Connection, is_schema};
use engine_core::error::Result;

/// Kinds of routines as `information_schema.ROUTINES` and SHOW CREATE call them, in the order in which they are made.
const KINDS: [(&str, ObjectType); 4] = [
    ("FUNCTION", ObjectType::Function),
    ("PROCEDURE", ObjectType::Procedure),
    ("PACKAGE", ObjectType::Package),
    ("PACKAGE BODY", ObjectType::PackageBody),
];

/// Adds the routines of the connection's schema.
pub(super) fn read(connection: &mut Connection, contents: &mut SchemaContents) -> Result<()> {
    for (what, kind) in KINDS {
        read_kind(connection, contents, what, kind)?;
    }
    Ok(())
}

fn read_kind(connection: &mut Connection, contents: &mut SchemaContents, what: &str, kind: ObjectType) -> Result<()> {
    let sql = format!(
        "SELECT ROUTINE_NAME, DEFINER, ROUTINE_COMMENT, SQL_MODE, CHARACTER_SET_CLIENT, COLLATION_CONNECTION, \
         DATABASE_COLLATION FROM information_schema.ROUTINES WHERE {} AND ROUTINE_TYPE = '{what}' \
         ORDER BY ROUTINE_NAME",
        is_schema("ROUTINE_SCHEMA", &contents.record.name)
    );
    for row in connection.rows(&sql)? {
        let mut row = Fields::of(row);
        let (name, definer, comment) = (row.text(), row.text(), row.text());
        let (sql_mode, client_character_set, connection_collation) = (row.next(), row.next(), row.next());
        let Some(create) = show_create(connection, what, &name, 2)? else {
            contents.leave_out(&name, &what.to_lowercase(), "the account may not see its body");
            continue;
        };
        let header = Header { definer: &definer, name: None, comment: &comment };
        let create = header.in_client_character_set(connection, create, client_character_set.as_deref())?;
        contents.record.objects.push(SchemaObject {
            sql_mode,
            client_character_set,
            connection_collation,
            database_collation: row.next(),
            definer: Some(definer),
            ..object(kind, name, create)
        });
    }
    Ok(())
}
