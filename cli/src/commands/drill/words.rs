//! Evidence in words, for the terminal and for a certificate. Nothing here depends on clock, machine or time zone.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use repo_format::evidence::{Evidence, EvidenceKind, EvidenceNote, EvidenceNoteKind, EvidenceResult};

use crate::ui::format;

/// The result in a word.
pub fn result(result: EvidenceResult) -> &'static str {
    match result {
        EvidenceResult::Passed => "passed",
        EvidenceResult::PassedWithNotes => "passed, with notes",
        EvidenceResult::Failed => "FAILED",
        EvidenceResult::NotDone => "not carried out",
        EvidenceResult::Other(_) => "of a newer version",
    }
}

/// The kind of evidence in a word.
pub fn kind(kind: EvidenceKind) -> &'static str {
    match kind {
        EvidenceKind::Drill => "restore test",
        EvidenceKind::Verify => "check",
        EvidenceKind::KeyTried => "key tried",
        EvidenceKind::CopyReadBack => "copy read back",
        EvidenceKind::Acceptance => "loss accepted",
        EvidenceKind::Review => "review",
        EvidenceKind::Actions => "actions of people",
        EvidenceKind::Other(_) => "of a newer version",
    }
}

/// How many faults and notes there are.
pub fn counts(evidence: &Evidence) -> (u64, u64) {
    let faults = evidence.notes.iter().filter(|note| note.kind == EvidenceNoteKind::Fault).count() as u64;
    let all = evidence.notes.len() as u64 + evidence.notes_left_out.unwrap_or(0);
    (faults, all - faults)
}

/// The result, with its counts.
pub fn verdict(of: EvidenceResult, faults: u64, notes: u64) -> String {
    let counted = [(faults, "fault"), (notes, "note")];
    let counted =
        counted.into_iter().filter(|(number, _)| *number > 0).map(|(number, noun)| format::counted(number, noun));
    let counted = counted.collect::<Vec<_>>().join(", ");
    if counted.is_empty() { result(of).to_owned() } else { format!("{} ({counted})", result(of)) }
}

/// The name of the step that a note is about.
pub fn step_of<'e>(evidence: &'e Evidence, note: &EvidenceNote) -> &'e str {
    evidence.steps.get(note.step as usize).map_or("", |step| &step.name)
}

/// Names of figures that have another form for one. The names themselves stand in records, and stay.
const OF_ONE: [(&str, &str); 21] = [
    ("chunks", "chunk"),
    ("files", "file"),
    ("files restored", "file restored"),
    ("files that are missing", "file that is missing"),
    ("findings", "finding"),
    ("logs", "log"),
    ("other files", "other file"),
    ("packs", "pack"),
    ("packs read whole", "pack read whole"),
    ("pictures that open", "picture that opens"),
    ("problems of the backup", "problem of the backup"),
    ("rows", "row"),
    ("rows that fit their hash", "row that fits its hash"),
    ("rows that name a file", "row that names a file"),
    ("rows with another hash", "row with another hash"),
    ("rows without a hash", "row without a hash"),
    ("segments compared", "segment compared"),
    ("snapshots", "snapshot"),
    ("tables", "table"),
    ("views, routines and triggers", "view, routine or trigger"),
    ("views, routines, triggers and events", "view, routine, trigger or event"),
];

/// A figure; one that begins with milliseconds is a time.
pub fn figure(name: &str, value: u64) -> String {
    match name.strip_prefix("milliseconds ") {
        Some(rest) => format!("{} {rest}", format::duration(value)),
        None if name.starts_with("bytes") => format!("{} ({name})", format::bytes(value)),
        None if value == 1 => format!("1 {}", of_one(name)),
        None => format!("{} {name}", format::count(value)),
    }
}

fn of_one(name: &str) -> &str {
    OF_ONE.iter().find(|(plural, _)| *plural == name).map_or(name, |(_, one)| one)
}

/// Steps, figures and notes, a line each.
pub fn lines(evidence: &Evidence) -> Vec<String> {
    let mut lines = Vec::new();
    for (place, step) in evidence.steps.iter().enumerate() {
        let word = match step.result {
            EvidenceResult::NotDone => "left out",
            of => result(of),
        };
        let text = step.text.as_ref().map_or_else(String::new, |text| format!(": {}", format::message(text)));
        lines.push(format!("{:<18} {word}, {}{text}", step.name, format::duration(step.milliseconds)));
        lines.extend(step.figures.iter().map(|of| format!("    {}", figure(&of.name, of.value))));
        for note in evidence.notes.iter().filter(|note| note.step as usize == place) {
            let kind = if note.kind == EvidenceNoteKind::Fault { "FAULT" } else { "note" };
            lines.push(format!("    {kind}: {}", format::message(&note.text)));
        }
    }
    if let Some(more) = evidence.notes_left_out {
        lines.push(format!("and {}", format::counted(more, "more note")));
    }
    lines
}

/// A day and minute in UTC: the same on every machine.
pub fn utc(seconds: i64) -> String {
    match Timestamp::from_second(seconds) {
        Ok(stamp) => stamp.to_zoned(TimeZone::UTC).strftime("%Y-%m-%d %H:%M UTC").to_string(),
        Err(_) => format!("@{seconds}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_have_a_form_for_one() {
        assert_eq!(figure("files restored", 1), "1 file restored");
        assert_eq!(figure("files restored", 1200), "1,200 files restored");
        assert_eq!(figure("rows", 0), "0 rows");
        assert_eq!(figure("bytes restored", 1), "1 B (bytes restored)");
        assert_eq!(figure("milliseconds to restore", 1000), "1.0 s to restore");
        assert_eq!(figure("a name of a newer version", 1), "1 a name of a newer version");
    }
}
