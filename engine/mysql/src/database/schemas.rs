//! The schemas of a server.

use super::connection::texts;
use super::{Connection, Server};
use engine_core::error::{Error, ErrorKind, Result};

/// Schemas that belong to every server itself. A case-sensitive server may have user schemas with these letters in
/// another case.
const OF_EVERY_SERVER: [&str; 2] = ["mysql", "performance_schema"];
/// Belongs to the server in any case of letters.
const INFORMATION_SCHEMA: &str = "information_schema";
/// Views for administrators, on newer servers.
const SYS_SCHEMA: &str = "sys";
/// A cluster describes itself in this schema, through an engine of the same name.
const CLUSTER_SCHEMA: &str = "ndbinfo";
/// The prefix of a folder in the server's data that is not a schema, such as `lost+found`.
const NO_SCHEMA: &str = "#mysql50#";

/// The `wanted` schemas, sorted by name; if empty, all except the server's own.
///
/// # Errors
/// If the server refuses, or a schema does not exist or is invisible to the account.
pub fn list_schemas(connection: &mut Connection, wanted: &[String]) -> Result<Vec<String>> {
    let rows = connection.rows("SELECT SCHEMA_NAME FROM information_schema.SCHEMATA")?;
    let all: Vec<String> = rows.into_iter().filter_map(|row| texts(row).into_iter().next().flatten()).collect();
    let mut schemas = match wanted {
        [] => {
            let more = further_own(connection)?;
            let is_own = |name: &str| is_of_every_server(name) || more.contains(&name);
            all.into_iter().filter(|name| !is_own(name)).collect()
        }
        names => {
            let ignores_case = connection.value("SELECT @@lower_case_table_names")?.is_some_and(|mode| mode != "0");
            names.iter().map(|name| find(&all, name, ignores_case)).collect::<Result<Vec<_>>>()?
        }
    };
    schemas.sort();
    schemas.dedup();
    Ok(schemas)
}

/// Whether the schema belongs to the server itself, or is none.
pub(super) fn is_of_the_server(name: &str) -> bool {
    is_of_every_server(name) || [SYS_SCHEMA, CLUSTER_SCHEMA].contains(&name)
}

/// As [`is_of_the_server`], ignoring case if schema names are `folded`.
pub(crate) fn is_of_the_server_by(folded: bool, name: &str) -> bool {
    is_of_the_server(name) || folded && is_of_the_server(&name.to_lowercase())
}

fn is_of_every_server(name: &str) -> bool {
    OF_EVERY_SERVER.contains(&name) || name.eq_ignore_ascii_case(INFORMATION_SCHEMA) || name.starts_with(NO_SCHEMA)
}

/// The additional schemas of this server itself. On other servers a schema of that name belongs to a user.
fn further_own(connection: &mut Connection) -> Result<Vec<&'static str>> {
    let server = Server::detect(connection)?;
    let has_sys = server.is_mariadb_from((10, 6, 0)) || server.is_mysql_from((5, 7, 7));
    let cluster = "SELECT 1 FROM information_schema.ENGINES WHERE ENGINE = 'ndbinfo' AND SUPPORT <> 'NO'";
    let has_cluster = connection.value(cluster)?.is_some();
    let more = [(SYS_SCHEMA, has_sys), (CLUSTER_SCHEMA, has_cluster)];
    Ok(more.into_iter().filter_map(|(name, is_there)| is_there.then_some(name)).collect())
}

fn find(all: &[String], name: &str, ignores_case: bool) -> Result<String> {
    let same = |other: &&String| *other == name || ignores_case && other.to_lowercase() == name.to_lowercase();
    all.iter().find(same).cloned().ok_or_else(|| {
        let what = format!("there is no schema `{}`, or the account cannot see it", name.escape_debug());
        Error::new(ErrorKind::Database, what)
            .with_hint("`enamel check --database URL` without --schema lists the schemas that the account sees.")
    })
}
