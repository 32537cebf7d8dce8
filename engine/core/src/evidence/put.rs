//! Puts evidence into a repository.

use std::collections::HashSet;

use repo_format::entry::Time;
use repo_format::evidence::Evidence;
use repo_format::limits;
use repo_format::manifest::{Manifest, ManifestKind, SeenManifest};

use crate::error::{Error, ErrorKind, Result};
use crate::repository::{Author, ManifestObject, Manifests, Repository};

/// The evidence before it that evidence names, so that nobody can take some away.
const EVIDENCE_SEEN: usize = 4;
/// Bytes of one text.
const TEXT_MAX: usize = 600;

/// Puts `evidence`, durably. `time` is when its subject began. Notes that do not fit are counted.
///
/// # Errors
/// [`ErrorKind::Refused`] if the repository may be a copy that is behind: evidence in it would be lost, and missed, when it
/// is copied again. If nothing may be written, or the store cannot be written.
pub fn put(repository: &Repository, author: &Author, time: Time, evidence: Evidence) -> Result<ManifestObject> {
    let manifests = repository.manifests()?;
    repository.refuse_to_write()?;
    let is_new_place = repository.memory().is_new_place() && !manifests.missing.is_empty();
    if manifests.is_behind || is_new_place {
        let message =
            "this place has less than this computer has seen elsewhere, so it may be a copy of an earlier day";
        return Err(Error::new(ErrorKind::Refused, message));
    }
    put_seeing(repository, author, time, evidence, seen(&manifests, &HashSet::new()))
}

/// As [`put`]; its writer has seen `seen`.
pub(super) fn put_seeing(
    repository: &Repository,
    author: &Author,
    time: Time,
    evidence: Evidence,
    seen: Vec<SeenManifest>,
) -> Result<ManifestObject> {
    let manifest = repository.manifest_without_nodes(ManifestKind::Evidence, author, time)?;
    let manifest = Manifest { seen, evidence: Some(within_limits(evidence)), ..manifest };
    repository.put_without_lease(that_fits(manifest))
}

/// The manifests that a writer of evidence has seen: the newest evidence, then the newest of all, but for `going`.
pub(super) fn seen(manifests: &Manifests, going: &HashSet<SeenManifest>) -> Vec<SeenManifest> {
    let staying = manifests.present.iter().filter_map(|known| {
        let seen = SeenManifest { id: known.id, digest: known.digest };
        (!going.contains(&seen)).then_some((known.kind, seen))
    });
    let staying: Vec<_> = staying.collect();
    let evidence = staying.iter().filter(|(kind, _)| *kind == ManifestKind::Evidence).take(EVIDENCE_SEEN);
    let mut known = HashSet::new();
    let all = evidence.chain(&staying).map(|(_, seen)| *seen).filter(|seen| known.insert(*seen));
    all.take(usize::try_from(limits::SEEN_COUNT).unwrap_or(0)).collect()
}

/// Shortens texts and lists to what the format takes.
fn within_limits(mut evidence: Evidence) -> Evidence {
    let most = |count: u64| usize::try_from(count).unwrap_or(usize::MAX);
    let notes_max = most(limits::EVIDENCE_NOTES_COUNT);
    leave_out_notes(&mut evidence, notes_max);
    for step in &mut evidence.steps {
        step.text.iter_mut().for_each(|text| shorten(text, TEXT_MAX));
        step.figures.truncate(most(limits::EVIDENCE_FIGURES_COUNT));
    }
    evidence.notes.iter_mut().for_each(|note| shorten(&mut note.text, TEXT_MAX));
    evidence.by.iter_mut().for_each(|by| shorten(by, TEXT_MAX));
    shorten(&mut evidence.place, TEXT_MAX);
    evidence
}

/// Shortens `text` to at most so many bytes.
pub(super) fn shorten(text: &mut String, most: usize) {
    if text.len() > most {
        let end = (0..=most.saturating_sub(3)).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        text.truncate(end);
        text.push('…');
    }
}

fn leave_out_notes(evidence: &mut Evidence, keep: usize) {
    let more = evidence.notes.len().saturating_sub(keep);
    if more > 0 {
        // Faults say more than notes, so they stay.
        evidence.notes.sort_by_key(|note| std::cmp::Reverse(note.kind));
        evidence.notes.truncate(keep);
        evidence.notes_left_out = Some(evidence.notes_left_out.unwrap_or(0).saturating_add(more as u64));
    }
}

/// The manifest with as many notes as fit.
fn that_fits(mut manifest: Manifest) -> Manifest {
    while manifest.encode().is_err() {
        let Some(evidence) = manifest.evidence.as_mut().filter(|evidence| !evidence.notes.is_empty()) else { break };
        let keep = evidence.notes.len() / 2;
        leave_out_notes(evidence, keep);
    }
    manifest
}

#[cfg(test)]
mod tests {
    use repo_format::evidence::{EvidenceKind, EvidenceNote, EvidenceNoteKind, EvidenceResult, EvidenceStep};
    use repo_format::id::LeaseId;

    use super::*;

    #[test]
    fn notes_that_do_not_fit_are_counted_and_faults_stay() {
        let note = |n: usize| EvidenceNote {
            kind: if n.is_multiple_of(10) { EvidenceNoteKind::Fault } else { EvidenceNoteKind::Note },
            step: 0,
            text: "é".repeat(n),
        };
        let step = EvidenceStep {
            name: "images".to_owned(),
            result: EvidenceResult::Failed,
            milliseconds: 1,
            figures: Vec::new(),
            text: None,
        };
        let (steps, notes) = (vec![step], (1..=1000).map(note).collect());
        let evidence = Evidence { steps, notes, ..Evidence::new(EvidenceKind::Drill, EvidenceResult::Failed) };
        let manifest = Manifest::new(ManifestKind::Evidence, LeaseId([1; 16]));
        let fitting = that_fits(Manifest { evidence: Some(within_limits(evidence)), ..manifest });
        fitting.encode().unwrap();
        let evidence = fitting.evidence.unwrap();
        assert_eq!(evidence.notes.len() as u64 + evidence.notes_left_out.unwrap(), 1000);
        assert_eq!(evidence.notes.iter().filter(|note| note.kind == EvidenceNoteKind::Fault).count(), 100);
        assert!(evidence.notes.iter().all(|note| note.text.len() <= TEXT_MAX));
    }
}
