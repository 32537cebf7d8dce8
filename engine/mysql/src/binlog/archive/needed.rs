//! The file of the server that snapshots need first.

use repo_format::manifest::ManifestKind;

use crate::database::BinaryLog;
use engine_core::error::Result;
use engine_core::pack::ChunkReader;
use engine_core::repository::Repository;
use engine_core::snapshots::saved::{databases, server_record};

/// So many of the newest snapshots are looked at.
const SNAPSHOTS_MAX: usize = 64;

/// The file in which the oldest snapshot of the server stands that can still be restored to any moment; none if there is none.
///
/// # Errors
/// If the repository cannot be listed. A snapshot that cannot be read needs nothing.
pub fn needed_file(repository: &Repository, address: &str, identity: &str, log: &BinaryLog) -> Result<Option<String>> {
    let (manifests, _) = repository.read_manifests()?;
    let reader = ChunkReader::new(repository);
    let snapshots = manifests.iter().rev().filter(|object| object.manifest.kind == ManifestKind::Snapshot);
    let mut first: Option<usize> = None;
    for object in snapshots.take(SNAPSHOTS_MAX) {
        let root = databases(&object.manifest).find(|root| root.path.0 == address.as_bytes());
        let Some(root) = root else { continue };
        let record = server_record(&reader, &object.manifest, root).ok().flatten();
        let place = record.filter(|record| record.identity == identity).and_then(|record| record.binlog);
        let at = place.and_then(|place| log.files.iter().position(|file| file.name == place.file));
        first = first.into_iter().chain(at).min();
    }
    Ok(first.map(|at| log.files[at].name.clone()))
}
