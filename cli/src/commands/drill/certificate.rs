//! `enamel drill certificate`: a page to print, made of the record alone.
//!
//! The page depends on the evidence in the repository and on nothing else: no clock, machine, zone or setting. So anybody
//! who can open the repository, or a copy of its files, prints the same page.

use engine::evidence::{self, Piece, Pieces};
use engine::repository::Repository;
use engine::{Error, Result};
use repo_format::config::Access;
use repo_format::evidence::{EvidenceKind, EvidenceNote, EvidenceNoteKind, EvidenceResult};
use repo_format::id::RepositoryId;

use super::{list, words};
use crate::context::Context;
use crate::exit::Exit;
use crate::ui::{Align, Table, fit, format};

/// Days that a page is about, up to the newest evidence.
const DAYS: i64 = 366;
const DAY: i64 = 24 * 3600;
/// Drills that have a line of their own: more do not fit on a page.
const DRILLS_MAX: usize = 14;
/// Faults and notes that are named.
const EXCEPTIONS_MAX: usize = 12;
/// Letters of one of them.
const EXCEPTION_LETTERS: usize = 100;

/// Print evidence of the restore tests of a year, on one page.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples
  enamel drill certificate
  enamel drill certificate --html > restore-tests.html

Exit status: 0 done, 3 done, but some evidence cannot be read, 1 failed, 10 no repository, 12 wrong password")]
pub struct CertificateArgs {
    /// As a page for a browser or a printer
    #[arg(long)]
    html: bool,
}

/// Prints the page.
///
/// # Errors
/// The repository cannot be read.
pub fn run(args: &CertificateArgs, context: &Context<'_>) -> Result<Exit> {
    let repo = context.open(Access::Read)?;
    let pieces = evidence::list(&repo)?;
    list::tell_unreadable(&pieces, context);
    let page = Page::of(repo.id(), &pieces);
    context.ui.line(if args.html { page.html(&format!("<style>{STYLE}</style>")) } else { page.text()? })?;
    Ok(Exit::Done)
}

/// The page as HTML, with `style` in its head.
///
/// # Errors
/// The repository cannot be read.
pub fn html(repo: &Repository, style: &str) -> Result<String> {
    Ok(Page::of(repo.id(), &evidence::list(repo)?).html(style))
}

/// The page, before it has a form.
#[derive(Debug, Default)]
struct Page {
    facts: Vec<(&'static str, String)>,
    drills: Vec<[String; 6]>,
    /// Drills without a line of their own.
    more_drills: usize,
    checks: Vec<String>,
    exceptions: Vec<String>,
    more_exceptions: usize,
    reviews: Vec<String>,
    digests: Vec<String>,
}

const TITLE: &str = "Evidence for restore tests and checks of backups";
const HEADS: [&str; 6] = ["begun", "result", "rows compared", "files restored", "to bring all back", "by"];
/// The same on lines of text, which have less room.
const TEXT_HEADS: [(&str, Align); 6] = [
    ("begun (UTC)", Align::Whole),
    ("result", Align::Left),
    ("rows", Align::Right),
    ("files", Align::Right),
    ("all back in", Align::Left),
    ("by", Align::Left),
];
/// Columns of the page as text, however wide the terminal is.
const WIDTH: usize = 80;
/// Names of facts with their gap.
const FACT_COLUMNS: usize = 16;
const FOOT: [&str; 5] = [
    "Each line follows from a sealed record in the repository, which names the",
    "records before it. `enamel verify` says whether one was removed or changed;",
    "`enamel drill show ID` shows all of one, and `enamel drill certificate` prints",
    "this page again. This page is evidence for what was tried, when, and with which",
    "result. It makes no statement about any law or contract.",
];

impl Page {
    fn of(repository: RepositoryId, pieces: &Pieces) -> Self {
        let own: Vec<&Piece> =
            pieces.pieces.iter().filter(|piece| piece.is_own() && !piece.is_continuation()).collect();
        let end = own.iter().map(|piece| piece.time.seconds).max().unwrap_or(0);
        let begin = end - DAYS * DAY;
        let own: Vec<&Piece> = own.into_iter().filter(|piece| piece.time.seconds > begin).collect();
        let begin = own.iter().map(|piece| piece.time.seconds).min().unwrap_or(0);
        let of_kind = |kind| own.iter().copied().filter(move |piece: &&Piece| piece.evidence.kind == kind);
        let drills: Vec<&Piece> = of_kind(EvidenceKind::Drill).collect();
        let mut page = Page { checks: checks(of_kind(EvidenceKind::Verify)), ..Page::default() };
        let period = if own.is_empty() {
            "no evidence yet".to_owned()
        } else {
            format!("{} to {}", words::utc(begin), words::utc(end))
        };
        page.facts.push(("repository", repository.to_string()));
        let mut places: Vec<&str> =
            own.iter().map(|piece| piece.evidence.place.as_str()).filter(|place| !place.is_empty()).collect();
        places.sort_unstable();
        places.dedup();
        page.facts.push(("place", places.join(", ")));
        page.facts.push(("period", period));
        page.facts.push(("restore tests", tally(&drills)));
        page.more_drills = drills.len().saturating_sub(DRILLS_MAX);
        for piece in drills.iter().take(DRILLS_MAX) {
            page.drills.push(line(piece));
            page.digests.push(format!("{} {}", format::short(piece.id), piece.digest));
        }
        page.except(&own);
        for review in of_kind(EvidenceKind::Review) {
            let count = review.evidence.reviewed().len() as u64;
            page.reviews.push(format!(
                "{}, {}: {}",
                review.by(),
                words::utc(review.time.seconds),
                format::counted(count, "record")
            ));
        }
        page
    }

    /// Names faults before notes, newest first.
    fn except(&mut self, own: &[&Piece]) {
        let faults = own.iter().flat_map(|piece| noted(piece, EvidenceNoteKind::Fault));
        let drills = own.iter().filter(|piece| piece.evidence.kind == EvidenceKind::Drill);
        let notes = drills.flat_map(|piece| noted(piece, EvidenceNoteKind::Note));
        let all = faults.chain(own.iter().filter_map(|piece| not_done(piece))).chain(notes).collect::<Vec<_>>();
        self.more_exceptions = all.len().saturating_sub(EXCEPTIONS_MAX);
        self.exceptions = all.into_iter().take(EXCEPTIONS_MAX).collect();
    }

    /// Headed lists, for both forms.
    fn lists(&self) -> Vec<(&'static str, Vec<String>)> {
        let mut exceptions = self.exceptions.clone();
        if self.more_exceptions > 0 {
            exceptions.push(format!("and {} more", self.more_exceptions));
        }
        let mut checks = self.checks.clone();
        if self.more_drills > 0 {
            let tests = format::counted(self.more_drills as u64, "earlier restore test");
            checks.push(format!("not named above: {tests} of the period"));
        }
        let lists = [
            ("Checks", checks),
            ("Exceptions", exceptions),
            ("Reviewed by", self.reviews.clone()),
            ("Records, with their digests", self.digests.clone()),
        ];
        let or_none = |list: Vec<String>| if list.is_empty() { vec!["none".to_owned()] } else { list };
        lists.into_iter().map(|(head, list)| (head, or_none(list))).collect()
    }

    fn text(&self) -> Result<String> {
        let mut out = format!("{TITLE}\n\n");
        for (name, value) in &self.facts {
            let value = fit(&format::message(value), WIDTH, FACT_COLUMNS);
            out.push_str(format!("{name:<FACT_COLUMNS$}{value}").trim_end());
            out.push('\n');
        }
        out.push_str(&format!("\n{}", self.table()?));
        for (head, list) in self.lists() {
            out.push_str(&format!("\n{head}\n"));
            list.iter().for_each(|item| out.push_str(&format!("  {}\n", fit(&format::message(item), WIDTH, 4))));
        }
        Ok(format!("{out}\n{}", FOOT.join("\n")))
    }

    fn table(&self) -> Result<String> {
        let mut table = Table::new(&TEXT_HEADS);
        for drill in &self.drills {
            let mut cells = drill.clone().map(|cell| format::message(&cell));
            cells[0].truncate(cells[0].trim_end_matches(" UTC").len());
            table.row(cells);
        }
        let mut lines = Vec::new();
        table.write(&mut lines, WIDTH).map_err(|e| Error::io("cannot lay the page out", e))?;
        Ok(String::from_utf8_lossy(&lines).into_owned())
    }

    fn html(&self, style: &str) -> String {
        let mut out = format!(
            "<!DOCTYPE html>\n<html lang=\"en\">\n<head><meta charset=\"utf-8\"><title>{TITLE}</title>\n{style}</head>\n<body>\n<main>\n<h1>{TITLE}</h1>\n<table>\n"
        );
        for (name, value) in &self.facts {
            out.push_str(&format!("<tr><th scope=\"row\">{name}</th><td>{}</td></tr>\n", escaped(value)));
        }
        let cells = |cells: &[String], tag: &str| {
            let cells = cells.iter().map(|cell| format!("<{tag}>{}</{tag}>", escaped(cell)));
            format!("<tr>{}</tr>\n", cells.collect::<String>())
        };
        out.push_str("</table>\n<h2>Restore tests</h2>\n<table>\n");
        out.push_str(&cells(&HEADS.map(str::to_owned), "th"));
        self.drills.iter().for_each(|drill| out.push_str(&cells(drill, "td")));
        out.push_str("</table>\n");
        for (head, list) in self.lists() {
            let items: String = list.iter().map(|item| format!("<li>{}</li>\n", escaped(item))).collect();
            out.push_str(&format!("<h2>{head}</h2>\n<ul>\n{items}</ul>\n"));
        }
        format!("{out}<p>{}</p>\n</main>\n</body>\n</html>", escaped(&FOOT.join(" ")))
    }
}

/// How the page looks.
pub const STYLE: &str = "body{font:11pt/1.35 sans-serif;max-width:19cm;margin:1cm auto;color:#111}h1{font-size:15pt}\
h2{font-size:11pt;margin:.8em 0 .2em}table{border-collapse:collapse;width:100%}th,td{text-align:left;vertical-align:top;\
padding:.15em .5em .15em 0;border-bottom:1px solid #999}ul{margin:0;padding-left:1.2em}li{overflow-wrap:anywhere}\
p{font-size:9pt}@page{margin:1.2cm}";

/// Text that a browser shows as it is.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in format::message(text).chars() {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            letter => out.push(letter),
        }
    }
    out
}

/// The notes of one kind, a line each.
fn noted(piece: &Piece, kind: EvidenceNoteKind) -> Vec<String> {
    let word = if kind == EvidenceNoteKind::Fault { "fault" } else { "note" };
    let notes = piece.evidence.notes.iter().filter(|note| note.kind == kind);
    let line = |note: &EvidenceNote| {
        let text = shortened(&note.text);
        format!("{} {word}, {}: {text}", words::utc(piece.time.seconds), words::step_of(&piece.evidence, note))
    };
    notes.map(line).collect()
}

/// Says why a drill could not be carried out.
fn not_done(piece: &Piece) -> Option<String> {
    let is_so = piece.evidence.result == EvidenceResult::NotDone;
    let why = piece.evidence.steps.first().filter(|_| is_so)?.text.as_deref().unwrap_or_default();
    Some(format!("{} not carried out: {}", words::utc(piece.time.seconds), shortened(why)))
}

/// The beginning of an exception; a mark says that there is more.
fn shortened(text: &str) -> String {
    let mut letters = text.chars();
    let mut shown: String = letters.by_ref().take(EXCEPTION_LETTERS).collect();
    if letters.next().is_some() {
        shown.push('…');
    }
    shown
}

fn tally(drills: &[&Piece]) -> String {
    let of = |result| drills.iter().filter(|piece| piece.evidence.result == result).count();
    let counts = [
        (of(EvidenceResult::Passed), "passed"),
        (of(EvidenceResult::PassedWithNotes), "passed with notes"),
        (of(EvidenceResult::Failed), "failed"),
        (of(EvidenceResult::NotDone), "not carried out"),
    ];
    let counts = counts.into_iter().filter(|(count, _)| *count > 0).map(|(count, word)| format!("{count} {word}"));
    let counts = counts.collect::<Vec<_>>().join(", ");
    if counts.is_empty() { "none".to_owned() } else { counts }
}

fn line(piece: &Piece) -> [String; 6] {
    let evidence = &piece.evidence;
    let (faults, notes) = words::counts(evidence);
    let value = |step: &str, figure: &str| {
        let steps = evidence.steps.iter().filter(|found| found.name == step);
        steps.flat_map(|step| &step.figures).find(|found| found.name == figure).map(|figure| figure.value)
    };
    let number = |value: Option<u64>| value.map_or_else(|| "–".to_owned(), format::count);
    let copy = if evidence.copy.is_some() { ", from a copy" } else { "" };
    let all = value("time", "milliseconds to bring everything back, extrapolated");
    [
        words::utc(piece.time.seconds),
        format!("{}{copy}", words::verdict(evidence.result, faults, notes)),
        number(value("restore", "rows")),
        number(value("files", "files restored")),
        all.map_or_else(|| "–".to_owned(), format::duration),
        format!("{} on {}", piece.by(), piece.host),
    ]
}

fn checks<'p>(checks: impl Iterator<Item = &'p Piece>) -> Vec<String> {
    let (mut runs, mut bytes, mut failed, mut last) = (0u64, 0u64, 0u64, None);
    for piece in checks {
        runs = runs.saturating_add(piece.evidence.runs.map_or(1, |runs| runs.count));
        failed += u64::from(piece.evidence.result == EvidenceResult::Failed);
        last = last.max(Some(piece.time.seconds));
        let figures = piece.evidence.steps.iter().flat_map(|step| &step.figures);
        let read = figures.filter(|figure| figure.name == "bytes read").map(|figure| figure.value);
        bytes = read.fold(bytes, u64::saturating_add);
    }
    let Some(last) = last else { return Vec::new() };
    let found = if failed == 0 { "none found damage".to_owned() } else { format!("{failed} found damage") };
    vec![format!(
        "{}, the last {}, {} of stored data read: {found}",
        format::counted(runs, "check"),
        words::utc(last),
        format::bytes(bytes)
    )]
}
