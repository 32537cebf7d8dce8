//! Notices at the first start: the form of the settings, and a test of what they say.

use std::sync::Arc;

use axum::Form;
use axum::extract::State;
use axum::response::{IntoResponse, Redirect};
use http::StatusCode;

use super::super::door::Visitor;
use super::super::office::on_a_thread;
use super::super::setup::{Step, Wizard};
use super::super::view::Mark;
use super::settings::{problems, tried_mark};
use super::settings_change::{Card, Changed, Part, change_first, check, first_card};
use super::setup::{Frame, look};
use super::{Answer, Refusal};

/// Notices on the last page of the first start.
pub(super) struct Tell {
    pub(super) card: Card,
    /// Somebody is told already, so a test makes sense.
    pub(super) has_ways: bool,
    pub(super) tried: Option<Mark>,
    pub(super) tried_lines: Vec<String>,
}

/// Saves who is told.
pub(super) async fn change(
    State(wizard): State<Arc<Wizard>>,
    visitor: Visitor,
    Form(fields): Form<Vec<(String, String)>>,
) -> Answer {
    check(&fields)?;
    is_last_step(&wizard).await?;
    let asked = wizard.clone();
    let change = move || asked.look_at_settings(|context| change_first(context, Part::Tell, &fields));
    match on_a_thread(change).await? {
        Changed::Saved => Ok(Redirect::to("/").into_response()),
        Changed::Again(card) => {
            let tell = Tell { card, ..wizard.tell().await? };
            let mut answer = look(&wizard).await?.end(Frame::new(&visitor, Step::End), None, None, tell)?;
            *answer.status_mut() = StatusCode::BAD_REQUEST;
            Ok(answer)
        }
    }
}

/// Sends a test, and says whether it was sent.
pub(super) async fn test(State(wizard): State<Arc<Wizard>>, visitor: Visitor) -> Answer {
    is_last_step(&wizard).await?;
    let asked = wizard.clone();
    let (exit, messages) = on_a_thread(move || asked.test_notices()).await?;
    let (tried, tried_lines) = (Some(tried_mark(exit)), problems(&messages));
    let tell = Tell { tried, tried_lines, ..wizard.tell().await? };
    look(&wizard).await?.end(Frame::new(&visitor, Step::End), None, None, tell)
}

/// Refuses notices before there are settings to write them into.
async fn is_last_step(wizard: &Arc<Wizard>) -> Result<(), Refusal> {
    match look(wizard).await?.step {
        Step::End => Ok(()),
        _ => Err(Refusal::WillNotDo("Answer the questions before it first. Nothing was changed.".to_owned())),
    }
}

impl Wizard {
    /// Notices as the settings have them.
    pub(super) async fn tell(self: &Arc<Self>) -> engine::Result<Tell> {
        let asked = self.clone();
        let read = move || {
            asked.look_at_settings(|context| {
                let notify = &context.settings.file.notify;
                let has_ways = notify.mail.is_some() || notify.ping.is_some() || !notify.webhook.is_empty();
                let card = first_card(context, Part::Tell)?;
                Ok(Tell { card, has_ways, tried: None, tried_lines: Vec::new() })
            })
        };
        on_a_thread(read).await
    }
}
