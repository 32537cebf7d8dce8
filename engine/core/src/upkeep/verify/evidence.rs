//! The evidence that a check leaves: what it looked at, what it found, and which packs it read.

use std::collections::BTreeMap;

use repo_format::entry::Time;
use repo_format::evidence::{
    Evidence, EvidenceKind, EvidenceNote, EvidenceNoteKind, EvidenceResult, EvidenceStep, Figure, Reading, ShortPacks,
};
use repo_format::id::PackId;
use repo_format::limits;
use repo_format::manifest::SeenManifest;

use super::VerifyReport;
use crate::error::{Result, chain};
use crate::evidence::{self, Pieces, ReadTimes};
use crate::machine;
use crate::monitor::Monitor;
use crate::repository::{Author, ManifestObject, Repository};

/// A check that found nothing and read nothing leaves no evidence if there is some that is not older, in seconds.
const SAME_FOR: i64 = 20 * 3600;
const DAY: i64 = 24 * 3600;

/// A check that was made.
#[derive(Debug, Clone, Default)]
pub struct VerifyRun {
    /// When it began.
    pub started: Time,
    /// How long it took.
    pub milliseconds: u64,
    /// The snapshot that it was about, if not about everything.
    pub snapshot: Option<SeenManifest>,
    /// Logs that were checked besides.
    pub logs: u64,
    /// Damage that was found in them, in words.
    pub log_faults: Vec<String>,
}

/// The evidence of a check.
#[derive(Debug)]
pub enum Recorded {
    /// It was put.
    Put(Box<ManifestObject>),
    /// There is some that says the same, of less than a day before.
    Known,
}

/// Puts evidence of a check, and merges that of old ones.
///
/// # Errors
/// As [`evidence::put`].
pub fn record(
    repository: &Repository,
    report: &VerifyReport,
    run: VerifyRun,
    author: &Author,
    monitor: &dyn Monitor,
) -> Result<Recorded> {
    let pieces = evidence::list(repository)?;
    let times = ReadTimes::of(&pieces.pieces);
    let readings = new_readings(repository, &times)?;
    let damaged = new_damage(repository, &times)?;
    let faults = report.findings.len() + run.log_faults.len();
    let is_same = readings.is_empty() && damaged.is_none() && run.snapshot.is_none();
    if is_same && faults == 0 && is_known(&pieces, repository, report) {
        return Ok(Recorded::Known);
    }
    let VerifyRun { started, milliseconds, snapshot, .. } = run;
    let result = match (faults, report.notes.len()) {
        (0, 0) => EvidenceResult::Passed,
        (0, _) => EvidenceResult::PassedWithNotes,
        _ => EvidenceResult::Failed,
    };
    let whole = Evidence {
        place: repository.location(),
        milliseconds,
        steps: vec![step(report, &run, result)],
        notes: notes(report, &run),
        snapshot,
        readings: (!readings.is_empty()).then_some(readings),
        damaged,
        ..Evidence::new(EvidenceKind::Verify, result)
    };
    let mut parts = evidence::parts(whole).into_iter();
    let Some(first) = parts.next() else { return Ok(Recorded::Known) };
    let put = evidence::put(repository, author, started, first)?;
    parts.try_for_each(|part| evidence::put(repository, author, started, part).map(|_| ()))?;
    // From here on it is there, so no failure may deny it.
    if let Err(error) = evidence::merge(repository, author) {
        monitor.note(&format!("merging the evidence of old checks is left to the next run: {}", chain(&error)));
    }
    Ok(Recorded::Put(Box::new(put)))
}

/// Whether the newest evidence of a check of everything here says the same, and is not a day old.
fn is_known(pieces: &Pieces, repository: &Repository, report: &VerifyReport) -> bool {
    let here = repository.location();
    let newest = pieces.of_kind(EvidenceKind::Verify).find(|piece| piece.evidence.snapshot.is_none());
    newest.is_some_and(|piece| {
        let notes = piece.evidence.notes.len() as u64 + piece.evidence.notes_left_out.unwrap_or(0);
        let age = machine::now().seconds.saturating_sub(piece.time.seconds);
        age < SAME_FOR
            && piece.evidence.runs.is_none()
            && piece.evidence.place == here
            && piece.evidence.result != EvidenceResult::Failed
            && notes == report.notes.len() as u64
    })
}

/// Everything that this machine has read and no evidence says yet, by days, also by an interrupted check.
fn new_readings(repository: &Repository, times: &ReadTimes) -> Result<Vec<Reading>> {
    let now = machine::now().seconds;
    let mut days: BTreeMap<i64, (i64, Vec<PackId>)> = BTreeMap::new();
    for (pack, seconds) in repository.catalog().verified()?.into_iter().filter(|(_, seconds)| *seconds <= now) {
        if times.last_read(&pack).is_none_or(|known| known < seconds) {
            let (first, packs) = days.entry(seconds.div_euclid(DAY)).or_insert((seconds, Vec::new()));
            *first = seconds.min(*first);
            packs.push(pack);
        }
    }
    let mut readings = Vec::new();
    for (seconds, packs) in days.into_values() {
        // A pack that was read again on the day of its last reading has a time already that is as good.
        let new = packs.into_iter().filter(|pack| times.last_read(pack).is_none_or(|known| known < seconds));
        let packs = ShortPacks::of(new);
        if packs.count() > 0 {
            readings.push(Reading { seconds, packs });
        }
    }
    Ok(readings)
}

/// Packs that this machine found damaged when it last read them, and no evidence says so yet.
fn new_damage(repository: &Repository, times: &ReadTimes) -> Result<Option<ShortPacks>> {
    let damaged = repository.known_damage()?.into_keys().filter(|pack| !times.is_damaged(pack));
    let most = usize::try_from(limits::EVIDENCE_PACKS_COUNT).unwrap_or(usize::MAX);
    let damaged = ShortPacks::of(damaged.take(most));
    Ok((damaged.count() > 0).then_some(damaged))
}

fn step(report: &VerifyReport, run: &VerifyRun, result: EvidenceResult) -> EvidenceStep {
    let figures = [
        ("snapshots", report.snapshots),
        ("logs", run.logs),
        ("chunks", report.chunks),
        ("packs", report.packs),
        ("bytes of packs", report.pack_bytes),
        ("packs read whole", report.read_packs),
        ("bytes read", report.read_bytes),
        ("findings", (report.findings.len() + run.log_faults.len()) as u64),
    ];
    let figures = figures.into_iter().map(|(name, value)| Figure { name: name.to_owned(), value }).collect();
    EvidenceStep { name: "check".to_owned(), result, milliseconds: run.milliseconds, figures, text: None }
}

fn notes(report: &VerifyReport, run: &VerifyRun) -> Vec<EvidenceNote> {
    let note = |kind, text| EvidenceNote { kind, step: 0, text };
    let findings = report.findings.iter().map(|finding| format!("{}: {}", finding.object, finding.message));
    let faults = findings.chain(run.log_faults.iter().cloned()).map(|text| note(EvidenceNoteKind::Fault, text));
    faults.chain(report.notes.iter().map(|text| note(EvidenceNoteKind::Note, text.clone()))).collect()
}
