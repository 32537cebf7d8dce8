//! The status of a database in a snapshot: which tables are late or missing, and which older snapshot has them.

use std::path::PathBuf;

use repo_format::database::{LateTable, LeftOut, ServerRecord};
use repo_format::manifest::{Manifest, Root, RootKind};

use super::{SnapshotRef, reference};
use crate::error::Result;
use crate::pack::ChunkReader;
use crate::snapshots::saved::{has_table, server_record};

/// The value of [`LeftOut::what`] for a table.
const TABLE: &str = "table";

/// A database in the newest snapshot.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct DatabaseStatus {
    /// Its root.
    pub root: Root,
    /// Tables that show a later time than the others.
    pub late: Vec<LateTable>,
    /// Objects that should be in the snapshot and are not.
    pub missing: Vec<MissingObject>,
    /// The server's own name for its machine.
    pub hostname: String,
    /// The folder of its data on that machine, if that was recorded.
    pub data_folder: Option<PathBuf>,
}

/// An object that should be in the newest snapshot and is not.
#[derive(Debug, Clone)]
pub struct MissingObject {
    /// The object, and why it is missing.
    pub object: LeftOut,
    /// The newest snapshot that has the table, if the object is a table.
    pub good: Option<SnapshotRef>,
}

impl DatabaseStatus {
    /// Whether everything was saved, as of one moment.
    pub fn is_whole(&self) -> bool {
        self.late.is_empty() && self.missing.is_empty()
    }

    /// Whether no missing table remains to be found.
    pub(super) fn is_explained(&self) -> bool {
        !self.missing.iter().any(MissingObject::is_sought)
    }
}

impl MissingObject {
    fn is_sought(&self) -> bool {
        self.good.is_none() && self.object.what == TABLE
    }
}

/// The status of database `root` in the snapshot; `None` if there is no record of the server.
pub(super) fn status(reader: &ChunkReader<'_>, manifest: &Manifest, root: &Root) -> Result<Option<DatabaseStatus>> {
    let Some(server) = server_record(reader, manifest, root)? else { return Ok(None) };
    let data_folder = server.variables.iter().find(|variable| variable.name == "datadir");
    let data_folder = data_folder.map(|variable| PathBuf::from(&variable.value));
    let missing = server.left_out.into_iter().map(|object| MissingObject { object, good: None }).collect();
    Ok(Some(DatabaseStatus { root: root.clone(), late: server.late, missing, hostname: server.hostname, data_folder }))
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

/// For each missing table, notes whether the older snapshot `manifest` has it.
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
    Ok(!server.left_out.iter().any(same) && has_table(reader, manifest, root, &table.schema, &table.name)?)
}
