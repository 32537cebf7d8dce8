//! The state as JSON lines.

use engine::Result;
use engine::repository::KnownCopy;
use engine::snapshots::status::{DatabaseStatus, SnapshotRef};
use serde::Serialize;

use super::details::{disappeared, put_back, second_copy};
use super::{Judged, Shown, checks};
use crate::commands::config::conditions::{self, ConditionsMessage};
use crate::exit::Exit;
use crate::ui::{Ui, format, json};
use crate::writer;

/// `source`: what is saved together.
#[derive(Serialize)]
struct Source<'a> {
    host: &'a str,
    roots: Vec<json::Root>,
    snapshot: String,
    time: String,
    age_seconds: Option<u64>,
    is_fine: bool,
    is_old: bool,
    problems: u64,
    lost_data: bool,
    last_whole: Option<Moment>,
    databases: Vec<Database<'a>>,
}

#[derive(Serialize)]
struct Moment {
    id: String,
    time: String,
}

#[derive(Serialize)]
struct Database<'a> {
    name: String,
    missing: Vec<Missing<'a>>,
    late: Vec<Late<'a>>,
}

#[derive(Serialize)]
struct Missing<'a> {
    what: &'a str,
    schema: &'a str,
    name: &'a str,
    why: &'a str,
    last_good: Option<Moment>,
}

#[derive(Serialize)]
struct Late<'a> {
    schema: &'a str,
    table: &'a str,
    read: String,
    why: &'a str,
}

#[derive(Serialize)]
struct Unreadable {
    id: String,
    message: String,
}

#[derive(Serialize)]
struct MissingSnapshot {
    id: String,
    time: String,
    message: String,
}

/// `second_copy`: another repository with copies of this one.
#[derive(Serialize)]
struct SecondCopy<'a> {
    repository: String,
    place: &'a str,
    newest: String,
    newest_time: Option<String>,
    checked: String,
    level: u8,
    read_percent: Option<u8>,
    only: Option<&'a [String]>,
    message: String,
}

impl<'a> SecondCopy<'a> {
    fn of(known: &'a KnownCopy) -> Self {
        let copy = &known.copy;
        SecondCopy {
            repository: copy.repository.to_string(),
            place: &copy.place,
            newest: copy.newest.id.to_string(),
            newest_time: known.newest_time.map(format::rfc3339),
            checked: format::rfc3339(format::seconds(copy.checked)),
            level: copy.level,
            read_percent: copy.read_percent,
            only: copy.only.as_deref(),
            message: second_copy(known),
        }
    }
}

#[derive(Serialize)]
struct Summary {
    is_fine: bool,
    sources: usize,
    health: &'static str,
    oldest_age_seconds: Option<u64>,
    /// Whether the storage keeps conditions of writes, where that was tried.
    conditions: Option<ConditionsMessage>,
}

/// Prints everything.
pub(super) fn print(ui: &Ui, shown: &Shown<'_>, exit: Exit) -> Result<()> {
    let Shown { status, judged, moments, health, config } = shown;
    for judged in *judged {
        ui.message("source", source(judged))?;
        let problems = &judged.source.problems;
        ui.problems(problems, problems.len() as u64)?;
    }
    moments.message(ui)?;
    for (id, error) in &status.unreadable {
        ui.message("unreadable_snapshot", Unreadable { id: id.to_string(), message: error.to_string() })?;
    }
    for gone in &status.missing {
        let (id, time) = (gone.id.to_string(), format::rfc3339(gone.time));
        ui.message("missing_snapshot", MissingSnapshot { id, time, message: disappeared(gone) })?;
    }
    for back in &status.put_back {
        let (id, time) = (back.id.to_string(), format::rfc3339(back.time));
        ui.message("put_back_snapshot", MissingSnapshot { id, time, message: put_back(back) })?;
    }
    for known in &status.second_copies {
        ui.message("second_copy", SecondCopy::of(known))?;
    }
    status.suffering.iter().try_for_each(|snapshot| ui.message("suffering_snapshot", moment(*snapshot)))?;
    status.future.iter().try_for_each(|snapshot| ui.message("future_snapshot", moment(*snapshot)))?;
    status.writers.iter().try_for_each(|found| ui.message("writer", writer::message(found)))?;
    let oldest_age_seconds = judged.iter().filter_map(|judged| judged.source.age_seconds).max();
    checks::message(ui, health)?;
    let (is_fine, sources, health) = (exit == Exit::Done, judged.len(), health.state().name());
    ui.message(
        "summary",
        Summary {
            is_fine,
            sources,
            health,
            oldest_age_seconds,
            conditions: config.conditions.map(conditions::message),
        },
    )
}

fn source<'a>(judged: &Judged<'a>) -> Source<'a> {
    let source = judged.source;
    let manifest = &source.newest.manifest;
    Source {
        host: &manifest.host,
        roots: manifest.roots.iter().map(json::Root::from).collect(),
        snapshot: source.newest.id.to_string(),
        time: format::rfc3339(manifest.time()),
        age_seconds: source.age_seconds,
        is_fine: judged.is_fine(),
        is_old: judged.is_old,
        problems: manifest.problems.count,
        lost_data: source.suffers_since.is_some(),
        last_whole: source.whole.map(moment),
        databases: source.databases.iter().map(database).collect(),
    }
}

fn moment(snapshot: SnapshotRef) -> Moment {
    Moment { id: snapshot.id.to_string(), time: format::rfc3339(snapshot.time) }
}

fn database(status: &DatabaseStatus) -> Database<'_> {
    let missing = status.missing.iter().map(|missing| Missing {
        what: &missing.object.what,
        schema: &missing.object.schema,
        name: &missing.object.name,
        why: &missing.object.why,
        last_good: missing.good.map(moment),
    });
    let late = status.late.iter().map(|late| Late {
        schema: &late.schema,
        table: &late.table,
        read: format::rfc3339(format::seconds(late.read)),
        why: &late.why,
    });
    let name = String::from_utf8_lossy(&status.root.name.0).into_owned();
    Database { name, missing: missing.collect(), late: late.collect() }
}
