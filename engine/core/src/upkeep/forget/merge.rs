//! Merging records, so that an hourly forget does not leave one for every hour.
//!
//! New records name all that the old ones name, and the old ones; then these are deleted. Whatever the run is ended by, every manifest that
//! was forgotten is named by a record that is there.

use std::collections::BTreeSet;

use repo_format::limits;
use repo_format::manifest::SeenManifest;

use super::record;
use crate::error::Result;
use crate::repository::{Author, ManifestObject, Repository};
use engine_store::ObjectName;

/// Small records that may lie about.
const SMALL_MAX: usize = 32;
/// A record that names fewer is small.
const SMALL: usize = 512;
const _: () = assert!(SMALL as u64 * 2 == limits::FORGOTTEN_COUNT);

/// Merges the small ones of `records`, if there are many; gives how many are gone.
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

/// Whether a record is one of this kind, and small.
fn is_small(record: &ManifestObject) -> bool {
    let manifest = &record.manifest;
    // What somebody said stays as it was said.
    manifest.ids.is_empty()
        && manifest.tags.is_empty()
        && manifest.suffering().is_empty()
        && (1..SMALL).contains(&manifest.forgotten().len())
}
