//! Actions of people: the first ones on the page of proof, all on a page of their own. Names of people are for owners.

use std::sync::Arc;

use askama::Template;
use axum::Router;
use axum::extract::{Query, State};
use axum::routing::get;
use repo_format::evidence::ActionEnd;
use serde::Deserialize;

use super::super::door::Visitor;
use super::super::view::{Frame, Mark, Tab, Tone, number, time, words};
use super::{Answer, House, page};
use crate::agent::now;
use crate::commands::evidence::{Known, action_end, known_actions};

/// Actions on a page.
const ACTIONS_SHOWN: usize = 50;

/// The routes.
pub fn routes() -> Router<Arc<House>> {
    Router::new().route("/proof/actions", get(show))
}

/// Some of all actions.
pub(super) struct Actions {
    pub(super) rows: Vec<Row>,
    pub(super) count: String,
    pub(super) before: Option<usize>,
    pub(super) after: Option<usize>,
    /// This is not their own page.
    pub(super) is_part: bool,
}

/// An action.
pub(super) struct Row {
    pub(super) when: time::Moment,
    pub(super) who: String,
    pub(super) role: String,
    pub(super) what: String,
    pub(super) about: String,
    pub(super) mark: Mark,
    pub(super) is_sealed: bool,
}

#[derive(Deserialize)]
struct From {
    #[serde(default)]
    from: usize,
}

#[derive(Template)]
#[template(path = "actions.html")]
struct Page {
    frame: Frame,
    actions: Actions,
}

async fn show(State(house): State<Arc<House>>, visitor: Visitor, Query(From { from }): Query<From>) -> Answer {
    let frame = house.frame(&visitor, Tab::Proof).await;
    let actions = house.actions(from, ACTIONS_SHOWN).await?;
    page(&Page { frame, actions })
}

impl House {
    /// Actions, the newest first, without the first `from` of them.
    pub(super) async fn actions(self: &Arc<Self>, from: usize, count: usize) -> engine::Result<Actions> {
        let all = self.office.look(|context, repository| known_actions(repository, context)).await?;
        let rows: Vec<_> = all.iter().skip(from).take(count).map(Row::of).collect();
        Ok(Actions {
            count: number::counted(all.len() as u64, "action"),
            before: (from > 0).then(|| from.saturating_sub(count)),
            after: (from.saturating_add(count) < all.len()).then(|| from + count),
            is_part: count < ACTIONS_SHOWN,
            rows,
        })
    }
}

impl Row {
    fn of(known: &Known) -> Self {
        let action = &known.action;
        let tone = match action.end {
            _ if known.is_open => Tone::UNKNOWN,
            ActionEnd::Done => Tone::GOOD,
            ActionEnd::Failed => Tone::BAD,
            ActionEnd::Incomplete | ActionEnd::Refused | ActionEnd::NotKnown => Tone::ATTENTION,
            ActionEnd::Stopped | ActionEnd::Other(_) => Tone::UNKNOWN,
        };
        let words = if known.is_open { "under way" } else { action_end(action.end) };
        Row {
            when: time::moment(action.seconds, &now()),
            who: action.person.clone(),
            role: action.role.clone(),
            what: action.what.clone(),
            about: action.about.as_deref().map(words::plain).unwrap_or_default(),
            mark: Mark::new(tone, words),
            is_sealed: known.is_sealed,
        }
    }
}
