//! Old rows out of the live database: choose, review, run; and what was removed before.
//!
//! An order asks the server for everything that could go, never the opening of the page. The review is a plan, sealed in a file; the run
//! carries out exactly this plan, or refuses.

use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::response::{IntoResponse, Redirect};
use axum::routing::{get, post};
use axum::{Form, Router};
use engine::repository::Repository;
use engine::upkeep::receipt::history;
use engine::{Error, Result};
use jiff::ToSpan;
use jiff::civil::Date;

use super::super::door::Visitor;
use super::super::no_state_dir;
use super::super::view::{Frame, Mark, Tab, Tone, number, time, words};
use super::remove_purge::{self, Past};
use super::remove_told::{CategorySaid, Plan, RefusedSaid, Told, last};
use super::remove_tonight::{self, Night};
use super::work::{self, Shown};
use super::{Answer, House, Refusal, page};
use crate::agent::{Ask, Task, now, plan_words};
use crate::commands::purge::{categories, history as purge_history};
use crate::context::Context;
use crate::ui::format;

/// Years for which rows of logs should be kept; older ones are proposed.
const YEARS: i64 = 6;
/// Letters of a reason.
const REASON_MAX: usize = 400;

/// The routes.
pub fn routes() -> Router<Arc<House>> {
    Router::new()
        .route("/remove", get(show))
        .route("/remove/look", post(look))
        .route("/remove/review", post(review))
        .route("/remove/run", post(run))
        .route("/remove/report", get(report))
        .merge(remove_purge::routes())
        .merge(remove_tonight::routes())
}

#[derive(Template)]
#[template(path = "remove.html")]
struct Page {
    frame: Frame,
    shown: Option<Shown>,
    step: usize,
    result: Option<Told>,
    night: Option<Night>,
    /// The hour at which the reviewed rows can go at night.
    tonight: Option<String>,
    trouble: Option<&'static str>,
    choice: Choice,
    found: Vec<Found>,
    looked: Option<time::Moment>,
    review: Option<Review>,
    past: Vec<Past>,
    unreadable: usize,
}

/// The values that the form begins with.
struct Choice {
    through: String,
    schema: String,
    schemas: Vec<String>,
    keep: String,
}

/// A category, as the last look found it.
struct Found {
    name: String,
    title: String,
    about: String,
    rows: String,
    size: String,
    dates: String,
    mark: Mark,
    stays: Vec<String>,
    can_go: bool,
    is_chosen: bool,
}

/// A plan that could be run.
struct Review {
    rows: String,
    size: String,
    kept: String,
    until: String,
    takes: String,
    warnings: Vec<String>,
    digest: String,
    is_empty: bool,
}

/// The state of the repository and the settings.
struct Seen {
    has_database: bool,
    schemas: Vec<String>,
    past: Vec<Past>,
    unreadable: usize,
}

async fn show(State(house): State<Arc<House>>, visitor: Visitor) -> Answer {
    let frame = house.frame(&visitor, Tab::Remove).await;
    let saved = house.office.lines().await.unwrap_or_default();
    let databases = saved.last().map(|line| line.source.databases.clone()).unwrap_or_default();
    let seen = house.office.look(move |context, repository| Seen::read(context, repository, &databases)).await?;
    let shown = (house.office.desk.busy() == Some(Task::Remove)).then(|| work::shown(&house));
    let runs = house.office.desk.ended();
    let (ended, found, review) = last(&runs);
    let ordered = house.tonight.last();
    let is_of_night = ordered.as_ref().is_some_and(|removal| remove_tonight::tells(removal, &runs));
    let review =
        review.filter(|plan| ordered.as_ref().is_none_or(|removal| removal.wish.digest != plan.summary.digest));
    let may_order = review.is_some() && !ordered.as_ref().is_some_and(|removal| removal.is_ahead());
    let tonight = if may_order { house.night().await?.map(remove_tonight::hour) } else { None };
    let step = match (&review, &found) {
        _ if shown.is_some() => 3,
        (Some(_), _) => 2,
        _ => 1,
    };
    let trouble = match seen {
        Seen { has_database: false, .. } => {
            Some("No database is saved on this computer, so there is nothing to remove.")
        }
        _ if saved.is_empty() => Some("There is no backup yet. A row goes only if a backup holds it."),
        _ => None,
    };
    page(&Page {
        frame,
        step,
        result: ended.and_then(Told::of).filter(|_| shown.is_none() && !is_of_night),
        shown,
        night: ordered.as_ref().and_then(Night::of),
        tonight,
        trouble,
        choice: Choice::of(review.as_ref().or(found.as_ref()), seen.schemas),
        looked: found.as_ref().map(|plan| time::moment(plan.began, &now())),
        found: found.map(|found| rows_found(&found, review.as_ref())).unwrap_or_default(),
        review: review.map(|plan| Review::of(&plan)),
        past: seen.past,
        unreadable: seen.unreadable,
    })
}

async fn look(State(house): State<Arc<House>>, visitor: Visitor, Form(fields): Form<Vec<(String, String)>>) -> Answer {
    let names = house.office.look_at_settings(known).await?;
    let words = Wanted::of(&fields)?.words(names.iter().map(String::as_str));
    house.order(&visitor, "look for old rows", Task::Remove, words).await?;
    Ok(Redirect::to("/remove").into_response())
}

async fn review(
    State(house): State<Arc<House>>,
    visitor: Visitor,
    Form(fields): Form<Vec<(String, String)>>,
) -> Answer {
    let known = house.office.look_at_settings(known).await?;
    let chosen: Vec<&str> =
        fields.iter().filter(|(name, _)| name == "category").map(|(_, value)| value.as_str()).collect();
    if chosen.is_empty() {
        return Err(Refusal::WillNotDo("Nothing was chosen. Choose what is to go, then review it.".to_owned()));
    }
    if !chosen.iter().all(|name| known.iter().any(|own| own == name)) {
        return Err(Refusal::Malformed("what was chosen"));
    }
    let mut words = Wanted::of(&fields)?.words(chosen.into_iter());
    if let Some(task) = house.office.desk.busy() {
        return Err(Refusal::Busy(crate::agent::Busy(task)));
    }
    let plan = house.office.look(plan_file).await?;
    let mut output = OsString::from("--output=");
    output.push(plan);
    words.push(output);
    house.order(&visitor, "review old rows", Task::Remove, words).await?;
    Ok(Redirect::to("/remove").into_response())
}

async fn run(State(house): State<Arc<House>>, visitor: Visitor, Form(fields): Form<Vec<(String, String)>>) -> Answer {
    let Reviewed { plan, digest, reason, is_smaller, .. } = Reviewed::of(&house, &fields)?;
    let mut words: Vec<OsString> = vec!["purge".into(), "run".into(), plan.into(), format!("--reason={reason}").into()];
    if is_smaller {
        words.push("--reclaim".into());
    }
    let ask = Ask::about("remove old rows", plan_words(&digest));
    house.order(&visitor, ask, Task::Remove, words).await?;
    Ok(Redirect::to("/remove").into_response())
}

/// The page for auditors, as plain text.
async fn report(State(house): State<Arc<House>>, _: Visitor) -> Answer {
    let text = house.office.look(purge_history::page).await?;
    Ok(text.into_response())
}

/// A review that somebody has read, and wants carried out.
pub(super) struct Reviewed {
    pub(super) plan: PathBuf,
    pub(super) digest: String,
    pub(super) rows: u64,
    pub(super) reason: String,
    pub(super) is_smaller: bool,
}

impl Reviewed {
    /// The newest review, if the form is about that.
    pub(super) fn of(house: &House, fields: &[(String, String)]) -> std::result::Result<Self, Refusal> {
        let reason = one(fields, "reason").unwrap_or_default().trim();
        if one(fields, "read").is_none() || reason.is_empty() || reason.chars().count() > REASON_MAX {
            let why = format!("Give a reason of at most {REASON_MAX} letters, and say that you have read what goes.");
            return Err(Refusal::WillNotDo(why));
        }
        let (_, _, reviewed) = last(&house.office.desk.ended());
        let reviewed = reviewed.filter(|plan| Some(plan.summary.digest.as_str()) == one(fields, "plan"));
        let found = reviewed.and_then(|plan| Some((plan.summary.output?, plan.summary.digest, plan.summary.rows)));
        let (plan, digest, rows) = found.ok_or_else(|| {
            Refusal::WillNotDo(
                "This is not the newest review any more. Look at “Remove old data” again. Nothing was removed."
                    .to_owned(),
            )
        })?;
        let is_smaller = one(fields, "smaller").is_some();
        Ok(Reviewed { plan, digest, rows, reason: reason.to_owned(), is_smaller })
    }
}

/// The value of a field, if it is there.
pub(super) fn one<'f>(fields: &'f [(String, String)], name: &str) -> Option<&'f str> {
    fields.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_str())
}

/// The names of all categories.
fn known(context: &Context<'_>) -> Result<Vec<String>> {
    Ok(categories::known(&context.settings.file)?.into_iter().map(|category| category.name).collect())
}

/// The place of the next plan. The one that was there goes: it was not run, or can be made again.
fn plan_file(context: &Context<'_>, repository: &Repository) -> Result<PathBuf> {
    let folder = context.state_dir().ok_or_else(no_state_dir)?;
    let path = folder.join(format!("remove-{}.plan", format::short(repository.id())));
    match std::fs::remove_file(&path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(Error::io(format!("cannot remove {}", path.display()), error))
        }
        _ => Ok(path),
    }
}

/// The wishes of people.
struct Wanted {
    through: Date,
    schema: String,
    keep: Vec<u64>,
}

impl Wanted {
    fn of(fields: &[(String, String)]) -> std::result::Result<Self, Refusal> {
        let through =
            one(fields, "through").and_then(|text| text.parse().ok()).ok_or(Refusal::Malformed("the date"))?;
        let keep = one(fields, "keep").unwrap_or_default().split([',', ' ', ';']).filter(|part| !part.is_empty());
        let keep = keep.map(str::parse).collect::<std::result::Result<_, _>>();
        let keep = keep.map_err(|_| Refusal::WillNotDo("Write numbers of patients, as in 912, 77.".to_owned()))?;
        Ok(Wanted { through, schema: one(fields, "schema").unwrap_or_default().to_owned(), keep })
    }

    /// The command. Each value is part of its own word, so none can be taken for an option.
    fn words<'n>(&self, categories: impl Iterator<Item = &'n str>) -> Vec<OsString> {
        let mut words = vec!["purge".to_owned(), "plan".to_owned(), format!("--through={}", self.through)];
        if !self.schema.is_empty() {
            words.push(format!("--schema={}", self.schema));
        }
        words.extend(categories.map(|name| format!("--category={name}")));
        words.extend(self.keep.iter().map(|number| format!("--except=PatNum={number}")));
        words.into_iter().map(OsString::from).collect()
    }
}

impl Seen {
    fn read(context: &Context<'_>, repository: &Repository, saved: &[Vec<u8>]) -> Result<Self> {
        let file = &context.settings.file;
        let saved = saved.iter().map(|name| format::path(name));
        let schemas = if file.schemas.is_empty() { saved.collect() } else { file.schemas.clone() };
        let all = history(repository)?;
        let past = all.purges.iter().rev().map(Past::of).collect::<Result<Vec<_>>>()?;
        let past = past.into_iter().chain(all.released.iter().rev().map(Past::released)).collect();
        Ok(Seen { has_database: file.database.is_some(), schemas, past, unreadable: all.unreadable.len() })
    }
}

impl Choice {
    fn of(plan: Option<&Plan>, schemas: Vec<String>) -> Self {
        let proposed =
            || now().date().checked_sub(YEARS.years().days(1)).map_or_else(|_| String::new(), |day| day.to_string());
        let summary = plan.map(|plan| &plan.summary);
        let keep: Vec<_> = summary.iter().flat_map(|plan| &plan.except).map(|except| except.value.as_str()).collect();
        Choice {
            through: summary.map_or_else(proposed, |plan| plan.through.clone()),
            schema: summary.map(|plan| plan.schema.clone()).or(schemas.first().cloned()).unwrap_or_default(),
            keep: keep.join(", "),
            schemas,
        }
    }
}

/// Everything that the last look found, with what the review has chosen of it.
fn rows_found(looked: &Plan, review: Option<&Plan>) -> Vec<Found> {
    let is_chosen = |name: &str| review.is_some_and(|plan| plan.categories.iter().any(|own| own.category == name));
    let all = looked.categories.iter().map(|said| Found::of(said, is_chosen(&said.category)));
    all.chain(looked.refused.iter().map(Found::refused)).collect()
}

impl Found {
    fn of(said: &CategorySaid, is_chosen: bool) -> Self {
        let rows = said.tables.iter().map(|table| table.rows).sum();
        let main = said.tables.first().map_or(0, |table| table.rows);
        let all = main + said.left.values().sum::<u64>();
        let unproven = ["not_in_snapshot", "changed", "with_unproven_children"];
        let unproven: u64 = unproven.iter().filter_map(|why| said.left.get(*why)).sum();
        let mark = match (all, unproven) {
            (0, _) => Mark::new(Tone::UNKNOWN, "nothing old"),
            (_, 0) => Mark::new(Tone::GOOD, "all, exactly"),
            _ => Mark::new(Tone::ATTENTION, format!("{} of {}", number::count(all - unproven), number::count(all))),
        };
        let (title, about) = called(&said.category);
        let day = |text: &Option<String>| text.as_deref().map(day).unwrap_or_default();
        Found {
            name: said.category.clone(),
            title,
            about,
            rows: number::count(rows),
            size: if rows == 0 { "–".to_owned() } else { number::bytes(said.bytes) },
            dates: if rows == 0 { "–".to_owned() } else { format!("{} – {}", day(&said.first), day(&said.last)) },
            mark,
            stays: said.left.iter().filter(|(_, rows)| **rows > 0).map(|(why, rows)| stays(why, *rows)).collect(),
            can_go: rows > 0,
            is_chosen,
        }
    }

    fn refused(said: &RefusedSaid) -> Self {
        let (title, about) = called(&said.category);
        let nothing = || "–".to_owned();
        Found {
            name: said.category.clone(),
            title,
            about,
            rows: nothing(),
            size: nothing(),
            dates: nothing(),
            mark: Mark::new(Tone::UNKNOWN, "not possible here"),
            stays: vec![words::plain(&said.why)],
            can_go: false,
            is_chosen: false,
        }
    }
}

impl Review {
    fn of(plan: &Plan) -> Self {
        let summary = &plan.summary;
        let now = now();
        let kept = summary.snapshot_time.parse::<jiff::Timestamp>().map(|at| time::moment(at.as_second(), &now).words);
        let until = now.checked_add(YEARS.years()).map(|until| until.strftime("%-d %B %Y").to_string());
        Review {
            rows: number::counted(summary.rows, "row"),
            size: number::bytes(plan.categories.iter().map(|category| category.bytes).sum()),
            kept: kept.unwrap_or_else(|_| summary.snapshot_time.clone()),
            until: until.unwrap_or_default(),
            takes: match summary.seconds {
                0..60 => time::age(summary.seconds),
                seconds => format!("about {}", time::age(seconds)),
            },
            warnings: summary.warnings.iter().map(|warning| words::plain(warning)).collect(),
            digest: summary.digest.clone(),
            is_empty: summary.rows == 0,
        }
    }
}

/// A category in words for people: its name, and what it is.
pub(super) fn called(name: &str) -> (String, String) {
    let (title, about) = match name {
        "securitylog" => (
            "Security log, with its hashes",
            "who did what and when; both go together, or Open Dental shows them as tampered with",
        ),
        "emailmessage" => ("E-mail messages", "sent, received and drafts, also those in charts; attached files stay"),
        "wikilisthist" => ("Wiki lists, old versions", "lists as they are now stay"),
        "wikipagehist" => ("Wiki pages, old versions", "pages as they are now stay, and all pictures"),
        "taskhist" => ("Task history", "old versions of tasks"),
        own => return (own.to_owned(), "a category of this practice, from enamel.toml".to_owned()),
    };
    (title.to_owned(), about.to_owned())
}

/// Why rows stay.
fn stays(why: &str, rows: u64) -> String {
    let rows = number::counted(rows, "row");
    match why {
        "not_in_snapshot" => format!("{rows}: not in the backup, would stay"),
        "changed" => format!("{rows}: changed since the backup, would stay"),
        "with_unproven_children" => format!("{rows}: not everything that belongs to them is in the backup, would stay"),
        "used_elsewhere" => format!("{rows}: something else needs them, would stay"),
        "highest_number" => format!("{rows}: the newest one of a table always stays"),
        "exceptions" => format!("{rows}: kept as you wished"),
        other => format!("{rows}: {other}"),
    }
}

/// The day of a date that a server wrote, as people write it.
pub(super) fn day(text: &str) -> String {
    let date: Option<Date> = text.get(..10).and_then(|day| day.parse().ok());
    date.map_or_else(|| text.to_owned(), |date| date.strftime("%-d %b %Y").to_string())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::super::remove_told::TableSaid;
    use super::*;

    #[test]
    fn what_a_form_holds_is_never_taken_for_an_option() {
        let field = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let fields = [field("through", "2020-11-27"), field("schema", "--output=x"), field("keep", "912, 77")];
        let words = Wanted::of(&fields).unwrap().words(["taskhist"].into_iter());
        let expected = ["purge", "plan", "--through=2020-11-27", "--schema=--output=x", "--category=taskhist"];
        assert_eq!(words[..5], expected.map(OsString::from));
        assert_eq!(words[5..], ["--except=PatNum=912", "--except=PatNum=77"].map(OsString::from));
        for wrong in [vec![field("through", "soon")], vec![field("through", "2020-11-27"), field("keep", "Jones")]] {
            assert!(Wanted::of(&wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn rows_that_no_backup_holds_are_counted_against_the_whole() {
        let left = [("changed", 7), ("highest_number", 1)].map(|(why, rows)| (why.to_owned(), rows));
        let said = CategorySaid {
            category: "emailmessage".to_owned(),
            tables: vec![TableSaid { rows: 2980 }, TableSaid { rows: 4 }],
            bytes: 41_000_000,
            first: Some("2016-01-02 10:00:00".to_owned()),
            last: Some("2020-11-26 09:00:00".to_owned()),
            left: left.into_iter().collect(),
        };
        let found = Found::of(&said, false);
        assert_eq!((found.mark.words.as_str(), found.rows.as_str()), ("2,981 of 2,988", "2,984"));
        assert_eq!(found.dates, "2 Jan 2016 – 26 Nov 2020");
        assert_eq!(found.stays[0], "7 rows: changed since the backup, would stay");
        let exact = Found::of(&CategorySaid { left: BTreeMap::new(), ..said }, false);
        assert_eq!(exact.mark, Mark::new(Tone::GOOD, "all, exactly"));
    }
}
