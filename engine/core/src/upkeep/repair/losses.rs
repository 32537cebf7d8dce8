//! Finds losses: chunks that a snapshot needs and that have no intact copy, and the snapshots and paths that they
//! affect.

use std::collections::HashSet;

use repo_format::id::{ChunkId, LeaseId};

use super::survey::Survey;
use super::{PATHS_NAMED, RepairOutcome, Run, SufferingSnapshot};
use crate::error::Result;
use crate::repository::{Judgement, ManifestObject};
use crate::upkeep::needs::{Affected, Needs};

/// Finds the lost needs of `manifests`.
pub(super) fn find(
    run: &Run<'_>,
    manifests: &[ManifestObject],
    survey: &Survey,
    outcome: &mut RepairOutcome,
) -> Result<Judgement> {
    let judge = |pack, chunk: &ChunkId| survey.worth(pack, chunk);
    let mut needs = Needs::new(run.repository, run.catalog, &judge, run.monitor);
    manifests.iter().try_for_each(|object| needs.walk(&object.manifest))?;
    let judgement = Judgement::of(manifests, |object| needs.suffers(&object.manifest));
    if needs.losses().chunks == 0 {
        return Ok(judgement);
    }
    let there: HashSet<LeaseId> = run.repository.snapshot_names()?.into_iter().collect();
    let mut names = Affected::new(&needs);
    // A snapshot that was forgotten meanwhile may have lost its chunks for that reason.
    for manifest in manifests.iter().map(|object| &object.manifest).filter(|m| there.contains(&m.id)) {
        if !needs.suffers(manifest) {
            continue;
        }
        let mut paths = names.paths(manifest, PATHS_NAMED + 1)?;
        let has_more = paths.len() > PATHS_NAMED;
        paths.truncate(PATHS_NAMED);
        let time = manifest.time();
        outcome.suffering.push(SufferingSnapshot { id: manifest.id, time, paths, has_more });
    }
    outcome.lost_chunks = if outcome.suffering.is_empty() { 0 } else { needs.losses().chunks };
    Ok(judgement)
}
