//! Why there is no page.

use askama::Template;
use axum::response::{Html, IntoResponse, Response};
use engine::error::chain;
use engine::{Error, ErrorKind};
use http::StatusCode;

use super::super::door::Role;
use crate::agent::Busy;

/// Why there is no page, or nothing was done.
#[derive(Debug)]
pub enum Refusal {
    /// The request is for another host, or for a proxy.
    Misdirected,
    /// Another site sent it, or the page that it is from is an old one.
    CrossSite,
    /// Nobody has come in.
    ComeIn,
    /// This person may not.
    NotAllowed(Role),
    /// There is no such page.
    NoSuchPage,
    /// A part of the request cannot be understood.
    Malformed(&'static str),
    /// The request is too large.
    TooLarge,
    /// The request did not come to its end.
    TooSlow,
    /// Something else is under way.
    Busy(Busy),
    /// The wish will not do; why, in words.
    WillNotDo(String),
    /// The engine failed.
    Failed(Box<Error>),
    /// A mistake in this program.
    Broken(String),
}

#[derive(Template)]
#[template(path = "refusal.html")]
struct Shown<'s> {
    headline: &'s str,
    why: &'s str,
    hint: Option<&'s str>,
}

impl Refusal {
    /// A link that lets nobody in any more.
    pub(super) fn used_link() -> Self {
        Refusal::WillNotDo(
            "This link was used already, or is older than a minute. `enamel console` opens another.".to_owned(),
        )
    }

    fn status(&self) -> StatusCode {
        match self {
            Refusal::Misdirected => StatusCode::MISDIRECTED_REQUEST,
            Refusal::CrossSite | Refusal::ComeIn | Refusal::NotAllowed(_) => StatusCode::FORBIDDEN,
            Refusal::NoSuchPage => StatusCode::NOT_FOUND,
            Refusal::Malformed(_) | Refusal::WillNotDo(_) => StatusCode::BAD_REQUEST,
            Refusal::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Refusal::TooSlow => StatusCode::REQUEST_TIMEOUT,
            Refusal::Busy(_) => StatusCode::CONFLICT,
            Refusal::Failed(error) if error.kind() == ErrorKind::NotFound => StatusCode::NOT_FOUND,
            Refusal::Failed(_) | Refusal::Broken(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    fn words(&self) -> (&'static str, String) {
        match self {
            Refusal::Misdirected => ("Not here", "This address is not the one of this program.".to_owned()),
            Refusal::CrossSite => (
                "Please open Enamel again",
                "This came from another page, or from one that was open for too long. Nothing was done.".to_owned(),
            ),
            Refusal::ComeIn => ("Please come in first", "Nothing was done.".to_owned()),
            Refusal::NotAllowed(role) => (
                "You may not do this",
                format!("This needs somebody with the role “{}”. Nothing was done.", role.name()),
            ),
            Refusal::NoSuchPage => ("There is no such page", "The address leads nowhere.".to_owned()),
            Refusal::Malformed(what) => ("This cannot be understood", format!("Enamel does not understand {what}.")),
            Refusal::TooLarge => ("This is too much", "A form of this page is never so large.".to_owned()),
            Refusal::TooSlow => {
                ("This took too long", "The form did not come to its end. Nothing was done.".to_owned())
            }
            Refusal::Busy(Busy(task)) => (
                "Something else is under way",
                format!("A run is under way ({}). Wait until it has ended, or stop it.", task.name()),
            ),
            Refusal::WillNotDo(why) => ("This will not do", why.clone()),
            Refusal::Failed(error) => ("This did not work", chain(error.as_ref()).to_string()),
            Refusal::Broken(why) => ("A mistake in Enamel", why.clone()),
        }
    }
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Refusal::Failed(Box::new(error))
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let (headline, why) = self.words();
        let hint = match &self {
            Refusal::Failed(error) => error.hint(),
            _ => None,
        };
        let text = Shown { headline, why: &why, hint }.render().unwrap_or(why.clone());
        (self.status(), Html(text)).into_response()
    }
}
