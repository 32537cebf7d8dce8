//! The work that is under way, and how the last one ended; live, or by asking again.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::{Duration, Instant};

use askama::Template;
use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Form, Router};
use bytes::Bytes;
use engine::monitor::Phase;
use futures_util::stream;
use http::header;
use repo_format::evidence::ActionEnd;
use serde::{Deserialize, Serialize};

use super::super::door::Visitor;
use super::super::server::wait_for;
use super::super::view::{Frame, Mark, Tab, Tone, number, time, words};
use super::{Answer, House, page};
use crate::agent::{EndedRun, Progress, RunningRun, Task, UnderWay, now};

/// How often an open page is told, at most.
const TELL_EVERY: Duration = Duration::from_millis(300);

/// The routes.
pub fn routes() -> Router<Arc<House>> {
    Router::new().route("/work", get(show)).route("/progress", get(follow)).route("/stop", post(stop))
}

#[derive(Template)]
#[template(path = "work.html")]
struct Page {
    frame: Frame,
    shown: Shown,
    ended: Vec<EndedShown>,
}

/// A run under way, as page and script show it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Shown {
    /// The number of the run; none if nothing is under way.
    pub(super) id: Option<u64>,
    /// The number of the run that ended last: a run may be shorter than the time between two looks.
    pub(super) ended: Option<u64>,
    pub(super) headline: String,
    pub(super) stage: String,
    pub(super) percent: Option<u64>,
    pub(super) figures: String,
    pub(super) rate: String,
    pub(super) is_stopping: bool,
}

/// A run that has ended.
struct EndedShown {
    mark: Mark,
    what: &'static str,
    when: time::Moment,
    took: String,
    by: Option<String>,
    lines: Vec<String>,
}

#[derive(Deserialize)]
struct Stop {
    run: u64,
}

async fn show(State(house): State<Arc<House>>, visitor: Visitor) -> Answer {
    let shown = shown(&house);
    let frame = house.frame(&visitor, Tab::Backup).await;
    let now = now();
    let ended = house.office.desk.ended().iter().rev().map(|ended| EndedShown::of(ended, &now)).collect();
    page(&Page { frame, shown, ended })
}

async fn stop(State(house): State<Arc<House>>, visitor: Visitor, Form(Stop { run }): Form<Stop>) -> Answer {
    let stop = move |house: &House| match house.office.desk.stop(run).and_then(|order| order.record) {
        Some(record) => house.journal.end(record, ActionEnd::Stopped),
        None => Ok(()),
    };
    house.act(&visitor, "stop what is under way", stop).await?;
    Ok(Redirect::to("/work").into_response())
}

/// Sends the state whenever it has changed, until the agent ends, the page is left, or the visitor is locked out.
async fn follow(State(house): State<Arc<House>>, visitor: Visitor) -> Response {
    let events = stream::unfold((house, visitor, None), |(house, visitor, last)| async move {
        loop {
            if !house.door.sessions.has(&visitor.0, Instant::now()) {
                return None;
            }
            let now = shown(&house);
            if last.as_ref() != Some(&now) {
                let text = serde_json::to_string(&now).unwrap_or_default();
                let event = Bytes::from(format!("data: {text}\n\n"));
                return Some((Ok::<_, Infallible>(event), (house, visitor, Some(now))));
            }
            tokio::select! {
                () = tokio::time::sleep(TELL_EVERY) => {}
                () = wait_for(house.ended.clone()) => return None,
            }
        }
    });
    ([(header::CONTENT_TYPE, "text/event-stream")], Body::from_stream(events)).into_response()
}

/// The work under way.
pub(super) fn shown(house: &House) -> Shown {
    let desk = &house.office.desk;
    let shown = match desk.under_way() {
        Some(UnderWay::Runs(run)) => Shown::of(&run),
        Some(UnderWay::Waits(id, task)) => {
            Shown { id: Some(id), headline: format!("{} begins", called(task)), ..Shown::nothing() }
        }
        None => Shown::nothing(),
    };
    Shown { ended: desk.last_ended(), ..shown }
}

/// Why a run failed, as it said itself: the message, its causes, and what helps.
pub(super) fn failure(messages: &[serde_json::Value]) -> Vec<String> {
    let errors = messages.iter().filter(|message| message["message_type"] == "exit_error");
    let lines = errors.flat_map(|error| {
        let causes = error["causes"].as_array().into_iter().flatten();
        let parts = std::iter::once(&error["message"]).chain(causes).chain(std::iter::once(&error["hint"]));
        parts.filter_map(serde_json::Value::as_str)
    });
    lines.map(words::plain).collect()
}

/// A kind of work, as people call it.
fn called(task: Task) -> &'static str {
    match task {
        Task::Backup => "Backing up",
        Task::Copy => "Bringing the second copy up to date",
        Task::Drill => "Trying whether it can be brought back",
        Task::Verify => "Reading saved data again",
        Task::Forget => "Making room",
        Task::Restore => "Bringing something back",
        Task::Remove => "Removing old data",
        Task::Other => "Working",
    }
}

impl Shown {
    fn nothing() -> Self {
        let (stage, figures, rate) = (String::new(), String::new(), String::new());
        let headline = "Nothing is under way".to_owned();
        Shown { id: None, ended: None, headline, stage, percent: None, figures, rate, is_stopping: false }
    }

    fn of(run: &RunningRun) -> Self {
        let progress = &run.progress;
        let percent = percent(progress);
        let left = percent.filter(|percent| (3..100).contains(percent));
        let left = left.map(|percent| progress.elapsed_ms / 1000 * (100 - percent) / percent);
        let headline = match left {
            _ if run.is_stopping => "Stopping".to_owned(),
            Some(seconds) => format!("{}: about {} left", called(run.task), time::age(seconds)),
            None => called(run.task).to_owned(),
        };
        let phase = Phase::named(&progress.phase);
        let noun = phase.map_or("piece", words::unit);
        let items = match progress.total_items {
            Some(total) => format!("{} of {}", number::count(progress.done_items), number::counted(total, noun)),
            None => number::counted(progress.done_items, noun),
        };
        let rate = match progress.elapsed_ms {
            0..1000 => String::new(),
            elapsed => format!("{}/s", number::bytes(progress.done_bytes.saturating_mul(1000) / elapsed)),
        };
        Shown {
            id: Some(run.id),
            ended: None,
            headline,
            stage: phase.map_or("", words::stage).to_owned(),
            percent,
            figures: format!("{items} · {}", number::bytes(progress.done_bytes)),
            rate,
            is_stopping: run.is_stopping,
        }
    }
}

/// The share that is done, by bytes where these are known.
fn percent(progress: &Progress) -> Option<u64> {
    let bytes = progress.total_bytes.and_then(|total| number::percent(progress.done_bytes, total));
    bytes.or_else(|| number::percent(progress.done_items, progress.total_items?))
}

impl EndedShown {
    fn of(ended: &EndedRun, now: &jiff::Zoned) -> Self {
        let mark = match ended.exit {
            Some(0) => Mark::new(Tone::GOOD, "done"),
            Some(3) => Mark::new(Tone::ATTENTION, "done, but something was left out"),
            Some(4) => Mark::new(Tone::BAD, "found damage"),
            Some(130) => Mark::new(Tone::UNKNOWN, "stopped"),
            Some(_) => Mark::new(Tone::BAD, "failed"),
            None => Mark::new(Tone::BAD, "was killed"),
        };
        let text = |message: &serde_json::Value| {
            let told = ["note", "problem", "exit_error"].iter().any(|kind| message["message_type"] == *kind);
            told.then(|| message["message"].as_str().map(words::plain)).flatten()
        };
        EndedShown {
            mark,
            what: called(ended.run.task),
            when: time::moment(ended.run.began.as_second(), now),
            took: time::age(ended.seconds),
            by: ended.run.by.clone(),
            lines: ended.run.messages.iter().filter_map(text).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;

    #[test]
    fn the_time_left_is_the_headline_as_soon_as_it_can_be_told() {
        let run = |done_bytes, total_bytes| RunningRun {
            id: 1,
            task: Task::Backup,
            by: None,
            began: Timestamp::UNIX_EPOCH,
            progress: Progress { done_bytes, total_bytes, elapsed_ms: 60_000, ..Progress::default() },
            messages: Vec::new(),
            is_stopping: false,
        };
        assert_eq!(Shown::of(&run(10, None)).headline, "Backing up");
        assert_eq!(Shown::of(&run(1, Some(1000))).headline, "Backing up");
        let mut quarter = run(250, Some(1000));
        (quarter.progress.phase, quarter.progress.done_items) = ("walk".to_owned(), 1);
        let quarter = Shown::of(&quarter);
        assert_eq!(
            (quarter.stage.as_str(), quarter.figures.as_str()),
            ("Looking for what is still needed", "1 backup · 250 B")
        );
        assert_eq!((quarter.headline.as_str(), quarter.percent), ("Backing up: about 3 minutes left", Some(25)));
    }
}
