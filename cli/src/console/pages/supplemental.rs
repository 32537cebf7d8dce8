//! Supplemental backups: whether copies are made, how the last one is, who opens it, and the page for an emergency.

use std::ffi::OsString;
use std::sync::Arc;

use askama::Template;
use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Redirect};
use axum::routing::{get, post};
use engine::Result;
use engine::health::Question;
use serde_json::Value;

use super::super::door::Visitor;
use super::super::office::Overview;
use super::super::view::{Frame, Mark, Tab, Tone, time};
use super::work::{self, Shown};
use super::{Answer, House, page};
use crate::agent::{Outcome, Task, now};
use crate::context::Context;
use crate::settings::{Mode, Storage, parse_place};

/// The routes.
pub fn routes() -> Router<Arc<House>> {
    Router::new()
        .route("/supplemental", get(show))
        .route("/supplemental/emergency", get(emergency))
        .route("/supplemental/look", post(look))
        .route("/supplemental/run", post(run))
        .route("/supplemental/read", post(read))
}

#[derive(Template)]
#[template(path = "supplemental.html")]
struct Page {
    frame: Frame,
    shown: Option<Shown>,
    failure: Vec<String>,
    seen: Seen,
    state: Option<Mark>,
    found: Option<Found>,
    changes: Vec<Change>,
}

#[derive(Template)]
#[template(path = "emergency.html")]
struct Emergency {
    frame: Frame,
    seen: Seen,
    administrator: Option<String>,
    printed: String,
}

/// The contents of enamel.toml.
struct Seen {
    mode: Mode,
    place: Option<String>,
    /// Lines of enamel.toml that another computer needs to reach it.
    lines: Vec<String>,
    window: Option<String>,
}

/// The copy, as the last look found it.
struct Found {
    looked: time::Moment,
    newest: Option<time::Moment>,
    read_back: Option<time::Moment>,
    administrator: Option<String>,
    tried: Option<time::Moment>,
}

/// Somebody switched copies, or became administrator.
struct Change {
    when: time::Moment,
    by: String,
    what: String,
}

async fn show(State(house): State<Arc<House>>, visitor: Visitor) -> Answer {
    let frame = house.frame(&visitor, Tab::Supplemental).await;
    let seen = house.office.look_at_settings(Seen::of).await?;
    let overview = house.office.overview().await;
    let shown = (house.office.desk.busy() == Some(Task::Copy)).then(|| work::shown(&house));
    let runs = house.office.desk.ended();
    let last = runs.iter().rfind(|run| run.run.task == Task::Copy).filter(|_| shown.is_none());
    let looked = house.last_look(&seen);
    page(&Page {
        frame,
        shown,
        failure: last.map(|run| work::failure(&run.run.messages)).unwrap_or_default(),
        state: overview.as_deref().and_then(state),
        found: looked.as_ref().and_then(Found::of),
        changes: looked.as_ref().map(changes).unwrap_or_default(),
        seen,
    })
}

/// The page for an emergency: to print, and to fill in by hand. No key is on it.
async fn emergency(State(house): State<Arc<House>>, visitor: Visitor) -> Answer {
    let frame = house.frame(&visitor, Tab::Supplemental).await;
    let seen = house.office.look_at_settings(Seen::of).await?;
    let administrator = house.last_look(&seen).as_ref().and_then(Found::of).and_then(|found| found.administrator);
    page(&Emergency { frame, seen, administrator, printed: now().strftime("%-d %B %Y").to_string() })
}

async fn look(State(house): State<Arc<House>>, visitor: Visitor) -> Answer {
    ordered(&house, &visitor, "look at the supplemental copy", "status").await
}

async fn run(State(house): State<Arc<House>>, visitor: Visitor) -> Answer {
    ordered(&house, &visitor, "bring the supplemental copy up to date", "run").await
}

async fn read(State(house): State<Arc<House>>, visitor: Visitor) -> Answer {
    ordered(&house, &visitor, "read the supplemental copy back", "verify").await
}

async fn ordered(house: &Arc<House>, visitor: &Visitor, ask: &'static str, action: &str) -> Answer {
    let words: Vec<OsString> = vec!["supplemental".into(), action.into()];
    house.order(visitor, ask, Task::Copy, words).await?;
    Ok(Redirect::to("/supplemental").into_response())
}

impl House {
    /// The last look at the copy that the settings name.
    fn last_look(&self, seen: &Seen) -> Option<Outcome> {
        let is_there = |status: &Value| status["location"].as_str() == seen.place.as_deref();
        self.copy_look.last().filter(|look| look.of_type("supplemental_status").any(is_there))
    }
}

fn state(overview: &Overview) -> Option<Mark> {
    let check = overview.check(Question::SecondCopy)?;
    Some(Mark::new(Tone(check.state), check.sentence.clone()))
}

/// A time of a message.
fn moment(value: &Value) -> Option<time::Moment> {
    let at: jiff::Timestamp = value.as_str()?.parse().ok()?;
    Some(time::moment(at.as_second(), &now()))
}

fn changes(look: &Outcome) -> Vec<Change> {
    let change = |message: &Value| {
        let text = |field: &str| message[field].as_str().unwrap_or_default().to_owned();
        Some(Change {
            when: moment(&message["time"])?,
            by: format!("{} on {}", text("user"), text("host")),
            what: text("what"),
        })
    };
    look.of_type("supplemental_change").filter_map(change).collect()
}

impl Seen {
    fn of(context: &Context<'_>) -> Result<Self> {
        let settings = &context.settings.file.supplemental;
        let place = settings.repository.as_ref();
        let reach =
            place.map(|place| context.settings.reach(&parse_place(place)?, Storage::Supplemental)).transpose()?;
        Ok(Seen {
            mode: settings.mode,
            place: place.map(|place| place.display().to_string()),
            lines: reach.flatten().map(|reach| reach.lines("supplemental.s3")).transpose()?.unwrap_or_default(),
            window: settings.window.clone(),
        })
    }

    fn is_on(&self) -> bool {
        self.mode == Mode::On
    }

    fn is_local(&self) -> bool {
        self.mode == Mode::Local
    }

    fn is_off(&self) -> bool {
        self.mode == Mode::Off
    }
}

impl Found {
    fn of(look: &Outcome) -> Option<Self> {
        let status = look.of_type("supplemental_status").next()?;
        Some(Found {
            looked: time::moment(look.began.as_second(), &now()),
            newest: moment(&status["newest_copy"]),
            read_back: moment(&status["verified"]),
            administrator: status["administrator"].as_str().map(str::to_owned),
            tried: moment(&status["password_tried"]),
        })
    }
}
