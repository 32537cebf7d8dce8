//! Rows and files that purges have removed: nobody misses these.

use std::collections::{HashMap, HashSet};

use repo_format::database::{PurgePhase, ReceiptRecord};
use repo_format::entry::Time;
use repo_format::id::PurgeId;
use repo_format::manifest::ManifestKind;

use crate::error::Result;
use crate::memory::RememberedManifest;
use crate::pack::ChunkReader;
use crate::repository::{Repository, SnapshotObject};
use crate::snapshots::saved::Database;

/// Rows and files that purges have removed since a time.
#[derive(Debug, Default)]
pub struct Purged {
    /// Tables with such rows: schema and name.
    pub tables: HashSet<(String, String)>,
    /// The number of the files.
    pub files: u64,
}

/// Finds the work of purges since `since`. A purge that has not ended may have removed anything that it named.
///
/// # Errors
/// If the repository cannot be read. A receipt that is damaged explains nothing.
pub fn purged_since(repository: &Repository, since: Time) -> Result<Purged> {
    let reader = ChunkReader::new(repository);
    let receipts = repository.manifests()?.present;
    let receipts: Vec<RememberedManifest> =
        receipts.into_iter().filter(|known| known.kind == ManifestKind::Receipt).collect();
    let mut last: HashMap<PurgeId, (Time, ReceiptRecord)> = HashMap::new();
    for (known, (_, read)) in receipts.iter().zip(repository.each_remembered(&receipts)) {
        let record = match read {
            Ok(SnapshotObject::Manifest(object)) => {
                Database::open(&reader, &object.manifest, None).and_then(|saved| saved.receipt())
            }
            Ok(SnapshotObject::Void(_)) => Ok(None),
            Err(error) => Err(error),
        };
        match record {
            Ok(Some(record)) => {
                let is_newer = last.get(&record.purge).is_none_or(|(_, other)| other.phase < record.phase);
                if is_newer {
                    last.insert(record.purge, (known.time, record));
                }
            }
            Ok(None) => {}
            Err(error) if error.is_damage() => {}
            Err(error) => return Err(error),
        }
    }
    let mut purged = Purged::default();
    for (time, record) in last.into_values() {
        if time >= since || record.phase == PurgePhase::Begun {
            purged.tables.extend(record.tables.into_iter().map(|table| (table.schema, table.table)));
            purged.files += record.files.map_or(0, |files| files.files.len() as u64);
        }
    }
    Ok(purged)
}
