//! Merges records, so that an hourly forget does not leave a record per hour.
//!
//! New records name the old records and everything that these name; then the old ones are deleted. However the run
//! ends, an existing record names every manifest that was forgotten.

use std::collections::BTreeSet;

use repo_format::limits;
use repo_format::manifest::SeenManifest;

use super::record;
use crate::error::Result;
use crate::repository::{Author, ManifestObject, Repository};
use engine_store::ObjectName;

/// The number of small records that may remain.
const SMALL_MAX: usize = 32;
/// A record that names fewer manifests is small.
const SMALL: usize = 512;
const _: () = assert!(SMALL as u64 * 2 == limits::FORGOTTEN_COUNT);

/// Merges the small ones of `records`, if there are many; returns the number of deleted records.
pub(super) fn merge_records(
    repository: &Repository,
    records: Vec<ManifestObject>,
    seen: &[SeenManifest],
    author: &Author,
) -> Result<u64> {
    let small: Vec<_> = records.into_iter().filter(is_small).collect();
    if small.len() <= SMALL_MAX {
        return Ok(0);
    }
    let old: Vec<_> =
        small.iter().map(|record| SeenManifest { id: record.manifest.id, digest: record.digest }).collect();
    let named = small.iter().flat_map(|record| record.manifest.forgotten());
    let all: BTreeSet<SeenManifest> = named.chain(&old).copied().collect();
    let seen: Vec<_> = seen.iter().filter(|manifest| !old.contains(manifest)).copied().collect();
    record::put_all(repository, &all.into_iter().collect::<Vec<_>>(), &seen, author)?;
    for record in &old {
        repository.store().delete(&ObjectName::Snapshot(record.id))?;
    }
    repository.memory().forget_manifests(&old.iter().map(|record| record.id).collect::<Vec<_>>())?;
    Ok(old.len() as u64)
}

/// Whether a record is of this kind, and small.
fn is_small(record: &ManifestObject) -> bool {
    let manifest = &record.manifest;
    // A user's own statement stays as it is.
    manifest.ids.is_empty()
        && manifest.tags.is_empty()
        && manifest.suffering().is_empty()
        && manifest.second_copy.is_none()
        && (1..SMALL).contains(&manifest.forgotten().len())
}
