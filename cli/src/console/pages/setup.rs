//! The first start: a page for each step of setup.

use std::sync::Arc;
use std::time::Instant;

use askama::Template;
use axum::extract::{Query, State};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Form, Router};
use engine::error::chain;
use http::StatusCode;
use serde::Deserialize;

use super::super::assets;
use super::super::door::{Visitor, guard};
use super::super::office::on_a_thread;
use super::super::setup::{Answered, Seen, Step, Wizard, Wrong, owner};
use super::come_in::{Entered, Link};
use super::{Answer, Refusal, page};
use crate::commands::init::host_name;
use crate::commands::setup::sheet::{Sheet, TYPED_BACK};

/// The steps as people see them.
const STEPS: [(Step, &str); 5] = [
    (Step::What, "What to save"),
    (Step::Where, "Where to keep it"),
    (Step::Make, "A last look"),
    (Step::Paper, "The paper"),
    (Step::End, "Begin"),
];

/// All routes, behind the door.
pub fn router(wizard: Arc<Wizard>) -> Router {
    Router::new()
        .merge(assets::routes())
        .route("/enter", get(enter))
        .route("/", get(show))
        .route("/setup/what", post(what))
        .route("/setup/where", post(place))
        .route("/setup/make", post(make))
        .route("/setup/paper", post(paper))
        .route("/setup/end", post(end))
        .fallback(|| async { Refusal::NoSuchPage })
        .method_not_allowed_fallback(|| async { Refusal::NoSuchPage })
        .layer(axum::middleware::from_fn_with_state(wizard.door.clone(), guard))
        .with_state(wizard)
}

/// The frame of each of its pages.
struct Frame {
    token: String,
    host: String,
    steps: Vec<StepShown>,
    version: &'static str,
}

struct StepShown {
    name: &'static str,
    is_done: bool,
    is_current: bool,
}

/// A field, with what was filled in.
struct Field {
    name: &'static str,
    label: &'static str,
    hint: &'static str,
    value: String,
    trouble: Option<String>,
}

#[derive(Template)]
#[template(path = "setup_what.html")]
struct What {
    frame: Frame,
    folders: Field,
}

#[derive(Template)]
#[template(path = "setup_where.html")]
struct Where {
    frame: Frame,
    place: Field,
    risk: Option<String>,
    disks: Vec<String>,
}

#[derive(Template)]
#[template(path = "setup_make.html")]
struct Make {
    frame: Frame,
    folders: Vec<String>,
    place: String,
    risk: Option<String>,
    settings: String,
    trouble: Option<String>,
}

#[derive(Template)]
#[template(path = "setup_paper.html")]
struct Paper {
    frame: Frame,
    place: String,
    sheet: Arc<Sheet>,
    words: [Field; 2],
}

#[derive(Template)]
#[template(path = "setup_end.html")]
struct End {
    frame: Frame,
    place: String,
}

#[derive(Template)]
#[template(path = "setup_done.html")]
struct Done;

/// Asks for a step that was answered before.
#[derive(Deserialize)]
struct Asked {
    step: Option<String>,
}

/// Everything that a form may have.
#[derive(Deserialize, Default)]
#[serde(default)]
struct Filled {
    folders: String,
    place: String,
    risk: Option<String>,
    first: String,
    second: String,
}

async fn enter(State(wizard): State<Arc<Wizard>>, Query(Link { link }): Query<Link>) -> Answer {
    if !wizard.door.links.take(&link, Instant::now()) {
        return Err(Refusal::used_link());
    }
    Ok(wizard.door.let_in(owner(), page(&Entered)?)?)
}

async fn show(State(wizard): State<Arc<Wizard>>, visitor: Visitor, Query(asked): Query<Asked>) -> Answer {
    let seen = look(&wizard).await?;
    let step = match asked.step.as_deref() {
        Some("what") => Step::What,
        Some("where") => Step::Where,
        _ => seen.step,
    };
    // A step that was done stays done.
    let step = if seen.step <= Step::Make { step.min(seen.step) } else { seen.step };
    seen.page(&visitor, step, None)
}

async fn what(State(wizard): State<Arc<Wizard>>, visitor: Visitor, Form(filled): Form<Filled>) -> Answer {
    let folders = filled.folders.clone();
    wizard.answer(&visitor, Step::What, filled, move |wizard| wizard.take_what(&folders)).await
}

async fn place(State(wizard): State<Arc<Wizard>>, visitor: Visitor, Form(filled): Form<Filled>) -> Answer {
    let (place, takes_risk) = (filled.place.clone(), filled.risk.is_some());
    wizard.answer(&visitor, Step::Where, filled, move |wizard| wizard.take_where(&place, takes_risk)).await
}

async fn make(State(wizard): State<Arc<Wizard>>, visitor: Visitor) -> Answer {
    wizard
        .answer(&visitor, Step::Make, Filled::default(), |wizard| {
            // A disk that is full, or not there: the user puts it right here, and tries again.
            let hint = |error: &engine::Error| error.hint().map(|hint| format!(". {hint}")).unwrap_or_default();
            let made = wizard.make();
            Ok(made.map_err(|error| Wrong { field: "make", why: format!("{}{}", chain(&error), hint(&error)) }))
        })
        .await
}

async fn paper(State(wizard): State<Arc<Wizard>>, visitor: Visitor, Form(filled): Form<Filled>) -> Answer {
    let (first, second) = (filled.first.clone(), filled.second.clone());
    wizard.answer(&visitor, Step::Paper, filled, move |wizard| wizard.prove([&first, &second])).await
}

/// The answer leaves before the console takes over, and asks for its page a moment later.
async fn end(State(wizard): State<Arc<Wizard>>) -> Answer {
    match wizard.finish() {
        true => page(&Done),
        false => Ok(Redirect::to("/").into_response()),
    }
}

async fn look(wizard: &Arc<Wizard>) -> engine::Result<Seen> {
    let wizard = wizard.clone();
    on_a_thread(move || wizard.look()).await
}

impl Wizard {
    /// Does what a form asks for, and leads to the next step, or shows the form again.
    async fn answer(
        self: &Arc<Self>,
        visitor: &Visitor,
        step: Step,
        filled: Filled,
        work: impl FnOnce(&Wizard) -> Answered + Send + 'static,
    ) -> Answer {
        let wizard = self.clone();
        match on_a_thread(move || work(&wizard)).await? {
            Ok(()) => Ok(Redirect::to("/").into_response()),
            Err(wrong) => {
                let mut answer = look(self).await?.page(visitor, step, Some((filled, wrong)))?;
                *answer.status_mut() = StatusCode::BAD_REQUEST;
                Ok(answer)
            }
        }
    }
}

impl Seen {
    /// The page of a step, with a form that was not taken.
    fn page(self, visitor: &Visitor, step: Step, again: Option<(Filled, Wrong)>) -> Answer {
        let frame = Frame::new(visitor, step);
        let (filled, wrong) = again.unzip();
        let why = |field: &str| wrong.as_ref().filter(|wrong| wrong.field == field).map(|wrong| wrong.why.clone());
        match step {
            Step::What => {
                let before = shown(&self.lines.sources).join(", ");
                let value = filled.map_or(before, |filled| filled.folders);
                let (label, hint) = ("Folders to save", "with commas between, as in /srv/images, /srv/letters");
                page(&What { frame, folders: Field { name: "folders", label, hint, value, trouble: why("folders") } })
            }
            Step::Where => {
                let value = filled.map_or_else(|| self.place(), |filled| filled.place);
                let (label, hint) = ("A folder on another disk", "or s3://BUCKET/PREFIX");
                let place = Field { name: "place", label, hint, value, trouble: why("place") };
                page(&Where { frame, place, risk: why("risk"), disks: shown(&self.disks) })
            }
            Step::Make => page(&Make {
                frame,
                folders: shown(&self.lines.sources),
                place: self.place(),
                risk: self.shared.map(|source| source.display().to_string()),
                settings: self.settings.display().to_string(),
                trouble: why("make"),
            }),
            Step::Paper => self.paper(frame, wrong.as_ref()),
            Step::End => page(&End { frame, place: self.place() }),
        }
    }

    fn paper(self, frame: Frame, wrong: Option<&Wrong>) -> Result<Response, Refusal> {
        // It was proved meanwhile, in another window.
        let Some(sheet) = self.sheet.clone() else { return Ok(Redirect::to("/").into_response()) };
        let field = |name: &'static str, label: &'static str| Field {
            name,
            label,
            hint: "as it stands on the paper",
            value: String::new(),
            trouble: wrong.filter(|wrong| wrong.field == name).map(|wrong| wrong.why.clone()),
        };
        let [first, second] = TYPED_BACK.map(ordinal);
        page(&Paper { frame, place: self.place(), sheet, words: [field("first", first), field("second", second)] })
    }

    fn place(&self) -> String {
        self.lines.repository.as_ref().map(|place| place.display().to_string()).unwrap_or_default()
    }
}

/// The label of a word, counted from 0.
const fn ordinal(at: usize) -> &'static str {
    match at {
        2 => "The third word of the password",
        8 => "The ninth word of the password",
        _ => "Another word of the password",
    }
}

impl Frame {
    fn new(Visitor(session): &Visitor, current: Step) -> Self {
        let shown = |(step, name)| StepShown { name, is_done: step < current, is_current: step == current };
        Frame {
            token: session.token.to_string(),
            host: host_name(),
            steps: STEPS.map(shown).into(),
            version: env!("CARGO_PKG_VERSION"),
        }
    }
}

fn shown(paths: &[std::path::PathBuf]) -> Vec<String> {
    paths.iter().map(|path| path.display().to_string()).collect()
}
