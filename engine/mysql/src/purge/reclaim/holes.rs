//! Holes that deletions leave in tables of MyISAM, and their effect on other users.

use super::size::{locked_seconds, size};
use crate::database::Connection;
use crate::purge::job::Job;
use crate::purge::tables::Table;
use engine_core::error::Result;

/// The server's names of the setting under which rows are added in spite of holes.
const ALWAYS: [&str; 2] = ["ALWAYS", "2"];

/// A warning of the holes that deletions of `job` leave; `None` if they leave none.
///
/// # Errors
/// If the server does not answer.
pub(in crate::purge) fn warn_of_holes(job: &Job<'_>, connection: &mut Connection) -> Result<Option<String>> {
    let tables: Vec<&Table<'_>> = job.tables().filter(|table| table.engine.eq_ignore_ascii_case("MyISAM")).collect();
    if tables.is_empty() {
        return Ok(None);
    }
    let names: Vec<_> = tables.iter().map(|table| format!("`{}`", table.name)).collect();
    let mut seconds = Vec::new();
    for table in &tables {
        seconds.push(format!("about {} s", locked_seconds(size(connection, table)?.used)));
    }
    let setting = connection.value("SELECT @@global.concurrent_insert")?.unwrap_or_default();
    let effect = if ALWAYS.contains(&setting.as_str()) {
        "Their files do not become smaller; rows are added while others are read all the same, as `concurrent_insert` is 2 here."
    } else {
        "Until they are filled, rows cannot be added while others are read, and the next backups hold writers up for longer; the \
             server's setting `concurrent_insert=2` helps."
    };
    Ok(Some(format!(
        "{}: deletions leave holes in {} (MyISAM). {effect} A run with `--reclaim` rebuilds them afterwards, and locks each meanwhile: {}.",
        job.category.name,
        names.join(", "),
        seconds.join(", ")
    )))
}
