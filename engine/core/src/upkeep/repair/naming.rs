//! Puts segments that name every good pack, and removes wrong segments.

use std::collections::HashSet;

use repo_format::id::{PackId, SegmentId};
use repo_format::segment::SegmentPack;

use super::segments::Segments;
use super::survey::Survey;
use super::{RepairOutcome, Run};
use crate::error::{Error, Result};
use crate::repository::Unnamed;
use crate::session::adoptable;
use engine_store::ObjectName;

/// Puts segments that name packs, several packs in each.
pub(super) struct Namer<'r> {
    run: &'r Run<'r>,
    unnamed: Unnamed,
}

impl<'r> Namer<'r> {
    pub fn new(run: &'r Run<'r>) -> Self {
        Namer { run, unnamed: Unnamed::default() }
    }

    /// Adds a pack to name, which must be durable.
    pub fn add(&mut self, pack: SegmentPack, outcome: &mut RepairOutcome) -> Result<()> {
        let before = self.unnamed.add(pack);
        self.put(&before, outcome)
    }

    /// Names the remaining packs.
    pub fn finish(mut self, outcome: &mut RepairOutcome) -> Result<()> {
        let rest = self.unnamed.take();
        self.put(&rest, outcome)
    }

    fn put(&self, packs: &[SegmentPack], outcome: &mut RepairOutcome) -> Result<()> {
        if !packs.is_empty() {
            outcome.written_bytes += self.run.repository.name_packs(packs)?;
            outcome.new_segments += 1;
        }
        Ok(())
    }
}

/// Names every good pack that no good segment names, **then** deletes the bad segments: unreadable ones, and those that
/// name a missing or damaged pack, or describe a pack wrongly.
pub(super) fn name_packs(
    run: &Run<'_>,
    segments: &Segments,
    survey: &Survey,
    outcome: &mut RepairOutcome,
) -> Result<()> {
    let is_so = |(id, digest): &(PackId, _)| survey.good.get(id) == Some(digest);
    let (good, bad): (Vec<_>, Vec<_>) = segments.read.iter().partition(|(_, packs)| packs.iter().all(is_so));
    let named_well: HashSet<PackId> = good.iter().flat_map(|(_, packs)| packs.iter()).map(|(id, _)| *id).collect();
    let named_badly: HashSet<PackId> = bad.iter().flat_map(|(_, packs)| packs.iter()).map(|(id, _)| *id).collect();
    outcome.gone_packs = named_badly.iter().filter(|id| !survey.listed.contains_key(id)).count() as u64;
    outcome.damaged_segments.clone_from(&segments.damaged);

    let mut unnamed: Vec<PackId> = survey.good.keys().filter(|id| !named_well.contains(id)).copied().collect();
    // A condemned pack that is no longer named is about to be deleted.
    unnamed.retain(|id| named_badly.contains(id) || !survey.is_condemned(id));
    // Their chunks have been copied.
    unnamed.retain(|id| !survey.fleeting.contains(id));
    unnamed.sort();
    outcome.named_packs += unnamed.iter().filter(|id| !named_badly.contains(id)).count() as u64;
    let bad: Vec<SegmentId> =
        bad.into_iter().map(|(id, _)| *id).chain(segments.damaged.iter().map(|(id, _)| *id)).collect();
    outcome.replaced_segments = bad.len() as u64;
    if run.options.dry_run {
        return Ok(());
    }
    let mut namer = Namer::new(run);
    for id in unnamed {
        if let Some(pack) = describe(run, survey, id, named_badly.contains(&id))? {
            namer.add(pack, outcome)?;
        }
    }
    namer.finish(outcome)?;
    delete(run, &bad)
}

/// The pack's own description; `None` if it has been deleted meanwhile. A pack that no segment named may have to be
/// made durable first.
fn describe(run: &Run<'_>, survey: &Survey, id: PackId, was_named: bool) -> Result<Option<SegmentPack>> {
    let Some(size) = survey.listed.get(&id) else { return Ok(None) };
    let described =
        if was_named { run.repository.read_pack_table(id, *size) } else { adoptable(run.repository, id, *size) };
    match described {
        Ok(pack) => Ok(Some(pack)),
        Err(_) if run.repository.store().stat(&ObjectName::Pack(id))?.is_none() => Ok(None),
        Err(error) => Err(error),
    }
}

/// Deletes replaced segments. A writer that was shut out must not: a prune may rely on them.
fn delete(run: &Run<'_>, segments: &[SegmentId]) -> Result<()> {
    if segments.is_empty() {
        return Ok(());
    }
    run.session.check_not_fenced()?;
    for id in segments {
        if run.monitor.is_cancelled() {
            return Err(Error::cancelled());
        }
        run.repository.store().delete(&ObjectName::Segment(*id))?;
    }
    Ok(())
}
