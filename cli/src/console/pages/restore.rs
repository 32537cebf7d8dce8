//! Restore, in three steps: what and when, where to, check and start. The command that does it is the same as on a command line.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use askama::Template;
use axum::extract::{Path as Address, State};
use axum::response::{IntoResponse, Redirect};
use axum::routing::{get, post};
use axum::{Form, Router};
use engine::filesystem::free_space;
use engine::repository::Repository;
use engine::snapshots::saved::{Database, databases};
use engine::snapshots::{KnownSnapshots, Snapshot};
use engine::{Error, ErrorKind};
use repo_format::manifest::RootKind;
use serde::Deserialize;

use super::super::door::{Role, Thing, Visitor};
use super::super::office::search;
use super::super::view::{Frame, Mark, Tab, Tone, number, time};
use super::{Answer, House, Refusal, page};
use crate::agent::{Ask, Task, now};
use crate::context::Context;
use crate::ui::format;

/// The routes.
pub fn routes() -> Router<Arc<House>> {
    Router::new()
        .route("/restore/{thing}", get(choose))
        .route("/restore/check", post(check))
        .route("/restore", post(start))
        .route("/elsewhere", get(elsewhere))
}

/// Where it goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Way {
    /// Files into a new folder.
    Folder,
    /// A database under another name on the server.
    Copy,
}

impl Way {
    fn name(self) -> &'static str {
        match self {
            Way::Folder => "folder",
            Way::Copy => "copy",
        }
    }

    /// It as the journal has it: the names of files may be those of patients.
    fn ask(self, thing: &Thing) -> Ask {
        let what = match self {
            Way::Folder => "bring back into a folder",
            Way::Copy => "bring back a database as a copy",
        };
        Ask::about(what, format!("backup {}", format::short(thing.snapshot)))
    }
}

#[derive(Deserialize)]
struct Chosen {
    thing: u64,
    way: Way,
    #[serde(default)]
    folder: String,
    #[serde(default)]
    schema: String,
    #[serde(default)]
    name: String,
}

#[derive(Template)]
#[template(path = "restore.html")]
struct Choose {
    frame: Frame,
    number: u64,
    what: What,
    folders: Vec<String>,
    proposed: String,
    schemas: Vec<String>,
    name: String,
    has_server: bool,
}

#[derive(Template)]
#[template(path = "restore_check.html")]
struct Check {
    frame: Frame,
    what: What,
    chosen: Chosen,
    target: String,
    facts: Vec<Mark>,
    is_possible: bool,
}

#[derive(Template)]
#[template(path = "elsewhere.html")]
struct Elsewhere {
    frame: Frame,
    repository: String,
    key: Option<String>,
    profile: Option<String>,
}

/// The thing that is brought back.
struct What {
    name: String,
    size: String,
    backup: time::Moment,
    /// Its time, as a part of a file name.
    stamp: String,
    has_database: bool,
    has_files: bool,
}

async fn choose(State(house): State<Arc<House>>, visitor: Visitor, Address(number): Address<u64>) -> Answer {
    let frame = house.frame(&visitor, Tab::Find).await;
    let thing = visitor.0.thing(number)?;
    let asked = thing.clone();
    let may_choose = visitor.0.person.role == Role::Owner;
    let (what, schemas, has_server) = house
        .office
        .look(move |context, repository| {
            let snapshot = search::snapshot_of(repository, asked.snapshot)?;
            let what = What::of(repository, &asked, &snapshot)?;
            let schemas = if what.has_database { schemas(repository, &snapshot)? } else { Vec::new() };
            Ok((what, schemas, context.settings.file.database.is_some()))
        })
        .await?;
    let stamp = stamp(&what, &thing);
    let folders: Vec<String> =
        house.office.settings().restore_to.iter().map(|folder| folder.display().to_string()).collect();
    let proposed = match folders.first() {
        Some(folder) => format!("{folder}/{stamp}"),
        None if may_choose => format!("/srv/restored/{stamp}"),
        None => String::new(),
    };
    let name = format!("{}_{stamp}", schemas.first().map_or("copy", String::as_str)).replace('-', "_");
    page(&Choose { frame, number, what, folders, proposed, schemas, name, has_server })
}

async fn check(State(house): State<Arc<House>>, visitor: Visitor, Form(chosen): Form<Chosen>) -> Answer {
    let frame = house.frame(&visitor, Tab::Find).await;
    let thing = visitor.0.thing(chosen.thing)?;
    let order = house.command(&visitor, &thing, &chosen)?;
    let target = order.target.clone();
    let (what, free) = house
        .office
        .look(move |_, repository| {
            let snapshot = search::snapshot_of(repository, thing.snapshot)?;
            Ok((What::of(repository, &thing, &snapshot)?, order.folder.as_deref().map(room)))
        })
        .await?;
    let mut facts = Vec::new();
    let mut is_possible = true;
    match free {
        Some(Ok(room)) => {
            facts.push(Mark::new(Tone::GOOD, format!("{} are free there", number::bytes(room))));
            facts.push(Mark::new(Tone::GOOD, "The folder is new, or empty: nothing is overwritten"));
        }
        Some(Err(error)) => {
            is_possible = false;
            facts.push(Mark::new(Tone::BAD, error.to_string()));
        }
        None => facts.push(Mark::new(
            Tone::GOOD,
            "The copy gets a name of its own. If a database of that name is there, nothing is done",
        )),
    }
    facts.push(Mark::new(Tone::GOOD, "Every byte is compared with what was saved"));
    page(&Check { frame, what, chosen, target, facts, is_possible })
}

async fn start(State(house): State<Arc<House>>, visitor: Visitor, Form(chosen): Form<Chosen>) -> Answer {
    let thing = visitor.0.thing(chosen.thing)?;
    let order = house.command(&visitor, &thing, &chosen)?;
    if let Some(folder) = order.folder.clone() {
        house.office.think(move || room(&folder).map(drop)).await?;
    }
    house.order(&visitor, chosen.way.ask(&thing), Task::Restore, order.words).await?;
    Ok(Redirect::to("/work").into_response())
}

async fn elsewhere(State(house): State<Arc<House>>, visitor: Visitor) -> Answer {
    let frame = house.frame(&visitor, Tab::Find).await;
    let shown = house.office.look_at_settings(|context| Ok(places(context))).await?;
    let (repository, key, profile) = shown;
    page(&Elsewhere { frame, repository, key, profile })
}

fn places(context: &Context<'_>) -> (String, Option<String>, Option<String>) {
    let settings = &context.settings;
    let repository = settings.repository.as_ref().map_or_else(String::new, |setting| setting.value.to_string());
    let key = settings.secret.value.path().map(|path| path.display().to_string());
    (repository, key, settings.file.profile.clone())
}

/// The command of a restore, and what it is shown as.
struct Command {
    words: Vec<OsString>,
    target: String,
    folder: Option<PathBuf>,
}

impl House {
    /// The command that brings `thing` back as it was chosen.
    fn command(&self, visitor: &Visitor, thing: &Thing, chosen: &Chosen) -> Result<Command, Refusal> {
        match chosen.way {
            Way::Folder => {
                let folder = self.target(visitor, &chosen.folder)?;
                let words = vec!["restore".into(), named(thing), "--target".into(), folder.clone().into()];
                Ok(Command { words, target: folder.display().to_string(), folder: Some(folder) })
            }
            Way::Copy => {
                check_name(&chosen.schema, &chosen.name)?;
                let pair = format!("{}={}", chosen.schema, chosen.name);
                let mut words: Vec<OsString> = vec!["restore".into(), thing.snapshot.to_string().into()];
                words.extend(["--schema".into(), pair.into(), "--check".into(), "--to-database".into()]);
                let url = self.office.database().ok_or_else(|| {
                    Refusal::WillNotDo("The settings name no database server of this office.".to_owned())
                })?;
                words.push(url.into());
                Ok(Command { words, target: format!("database {}", chosen.name), folder: None })
            }
        }
    }

    /// The folder that was asked for, if this person may use it.
    fn target(&self, visitor: &Visitor, folder: &str) -> Result<PathBuf, Refusal> {
        let folder = PathBuf::from(folder.trim());
        let is_plain = folder.is_absolute()
            && folder.components().all(|part| matches!(part, Component::RootDir | Component::Normal(_)));
        if !is_plain {
            return Err(Refusal::WillNotDo(
                "Name the whole folder, from the first slash on, and without “..”.".to_owned(),
            ));
        }
        let listed = &self.office.settings().restore_to;
        if visitor.0.person.role < Role::Owner && !listed.iter().any(|allowed| is_below(&folder, allowed)) {
            return Err(Refusal::WillNotDo(
                "Staff bring things back only into the folders that are listed in the settings.".to_owned(),
            ));
        }
        Ok(folder)
    }
}

/// Whether `folder` is really below `allowed`: links on the way there lead nowhere else.
fn is_below(folder: &Path, allowed: &Path) -> bool {
    if !folder.starts_with(allowed) || folder == allowed {
        return false;
    }
    // The part that exists already decides where the rest will be.
    let existing = folder.ancestors().find(|part| part.symlink_metadata().is_ok());
    let real = existing.and_then(|part| part.canonicalize().ok());
    let real_allowed = allowed.canonicalize().ok();
    real.zip(real_allowed).is_some_and(|(real, allowed)| real.starts_with(allowed))
}

/// Names of databases that need no quoting anywhere.
pub(super) fn check_name(schema: &str, name: &str) -> Result<(), Refusal> {
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if name.is_empty() || name.len() > 64 || !name.chars().all(is_word) || name == schema {
        return Err(Refusal::WillNotDo(
            "The name of the copy is letters, digits and underscores, and not the name of the live database."
                .to_owned(),
        ));
    }
    if schema.is_empty() || schema.contains('=') || schema.starts_with('-') {
        return Err(Refusal::Malformed("the name of the database"));
    }
    Ok(())
}

/// `SNAP:PATH`; a whole snapshot without a path.
fn named(thing: &Thing) -> OsString {
    let id = thing.snapshot.to_string().into_bytes();
    match thing.path.is_empty() {
        true => OsString::from_vec(id),
        false => OsString::from_vec([&id[..], b":", &thing.path].concat()),
    }
}

/// Room where `folder` will be, which must be new or empty.
fn room(folder: &Path) -> engine::Result<u64> {
    let what = || format!("cannot bring anything back to {}", folder.display());
    match folder.read_dir() {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        inside => {
            if inside.map_err(|error| Error::io(what(), error))?.next().is_some() {
                return Err(Error::new(ErrorKind::Refused, format!("{}: something is in this folder already", what())));
            }
        }
    }
    let existing = folder.ancestors().find(|part| part.is_dir()).unwrap_or(Path::new("/"));
    free_space(existing).map_err(|error| Error::io(what(), error))
}

/// The databases in the newest snapshot that has any.
pub(super) fn schemas_of_newest(repository: &Repository) -> engine::Result<Vec<String>> {
    let has_database = |snapshot: &Snapshot| databases(&snapshot.manifest).next().is_some();
    let known = KnownSnapshots::of(repository)?.newest_first();
    let newest = known.read(repository).find(|read| read.as_ref().map_or(true, has_database)).transpose()?;
    newest.map_or_else(|| Ok(Vec::new()), |newest| schemas(repository, &newest))
}

/// The databases in a snapshot.
fn schemas(repository: &Repository, snapshot: &Snapshot) -> engine::Result<Vec<String>> {
    let reader = engine::pack::ChunkReader::new(repository);
    Database::open(&reader, &snapshot.manifest, None)?.schema_names()
}

/// A name for the place of a restore: the time of the backup, and what it is of.
fn stamp(what: &What, thing: &Thing) -> String {
    let day = &what.stamp;
    let last = thing.path.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
    let last: String = String::from_utf8_lossy(last).chars().filter(char::is_ascii_alphanumeric).take(30).collect();
    if last.is_empty() { day.clone() } else { format!("{day}-{last}") }
}

impl What {
    fn of(repository: &Repository, thing: &Thing, snapshot: &Snapshot) -> engine::Result<Self> {
        let opened = search::open(repository, thing, 0)?;
        let size = match &opened.entry {
            Some(entry) => number::bytes(entry.size),
            None if thing.path.is_empty() => number::bytes(snapshot.manifest.statistics.total_bytes),
            None => number::counted(opened.count as u64, "thing"),
        };
        let is_whole = thing.path.is_empty();
        let has = |is_database: bool| {
            snapshot.manifest.roots.iter().any(|root| (root.kind == RootKind::Database) == is_database)
        };
        let is_in_database = search::is_in_database(snapshot, &thing.path);
        Ok(What {
            name: if is_whole { "Everything in this backup".to_owned() } else { format::path(&thing.path) },
            size,
            backup: time::moment(snapshot.manifest.seconds, &now()),
            stamp: time::here(snapshot.manifest.seconds).strftime("%Y-%m-%d-%H%M").to_string(),
            has_database: (is_whole && has(true)) || is_in_database,
            has_files: !is_in_database && has(false),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_below_another_only_where_no_link_leads_out() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::fs::create_dir_all(at("allowed/inside")).unwrap();
        std::fs::create_dir(at("other")).unwrap();
        std::os::unix::fs::symlink(at("other"), at("allowed/link")).unwrap();
        let is_below = |name: &str| super::is_below(&at(name), &at("allowed"));
        assert!(is_below("allowed/new") && is_below("allowed/inside/new/er"));
        assert!(
            !is_below("allowed") && !is_below("allowed/link/new") && !is_below("allowedx/new") && !is_below("other")
        );
    }

    #[test]
    fn the_name_of_a_copy_is_a_word_and_not_that_of_the_live_database() {
        assert!(check_name("opendental", "opendental_24nov").is_ok());
        for name in ["", "opendental", "a b", "a`b", "a=b", "--x", "a;b", "ä", &"x".repeat(65)] {
            assert!(check_name("opendental", name).is_err(), "{name}");
        }
    }
}
