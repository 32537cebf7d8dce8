//! The steps of a drill, as evidence has them.

use std::time::Instant;

use repo_format::evidence::{EvidenceNote, EvidenceNoteKind, EvidenceResult, EvidenceStep, Figure};
use repo_format::limits;
use repo_format::manifest::Statistics;

use engine_core::error::{Error, Result, chain};
use engine_core::evidence::BRING_BACK;
use engine_core::monitor::Monitor;

/// Notes of one kind that a step names; it counts the others.
const NAMED: usize = 20;

/// The steps so far.
#[derive(Debug, Default)]
pub struct Account {
    steps: Vec<EvidenceStep>,
    notes: Vec<EvidenceNote>,
    left_out: u64,
}

/// A step that is being done.
#[derive(Debug, Default)]
pub struct Step {
    figures: Vec<Figure>,
    notes: Vec<(EvidenceNoteKind, String)>,
    text: Option<String>,
}

impl Step {
    /// Adds a figure.
    pub fn figure(&mut self, name: &str, value: u64) {
        self.figures.push(Figure { name: name.to_owned(), value });
    }

    /// Says what the source has as well, or what was left out.
    pub fn note(&mut self, text: impl Into<String>) {
        self.notes.push((EvidenceNoteKind::Note, text.into()));
    }

    /// Says what only the restored copy has.
    pub fn fault(&mut self, text: impl Into<String>) {
        self.notes.push((EvidenceNoteKind::Fault, text.into()));
    }

    /// Says what was used.
    pub fn text(&mut self, text: impl Into<String>) {
        self.text = Some(text.into());
    }

    fn result(&self) -> EvidenceResult {
        match () {
            () if self.notes.iter().any(|(kind, _)| *kind == EvidenceNoteKind::Fault) => EvidenceResult::Failed,
            () if !self.notes.is_empty() => EvidenceResult::PassedWithNotes,
            () => EvidenceResult::Passed,
        }
    }

    /// The faults and then the notes, of many of one kind the first.
    fn named(&self) -> Vec<(EvidenceNoteKind, String)> {
        let of = |kind| self.notes.iter().filter(move |(found, _)| *found == kind).take(NAMED).cloned();
        of(EvidenceNoteKind::Fault).chain(of(EvidenceNoteKind::Note)).collect()
    }
}

impl Account {
    /// Does a step. Damage is a fault of the step.
    ///
    /// # Errors
    /// Errors of `work` that are no damage; if the monitor wishes to stop.
    pub fn step(
        &mut self,
        name: &str,
        monitor: &dyn Monitor,
        work: impl FnOnce(&mut Step) -> Result<()>,
    ) -> Result<()> {
        if monitor.is_cancelled() {
            return Err(Error::cancelled());
        }
        let (began, mut step) = (Instant::now(), Step::default());
        match work(&mut step) {
            Err(error) if error.is_damage() => step.fault(chain(&error)),
            done => done?,
        }
        let milliseconds = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.add(name, step.result(), milliseconds, step);
        Ok(())
    }

    /// Says that a step was left out, and why.
    pub fn left_out(&mut self, name: &str, why: &str) {
        let step = Step { text: Some(why.to_owned()), ..Step::default() };
        self.add(name, EvidenceResult::NotDone, 0, step);
    }

    fn add(&mut self, name: &str, result: EvidenceResult, milliseconds: u64, step: Step) {
        let place = u32::try_from(self.steps.len()).unwrap_or(u32::MAX);
        if self.steps.len() as u64 >= limits::EVIDENCE_STEPS_COUNT {
            return;
        }
        let named = step.named();
        self.left_out += (step.notes.len() - named.len()) as u64;
        self.notes.extend(named.into_iter().map(|(kind, text)| EvidenceNote { kind, step: place, text }));
        let (figures, text) = (step.figures, step.text);
        self.steps.push(EvidenceStep { name: name.to_owned(), result, milliseconds, figures, text });
    }

    fn milliseconds(&self, name: &str) -> Option<u64> {
        let steps = self.steps.iter().filter(|step| step.name == name && step.result != EvidenceResult::NotDone);
        steps.map(|step| step.milliseconds).reduce(u64::saturating_add)
    }

    fn value(&self, step: &str, figure: &str) -> Option<u64> {
        let step = self.steps.iter().find(|found| found.name == step)?;
        step.figures.iter().find(|found| found.name == figure).map(|figure| figure.value)
    }

    /// Adds how long it would take to bring everything back: the measured parts, and all files at the rate of the sample.
    pub fn extrapolate(&mut self, snapshot: &Statistics) {
        let mut step = Step::default();
        let server = self.milliseconds("server").unwrap_or(0);
        let database = self.milliseconds("restore").unwrap_or(0);
        step.figure("milliseconds to start a server, measured", server);
        step.figure("milliseconds to restore the database, measured", database);
        let sampled = self.value("files", "bytes restored").zip(self.value("files", "milliseconds to restore"));
        let all = self.value("files", "bytes of all files").unwrap_or(snapshot.total_bytes);
        let files = match sampled {
            Some((bytes, milliseconds)) if bytes > 0 => {
                let all = u128::from(all) * u128::from(milliseconds.max(1)) / u128::from(bytes);
                u64::try_from(all).unwrap_or(u64::MAX)
            }
            _ => 0,
        };
        step.figure("milliseconds to restore all files, extrapolated", files);
        let total = server.saturating_add(database).saturating_add(files);
        step.figure(BRING_BACK, total);
        self.add("time", EvidenceResult::Passed, 0, step);
    }

    /// The steps, the notes that are named, and how many others there are.
    pub fn into_parts(self) -> (Vec<EvidenceStep>, Vec<EvidenceNote>, u64) {
        (self.steps, self.notes, self.left_out)
    }
}

#[cfg(test)]
mod tests {
    use engine_core::error::ErrorKind;
    use engine_core::monitor::NullMonitor;

    use super::*;

    #[test]
    fn damage_is_a_fault_and_other_errors_end_the_drill() {
        let mut account = Account::default();
        let damaged = || Error::new(ErrorKind::Damaged, "packs/x is gone");
        account.step("restore", &NullMonitor, |_| Err(damaged())).unwrap();
        let error = account.step("restore", &NullMonitor, |_| Err(Error::new(ErrorKind::Database, "gone")));
        assert_eq!(error.unwrap_err().kind(), ErrorKind::Database);
        let (steps, notes, left_out) = account.into_parts();
        assert_eq!(left_out, 0);
        assert_eq!((steps.len(), steps[0].result), (1, EvidenceResult::Failed));
        assert_eq!(notes[0].text, "packs/x is gone");
    }

    #[test]
    fn of_many_notes_some_are_named_and_all_counted() {
        let mut account = Account::default();
        let work = |step: &mut Step| {
            (0..100).for_each(|n| step.note(format!("{n}")));
            step.fault("last");
            Ok(())
        };
        account.step("files", &NullMonitor, work).unwrap();
        let (_, notes, left_out) = account.into_parts();
        assert_eq!((notes.len(), notes[0].text.as_str(), notes[20].text.as_str(), left_out), (21, "last", "19", 80));
    }
}
