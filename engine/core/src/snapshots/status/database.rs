//! What a snapshot says of a database: which tables are late, which are missing, and where those can still be found.

use repo_format::database::{LateTable, LeftOut, ServerRecord};
use repo_format::manifest::{Manifest, Root, RootKind};

use super::{SnapshotRef, reference};
use crate::error::Result;
use crate::pack::ChunkReader;
use crate::snapshots::saved::{has_table, server_record};

/// What [`LeftOut::what`] is of a table.
const TABLE: &str = "table";

/// A database in the newest snapshot.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct DatabaseStatus {
    /// Its root.
    pub root: Root,
    /// Tables that show a later time than the others.
    pub late: Vec<LateTable>,
    /// What should be there and is not.
    pub missing: Vec<MissingObject>,
}

/// Something that is not in the newest snapshot though it should be.
#[derive(Debug, Clone)]
pub struct MissingObject {
    /// What, and why.
    pub object: LeftOut,
    /// Of a table: the newest snapshot that has it.
    pub good: Option<SnapshotRef>,
}

impl DatabaseStatus {
    /// Whether everything is there, of one moment.
    pub fn is_whole(&self) -> bool {
        self.late.is_empty() && self.missing.is_empty()
    }

    /// Whether there is no table left to look for.
    pub(super) fn is_explained(&self) -> bool {
        !self.missing.iter().any(MissingObject::is_sought)
    }
}

impl MissingObject {
    fn is_sought(&self) -> bool {
        self.good.is_none() && self.object.what == TABLE
    }
}

/// What the snapshot says of its database `root`; nothing if it has no record of the server.
pub(super) fn status(reader: &ChunkReader<'_>, manifest: &Manifest, root: &Root) -> Result<Option<DatabaseStatus>> {
    let Some(server) = server_record(reader, manifest, root)? else { return Ok(None) };
    let missing = server.left_out.into_iter().map(|object| MissingObject { object, good: None }).collect();
    Ok(Some(DatabaseStatus { root: root.clone(), late: server.late, missing }))
}

/// Whether all databases in an older snapshot are whole.
pub(super) fn are_whole(reader: &ChunkReader<'_>, manifest: &Manifest) -> Result<bool> {
    for root in manifest.roots.iter().filter(|root| root.kind == RootKind::Database) {
        if status(reader, manifest, root)?.is_some_and(|status| !status.is_whole()) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Notes for tables that are missing whether an older snapshot, `manifest`, has them.
pub(super) fn find_good(reader: &ChunkReader<'_>, manifest: &Manifest, databases: &mut [DatabaseStatus]) -> Result<()> {
    for database in databases.iter_mut().filter(|database| !database.is_explained()) {
        let root = &database.root;
        let Some(server) = server_record(reader, manifest, root)? else { continue };
        for missing in database.missing.iter_mut().filter(|missing| missing.is_sought()) {
            if has_whole_table(reader, manifest, root, &server, &missing.object)? {
                missing.good = Some(reference(manifest));
            }
        }
    }
    Ok(())
}

/// Whether the snapshot has the whole table.
fn has_whole_table(
    reader: &ChunkReader<'_>,
    manifest: &Manifest,
    root: &Root,
    server: &ServerRecord,
    table: &LeftOut,
) -> Result<bool> {
    let same = |other: &LeftOut| other.schema == table.schema && other.name == table.name && other.what == table.what;
    Ok(!server.left_out.iter().any(same) && has_table(reader, manifest, root, (&table.schema, &table.name))?)
}
