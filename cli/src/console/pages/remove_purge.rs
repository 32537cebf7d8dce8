//! One removal: what went, putting it back, and letting it go.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Query, State};
use axum::response::{IntoResponse, Redirect};
use axum::routing::{get, post};
use axum::{Form, Router};
use engine::Result;
use engine::machine;
use engine::upkeep::receipt::{Purge, PurgedTable, Release, find, is_over, release_time};
use repo_format::id::LeaseId;
use serde::Deserialize;

use super::super::door::Visitor;
use super::super::view::{Frame, Mark, Tab, Tone, number, time};
use super::remove::{called, day, one};
use super::{Answer, House, Refusal, page};
use crate::agent::{Ask, Task, now};
use crate::ui::format;

/// Letters of a reason.
const REASON_MAX: usize = 400;

/// The routes.
pub fn routes() -> Router<Arc<House>> {
    Router::new()
        .route("/remove/purge", get(show))
        .route("/remove/put-back", post(put_back))
        .route("/remove/let-go", post(let_go))
}

/// A removal in the list.
pub(super) struct Past {
    pub(super) receipt: Option<String>,
    pub(super) when: time::Moment,
    pub(super) what: String,
    pub(super) rows: String,
    pub(super) by: String,
    pub(super) reason: String,
    pub(super) kept: Mark,
}

#[derive(Deserialize)]
struct Wanted {
    receipt: String,
}

#[derive(Template)]
#[template(path = "remove_purge.html")]
struct Page {
    frame: Frame,
    purge: Shown,
}

struct Shown {
    past: Past,
    receipt: String,
    /// The first digits of it, for people.
    number: String,
    host: String,
    tables: Vec<Table>,
    files: Option<String>,
    /// Its time is up: it goes without a reason.
    is_time_up: bool,
    /// It may still be removing rows.
    may_run: bool,
    until: String,
    has_database: bool,
}

struct Table {
    name: String,
    category: String,
    rows: String,
    dates: String,
    stayed: Vec<String>,
}

async fn show(State(house): State<Arc<House>>, visitor: Visitor, Query(wanted): Query<Wanted>) -> Answer {
    let receipt = id(&wanted.receipt)?;
    let frame = house.frame(&visitor, Tab::Remove).await;
    let purge = house.office.look(move |context, repository| {
        let purge = find(repository, &receipt.to_string())?;
        Shown::of(&purge, context.settings.file.database.is_some())
    });
    page(&Page { frame, purge: purge.await? })
}

/// Puts the rows back where they were. Rows that are there stay as they are.
async fn put_back(
    State(house): State<Arc<House>>,
    visitor: Visitor,
    Form(fields): Form<Vec<(String, String)>>,
) -> Answer {
    let receipt = chosen(&fields)?;
    let database = house.office.look_at_settings(|context| Ok(context.settings.file.database.clone())).await?;
    let Some(database) = database else {
        return Err(Refusal::WillNotDo("No database is saved on this computer.".to_owned()));
    };
    let words = ["restore".to_owned(), format!("--purged={receipt}"), format!("--to-database={database}")];
    let ask = Ask::about("put removed rows back", format!("removal {}", format::short(receipt)));
    house.order(&visitor, ask, Task::Remove, words.map(Into::into).into()).await?;
    Ok(Redirect::to("/remove").into_response())
}

/// Keeps the rows no longer.
async fn let_go(
    State(house): State<Arc<House>>,
    visitor: Visitor,
    Form(fields): Form<Vec<(String, String)>>,
) -> Answer {
    let receipt = chosen(&fields)?;
    let reason = one(&fields, "reason").unwrap_or_default().trim();
    if reason.chars().count() > REASON_MAX {
        return Err(Refusal::WillNotDo(format!("A reason has at most {REASON_MAX} letters.")));
    }
    let early = (!reason.is_empty()).then(|| format!("--early={reason}").into());
    let words = ["purge".into(), "release".into(), receipt.to_string().into()].into_iter().chain(early);
    let ask = Ask::about("let removed rows go", format!("removal {}", format::short(receipt)));
    house.order(&visitor, ask, Task::Remove, words.collect()).await?;
    Ok(Redirect::to("/remove").into_response())
}

fn id(text: &str) -> std::result::Result<LeaseId, Refusal> {
    text.parse().map_err(|_| Refusal::Malformed("the number of the removal"))
}

/// The removal that a form is about, if the person is sure.
fn chosen(fields: &[(String, String)]) -> std::result::Result<LeaseId, Refusal> {
    let receipt = id(one(fields, "receipt").unwrap_or_default())?;
    match one(fields, "sure") {
        Some(_) => Ok(receipt),
        None => Err(Refusal::WillNotDo("Say that you are sure. Nothing was done.".to_owned())),
    }
}

impl Past {
    /// The words of a removal whose rows are kept.
    pub(super) fn of(purge: &Purge) -> Result<Self> {
        let receipt = purge.receipt()?;
        let record = &receipt.record;
        let mut names: Vec<_> = record.tables.iter().map(|table| called(&table.category).0).collect();
        names.dedup();
        let until = release_time(purge)?;
        let kept = match (purge.ended.is_some(), machine::now().seconds < until) {
            (false, _) => Mark::new(Tone::ATTENTION, "was not finished"),
            (true, true) => Mark::new(Tone::GOOD, time::here(until).strftime("%-d %b %Y").to_string()),
            (true, false) => Mark::new(Tone::ATTENTION, "time is up"),
        };
        Ok(Past {
            receipt: Some(receipt.id().to_string()),
            when: time::moment(record.started, &now()),
            what: format!("{}, {}", names.join(", "), record.cutoff),
            rows: number::count(record.tables.iter().map(|table| table.rows).sum()),
            by: record.operator.clone(),
            reason: record.reason.clone(),
            kept,
        })
    }

    /// The words of one that was let go.
    pub(super) fn released(release: &Release) -> Self {
        Past {
            receipt: None,
            when: time::moment(release.seconds, &now()),
            what: "Removed rows were let go".to_owned(),
            rows: String::new(),
            by: release.author.user.clone(),
            reason: release.reason.clone(),
            kept: Mark::new(Tone::UNKNOWN, "not kept any more"),
        }
    }
}

impl Shown {
    fn of(purge: &Purge, has_database: bool) -> Result<Self> {
        let record = &purge.receipt()?.record;
        let until = release_time(purge)?;
        let files = record.files.as_ref().filter(|files| !files.files.is_empty());
        Ok(Shown {
            past: Past::of(purge)?,
            receipt: purge.receipt()?.id().to_string(),
            number: format::short(purge.receipt()?.id()),
            host: record.host.clone(),
            tables: record.tables.iter().map(Table::of).collect(),
            files: files.map(|files| number::counted(files.files.len() as u64, "file")),
            is_time_up: machine::now().seconds >= until,
            may_run: !is_over(purge)?,
            until: time::here(until).strftime("%-d %B %Y").to_string(),
            has_database,
        })
    }
}

impl Table {
    fn of(table: &PurgedTable) -> Self {
        let ends = table.first_date.as_deref().zip(table.last_date.as_deref());
        Table {
            name: format!("{}.{}", table.schema, table.table),
            category: called(&table.category).0,
            rows: number::count(table.rows),
            dates: ends.map_or_else(|| "–".to_owned(), |(first, last)| format!("{} – {}", day(first), day(last))),
            stayed: table
                .left
                .iter()
                .map(|left| format!("{} stayed: {}", number::counted(left.rows, "row"), left.why))
                .collect(),
        }
    }
}
