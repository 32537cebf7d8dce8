//! The records that windows come from.

use repo_format::id::LeaseId;
use repo_format::log::SECOND;
use repo_format::manifest::ManifestKind;

use super::base::{Base, bases_of};
use super::{Restorable, windows};
use crate::binlog::event::Format;
use crate::binlog::stored::{StoredLog, StoredLogs, read_manifest};
use engine_core::error::{Error, Result};
use engine_core::pack::ChunkReader;
use engine_core::repository::Repository;

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
    pub logs: Vec<StoredLog>,
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
    let StoredLogs { logs, unreadable } = StoredLogs::read(repository)?;
    let mut found = Records { logs, bases: Vec::new(), unreadable };
    let Some(since) = found.logs.iter().map(began).min() else { return Ok(found) };
    let reader = ChunkReader::new(repository);
    let lost = repository.known_losses()?;
    // Oldest first.
    let present = repository.manifests()?.present.into_iter().rev();
    let snapshots =
        present.filter(|m| m.kind == ManifestKind::Snapshot && m.time.seconds >= since.saturating_sub(EARLIER));
    for id in snapshots.map(|m| m.id).filter(|id| !lost.suffers(*id)) {
        match read_manifest(repository, id).and_then(|read| read.map(|read| bases_of(&reader, &read)).transpose()) {
            Ok(own) => found.bases.extend(own.into_iter().flatten()),
            // `status` and `verify` name it.
            Err(error) if error.is_damage() => {}
            Err(error) => return Err(error),
        }
    }
    Ok(found)
}

/// When the oldest file of a log began, in seconds.
fn began(log: &StoredLog) -> i64 {
    let first = log.record.files.first().and_then(|file| Format::read(&file.format.0).ok());
    first.map_or(log.record.complete_until / SECOND, |format| i64::from(format.timestamp))
}
