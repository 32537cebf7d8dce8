//! A removal that waits for the night: ordered, taken back, and how it ended.

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse, Redirect};
use axum::routing::post;
use axum::{Form, Router};
use engine::{Error, ErrorKind, Result};
use jiff::Timestamp;

use super::super::door::Visitor;
use super::super::view::{Mark, Tone, number, time};
use super::remove::{Reviewed, one};
use super::remove_told::{Ended, Told};
use super::{Answer, House, Refusal};
use crate::agent::{Ask, EndedRun, Removal, Stage, Task, Why, Wish, now, plan_words, tonight_at};
use crate::commands::purge::plan_digest;

/// Seconds of a day.
const DAY: i64 = 24 * 3600;

/// The routes.
pub fn routes() -> Router<Arc<House>> {
    Router::new().route("/remove/tonight", post(order)).route("/remove/tonight/end", post(end))
}

/// The removal that waits, or how the last one ended.
pub(super) struct Night {
    pub(super) number: u64,
    pub(super) is_ahead: bool,
    pub(super) mark: Mark,
    pub(super) lines: Vec<String>,
}

/// Leaves the newest review for the night.
async fn order(State(house): State<Arc<House>>, visitor: Visitor, Form(fields): Form<Vec<(String, String)>>) -> Answer {
    let reviewed = Reviewed::of(&house, &fields)?;
    let at = house.night().await?.ok_or_else(|| {
        Refusal::WillNotDo("The settings say that people work all night. Nothing was ordered.".to_owned())
    })?;
    let ask = Ask::about("order a removal for the night", plan_words(&reviewed.digest));
    let session = visitor.0.clone();
    let act = move |house: &House| {
        // Read before it is compared: the copy is the plan that was looked at.
        let plan = std::fs::read(&reviewed.plan)
            .map_err(|error| Error::io(format!("cannot read {}", reviewed.plan.display()), error))?;
        if !plan_digest(&reviewed.plan).is_ok_and(|digest| digest == reviewed.digest) {
            return Err(Error::new(ErrorKind::Refused, "Somebody changed the review meanwhile: look and review again"));
        }
        let Reviewed { digest, rows, reason, is_smaller, .. } = reviewed;
        let wish = Wish { digest, rows, reason, is_smaller, at };
        if house.tonight.order(session.person.orderer(), wish, &plan)? {
            return Ok(());
        }
        let message = "Another removal is ordered for the night already: take that one back first";
        Err(Error::new(ErrorKind::Refused, message))
    };
    let ordered = house.act(&visitor, ask, act).await;
    ordered.map_err(|error| match error.kind() {
        ErrorKind::Refused => Refusal::WillNotDo(format!("{error}. Nothing was ordered.")),
        _ => error.into(),
    })?;
    Ok(Redirect::to("/remove").into_response())
}

/// Takes the order back, or lays aside how it ended.
async fn end(State(house): State<Arc<House>>, visitor: Visitor, Form(fields): Form<Vec<(String, String)>>) -> Answer {
    let number = one(&fields, "order").and_then(|text| text.parse().ok()).ok_or(Refusal::Malformed("the order"))?;
    let seen = house.tonight.last().filter(|removal| removal.number == number && !removal.is_ahead());
    let ask = match &seen {
        Some(removal) => Ask::about("see how a removal at night ended", plan_words(&removal.wish.digest)),
        None => Ask::from("take back a removal that was ordered for the night"),
    };
    let taken = house.act(&visitor, ask, move |house| match house.tonight.take_away(number)? {
        Some(_) => Ok(()),
        None => Err(Error::new(ErrorKind::Refused, "it has begun, or is not there any more")),
    });
    taken.await.map_err(|error| match error.kind() {
        ErrorKind::Refused => Refusal::WillNotDo(
            "This removal has begun, or somebody else took it back. Look at the page again.".to_owned(),
        ),
        _ => error.into(),
    })?;
    Ok(Redirect::to("/remove").into_response())
}

impl House {
    /// The time of an order for the coming night; none if people work all night.
    pub(super) async fn night(self: &Arc<Self>) -> Result<Option<Timestamp>> {
        self.office.look(tonight_at).await
    }
}

/// Whether the newest of these runs is the removal itself, whose end the page tells in its own words.
pub(super) fn tells(removal: &Removal, runs: &[EndedRun]) -> bool {
    let newest = runs.iter().rfind(|run| run.run.task == Task::Remove);
    match &removal.stage {
        // The run has ended, and its end is written down in this moment.
        Stage::Begun => true,
        Stage::Ended(outcome) => newest.is_some_and(|run| run.run.began == outcome.began),
        Stage::Waits | Stage::NotBegun(_) | Stage::NotKnown | Stage::Unreadable => false,
    }
}

/// The hour of a time, as clocks show it.
pub(super) fn hour(at: Timestamp) -> String {
    time::here(at.as_second()).strftime("%H:%M").to_string()
}

impl Night {
    /// The words of a removal; none while it is under way, which the page shows in another place.
    pub(super) fn of(removal: &Removal) -> Option<Self> {
        let told = match &removal.stage {
            Stage::Begun => return None,
            Stage::Waits => ahead(removal),
            Stage::Ended(outcome) => Told::of(Ended::said(&outcome.messages, outcome.began))?,
            Stage::NotBegun(why) => not_begun(*why),
            Stage::NotKnown => not_known(),
            Stage::Unreadable => unreadable(),
        };
        let mut lines = told.why;
        let at = removal.wish.at.as_second();
        if !matches!(removal.stage, Stage::Waits | Stage::Unreadable) {
            lines.push(format!("Ordered by {} for {}.", removal.person, time::moment(at, &now()).words));
        }
        Some(Night { number: removal.number, is_ahead: removal.is_ahead(), mark: told.mark, lines })
    }
}

fn ahead(removal: &Removal) -> Told {
    let (at, now) = (removal.wish.at.as_second(), now());
    let when = match at.saturating_sub(now.timestamp().as_second()) {
        ..DAY => format!("tonight at {}", hour(removal.wish.at)),
        _ => time::moment(at, &now).words,
    };
    let rows = number::counted(removal.wish.rows, "row");
    Told {
        mark: Mark::new(Tone::UNKNOWN, format!("{rows} will be removed {when}, ordered by {}", removal.person)),
        why: vec![
            format!("Reason: {}", removal.wish.reason),
            "Each row is compared with the backup once more before it goes. If the computer is off then, nothing is removed.".to_owned(),
        ],
    }
}

fn not_begun(why: Why) -> Told {
    let why = match why {
        Why::Missed => "The computer was off or busy at that time, and people may work by now.",
        Why::HoursChanged => "The office hours were changed after this was ordered, and people work at that time now.",
        Why::OtherPlan => "The review on the disk is not the one that was read when this was ordered.",
        Why::MayNot => "The person who ordered it may not remove anything any more.",
    };
    let again = "Look and review again if the rows are still to go.";
    Told {
        mark: Mark::new(Tone::ATTENTION, "Nothing was removed at night"),
        why: vec![why.to_owned(), again.to_owned()],
    }
}

fn not_known() -> Told {
    let why = "The rows that went stand under “Removed before”, and can be put back. Nothing more goes unless it is ordered again.";
    Told {
        mark: Mark::new(Tone::ATTENTION, "Enamel was stopped while it removed rows at night"),
        why: vec![why.to_owned()],
    }
}

fn unreadable() -> Told {
    let why = "Its file on this computer is damaged, so it does not begin any more. Rows that went, if any, stand under \
               “Removed before”. Look and review again if rows are still to go.";
    Told {
        mark: Mark::new(Tone::ATTENTION, "A removal that was ordered for the night is lost"),
        why: vec![why.to_owned()],
    }
}
