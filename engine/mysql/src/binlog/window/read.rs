//! The records that windows come from.

use repo_format::database::LeftOut;
use repo_format::id::LeaseId;
use repo_format::log::{LogPlace, SECOND};
use repo_format::manifest::{Manifest, ManifestKind};

use super::{Base, KnownLog, Restorable, windows};
use crate::binlog::archive::StoredLog;
use crate::binlog::event::Format;
use engine_core::error::{Error, Result};
use engine_core::pack::ChunkReader;
use engine_core::repository::{Repository, SnapshotObject};
use engine_core::snapshots::saved::{databases, server_record};

/// Snapshots from so much before the oldest log may stand in it: the clocks of machines differ.
const EARLIER: i64 = 24 * 60 * 60;

/// The moments that can be restored.
#[derive(Debug, Default)]
pub struct Found {
    /// By the addresses of servers that have logs.
    pub restorable: Vec<Restorable>,
    /// Logs that cannot be read, and why.
    pub unreadable: Vec<(LeaseId, Error)>,
}

/// Records of a repository, as far as they say what can be restored.
#[derive(Debug, Default)]
pub struct Records {
    /// In the order in which they were fetched.
    pub logs: Vec<KnownLog>,
    /// Snapshots, in the order of their times.
    pub bases: Vec<Base>,
    /// Logs that cannot be read, and why.
    pub unreadable: Vec<(LeaseId, Error)>,
}

/// Finds the moments that can be restored. The index must be up to date. Snapshots count if no table is missing in them, and
/// nothing of them is known to be lost.
///
/// # Errors
/// If the store cannot be listed.
pub fn read(repository: &Repository) -> Result<Found> {
    let Records { logs, bases, unreadable } = records(repository)?;
    Ok(Found { restorable: windows(&logs, &bases), unreadable })
}

/// Reads the records of all logs, and of the snapshots that may stand in them.
///
/// # Errors
/// As [`read`].
pub fn records(repository: &Repository) -> Result<Records> {
    let manifests = repository.manifests()?;
    let reader = ChunkReader::new(repository);
    let mut present: Vec<_> =
        manifests.present.iter().filter(|m| !manifests.put_back.iter().any(|b| b.id == m.id)).collect();
    // Oldest first.
    present.reverse();
    let mut found = Records::default();
    for id in present.iter().filter(|m| m.kind == ManifestKind::Log).map(|m| m.id) {
        match read_log(repository, &reader, id) {
            Ok(log) => found.logs.extend(log),
            Err(error) if error.is_damage() => found.unreadable.push((id, error)),
            Err(error) => return Err(error),
        }
    }
    let Some(since) = found.logs.iter().map(began).min() else { return Ok(found) };
    let lost = repository.known_losses()?;
    let snapshots = present.iter().filter(|m| m.kind == ManifestKind::Snapshot && m.time.seconds >= since - EARLIER);
    for id in snapshots.map(|m| m.id).filter(|id| !lost.suffers(*id)) {
        match manifest(repository, id).and_then(|manifest| bases_of(&reader, manifest.as_ref())) {
            Ok(own) => found.bases.extend(own),
            // `status` and `verify` name it.
            Err(error) if error.is_damage() => {}
            Err(error) => return Err(error),
        }
    }
    Ok(found)
}

/// The manifest, unless it has gone since it was listed.
fn manifest(repository: &Repository, id: LeaseId) -> Result<Option<Manifest>> {
    match repository.read_snapshot_object(id) {
        Ok(SnapshotObject::Manifest(object)) => Ok(Some(object.manifest)),
        Ok(SnapshotObject::Void(_)) => Ok(None),
        Err(error) if error.is_damage() && !repository.has_snapshot_object(id)? => Ok(None),
        Err(error) => Err(error),
    }
}

fn read_log(repository: &Repository, reader: &ChunkReader<'_>, id: LeaseId) -> Result<Option<KnownLog>> {
    let Some(manifest) = manifest(repository, id)? else { return Ok(None) };
    let log = StoredLog::read(reader, manifest)?;
    Ok(Some(KnownLog { id, address: log.address().to_vec(), record: log.record }))
}

/// When the oldest file of a log began, in seconds.
fn began(log: &KnownLog) -> i64 {
    let first = log.record.files.first().and_then(|file| Format::read(&file.format.0).ok());
    first.map_or(log.record.complete_until / SECOND, |format| i64::from(format.timestamp))
}

/// The databases in a snapshot whose server wrote a log, and in which no table is missing.
fn bases_of(reader: &ChunkReader<'_>, manifest: Option<&Manifest>) -> Result<Vec<Base>> {
    let mut bases = Vec::new();
    for (manifest, root) in
        manifest.into_iter().flat_map(|manifest| databases(manifest).map(move |root| (manifest, root)))
    {
        let Some(server) = server_record(reader, manifest, root)? else { continue };
        let Some(binlog) = server.binlog.filter(|_| has_all_tables(&server.left_out)) else { continue };
        bases.push(Base {
            id: manifest.id,
            address: root.path.0.clone(),
            identity: server.identity,
            place: LogPlace { file: binlog.file, offset: binlog.position, gtid: binlog.gtid },
            moment: server.moment.seconds * SECOND + i64::from(server.moment.microseconds),
        });
    }
    Ok(bases)
}

/// Whether no table is missing. Changes of rows need neither accounts nor views.
fn has_all_tables(left_out: &[LeftOut]) -> bool {
    !left_out.iter().any(|object| object.what == "table" || object.what == "schema")
}
