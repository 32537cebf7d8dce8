//! Which schemas a server has.

use super::connection::texts;
use super::{Connection, Server};
use engine_core::error::{Error, ErrorKind, Result};

/// Schemas that every server keeps for itself. A server that tells cases apart may have others of these letters, which are somebody's.
const OF_EVERY_SERVER: [&str; 2] = ["mysql", "performance_schema"];
/// The server's own in whatever case.
const INFORMATION_SCHEMA: &str = "information_schema";
/// Views for administrators, on newer servers.
const SYS_SCHEMA: &str = "sys";
/// What a cluster says of itself, through an engine of this name.
const CLUSTER_SCHEMA: &str = "ndbinfo";
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

/// Whether a server keeps the schema for itself, or it is none.
pub(super) fn is_of_the_server(name: &str) -> bool {
    is_of_every_server(name) || [SYS_SCHEMA, CLUSTER_SCHEMA].contains(&name)
}

/// As [`is_of_the_server`], in whatever case where names of schemas are `folded`.
pub(crate) fn is_of_the_server_by(folded: bool, name: &str) -> bool {
    is_of_the_server(name) || folded && is_of_the_server(&name.to_lowercase())
}

fn is_of_every_server(name: &str) -> bool {
    OF_EVERY_SERVER.contains(&name) || name.eq_ignore_ascii_case(INFORMATION_SCHEMA) || name.starts_with(NO_SCHEMA)
}

/// What this server keeps for itself beside those: where it does not, a schema of that name is somebody's.
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
