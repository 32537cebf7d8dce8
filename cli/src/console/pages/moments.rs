//! A database as it was at any moment: the time that the kept logs cover, marks of changes that destroyed much, and the way back to just
//! before one. A restore is planned first, by the command that would do it, and is exact or says why it is not.

use std::ffi::OsString;
use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::response::{IntoResponse, Redirect};
use axum::routing::{get, post};
use axum::{Form, Router};
use engine::binlog::listing::{ChangeKind, ListOptions, ListOrder, Listed, list};
use engine::binlog::window::{self, Restorable};
use engine::monitor::NullMonitor;
use engine::repository::Repository;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use super::super::door::Visitor;
use super::super::view::{Frame, Mark, Tab, Tone, number, time, words};
use super::restore::{check_name, schemas_of_newest};
use super::work::{self, Shown};
use super::{Answer, House, Refusal, page};
use crate::agent::{Ask, EndedRun, Task, now};
use crate::binlog::gap_words;
use crate::moment::parse_moment;

/// Marks on the line.
const MARKS_MAX: usize = 40;
/// Changes of fewer rows are everyday work.
const ROWS_MIN: u64 = 20;
/// The width of the line.
const WIDTH: i64 = 1000;
/// Letters of a place in a log.
const PLACE_MAX: usize = 300;

/// The routes.
pub fn routes() -> Router<Arc<House>> {
    Router::new()
        .route("/moments", get(show))
        .route("/moments/look", post(look))
        .route("/moments/plan", post(plan))
        .route("/moments/run", post(run))
}

/// The moment that somebody wants back, and the name of the copy.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Wish {
    /// A time.
    #[serde(default)]
    at: String,
    /// A place in the log: everything before it.
    #[serde(default)]
    before: String,
    schema: String,
    name: String,
}

/// A wish, and the run that plans it.
#[derive(Debug, Clone)]
pub struct Planned {
    run: u64,
    wish: Wish,
}

#[derive(Deserialize)]
struct Chosen {
    run: u64,
}

#[derive(Template)]
#[template(path = "moments.html")]
struct Page {
    frame: Frame,
    shown: Option<Shown>,
    databases: Vec<Covered>,
    marks: Vec<Past>,
    more: u64,
    schemas: Vec<String>,
    name: String,
    proposed: String,
    review: Option<Review>,
    has_server: bool,
}

impl Page {
    /// The moment of a wish, in words.
    fn moment(&self, wish: &Wish) -> String {
        match self.marks.iter().find(|mark| mark.place == wish.before) {
            _ if wish.before.is_empty() => wish.at.clone(),
            Some(Past { when, what, .. }) => format!("just before this, {}: {what}", when.words),
            None => format!("just before the change at {} of the log", wish.before),
        }
    }
}

/// A database whose moments can be restored.
struct Covered {
    name: String,
    from: String,
    until: String,
    spans: Vec<Span>,
    ticks: Vec<i64>,
    gaps: Vec<String>,
}

struct Span {
    x: i64,
    width: i64,
}

/// A change that destroyed much.
struct Past {
    when: time::Moment,
    what: String,
    place: String,
}

/// The result of a plan.
struct Review {
    run: u64,
    wish: Wish,
    mark: Mark,
    lines: Vec<String>,
    is_possible: bool,
}

/// Everything that the repository says.
#[derive(Default)]
struct Seen {
    restorable: Vec<Restorable>,
    marks: Vec<Listed>,
    more: u64,
    schemas: Vec<String>,
}

async fn show(State(house): State<Arc<House>>, visitor: Visitor) -> Answer {
    let frame = house.frame(&visitor, Tab::Find).await;
    let seen = house.office.look(|_, repository| Seen::read(repository)).await?;
    let shown = house.office.desk.busy().is_some().then(|| work::shown(&house));
    let planned = house.planned().clone();
    let ended = house.office.desk.ended();
    let review = planned.and_then(|planned| {
        let run = ended.into_iter().find(|run| run.run.id == planned.run)?;
        Some(Review::of(planned, &run))
    });
    let stamp = now().strftime("%Y%m%d_%H%M").to_string();
    let has_server = house.office.database().is_some();
    page(&Page {
        frame,
        shown,
        databases: seen.restorable.iter().map(|one| Covered::of(one, &seen.marks)).collect(),
        marks: seen.marks.iter().map(Past::of).collect(),
        more: seen.more,
        name: format!("{}_{stamp}", seen.schemas.first().map_or("copy", String::as_str)),
        schemas: seen.schemas,
        proposed: now().strftime("%Y-%m-%d %H:%M:%S").to_string(),
        review,
        has_server,
    })
}

/// Fetches what the server has in its log since the last backup.
async fn look(State(house): State<Arc<House>>, visitor: Visitor) -> Answer {
    // The list of the run is not needed: this page reads the repository.
    let words = vec!["log".into(), "--kind=drop".into()];
    house.order(&visitor, "look at what happened since the last backup", Task::Other, words).await?;
    Ok(Redirect::to("/moments").into_response())
}

async fn plan(State(house): State<Arc<House>>, visitor: Visitor, Form(wish): Form<Wish>) -> Answer {
    let mut words = house.words(&wish)?;
    words.push("--plan".into());
    let run = house.order(&visitor, "plan to bring a moment back", Task::Restore, words).await?;
    *house.planned() = Some(Planned { run, wish });
    Ok(Redirect::to("/moments").into_response())
}

async fn run(State(house): State<Arc<House>>, visitor: Visitor, Form(Chosen { run }): Form<Chosen>) -> Answer {
    let planned = house.planned().clone().filter(|planned| planned.run == run);
    let ended = house.office.desk.ended().into_iter().find(|ended| ended.run.id == run);
    let review = planned.zip(ended).map(|(planned, ended)| Review::of(planned, &ended));
    let Some(review) = review.filter(|review| review.is_possible) else {
        return Err(Refusal::WillNotDo(
            "This is not the newest plan, or it cannot be done. Nothing was done.".to_owned(),
        ));
    };
    let words = house.words(&review.wish)?;
    let ask = Ask::about("bring a moment back as a copy", format!("database {}", review.wish.name));
    house.order(&visitor, ask, Task::Restore, words).await?;
    Ok(Redirect::to("/work").into_response())
}

impl House {
    /// The command. Each value is a word of its own, or behind the name of its option.
    fn words(&self, wish: &Wish) -> Result<Vec<OsString>, Refusal> {
        check_name(&wish.schema, &wish.name)?;
        let (at, before) = (wish.at.trim(), wish.before.trim());
        let moment = match (at.is_empty(), before.is_empty()) {
            (false, true) => {
                parse_moment(at).map_err(|why| Refusal::WillNotDo(format!("The time is not clear: {why}.")))?;
                format!("--at={at}")
            }
            (true, false) if before.len() <= PLACE_MAX => format!("--before={before}"),
            _ => return Err(Refusal::Malformed("the moment")),
        };
        let url = self
            .office
            .database()
            .ok_or_else(|| Refusal::WillNotDo("The settings name no database server of this office.".to_owned()))?;
        let words =
            ["restore".to_owned(), "latest".to_owned(), moment, format!("--schema={}={}", wish.schema, wish.name)];
        Ok(words.into_iter().chain([format!("--to-database={url}")]).map(OsString::from).collect())
    }
}

impl Seen {
    fn read(repository: &Repository) -> engine::Result<Self> {
        let restorable = window::read(repository)?.restorable;
        if restorable.is_empty() {
            return Ok(Seen { schemas: schemas_of_newest(repository)?, ..Seen::default() });
        }
        let options = ListOptions {
            min_rows: 0,
            kinds: vec![ChangeKind::Drop, ChangeKind::Truncate, ChangeKind::Delete],
            order: ListOrder::Destructive,
            most: MARKS_MAX,
            ..ListOptions::default()
        };
        let mut marks = Vec::new();
        let listing = list(repository, &options, &NullMonitor, &mut |listed| {
            if listed.kind != ChangeKind::Delete || listed.rows() >= ROWS_MIN {
                marks.push(listed.clone());
            }
            Ok(())
        })?;
        marks.sort_by_key(|listed| std::cmp::Reverse(listed.record.time));
        Ok(Seen { restorable, marks, more: listing.more, schemas: schemas_of_newest(repository)? })
    }
}

/// Seconds of microseconds.
fn seconds(microseconds: i64) -> i64 {
    microseconds.div_euclid(1_000_000)
}

impl Covered {
    fn of(one: &Restorable, marks: &[Listed]) -> Self {
        let from = one.windows.iter().map(|window| window.from).min().unwrap_or(one.kept_until);
        let until = one.windows.iter().map(|window| window.until).max().unwrap_or(one.kept_until).max(from + 1);
        let x =
            |at: i64| ((i128::from(at - from) * i128::from(WIDTH)) / i128::from(until - from)).clamp(0, WIDTH.into());
        let x = |at: i64| i64::try_from(x(at)).unwrap_or(0);
        let spans = one.windows.iter().map(|window| {
            let left = x(window.from);
            Span { x: left, width: (x(window.until) - left).max(2) }
        });
        let here = |at: i64| time::moment(seconds(at), &now()).exact;
        Covered {
            name: words::server(&String::from_utf8_lossy(&one.address)),
            from: here(from),
            until: here(until),
            spans: spans.collect(),
            ticks: marks.iter().map(|mark| mark.record.time).filter(|at| (from..=until).contains(at)).map(x).collect(),
            gaps: one.gaps.iter().map(gap_words).collect(),
        }
    }
}

impl Past {
    fn of(listed: &Listed) -> Self {
        let mut tables: Vec<_> =
            listed.record.tables.iter().map(|table| format!("{}.{}", table.schema, table.table)).collect();
        tables.truncate(4);
        let what = match listed.kind {
            ChangeKind::Drop => "something was dropped".to_owned(),
            ChangeKind::Truncate => "a table was emptied".to_owned(),
            _ => format!("{} went", number::counted(listed.rows(), "row")),
        };
        let of = if tables.is_empty() { String::new() } else { format!(": {}", tables.join(", ")) };
        Past {
            when: time::moment(seconds(listed.record.time), &now()),
            what: format!("{what}{of}"),
            place: format!("{}:{}", listed.file, listed.record.begin),
        }
    }
}

impl Review {
    fn of(Planned { run, wish }: Planned, ended: &EndedRun) -> Self {
        let Some(plan) = ended.message("plan") else {
            let mark = Mark::new(Tone::BAD, "This moment cannot be brought back");
            return Review { run, wish, mark, lines: work::failure(&ended.run.messages), is_possible: false };
        };
        let refused = ended.exit != Some(0) && ended.exit != Some(3);
        let mark = match ended.exit {
            Some(0) => Mark::new(Tone::GOOD, "Exactly this moment can be brought back"),
            Some(3) => Mark::new(Tone::ATTENTION, "It can be brought back, but not all of it is exact"),
            _ => Mark::new(Tone::BAD, "This moment cannot be brought back"),
        };
        let mut lines = facts(plan);
        lines.extend(work::failure(&ended.run.messages));
        Review { run, wish, mark, lines, is_possible: !refused }
    }
}

/// The plan in sentences.
fn facts(plan: &Value) -> Vec<String> {
    let edge = |name: &str| {
        let at: Timestamp = plan[name]["time"].as_str()?.parse().ok()?;
        Some(time::moment(at.as_second(), &now()).exact)
    };
    let count = |name: &str| plan[name].as_u64().unwrap_or(0);
    let mut lines = vec![format!(
        "A backup is brought back, and then {} from the log.",
        number::counted(count("transactions"), "change")
    )];
    lines.extend(edge("last").map(|at| format!("The last change that is in it: {at}.")));
    lines.extend(edge("next").map(|at| format!("The first change that is not in it: {at}.")));
    let names =
        |name: &str| -> Vec<&str> { plan[name].as_array().into_iter().flatten().filter_map(Value::as_str).collect() };
    for (name, words) in [("inexact_tables", "Not exact"), ("doubtful_tables", "Not certain")] {
        let tables = names(name);
        if !tables.is_empty() {
            lines.push(format!("{words}: {}.", tables.join(", ")));
        }
    }
    let doubts =
        [(count("doubts"), "statement may do something else than it did"), (count("left_out"), "change is left out")];
    lines
        .extend(doubts.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} times: a {what}.")));
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_is_told_in_sentences() {
        let plan = serde_json::json!({
            "transactions": 4310, "last": { "time": "2026-11-20T14:03:21Z" }, "next": null,
            "inexact_tables": [], "doubtful_tables": ["practice.visit"], "doubts": 1, "left_out": 0,
        });
        let lines = facts(&plan);
        assert_eq!(lines[0], "A backup is brought back, and then 4,310 changes from the log.");
        assert!(lines[1].starts_with("The last change that is in it: "), "{lines:?}");
        assert_eq!(lines[2], "Not certain: practice.visit.");
        assert_eq!(lines.len(), 4);
    }
}
