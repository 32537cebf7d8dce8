//! Merges evidence of old checks, so that a check each hour does not leave evidence of each hour for ever.
//!
//! New evidence stands for all checks of one month that found no damage; then the old pieces are forgotten. However a run
//! ends, every reading that counts is in evidence that exists.

use std::collections::{BTreeMap, HashMap, HashSet};

use repo_format::evidence::{
    Evidence, EvidenceKind, EvidenceResult, EvidenceStep, Figure, Reading, Runs, SHORT_PACK, ShortPacks, short,
};
use repo_format::limits;
use repo_format::manifest::{ManifestKind, SeenManifest};

use super::list::list_in;
use super::put::{put_seeing, seen};
use super::{Piece, Pieces, ReadTimes};
use crate::error::Result;
use crate::repository::{Author, Forgotten, ManifestObject, Manifests, Repository};

/// Evidence of checks is merged when there are more single pieces than this.
const SINGLE_MAX: usize = 40;
/// So many of the newest stay as they are: a month of daily checks.
const SINGLE_KEPT: usize = 31;

/// The year and month of a check, and its place.
type Month = (i16, i8, String);

/// Merges the evidence of old checks, if there is much of it; returns the number of pieces that others stand for now.
///
/// # Errors
/// If the store cannot be read or written. If it does not let this user delete, both are there.
pub fn merge(repository: &Repository, author: &Author) -> Result<u64> {
    let manifests = repository.manifests()?;
    let evidence = manifests.present.iter().filter(|known| known.kind == ManifestKind::Evidence);
    if evidence.count() <= SINGLE_MAX {
        return Ok(0);
    }
    let pieces = list_in(repository, &manifests)?;
    let groups = groups(repository, &manifests, &pieces)?;
    if groups.is_empty() {
        return Ok(0);
    }
    let times = ReadTimes::of(&pieces.pieces);
    let there: HashSet<_> = repository.list_packs()?.keys().map(short).collect();
    let mut merged = 0;
    for old in groups.into_values() {
        let needed = |reading: i64, pack: [u8; SHORT_PACK]| {
            there.contains(&pack) && times.last_read_short(pack) == Some(reading)
        };
        let going: HashSet<SeenManifest> = old.iter().map(|piece| piece.reference()).collect();
        let Some(last) = old.iter().max_by_key(|piece| piece.time) else { continue };
        for evidence in parts(together(&old, needed)) {
            put_seeing(repository, author, last.time, evidence, seen(&manifests, &going))?;
        }
        repository.retire(&going.into_iter().collect::<Vec<_>>(), author)?;
        merged += old.len() as u64;
    }
    Ok(merged)
}

/// The pieces that one piece may stand for, by month.
fn groups<'p>(
    repository: &Repository,
    manifests: &Manifests,
    pieces: &'p Pieces,
) -> Result<BTreeMap<Month, Vec<&'p Piece>>> {
    let reviewed = pieces.reviewed();
    let may_merge = |piece: &&Piece| is_plain(piece) && !reviewed.contains(&piece.id);
    let (sums, single): (Vec<&Piece>, Vec<&Piece>) =
        pieces.pieces.iter().filter(may_merge).partition(|piece| piece.evidence.runs.is_some());
    if single.len() <= SINGLE_MAX {
        return Ok(BTreeMap::new());
    }
    // Where nobody may delete, they stay, and were merged before.
    let (records, _): (Vec<ManifestObject>, _) = repository.read_records(&manifests.present)?;
    let forgotten = Forgotten::by(records.iter().map(|record| &record.manifest));
    let mut groups: BTreeMap<Month, Vec<&Piece>> = BTreeMap::new();
    let old = single.into_iter().skip(SINGLE_KEPT).filter(|piece| !forgotten.names(piece.id, piece.digest));
    for piece in old {
        groups.entry(month(piece)).or_default().push(piece);
    }
    for sum in sums.into_iter().filter(|piece| !forgotten.names(piece.id, piece.digest)) {
        if let Some(group) = groups.get_mut(&month(sum)) {
            group.push(sum);
        }
    }
    groups.retain(|_, group| group.len() > 1);
    Ok(groups)
}

/// Whether a piece is of a check of everything that found no damage.
fn is_plain(piece: &Piece) -> bool {
    let evidence = &piece.evidence;
    piece.is_own()
        && evidence.kind == EvidenceKind::Verify
        && matches!(evidence.result, EvidenceResult::Passed | EvidenceResult::PassedWithNotes)
        && evidence.damaged.is_none()
        && evidence.snapshot.is_none()
        && evidence.by.is_none()
}

fn month(piece: &Piece) -> Month {
    let time = jiff::Timestamp::from_second(piece.time.seconds).unwrap_or_default();
    let date = time.to_zoned(jiff::tz::TimeZone::UTC).date();
    (date.year(), date.month(), piece.evidence.place.clone())
}

/// One evidence that stands for all of `old`. It keeps the readings that are `needed`.
fn together(old: &[&Piece], needed: impl Fn(i64, [u8; SHORT_PACK]) -> bool) -> Evidence {
    let mut runs: Option<Runs> = None;
    let mut steps: Vec<EvidenceStep> = Vec::new();
    let mut packs: HashMap<i64, Vec<[u8; SHORT_PACK]>> = HashMap::new();
    let mut sum = Evidence::new(EvidenceKind::Verify, EvidenceResult::Passed);
    let mut notes = 0u64;
    for piece in old {
        let evidence = &piece.evidence;
        sum.place.clone_from(&evidence.place);
        sum.milliseconds = sum.milliseconds.saturating_add(evidence.milliseconds);
        notes = notes.saturating_add(evidence.notes.len() as u64).saturating_add(evidence.notes_left_out.unwrap_or(0));
        evidence.steps.iter().for_each(|step| add_step(&mut steps, step));
        runs = join(runs, runs_of(piece));
        for reading in evidence.readings() {
            let kept = reading.packs.iter().filter(|pack| needed(reading.seconds, *pack));
            packs.entry(reading.seconds).or_default().extend(kept);
        }
    }
    packs.retain(|_, packs| !packs.is_empty());
    let readings = packs.into_iter().map(|(seconds, packs)| Reading { seconds, packs: packs.into_iter().collect() });
    let mut readings: Vec<_> = readings.collect();
    readings.sort_by_key(|reading| reading.seconds);
    sum.readings = (!readings.is_empty()).then_some(readings);
    sum.notes_left_out = (notes > 0).then_some(notes);
    sum.result = if notes > 0 { EvidenceResult::PassedWithNotes } else { EvidenceResult::Passed };
    Evidence { steps, runs, ..sum }
}

fn runs_of(piece: &Piece) -> Option<Runs> {
    let seconds = piece.time.seconds;
    let single = (!piece.is_continuation()).then_some(Runs { count: 1, first: seconds, last: seconds });
    piece.evidence.runs.or(single)
}

fn join(a: Option<Runs>, b: Option<Runs>) -> Option<Runs> {
    let (Some(a), Some(b)) = (a, b) else { return a.or(b) };
    Some(Runs { count: a.count.saturating_add(b.count), first: a.first.min(b.first), last: a.last.max(b.last) })
}

fn add_step(steps: &mut Vec<EvidenceStep>, more: &EvidenceStep) {
    let Some(step) = steps.iter_mut().find(|step| step.name == more.name) else {
        steps.push(EvidenceStep { text: None, ..more.clone() });
        return;
    };
    step.milliseconds = step.milliseconds.saturating_add(more.milliseconds);
    step.result = step.result.max(more.result);
    for figure in &more.figures {
        match step.figures.iter_mut().find(|known| known.name == figure.name) {
            Some(known) => known.value = known.value.saturating_add(figure.value),
            None => step.figures.push(Figure { ..figure.clone() }),
        }
    }
}

/// `evidence` in as many parts as its packs need. Only the first has more than packs.
pub(crate) fn parts(mut evidence: Evidence) -> Vec<Evidence> {
    let most = usize::try_from(limits::EVIDENCE_PACKS_COUNT).unwrap_or(usize::MAX);
    let mut parts = vec![Vec::new()];
    let mut room = most - evidence.damaged.as_ref().map_or(0, ShortPacks::count).min(most);
    for reading in evidence.readings.take().unwrap_or_default() {
        let mut packs = reading.packs.iter();
        loop {
            let some: ShortPacks = packs.by_ref().take(room).collect();
            if some.count() == 0 && room > 0 {
                break;
            }
            room -= some.count();
            if some.count() > 0
                && let Some(part) = parts.last_mut()
            {
                part.push(Reading { seconds: reading.seconds, packs: some });
            }
            if room == 0 {
                parts.push(Vec::new());
                room = most;
            }
        }
    }
    let further = |readings: Vec<Reading>| Evidence {
        place: evidence.place.clone(),
        readings: Some(readings),
        ..Evidence::new(evidence.kind, evidence.result)
    };
    let mut parts = parts.into_iter();
    let first = parts.next().filter(|readings| !readings.is_empty());
    let rest: Vec<_> = parts.filter(|readings| !readings.is_empty()).map(further).collect();
    [Evidence { readings: first, ..evidence }].into_iter().chain(rest).collect()
}
