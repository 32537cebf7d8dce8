//! The door as people see it: the link, the password, the lock.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use askama::Template;
use axum::extract::{Query, State};
use axum::response::{IntoResponse, Redirect};
use axum::routing::{get, post};
use axum::{Extension, Form, Router};
use engine::Result;
use http::HeaderMap;
use repo_format::evidence::ActionEnd;
use serde::Deserialize;

use super::super::door::{Denied, Person, Role};
use super::super::server::Peer;
use super::super::setup::owner;
use super::super::view::{Mark, words};
use super::{Answer, House, Refusal, page};

/// The routes.
pub fn routes() -> Router<Arc<House>> {
    Router::new().route("/enter", get(enter)).route("/login", get(show_login).post(login)).route("/lock", post(lock))
}

#[derive(Deserialize)]
pub(super) struct Link {
    pub(super) link: String,
}

#[derive(Template)]
#[template(path = "entered.html")]
pub(super) struct Entered;

#[derive(Template)]
#[template(path = "login.html")]
struct Login {
    practice: String,
    last: Mark,
    trouble: Option<&'static str>,
}

#[derive(Deserialize)]
struct Credentials {
    name: String,
    password: String,
}

/// Comes in by a link. The answer is a small page that goes on by itself: a redirect would still count as one from the page that
/// had the link, and the cookie would not go with it.
async fn enter(State(house): State<Arc<House>>, Query(Link { link }): Query<Link>) -> Answer {
    if !house.door.links.take(&link, Instant::now()) {
        return Err(Refusal::used_link());
    }
    let owner = owner();
    house.came(owner.clone(), "come in by a link", ActionEnd::Done).await?;
    Ok(house.door.let_in(owner, page(&Entered)?)?)
}

async fn show_login(State(house): State<Arc<House>>) -> Answer {
    page(&house.login(None).await)
}

async fn login(
    State(house): State<Arc<House>>,
    Extension(Peer(from)): Extension<Peer>,
    Form(given): Form<Credentials>,
) -> Answer {
    let asked = house.clone();
    let Credentials { name, password } = given;
    let checked = house.office.think(move || asked.check(name.trim(), &password, from)).await?;
    let trouble = match checked {
        Ok(person) => return Ok(house.door.let_in(person, Redirect::to("/"))?),
        Err(Denied::Wrong) => "Name or password is wrong.",
        Err(Denied::Wait) => "There were too many tries. Wait a minute.",
    };
    let mut answer = page(&house.login(Some(trouble)).await)?;
    *answer.status_mut() = http::StatusCode::FORBIDDEN;
    Ok(answer)
}

async fn lock(State(house): State<Arc<House>>, headers: HeaderMap) -> Answer {
    house.door.let_out(&headers);
    Ok(Redirect::to("/login").into_response())
}

impl House {
    /// Checks a password, and keeps who came in, or tried to.
    fn check(&self, name: &str, password: &str, from: IpAddr) -> Result<std::result::Result<Person, Denied>> {
        let checked = self.door.people.check((name, password), from, Instant::now())?;
        match &checked {
            Ok(person) => self.came_in(person, "come in by a password", ActionEnd::Done)?,
            Err(Denied::Wrong) => {
                // A name that nobody has may be a password in the wrong field.
                let known = self.door.people.list()?.into_iter().find(|person| person.name == name);
                let somebody = || Person { name: "somebody".to_owned(), role: Role::Anybody };
                self.came_in(&known.unwrap_or_else(somebody), "come in by a password", ActionEnd::Refused)?;
            }
            // The tries before it are kept.
            Err(Denied::Wait) => {}
        }
        Ok(checked)
    }

    fn came_in(&self, person: &Person, what: &'static str, end: ActionEnd) -> Result<()> {
        let number = self.journal.begin(person.orderer(), &what.into())?;
        self.journal.end(number, end)
    }

    async fn came(self: &Arc<Self>, person: Person, what: &'static str, end: ActionEnd) -> Result<()> {
        let house = self.clone();
        self.office.think(move || house.came_in(&person, what, end)).await
    }

    async fn login(self: &Arc<Self>, trouble: Option<&'static str>) -> Login {
        let overview = self.office.overview().await;
        Login { practice: self.office.practice(), last: words::last_backup(overview.as_deref()), trouble }
    }
}
