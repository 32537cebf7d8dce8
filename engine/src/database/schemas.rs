//! Which schemas a server has.

use super::Connection;
use super::connection::texts;
use crate::error::{Error, ErrorKind, Result};

/// Schemas that servers keep for themselves, in lower case.
const OF_THE_SERVER: [&str; 5] = ["information_schema", "mysql", "ndbinfo", "performance_schema", "sys"];
/// A folder in the server's that is no schema, `lost+found` for one, is listed with this before its name.
const NO_SCHEMA: &str = "#mysql50#";

/// The schemas that are `wanted`, in order of their names; all but the server's own if none is named.
///
/// # Errors
/// If the server refuses, or one is not there, or the account cannot see it.
pub fn list_schemas(connection: &mut Connection, wanted: &[String]) -> Result<Vec<String>> {
    let rows = connection.rows("SELECT SCHEMA_NAME FROM information_schema.SCHEMATA")?;
    let all: Vec<String> = rows.into_iter().filter_map(|row| texts(row).into_iter().next().flatten()).collect();
    let mut schemas = match wanted {
        [] => all.into_iter().filter(|name| !is_of_the_server(name)).collect(),
        names => {
            let ignores_case = connection.value("SELECT @@lower_case_table_names")?.is_some_and(|mode| mode != "0");
            names.iter().map(|name| find(&all, name, ignores_case)).collect::<Result<Vec<_>>>()?
        }
    };
    schemas.sort();
    schemas.dedup();
    Ok(schemas)
}

/// Whether the server keeps the schema for itself, or it is none.
pub(super) fn is_of_the_server(name: &str) -> bool {
    OF_THE_SERVER.contains(&name.to_lowercase().as_str()) || name.starts_with(NO_SCHEMA)
}

fn find(all: &[String], name: &str, ignores_case: bool) -> Result<String> {
    let same = |other: &&String| *other == name || ignores_case && other.to_lowercase() == name.to_lowercase();
    all.iter().find(same).cloned().ok_or_else(|| {
        let what = format!("there is no schema `{}`, or the account cannot see it", name.escape_debug());
        Error::new(ErrorKind::Database, what)
            .with_hint("`enamel check --database URL` without --schema lists the schemas that the account sees.")
    })
}
