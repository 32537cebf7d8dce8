//! Judges by need: damage that no manifest needs is harmless; a needed chunk without an intact copy is lost.

use std::collections::HashSet;

use repo_format::id::{ChunkId, LeaseId, PackId};

use super::FindingKind::LostData;
use super::content::CheckedPacks;
use super::report::Report;
use super::{Finding, Run};
use crate::error::Result;
use crate::repository::{Judgement, ManifestObject};
use crate::upkeep::needs::{Affected, Losses, Needs, Worth};

/// The number of snapshots and paths that a finding names.
const NAMED: usize = 100;
/// The number of times that the needs are examined again because a prune or forget has changed something.
const ROUNDS: u32 = 3;

/// Packs in a condemned list.
#[derive(Default)]
pub(super) struct CondemnedPacks(HashSet<PackId>);

impl CondemnedPacks {
    /// Reads the lists. An unreadable list is a finding of its own.
    pub fn read(run: &Run<'_>) -> Result<Self> {
        let Ok((condemned, _)) = run.repository.condemned() else { return Ok(Self::default()) };
        Ok(CondemnedPacks(condemned.packs().copied().collect()))
    }

    fn note(&self, losses: &Losses, report: &Report) {
        for id in losses.condemned_packs.iter().filter(|id| self.0.contains(id)) {
            report.note(format!(
                "packs/{id} is condemned, and only it holds some of the data that snapshots need; it is readable, and `enamel prune` takes it off the list"
            ));
        }
    }
}

/// The packs with the needs of `manifest`.
pub(super) fn packs_for(run: &Run<'_>, manifest: &ManifestObject) -> Result<HashSet<PackId>> {
    let judge = |_: PackId, _: &ChunkId| Worth::Good;
    let mut needs = Needs::new(run.repository, run.catalog, &judge, run.monitor).collecting_packs();
    needs.walk(&manifest.manifest)?;
    Ok(needs.into_packs())
}

/// The changes since the run began.
struct Change {
    snapshots: HashSet<LeaseId>,
    packs: CheckedPacks,
}

/// Checks that all needs of `manifests` exist. Snapshots may be forgotten and packs rewritten meanwhile, so an apparent
/// loss is examined again.
pub(super) fn check_needs(
    run: &Run<'_>,
    mut manifests: Vec<ManifestObject>,
    packs: &mut CheckedPacks,
) -> Result<Judgement> {
    let mut round = 1;
    loop {
        match judge_needs(run, &manifests, packs, round)? {
            Looked::Judged(judgement) => return Ok(judgement),
            Looked::Changed(change) => {
                manifests.retain(|object| change.snapshots.contains(&object.manifest.id));
                packs.extend(change.packs);
                round += 1;
            }
        }
    }
}

/// The result of examining all needs.
enum Looked {
    Judged(Judgement),
    /// Something seems lost, and this has changed meanwhile.
    Changed(Change),
}

/// Walks all needs. If something seems lost, returns the changes meanwhile, or reports the loss if there are none.
fn judge_needs(run: &Run<'_>, manifests: &[ManifestObject], packs: &CheckedPacks, round: u32) -> Result<Looked> {
    let condemned = CondemnedPacks::read(run)?;
    let judge = |pack, chunk: &ChunkId| match () {
        () if packs.is_damaged(pack, chunk) => Worth::Damaged,
        () if condemned.0.contains(&pack) => Worth::Condemned,
        () => Worth::Good,
    };
    let mut needs = Needs::new(run.repository, run.catalog, &judge, run.monitor);
    manifests.iter().try_for_each(|object| needs.walk(&object.manifest))?;
    let is_lost = needs.losses().chunks > 0;
    if is_lost
        && round < ROUNDS
        && let Some(change) = change(run, manifests, packs)?
    {
        return Ok(Looked::Changed(change));
    }
    condemned.note(needs.losses(), run.report);
    if is_lost {
        report_losses(run, &needs, manifests)?;
    }
    Ok(Looked::Judged(Judgement::of(manifests, |object| needs.suffers(&object.manifest))))
}

fn change(run: &Run<'_>, manifests: &[ManifestObject], known: &CheckedPacks) -> Result<Option<Change>> {
    let snapshots: HashSet<LeaseId> = run.repository.snapshot_names()?.into_iter().collect();
    let packs = run.check_new_packs(known)?;
    let forgotten = manifests.iter().any(|object| !snapshots.contains(&object.manifest.id));
    Ok((forgotten || !packs.is_empty()).then_some(Change { snapshots, packs }))
}

fn report_losses(run: &Run<'_>, needs: &Needs<'_>, manifests: &[ManifestObject]) -> Result<()> {
    let mut names = Affected::new(needs);
    let mut affected = Vec::new();
    for object in manifests.iter().filter(|object| needs.suffers(&object.manifest)) {
        let paths = names.paths(&object.manifest, NAMED - affected.len())?;
        affected.extend(paths.into_iter().map(|path| (object.manifest.id, path)));
        if affected.len() >= NAMED {
            break;
        }
    }
    let losses = needs.losses();
    let chunks = if losses.chunks == 1 { "1 chunk".to_owned() } else { format!("{} chunks", losses.chunks) };
    let mut reasons = losses.reasons.clone();
    reasons.sort();
    let message = format!("{chunks} lost that snapshots need: {}", reasons.join("; "));
    run.report.add(Finding { object: "snapshots".to_owned(), kind: LostData, message, affected });
    Ok(())
}
