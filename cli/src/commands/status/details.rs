//! Faults, in sentences.

use engine::Result;
use engine::memory::RememberedManifest;
use engine::repository::KnownCopy;
use engine::snapshots::status::{DatabaseStatus, MissingObject, SnapshotRef, Status};
use repo_format::database::LateTable;
use repo_format::manifest::ManifestKind;
use repo_format::node::Problem;

use super::Judged;
use crate::context::lost_since;
use crate::ui::{Ui, format};
use crate::writer;

/// The fault of a snapshot from the future.
const FROM_THE_FUTURE: &str = "from the future: a clock was wrong when it was made, or is wrong now; if the snapshot is wrong, `enamel forget ID` removes it";

/// Tables that are named one by one; of the others only the number is told, unless more is asked for.
const NAMED: usize = 20;

/// Prints what is wrong with sources, which snapshots cannot be read, and who is writing.
pub(super) fn print(ui: &Ui, status: &Status, judged: &[Judged<'_>]) -> Result<()> {
    for judged in judged {
        sentences(ui, judged).into_iter().try_for_each(|sentence| ui.prose(sentence))?;
    }
    for (id, error) in &status.unreadable {
        ui.prose(format_args!("snapshot {} cannot be read: {error}", format::short(id)))?;
    }
    for gone in &status.missing {
        ui.prose(disappeared(gone))?;
    }
    let newest: Vec<_> = judged.iter().map(|judged| judged.source.newest.id).collect();
    for older in status.suffering.iter().filter(|snapshot| !newest.contains(&snapshot.id)) {
        ui.prose(format_args!(
            "{}: it needs data that is lost; `enamel verify` names the affected files",
            shown(*older)
        ))?;
    }
    for back in &status.put_back {
        ui.prose(put_back(back))?;
    }
    for snapshot in &status.future {
        ui.prose(format_args!("{}: {}", shown(*snapshot), FROM_THE_FUTURE))?;
    }
    if ui.is_quiet() {
        return Ok(());
    }
    status.second_copies.iter().try_for_each(|copy| ui.prose(second_copy(copy)))?;
    status.writers.iter().try_for_each(|found| ui.prose(writer::describe(found)))
}

fn sentences(ui: &Ui, judged: &Judged<'_>) -> Vec<String> {
    let source = judged.source;
    let newest = &source.newest;
    if source.is_whole() {
        return Vec::new();
    }
    let mut sentences = Vec::new();
    sentences.extend(source.suffers_since.map(|since| {
        let lost = lost_since(newest, since);
        format!("{lost}; `enamel repair --read-data` and a backup bring back the data that the source still has")
    }));
    sentences.extend(named(ui, &source.problems, problem));
    for database in &source.databases {
        sentences.extend(named(ui, &database.missing, missing));
        sentences.extend(named(ui, &database.late, |table| late(database, table)));
    }
    let what = format::roots(&newest.manifest.roots, ui.is_verbose());
    sentences.push(match source.whole {
        Some(whole) => format!("the last whole snapshot of {what} is {}", shown(whole)),
        None => format!("there is no whole snapshot of {what}"),
    });
    sentences
}

/// A sentence for each of the first of `things`, and one for the others.
fn named<T>(ui: &Ui, things: &[T], sentence: impl Fn(&T) -> String) -> Vec<String> {
    let shown = if ui.is_verbose() { things.len() } else { things.len().min(NAMED) };
    let more = things.len() - shown;
    let rest = (more > 0).then(|| format!("and {more} more; --verbose names them"));
    things[..shown].iter().map(sentence).chain(rest).collect()
}

fn problem(problem: &Problem) -> String {
    format!(
        "{} was not saved properly: {}",
        format::path_or_all(&problem.path.0),
        format::path(problem.message.as_bytes())
    )
}

fn missing(missing: &MissingObject) -> String {
    let object = &missing.object;
    let name = format::path(format!("{}.{}", object.schema, object.name).as_bytes());
    let good = match missing.good {
        Some(good) => format!("; it is in {}", shown(good)),
        None if object.what == "table" => "; no snapshot has it".to_owned(),
        None => String::new(),
    };
    format!("the {} {name} is missing: {}{good}", object.what, format::path(object.why.as_bytes()))
}

fn late(database: &DatabaseStatus, table: &LateTable) -> String {
    let name = format::path(format!("{}.{}", table.schema, table.table).as_bytes());
    let when = format::time(format::seconds(table.read));
    let why = format::path(table.why.as_bytes());
    format!(
        "the table {name} of {} is as it was at {when}, later than the others: {why}",
        format::path(&database.root.name.0)
    )
}

/// Missing snapshots, in words.
pub fn disappeared(manifest: &RememberedManifest) -> String {
    let what = match manifest.kind {
        ManifestKind::Snapshot => "snapshot",
        ManifestKind::Receipt => "receipt",
        _ => "record",
    };
    let (id, time) = (format::short(manifest.id), format::time(manifest.time));
    format!("the {what} {id} of {time} has disappeared, and no record says that it was forgotten")
}

/// Forgotten snapshots that are there again, in words.
pub fn put_back(manifest: &RememberedManifest) -> String {
    let (id, time) = (format::short(manifest.id), format::time(manifest.time));
    format!(
        "snapshot {id} of {time} was forgotten and is there again, as from an old copy of the repository: it does not count"
    )
}

/// A second copy, in words.
pub(super) fn second_copy(known: &KnownCopy) -> String {
    let KnownCopy { copy, newest_time } = known;
    let place = format::path(copy.place.as_bytes());
    let newest = match newest_time.and_then(|time| age(time.seconds)) {
        Some(age) => format!("{age} old"),
        None => "of a snapshot that is not here any more".to_owned(),
    };
    let only = match &copy.only {
        None => String::new(),
        Some(parts) => format!(", only {}", format::path(parts.join(", ").as_bytes())),
    };
    let checked = age(copy.checked).map_or_else(|| "in the future".to_owned(), |age| format!("{age} ago"));
    let how = match (copy.level, copy.read_percent) {
        (1, _) => "listed".to_owned(),
        (2, _) => "read back".to_owned(),
        (_, Some(percent)) => format!("verified, with {percent} % of its data,"),
        _ => "verified, with data,".to_owned(),
    };
    format!("second copy: {place}, {newest}{only}, {how} {checked}")
}

/// How long ago a moment was.
fn age(seconds: i64) -> Option<String> {
    let age = engine::machine::now().seconds.checked_sub(seconds)?;
    u64::try_from(age).ok().map(format::age)
}

fn shown(snapshot: SnapshotRef) -> String {
    format!("{} of {}", format::short(snapshot.id), format::time(snapshot.time))
}
