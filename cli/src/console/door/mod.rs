//! The door: whoever asks, and whatever they ask, passes it first.
//!
//! ```text
//! headers  is the request for this program, and from its own page?
//! session  which browsers have come in
//! link     come in by a one-time link, as the agent's own user
//! people   come in by name and password
//! role     which route needs which role; a route that is not listed is closed
//! secret   random values
//! things   what a session was shown, by number: no address of a page names a patient
//! ```

mod headers;
mod link;
mod people;
mod role;
mod secret;
mod session;
mod things;

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Redirect, Response};
use bytes::Bytes;
use engine::Result;
use http::request::Parts;
use http::{HeaderValue, Method, StatusCode, header};

use super::pages::Refusal;
use super::tls::Entrance;

pub use link::Links;
pub use people::{Denied, People};
pub use role::{ROUTES, Role, Route, SETUP_ROUTES};
pub use session::{Person, Session, Sessions};
pub use things::Thing;

/// The largest form.
const FORM_MAX: usize = 64 * 1024;
/// A form takes no longer.
const FORM_WITHIN: Duration = Duration::from_secs(15);
/// The field of each form that only its page knows.
const TOKEN: &str = "token";

/// The guard.
pub struct Door {
    /// The port, which is part of the names of host and cookie.
    pub port: u16,
    /// Links that nobody has used.
    pub links: Links,
    /// Browsers that have come in.
    pub sessions: Arc<Sessions>,
    /// People with passwords.
    pub people: People,
    /// The routes behind it.
    routes: &'static [Route],
}

/// The person who asks.
#[derive(Clone)]
pub struct Visitor(pub Arc<Session>);

impl Door {
    /// A door on `port` for these routes.
    pub fn new(port: u16, people: People, routes: &'static [Route]) -> Self {
        Door { port, links: Links::default(), sessions: Arc::default(), people, routes }
    }

    /// Lets `person` in: an answer that sets the cookie.
    ///
    /// # Errors
    /// The system has no randomness.
    pub fn let_in(&self, person: Person, answer: impl IntoResponse) -> Result<Response> {
        let secret = self.sessions.begin(person, Instant::now())?;
        let mut answer = answer.into_response();
        let cookie = format!("{}={secret}; Path=/; HttpOnly; SameSite=Strict", self.cookie_name());
        // Digits and letters only.
        if let Ok(cookie) = HeaderValue::from_str(&cookie) {
            answer.headers_mut().insert(header::SET_COOKIE, cookie);
        }
        Ok(answer)
    }

    /// Ends the session of the browser that sent `headers`.
    pub fn let_out(&self, headers: &http::HeaderMap) {
        if let Some(secret) = headers::cookie(headers, &self.cookie_name()) {
            self.sessions.end(secret);
        }
    }

    /// Whether people come in by name and password.
    fn has_login(&self) -> bool {
        role::needed(self.routes, &Method::POST, "/login").is_some()
    }

    fn cookie_name(&self) -> String {
        // All ports of this computer share their cookies.
        format!("enamel-{}", self.port)
    }

    fn session(&self, parts: &Parts) -> Option<Arc<Session>> {
        let secret = headers::cookie(&parts.headers, &self.cookie_name())?;
        self.sessions.find(secret, Instant::now())
    }
}

/// Lets a request through to its page, or answers it.
pub async fn guard(State(door): State<Arc<Door>>, request: Request, next: Next) -> Response {
    let is_sealed = request.extensions().get::<Entrance>().is_some_and(|entrance| !entrance.is_here());
    let mut answer = match admit(&door, request).await {
        Ok(request) => next.run(request).await,
        Err(answer) => *answer,
    };
    headers::close(answer.headers_mut());
    if is_sealed {
        headers::seal(answer.headers_mut());
    }
    answer
}

async fn admit(door: &Door, request: Request) -> std::result::Result<Request, Box<Response>> {
    let (mut parts, body) = request.into_parts();
    let refuse = |refusal: Refusal| Box::new(refusal.into_response());
    let entrance = parts.extensions.get::<Entrance>().ok_or_else(|| refuse(Refusal::Misdirected))?.clone();
    headers::check(&parts, &entrance).map_err(|stranger| refuse(stranger.into()))?;
    if parts.uri.path() == "/enter" && !entrance.is_here() {
        // A link is for the user whose agent this is.
        return Err(refuse(Refusal::NoSuchPage));
    }
    let path = parts.extensions.get::<MatchedPath>().map(|path| path.as_str().to_owned());
    // An address that leads nowhere is only told to somebody who is in.
    let needed = match &path {
        Some(path) => role::needed(door.routes, &parts.method, path).ok_or_else(|| refuse(Refusal::NoSuchPage))?,
        None => Role::Look,
    };
    let session = door.session(&parts);
    if needed > Role::Anybody {
        let Some(session) = &session else {
            let is_page = parts.method == Method::GET;
            return Err(if is_page && door.has_login() {
                Box::new(Redirect::to("/login").into_response())
            } else {
                refuse(Refusal::ComeIn)
            });
        };
        if session.person.role < needed {
            return Err(refuse(Refusal::NotAllowed(needed)));
        }
    }
    let body = match (&session, &parts.method) {
        (_, &Method::GET | &Method::HEAD) => Body::empty(),
        (Some(session), _) => signed(body, session).await.map_err(refuse)?,
        (None, _) => whole(body).await.map(Body::from).map_err(refuse)?,
    };
    if let Some(session) = session {
        parts.extensions.insert(Visitor(session));
    }
    Ok(Request::from_parts(parts, body))
}

/// The form, if it is from a page of this session.
async fn signed(body: Body, session: &Session) -> std::result::Result<Body, Refusal> {
    let form = whole(body).await?;
    let fields: Vec<(String, String)> =
        serde_urlencoded::from_bytes(&form).map_err(|_| Refusal::Malformed("the form"))?;
    // No command takes such a text: the agent could not even start it.
    if fields.iter().any(|(name, value)| name.contains('\0') || value.contains('\0')) {
        return Err(Refusal::Malformed("the form"));
    }
    let mut tokens = fields.iter().filter(|(name, _)| name == TOKEN);
    match (tokens.next(), tokens.next()) {
        (Some((_, token)), None) if session.token.is(token) => Ok(Body::from(form)),
        _ => Err(Refusal::CrossSite),
    }
}

async fn whole(body: Body) -> std::result::Result<Bytes, Refusal> {
    let read = tokio::time::timeout(FORM_WITHIN, axum::body::to_bytes(body, FORM_MAX)).await;
    read.map_err(|_| Refusal::TooSlow)?.map_err(|_| Refusal::TooLarge)
}

impl From<headers::Stranger> for Refusal {
    fn from(stranger: headers::Stranger) -> Self {
        match stranger {
            headers::Stranger::Misdirected => Refusal::Misdirected,
            headers::Stranger::CrossSite => Refusal::CrossSite,
        }
    }
}

impl<S: Send + Sync> axum::extract::FromRequestParts<S> for Visitor {
    type Rejection = StatusCode;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> std::result::Result<Self, StatusCode> {
        // The guard has put it there for every route that needs somebody.
        parts.extensions.get::<Visitor>().cloned().ok_or(StatusCode::FORBIDDEN)
    }
}
