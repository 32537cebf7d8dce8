//! The snapshot that rows are compared with.

use repo_format::id::LeaseId;

use engine_core::error::{Error, ErrorKind, Result};
use engine_core::pack::ChunkReader;
use engine_core::repository::Repository;
use engine_core::snapshots::saved::{Database, databases, server_record};
use engine_core::snapshots::{Snapshot, list};

/// Which snapshot.
pub(in crate::purge) struct SourceChoice<'a> {
    /// This one, or the newest that fits.
    pub snapshot: Option<LeaseId>,
    /// The server that it must be of.
    pub server: &'a str,
    /// The schema that it must have.
    pub schema: &'a str,
}

/// A snapshot with a database of the server.
pub(in crate::purge) struct Source {
    pub snapshot: Snapshot,
    /// The name of the database in it.
    pub root: Vec<u8>,
}

/// Finds the snapshot.
///
/// # Errors
/// [`ErrorKind::NotFound`] if none fits.
pub(in crate::purge) fn find_source(
    repository: &Repository,
    reader: &ChunkReader<'_>,
    choice: &SourceChoice<'_>,
) -> Result<Source> {
    let snapshots = list(repository)?.snapshots;
    let wanted = |snapshot: &Snapshot| choice.snapshot.is_none_or(|id| id == snapshot.id);
    for snapshot in snapshots.into_iter().rev().filter(wanted) {
        if let Some(root) = root_of(reader, &snapshot, choice)? {
            return Ok(Source { snapshot, root });
        }
    }
    let what = choice.snapshot.map_or_else(|| "no snapshot".to_owned(), |id| format!("no snapshot {id} that"));
    let message = format!("there is {what} holds the schema `{}` of this server: make a backup first", choice.schema);
    Err(Error::new(ErrorKind::NotFound, message))
}

fn root_of(reader: &ChunkReader<'_>, snapshot: &Snapshot, choice: &SourceChoice<'_>) -> Result<Option<Vec<u8>>> {
    for root in databases(&snapshot.manifest) {
        let record = server_record(reader, &snapshot.manifest, root)?;
        if record.is_none_or(|record| record.identity != choice.server) {
            continue;
        }
        let database = Database::open(reader, &snapshot.manifest, Some(&root.name.0))?;
        if database.schema_names()?.iter().any(|name| name == choice.schema) {
            return Ok(Some(root.name.0.clone()));
        }
    }
    Ok(None)
}
