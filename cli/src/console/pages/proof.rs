//! Proof that everything can be brought back: figures, tests, evidence, and what auditors and insurers ask.

use std::sync::Arc;

use askama::Template;
use axum::Router;
use axum::extract::State;
use axum::response::{Html, IntoResponse, Redirect};
use axum::routing::{get, post};
use engine::Result;
use engine::evidence::{self, BRING_BACK, Piece, Pieces};
use engine::health::Question;
use engine::repository::Repository;
use repo_format::evidence::{Evidence, EvidenceKind, EvidenceNoteKind, EvidenceResult, EvidenceStep};

use super::super::door::Visitor;
use super::super::office::{Line, Overview};
use super::super::view::words::plain;
use super::super::view::{Frame, Mark, Tab, Tone, number, time};
use super::actions::{self, Actions};
use super::work::{self, Shown};
use super::{Answer, House, page};
use crate::agent::{Task, now};
use crate::commands::drill::{certificate, words};
use crate::context::Context;
use crate::schedule::Rules;
use crate::ui::format;

/// Tests that have a line.
const TESTS_MAX: usize = 24;
/// Tests in the picture of times.
const BARS_MAX: usize = 12;
/// The height of the picture, in its own units.
const BAR_HEIGHT: u64 = 56;
/// Notes of a step that are shown; the certificate has all.
const NOTES_MAX: usize = 5;
/// Notes of tests that went wrong, in the last answer.
const WRONG_MAX: usize = 6;

/// Actions on this page; all are on one of their own.
const ACTIONS_FIRST: usize = 10;

/// The routes.
pub fn routes() -> Router<Arc<House>> {
    Router::new()
        .route("/proof", get(show))
        .route("/proof/certificate", get(show_certificate))
        .route("/proof/test", post(test))
        .route("/proof/sign", post(sign))
        .merge(actions::routes())
}

#[derive(Template)]
#[template(path = "proof.html")]
struct Page {
    frame: Frame,
    shown: Option<Shown>,
    failure: Vec<String>,
    headline: Mark,
    printed: String,
    figures: Vec<FigureShown>,
    proof: Proof,
    questions: Vec<Asked>,
    read_again: u64,
    read_again_words: String,
    /// For owners.
    actions: Option<Actions>,
}

/// A number with what it is about.
struct FigureShown {
    what: &'static str,
    value: String,
    small: String,
}

/// The evidence, as the page shows it.
struct Proof {
    repository: String,
    last: Option<Test>,
    tests: Vec<Row>,
    bars: Vec<Bar>,
    bars_words: String,
    bring_back: Option<u64>,
    count: u64,
    unreviewed: u64,
    reviewed: Option<String>,
    wrong: Vec<String>,
    unreadable: usize,
    rules: std::result::Result<Rules, String>,
    office_hours: String,
}

/// The newest test.
struct Test {
    when: String,
    mark: Mark,
    steps: Vec<Step>,
    id: String,
    digest: String,
}

struct Step {
    tone: Tone,
    name: String,
    small: String,
    notes: Vec<String>,
    more: usize,
    took: String,
}

/// A test in the list.
struct Row {
    when: time::Moment,
    rows: String,
    files: String,
    pictures: String,
    back_in: String,
    by: String,
    mark: Mark,
}

/// A test in the picture.
struct Bar {
    x: u64,
    y: u64,
    height: u64,
    is_now: bool,
}

/// A question of an auditor or insurer, with the answer.
struct Asked {
    question: &'static str,
    law: Option<&'static str>,
    tone: Tone,
    answers: Vec<String>,
}

async fn show(State(house): State<Arc<House>>, visitor: Visitor) -> Answer {
    let frame = house.frame(&visitor, Tab::Proof).await;
    let overview = house.office.overview().await;
    let overview = overview.as_deref();
    let lines = house.office.lines().await.unwrap_or_default();
    let proof = house.office.look(Proof::read).await?;
    let shown = (house.office.desk.busy() == Some(Task::Drill)).then(|| work::shown(&house));
    let last = house.office.desk.ended().into_iter().rfind(|ended| ended.run.task == Task::Drill);
    let (read_again, read_again_words) = read_again(overview);
    let actions = if frame.is_owner() { Some(house.actions(0, ACTIONS_FIRST).await?) } else { None };
    page(&Page {
        frame,
        failure: last.filter(|_| shown.is_none()).map(|run| work::failure(&run.run.messages)).unwrap_or_default(),
        shown,
        headline: headline(overview, &proof),
        printed: now().strftime("%-d %B %Y, %H:%M").to_string(),
        figures: figures(overview, &proof),
        questions: questions(overview, &lines, &proof),
        read_again: read_again.unwrap_or(0),
        read_again_words,
        proof,
        actions,
    })
}

async fn show_certificate(State(house): State<Arc<House>>, _: Visitor) -> Answer {
    let style =
        "<link rel=\"icon\" href=\"/assets/icon.svg\"><link rel=\"stylesheet\" href=\"/assets/certificate.css\">";
    let text = house.office.look(|_, repository| certificate::html(repository, style)).await?;
    Ok(Html(text).into_response())
}

async fn test(State(house): State<Arc<House>>, visitor: Visitor) -> Answer {
    house.order(&visitor, "test whether it can be brought back", Task::Drill, vec!["drill".into()]).await?;
    Ok(Redirect::to("/proof").into_response())
}

/// Says that the visitor has reviewed all evidence that nobody has reviewed yet.
async fn sign(State(house): State<Arc<House>>, visitor: Visitor) -> Answer {
    let by = format!("--by={}", visitor.0.person.name);
    let words = vec!["evidence".into(), "sign".into(), by.into()];
    house.order(&visitor, "say that tests are reviewed", Task::Other, words).await?;
    Ok(Redirect::to("/work").into_response())
}

fn headline(overview: Option<&Overview>, proof: &Proof) -> Mark {
    let check = overview.and_then(|overview| overview.check(Question::Restorable));
    match check {
        Some(check) => Mark::new(Tone(check.state), check.sentence.clone()),
        None if proof.count == 0 => {
            Mark::new(Tone::ATTENTION, "It was never tried whether everything can be brought back")
        }
        None => Mark::new(Tone::UNKNOWN, "Tests were made; whether they are new enough is not known now"),
    }
}

/// The share that was read again, in percent, with words.
fn read_again(overview: Option<&Overview>) -> (Option<u64>, String) {
    let Some(check) = overview.and_then(|overview| overview.check(Question::ReadAgain)) else {
        return (None, "It is not known now.".to_owned());
    };
    let figure = |name: &str| check.figures.iter().find(|figure| figure.name == name).map(|figure| figure.value);
    let share = figure("all_bytes").zip(figure("never_read_bytes"));
    let share = share.and_then(|(all, never)| number::percent(all.saturating_sub(never), all));
    (share, check.sentence.clone())
}

fn figures(overview: Option<&Overview>, proof: &Proof) -> Vec<FigureShown> {
    let unknown = || "not known yet".to_owned();
    let (share, read_words) = read_again(overview);
    let check = overview.and_then(|overview| overview.check(Question::SecondCopy));
    let copies = check.and_then(|check| check.figures.iter().find(|figure| figure.name == "copies"));
    let (lost, lost_words) = proof.could_be_lost();
    vec![
        FigureShown {
            what: "Time to bring everything back",
            value: proof.bring_back.map_or_else(unknown, time::age),
            small: match proof.bring_back {
                Some(_) => "extrapolated from what the last test measured".to_owned(),
                None => "a test measures it".to_owned(),
            },
        },
        FigureShown { what: "Most work that could be lost", value: lost, small: lost_words },
        FigureShown {
            what: "Read again and found whole",
            value: share.map_or_else(unknown, |share| format!("{share} %")),
            small: read_words,
        },
        FigureShown {
            what: "Copies in other places",
            value: copies.map_or_else(unknown, |copies| number::count(copies.value)),
            small: check.map(|check| check.sentence.clone()).unwrap_or_default(),
        },
    ]
}

fn questions(overview: Option<&Overview>, lines: &[Arc<Line>], proof: &Proof) -> Vec<Asked> {
    let answer = |question: Question| match overview.and_then(|overview| overview.check(question)) {
        Some(check) => (Tone(check.state), check.sentence.clone()),
        None => (Tone::UNKNOWN, "It is not known now".to_owned()),
    };
    let asked = |question, law, of: Question, more: Vec<String>| {
        let (tone, first) = answer(of);
        Asked { question, law, tone, answers: std::iter::once(format!("{first}.")).chain(more).collect() }
    };
    let since = lines.first().map(|line| time::here(line.seconds).strftime("%B %Y").to_string());
    let count = since.map(|since| format!("{} since {since}.", number::counted(lines.len() as u64, "backup")));
    let tested = match proof.count {
        0 => "No test was made yet.".to_owned(),
        count => format!("{} are on record.", number::counted(count, "test")),
    };
    let reviewed = match &proof.reviewed {
        Some(reviewed) => format!("Last reviewed by {reviewed}."),
        None => "Nobody has reviewed them yet.".to_owned(),
    };
    let wrong_tone = if proof.wrong.is_empty() { Tone::GOOD } else { Tone::ATTENTION };
    let wrong = if proof.wrong.is_empty() {
        vec!["No test or check of the record found damage.".to_owned()]
    } else {
        proof.wrong.clone()
    };
    vec![
        asked(
            "Are there exact copies that can be retrieved?",
            Some("HIPAA 164.308(a)(7)(ii)(A)"),
            Question::OnTime,
            count.into_iter().collect(),
        ),
        asked(
            "Is restoring tested, and written down?",
            Some("164.308(a)(7)(ii)(B) and (D)"),
            Question::Restorable,
            vec![tested, reviewed],
        ),
        asked("Are stored data checked against damage?", Some("164.312(c)(1)"), Question::ReadAgain, Vec::new()),
        asked("Is there a copy if the building is lost?", None, Question::SecondCopy, Vec::new()),
        asked(
            "Can people still open the backups if one key is lost?",
            None,
            Question::Keys,
            vec!["Everything is encrypted before it is stored.".to_owned()],
        ),
        asked("Would an attack be noticed?", None, Question::Usual, Vec::new()),
        Asked { question: "What went wrong, and what was done?", law: None, tone: wrong_tone, answers: wrong },
    ]
}

impl Proof {
    fn read(context: &Context<'_>, repository: &Repository) -> Result<Self> {
        let pieces = evidence::list(repository)?;
        let settings = &context.settings.file.schedule;
        let drills: Vec<&Piece> =
            pieces.of_kind(EvidenceKind::Drill).filter(|piece| !piece.is_continuation()).collect();
        let is_new = |piece: &&&Piece| pieces.reviews_of(piece).next().is_none();
        let review = pieces.of_kind(EvidenceKind::Review).next();
        let bars = bars(&drills);
        Ok(Proof {
            repository: format::short(repository.id()),
            last: pieces.newest_drill().or(drills.first().copied()).map(Test::of),
            tests: drills.iter().take(TESTS_MAX).map(|piece| Row::of(piece)).collect(),
            bars_words: words_of(&bars),
            bars: drawn(&bars),
            bring_back: pieces.newest_passed_drill().and_then(bring_back),
            count: drills.len() as u64,
            unreviewed: drills.iter().filter(is_new).count() as u64,
            reviewed: review
                .map(|piece| format!("{} on {}", piece.by(), time::here(piece.time.seconds).strftime("%-d %B %Y"))),
            wrong: wrong(&pieces),
            unreadable: pieces.unreadable.len(),
            rules: settings.rules(),
            office_hours: settings.office_hours.clone(),
        })
    }

    /// The time between two backups by the schedule, with words.
    fn could_be_lost(&self) -> (String, String) {
        let rules = match &self.rules {
            Ok(rules) => rules,
            Err(why) => return ("not known".to_owned(), why.clone()),
        };
        let else_ = rules.otherwise.map(|often| time::age(often.as_secs()));
        match (rules.backup, else_) {
            (None, None) => ("not known".to_owned(), "backups are made by hand".to_owned()),
            (None, Some(often)) => (often, "by the schedule".to_owned()),
            (Some(often), else_) => {
                let at_night = else_
                    .map_or_else(|| "no backup at other times".to_owned(), |often| format!("{often} at other times"));
                (time::age(often.as_secs()), format!("by the schedule, {}; {at_night}", self.office_hours))
            }
        }
    }
}

/// Seconds to bring everything back, extrapolated.
fn bring_back(piece: &Piece) -> Option<u64> {
    piece.evidence.figure(BRING_BACK).map(|milliseconds| milliseconds / 1000)
}

/// Times of the last tests, the oldest first.
fn bars(drills: &[&Piece]) -> Vec<u64> {
    let mut times: Vec<u64> = drills.iter().filter_map(|piece| bring_back(piece)).take(BARS_MAX).collect();
    times.reverse();
    times
}

fn words_of(times: &[u64]) -> String {
    match times {
        [] => String::new(),
        [only] => format!("{} in the only test so far", time::age(*only)),
        [first, .., last] => format!("from {} to {} now", time::age(*first), time::age(*last)),
    }
}

fn drawn(times: &[u64]) -> Vec<Bar> {
    let longest = times.iter().copied().max().unwrap_or(0).max(1);
    let bar = |(place, seconds): (usize, &u64)| {
        let height = (seconds.saturating_mul(BAR_HEIGHT) / longest).max(3);
        Bar { x: place as u64 * 20, y: BAR_HEIGHT - height.min(BAR_HEIGHT), height, is_now: place + 1 == times.len() }
    };
    times.iter().enumerate().map(bar).collect()
}

/// Faults that tests and checks found, the newest first.
fn wrong(pieces: &Pieces) -> Vec<String> {
    let own = pieces.pieces.iter().filter(|piece| piece.is_own());
    let faults = own.flat_map(|piece| {
        let day = time::here(piece.time.seconds).strftime("%-d %B %Y").to_string();
        let of = piece.evidence.notes.iter().filter(|note| note.kind == EvidenceNoteKind::Fault);
        of.map(move |note| format!("{day}: {}", format::message(&note.text)))
    });
    let accepted = pieces.of_kind(EvidenceKind::Acceptance).map(|piece| {
        format!("{}: a loss was accepted by {}", time::here(piece.time.seconds).strftime("%-d %B %Y"), piece.by())
    });
    faults.take(WRONG_MAX).chain(accepted.take(WRONG_MAX)).collect()
}

fn mark(of: &Evidence) -> Mark {
    let (faults, notes) = words::counts(of);
    Mark::new(tone(of.result), words::verdict(of.result, faults, notes).to_lowercase())
}

fn tone(result: EvidenceResult) -> Tone {
    match result {
        EvidenceResult::Passed => Tone::GOOD,
        EvidenceResult::PassedWithNotes => Tone::ATTENTION,
        EvidenceResult::Failed => Tone::BAD,
        EvidenceResult::NotDone | EvidenceResult::Other(_) => Tone::UNKNOWN,
    }
}

impl Test {
    fn of(piece: &Piece) -> Self {
        let steps = piece.evidence.steps.iter().enumerate();
        Test {
            when: time::here(piece.time.seconds).strftime("%A %-d %B, %H:%M").to_string(),
            mark: mark(&piece.evidence),
            steps: steps.map(|(place, step)| Step::of(&piece.evidence, place, step)).collect(),
            id: format::short(piece.id),
            digest: piece.digest.to_string(),
        }
    }
}

impl Step {
    fn of(evidence: &Evidence, place: usize, step: &EvidenceStep) -> Self {
        let figures = step.figures.iter().map(|figure| words::figure(&figure.name, figure.value));
        let said = step.text.iter().map(|text| plain(&format::message(text)));
        let notes: Vec<_> = evidence.notes.iter().filter(|note| note.step as usize == place).collect();
        Step {
            tone: tone(step.result),
            name: called(&step.name).to_owned(),
            small: figures.chain(said).collect::<Vec<_>>().join("; "),
            notes: notes.iter().take(NOTES_MAX).map(|note| plain(&format::message(&note.text))).collect(),
            more: notes.len().saturating_sub(NOTES_MAX),
            took: format::duration(step.milliseconds),
        }
    }
}

/// A step in words for people.
fn called(step: &str) -> &str {
    match step {
        "snapshot" => "Looked whether the backup itself is complete",
        "server" => "Started a database server of its own, without network",
        "restore" => "Brought the database back into it, and compared each row with what was saved",
        "check tables" => "The server looked for damage in each table",
        "count rows" => "Counted the rows",
        "views and routines" => "Tried views and routines",
        "application" => "Looked at the settings of the practice software",
        "hashes" => "Computed the hashes of the audit trail again",
        "documents" => "Looked for the image of each document",
        "files" => "Brought back images and files, and opened the pictures",
        "time" => "Computed how long it takes to bring everything back",
        other => other,
    }
}

impl Row {
    fn of(piece: &Piece) -> Self {
        let value = |step: &str, name: &str| {
            let steps = piece.evidence.steps.iter().filter(|own| own.name == step);
            steps.flat_map(|step| &step.figures).find(|figure| figure.name == name).map(|figure| figure.value)
        };
        let shown = |value: Option<u64>| value.map_or_else(|| "–".to_owned(), number::count);
        let from = if piece.evidence.copy.is_some() { ", from a copy" } else { "" };
        Row {
            when: time::moment(piece.time.seconds, &now()),
            rows: shown(value("restore", "rows")),
            files: shown(value("files", "files restored")),
            pictures: shown(value("files", "pictures that open")),
            back_in: bring_back(piece).map_or_else(|| "–".to_owned(), time::age),
            by: format!("{}{from}", piece.by()),
            mark: mark(&piece.evidence),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_picture_of_times_is_as_high_as_its_longest() {
        let bars = drawn(&[10, 40, 20]);
        assert_eq!(bars.iter().map(|bar| (bar.y, bar.height)).collect::<Vec<_>>(), [(42, 14), (0, 56), (28, 28)]);
        assert!(bars[2].is_now && !bars[1].is_now);
        assert!(drawn(&[]).is_empty() && drawn(&[0])[0].height == 3);
        assert_eq!(words_of(&[120, 2700]), "from 2 minutes to 45 minutes now");
    }
}
