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
use zeroize::Zeroizing;

use super::super::assets;
use super::super::door::{Visitor, guard};
use super::super::office::on_a_thread;
use super::super::setup::{Answered, Next, Seen, Step, What, Wish, Wizard, Wrong, owner};
use super::come_in::{Entered, Link};
use super::setup_tell::{self, Tell};
use super::{Answer, Refusal, page};
use crate::commands::init::host_name;
use crate::commands::setup::server::{Application, Found};
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
        .route("/setup/tell", post(setup_tell::change))
        .route("/setup/tell-test", post(setup_tell::test))
        .route("/setup/end", post(end))
        .fallback(|| async { Refusal::NoSuchPage })
        .method_not_allowed_fallback(|| async { Refusal::NoSuchPage })
        .layer(axum::middleware::from_fn_with_state(wizard.door.clone(), guard))
        .with_state(wizard)
}

/// The frame of each of its pages.
pub(super) struct Frame {
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
struct WhatPage {
    frame: Frame,
    usual: Option<String>,
    database: Field,
    has_password: bool,
    /// Asked for when the application is there, and its images are not.
    images: Option<Field>,
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
    database: Option<Database>,
    folders: Vec<String>,
    place: String,
    risk: Option<String>,
    settings: String,
    trouble: Option<String>,
}

/// The database in the last look.
struct Database {
    url: String,
    server: String,
    applications: Vec<String>,
    account: String,
    grants: Vec<String>,
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
    tell: Tell,
    place: String,
    name: Field,
    trouble: Option<String>,
    again_trouble: Option<String>,
    is_service: bool,
    service_trouble: Option<String>,
}

#[derive(Template)]
#[template(path = "setup_done.html")]
struct Done {
    is_service: bool,
}

/// Asks for a step that was answered before.
#[derive(Deserialize)]
struct Asked {
    step: Option<String>,
}

/// Everything that a form may have.
#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct Filled {
    database: String,
    password: String,
    images: String,
    folders: String,
    place: String,
    risk: Option<String>,
    first: String,
    second: String,
    name: String,
    again: String,
    service: Option<String>,
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
    match step {
        Step::End => seen.end(Frame::new(&visitor, step), None, None, wizard.tell().await?),
        step => seen.page(&visitor, step, None),
    }
}

async fn what(State(wizard): State<Arc<Wizard>>, visitor: Visitor, Form(mut filled): Form<Filled>) -> Answer {
    let password = Zeroizing::new(std::mem::take(&mut filled.password));
    let Filled { database, images, folders, .. } = &filled;
    let given = What { database: database.clone(), password, images: images.clone(), folders: folders.clone() };
    wizard.answer(&visitor, Step::What, filled, move |wizard| wizard.take_what(&given)).await
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
async fn end(State(wizard): State<Arc<Wizard>>, visitor: Visitor, Form(mut filled): Form<Filled>) -> Answer {
    let mut secret = |text: fn(&mut Filled) -> &mut String| Zeroizing::new(std::mem::take(text(&mut filled)));
    let (password, again) = (secret(|filled| &mut filled.password), secret(|filled| &mut filled.again));
    let wish = Wish { name: filled.name.clone(), password, again, is_service: filled.service.is_some() };
    let asked = wizard.clone();
    match on_a_thread(move || asked.end(&wish)).await? {
        Ok(Some(next)) => page(&Done { is_service: next == Next::Service }),
        Ok(None) => Ok(Redirect::to("/").into_response()),
        Err(wrong) => wizard.again(&visitor, Step::End, filled, wrong).await,
    }
}

pub(super) async fn look(wizard: &Arc<Wizard>) -> engine::Result<Seen> {
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
            Err(wrong) => self.again(visitor, step, filled, wrong).await,
        }
    }

    /// Shows a form again that was not taken.
    async fn again(self: &Arc<Self>, visitor: &Visitor, step: Step, filled: Filled, wrong: Wrong) -> Answer {
        let seen = look(self).await?;
        let mut answer = match step {
            Step::End => seen.end(Frame::new(visitor, step), Some(filled), Some(&wrong), self.tell().await?)?,
            step => seen.page(visitor, step, Some((filled, wrong)))?,
        };
        *answer.status_mut() = StatusCode::BAD_REQUEST;
        Ok(answer)
    }
}

impl Seen {
    /// The page of a step, with a form that was not taken.
    fn page(self, visitor: &Visitor, step: Step, again: Option<(Filled, Wrong)>) -> Answer {
        let frame = Frame::new(visitor, step);
        let (filled, wrong) = again.unzip();
        let why = |field: &str| wrong.as_ref().filter(|wrong| wrong.field == field).map(|wrong| wrong.why.clone());
        match step {
            Step::What => page(&self.what(frame, filled, wrong.as_ref())),
            Step::Where => {
                let value = filled.map_or_else(|| self.place(), |filled| filled.place);
                let (label, hint) = ("A folder on another disk", "or s3://BUCKET/PREFIX");
                let place = Field { name: "place", label, hint, value, trouble: why("place") };
                page(&Where { frame, place, risk: why("risk"), disks: shown(&self.disks) })
            }
            Step::Make => page(&Make {
                frame,
                database: self.database(),
                folders: shown(&self.lines.sources),
                place: self.place(),
                risk: self.shared.map(|source| source.display().to_string()),
                settings: self.settings.display().to_string(),
                trouble: why("make"),
            }),
            Step::Paper | Step::End => self.paper(frame, wrong.as_ref()),
        }
    }

    /// The last page, which has the form of notices besides.
    pub(super) fn end(self, frame: Frame, filled: Option<Filled>, wrong: Option<&Wrong>, tell: Tell) -> Answer {
        let why = |field: &str| wrong.filter(|wrong| wrong.field == field).map(|wrong| wrong.why.clone());
        page(&End {
            frame,
            tell,
            place: self.place(),
            trouble: why("password"),
            again_trouble: why("again"),
            service_trouble: why("service"),
            // The first time the usual answer is yes.
            is_service: filled.as_ref().is_none_or(|filled| filled.service.is_some()),
            name: Field {
                name: "name",
                label: "Your name",
                hint: "as others see it; empty: only a link lets you in",
                value: filled.map(|filled| filled.name).unwrap_or_default(),
                trouble: None,
            },
        })
    }

    fn what(self, frame: Frame, filled: Option<Filled>, wrong: Option<&Wrong>) -> WhatPage {
        let why = |field: &str| wrong.filter(|wrong| wrong.field == field).map(|wrong| wrong.why.clone());
        let usual = self.usual_database.clone().filter(|_| self.step == Step::What);
        let filled = filled.unwrap_or_else(|| Filled {
            // Somebody who comes back has said whether there is one.
            database: self.lines.database.clone().or_else(|| usual.clone()).unwrap_or_default(),
            folders: shown(&self.lines.sources).join(", "),
            ..Filled::default()
        });
        let images = Field {
            name: "images",
            label: "The folder of the images on this computer",
            hint: "or none",
            value: filled.images,
            trouble: why("images"),
        };
        WhatPage {
            frame,
            usual: self.usual_database,
            database: Field {
                name: "database",
                label: "MySQL or MariaDB server",
                hint: "as mysql://USER@HOST; empty for none",
                value: filled.database,
                trouble: why("database"),
            },
            has_password: self.lines.database_password_file.is_some(),
            images: (images.trouble.is_some() || !images.value.is_empty()).then_some(images),
            folders: Field {
                name: "folders",
                label: "Folders to save",
                hint: "with commas between, as in /srv/images, /srv/letters",
                value: filled.folders,
                trouble: why("folders"),
            },
        }
    }

    fn database(&self) -> Option<Database> {
        let url = self.lines.database.clone()?;
        let nothing = |trouble: Option<String>| Database {
            url: url.clone(),
            server: String::new(),
            applications: Vec::new(),
            account: String::new(),
            grants: Vec::new(),
            trouble,
        };
        Some(match self.database.clone()? {
            Err(why) => nothing(Some(why)),
            Ok(survey) => Database {
                server: format!("{}, with {}", survey.version, survey.schemas()),
                applications: survey.applications.iter().map(application).collect(),
                account: survey.account,
                grants: survey.grants,
                ..nothing(None)
            },
        })
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

fn application(Application { profile, found }: &Application) -> String {
    match found {
        Found::Whole(schema, Some(folder)) => {
            format!("{} in the schema {schema}, with its images in {}", profile.title, folder.display())
        }
        Found::Whole(schema, None) => format!("{} in the schema {schema}", profile.title),
        Found::ImagesElsewhere(there) => format!("{} without its images in {there}", profile.title),
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
    pub(super) fn new(Visitor(session): &Visitor, current: Step) -> Self {
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
