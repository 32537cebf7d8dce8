//! Finds triggers of tables that receive purged rows again. They would fire once more for old rows, and record them as
//! new.

use super::target::Target;
use crate::database::{Connection, Privileges, Right, Scope, TableName, quote_text, texts};
use engine_core::error::{Error, ErrorKind, Result};

/// Checks that nothing runs when rows are added to the `tables`, as far as they are there.
///
/// # Errors
/// [`ErrorKind::Refused`] if something would: it is named. [`ErrorKind::PermissionDenied`] if the account cannot see whether it would. If the
/// server does not answer.
pub fn check_triggers<'t>(
    connection: &mut Connection,
    target: &Target,
    tables: impl Iterator<Item = &'t TableName>,
) -> Result<()> {
    let privileges = Privileges::read(connection, &target.server)?;
    for TableName { schema, table } in tables {
        let sql = format!(
            "SELECT 1 FROM information_schema.TABLES WHERE TABLE_SCHEMA = {} AND TABLE_NAME = {}",
            quote_text(schema),
            quote_text(table)
        );
        if connection.value(&sql)?.is_none() {
            continue;
        }
        if !privileges.has_on(Right::Trigger, &Scope::Table(schema.clone(), table.clone())) {
            let message =
                format!("the account lacks TRIGGER on `{schema}`.`{table}`: triggers that would run are not seen");
            return Err(Error::new(ErrorKind::PermissionDenied, message));
        }
        let names = on_insertion(connection, schema, table)?;
        if !names.is_empty() {
            let message =
                format!("rows for `{schema}`.`{table}` would set off its triggers once more: {}", names.join(", "));
            return Err(Error::new(ErrorKind::Refused, message));
        }
    }
    Ok(())
}

fn on_insertion(connection: &mut Connection, schema: &str, table: &str) -> Result<Vec<String>> {
    let sql = format!(
        "SELECT TRIGGER_NAME FROM information_schema.TRIGGERS WHERE EVENT_OBJECT_SCHEMA = {} AND EVENT_OBJECT_TABLE = {} \
         AND EVENT_MANIPULATION = 'INSERT' ORDER BY TRIGGER_NAME",
        quote_text(schema),
        quote_text(table)
    );
    let name = |row| texts(row).into_iter().next().flatten();
    Ok(connection.rows(&sql)?.into_iter().filter_map(name).map(|name| format!("`{name}`")).collect())
}
