//! Views.

use std::collections::BTreeMap;

use repo_format::database::{ObjectType, SchemaObject};

use super::fields::Fields;
use super::schema_contents::{SchemaContents, object, show_create};
use super::{Connection, error_code, quote_name, quote_text};
use engine_core::error::Result;

/// "View references invalid table(s) or column(s) or function(s) or definer/invoker of view lack rights to use them".
const VIEW_INVALID: u16 = 1356;
/// The account may not do this with the table or view.
const DENIED: u16 = 1142;

/// Adds the views of the connection's schema.
pub(super) fn read(connection: &mut Connection, contents: &mut SchemaContents) -> Result<()> {
    let schema = quote_text(&contents.record.name);
    let mut columns = columns(connection, &schema)?;
    let sql = format!(
        "SELECT TABLE_NAME, VIEW_DEFINITION, DEFINER, SECURITY_TYPE, CHARACTER_SET_CLIENT, COLLATION_CONNECTION \
         FROM information_schema.VIEWS WHERE TABLE_SCHEMA = {schema} ORDER BY TABLE_NAME"
    );
    for row in connection.rows(&sql)? {
        let mut row = Fields::of(row);
        let (name, select, definer, security) = (row.text(), row.text(), row.next(), row.text());
        let (client_character_set, connection_collation) = (row.next(), row.next());
        let columns = columns.remove(&name).unwrap_or_default();
        if columns.is_empty() {
            contents.leave_out(&name, "view", "it is not valid: something that it refers to is not there");
        }
        let shown = match show_create(connection, "VIEW", &name, 1) {
            Err(e) if error_code(&e) == Some(VIEW_INVALID) => None,
            Err(e) if error_code(&e) == Some(DENIED) => {
                contents.leave_out(&name, "view", "the account may not see its definition");
                continue;
            }
            shown => shown?,
        };
        // Only its query remains: it arrives as UTF-8, and names schemas.
        let (create, client_character_set) = match shown {
            Some(create) => (create, client_character_set),
            None if select.is_empty() => continue,
            None => {
                let create = format!("CREATE SQL SECURITY {security} VIEW {} AS {select}", quote_name(&name));
                (create.into_bytes(), Some("utf8mb4".to_owned()))
            }
        };
        let connection_collation = connection_collation.filter(|_| client_character_set.is_some());
        contents.record.objects.push(SchemaObject {
            client_character_set,
            connection_collation,
            definer,
            columns: Some(columns),
            ..object(ObjectType::View, name, create)
        });
    }
    Ok(())
}

/// Names of the columns of each view.
fn columns(connection: &mut Connection, schema: &str) -> Result<BTreeMap<String, Vec<String>>> {
    let sql = format!(
        "SELECT c.TABLE_NAME, c.COLUMN_NAME FROM information_schema.COLUMNS c JOIN information_schema.TABLES t \
         ON t.TABLE_SCHEMA = c.TABLE_SCHEMA AND t.TABLE_NAME = c.TABLE_NAME \
         WHERE c.TABLE_SCHEMA = {schema} AND t.TABLE_SCHEMA = {schema} AND t.TABLE_TYPE = 'VIEW' \
         ORDER BY c.TABLE_NAME, c.ORDINAL_POSITION"
    );
    let mut columns = BTreeMap::<String, Vec<String>>::new();
    for row in connection.rows(&sql)? {
        let mut row = Fields::of(row);
        columns.entry(row.text()).or_default().push(row.text());
    }
    Ok(columns)
}
