//! Records of forgotten snapshots.

use std::collections::HashSet;

use repo_format::id::LeaseId;
use repo_format::limits;
use repo_format::manifest::SeenManifest;

use crate::error::Result;
use crate::machine;
use crate::repository::{Author, ManifestObject, Manifests, Record, Repository};

/// The number of manifests that one record names at most.
const NAMED_MAX: usize = 1024;
const _: () = assert!(NAMED_MAX as u64 == limits::FORGOTTEN_COUNT);

/// The newest manifests that stay.
pub(super) fn seen(manifests: &Manifests, going: &[SeenManifest]) -> Vec<SeenManifest> {
    let going: HashSet<LeaseId> = going.iter().map(|manifest| manifest.id).collect();
    let staying = manifests.present.iter().filter(|manifest| !going.contains(&manifest.id));
    let newest = staying.take(usize::try_from(limits::SEEN_COUNT).unwrap_or(0));
    newest.map(|manifest| SeenManifest { id: manifest.id, digest: manifest.digest }).collect()
}

/// Puts records that name all of `forgotten`: as few as possible, and none if the list is empty.
pub(super) fn put_all(
    repository: &Repository,
    forgotten: &[SeenManifest],
    seen: &[SeenManifest],
    author: &Author,
) -> Result<Vec<ManifestObject>> {
    let put = |names: &[SeenManifest]| {
        let forgotten = Some(names.to_vec());
        repository
            .put_record(author, Record { time: machine::now(), seen: seen.to_vec(), forgotten, ..Record::default() })
    };
    forgotten.chunks(NAMED_MAX).map(put).collect()
}
