//! The definitions of a schema, while they are gathered.

use repo_format::cbor::ByteString;
use repo_format::database::{LeftOut, ObjectType, SchemaObject, SchemaRecord};

use super::{Connection, quote_name};
use engine_core::error::Result;

/// A schema and everything in it that is not a table, as [`read_schema`](super::read_schema) finds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SchemaContents {
    /// The schema.
    pub record: SchemaRecord,
    /// Objects by name whose definitions the server does not return, or returns though they are invalid.
    pub left_out: Vec<LeftOut>,
}

impl SchemaContents {
    /// Notes that an object is missing in the record, or not as it should be.
    pub(super) fn leave_out(&mut self, name: &str, what: &str, why: impl Into<String>) {
        let (schema, name) = (self.record.name.clone(), name.to_owned());
        self.left_out.push(LeftOut { schema, name, what: what.to_owned(), why: why.into() });
    }
}

/// An object with only the fields that all objects have.
pub(super) fn object(kind: ObjectType, name: String, create: Vec<u8>) -> SchemaObject {
    SchemaObject {
        kind,
        name,
        create: ByteString(create),
        sql_mode: None,
        client_character_set: None,
        connection_collation: None,
        database_collation: None,
        definer: None,
        time_zone: None,
        table: None,
        next_value: None,
        cycles: None,
        status: None,
        columns: None,
    }
}

/// The column `column` of SHOW CREATE of an object; `None` if the account may not see it.
pub(super) fn show_create(
    connection: &mut Connection,
    what: &str,
    name: &str,
    column: usize,
) -> Result<Option<Vec<u8>>> {
    let rows = connection.rows(&format!("SHOW CREATE {what} {}", quote_name(name)))?;
    Ok(rows.into_iter().next().and_then(|row| row.into_iter().nth(column).flatten()))
}
