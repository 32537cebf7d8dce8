//! Records of what was forgotten.

use std::collections::HashSet;

use repo_format::id::LeaseId;
use repo_format::limits;
use repo_format::manifest::{KIND_RECORD, Manifest, Problems, SeenManifest, Statistics};

use super::Author;
use crate::crypto::random;
use crate::error::Result;
use crate::machine;
use crate::repository::{Catalogue, ManifestObject, Repository};

/// Manifests that one record names.
const NAMED_MAX: usize = 1024;
const _: () = assert!(NAMED_MAX as u64 == limits::FORGOTTEN_COUNT);

/// The newest manifests that stay.
pub(super) fn seen(catalogue: &Catalogue, going: &[SeenManifest]) -> Vec<SeenManifest> {
    let going: HashSet<LeaseId> = going.iter().map(|manifest| manifest.id).collect();
    let staying = catalogue.present.iter().filter(|manifest| !going.contains(&manifest.id));
    let newest = staying.take(usize::try_from(limits::SEEN_COUNT).unwrap_or(0));
    newest.map(|manifest| SeenManifest { id: manifest.id, digest: manifest.digest }).collect()
}

/// Puts records that name all of `forgotten`: as few as can be, none if there is nothing to name.
pub(super) fn put_all(
    repository: &Repository,
    forgotten: &[SeenManifest],
    seen: &[SeenManifest],
    author: &Author,
) -> Result<Vec<ManifestObject>> {
    let put = |names: &[SeenManifest]| repository.put_record(describe(repository, names, seen, author)?);
    forgotten.chunks(NAMED_MAX).map(put).collect()
}

fn describe(
    repository: &Repository,
    forgotten: &[SeenManifest],
    seen: &[SeenManifest],
    author: &Author,
) -> Result<Manifest> {
    let now = machine::now();
    let (condemned, _) = repository.condemned()?;
    Ok(Manifest {
        kind: KIND_RECORD,
        id: LeaseId(random()?),
        ids: Vec::new(),
        seconds: now.seconds,
        nanoseconds: now.nanoseconds,
        host: author.host.clone(),
        user: author.user.clone(),
        tags: Vec::new(),
        program: author.program.clone(),
        parent: None,
        seen: seen.to_vec(),
        config_version: repository.config().version,
        keyring_version: repository.keyring_version(),
        condemned_seen: condemned.next - 1,
        roots: Vec::new(),
        tree: None,
        problems: Problems::default(),
        statistics: Statistics::default(),
        forgotten: Some(forgotten.to_vec()),
    })
}
