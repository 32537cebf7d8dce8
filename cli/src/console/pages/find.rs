//! Find: one field over all backups.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Redirect};
use axum::routing::get;
use axum::{Form, Router};
use engine::pictures::FileKind;
use engine::repository::Repository;
use jiff::Zoned;
use repo_format::entry::EntryKind;
use serde::Deserialize;

use super::super::door::{Session, Thing, Visitor};
use super::super::office::Patient;
use super::super::office::search::{self, Found};
use super::super::view::{Frame, Tab, number, time};
use super::{Answer, House, Refusal, page};
use crate::agent::now;
use crate::context::Context;
use crate::ui::format;

/// Longest search, in bytes.
const WORDS_MAX: usize = 200;

/// The routes.
pub fn routes() -> Router<Arc<House>> {
    Router::new().route("/find", get(show).post(find)).route("/backups/{id}", get(look_inside))
}

/// The part of the things that were found that is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Chosen {
    /// Everything.
    #[default]
    All,
    /// Pictures.
    Pictures,
    /// Other files.
    Documents,
    /// Things that are not in the newest backup any more.
    Gone,
    /// Things that have several versions.
    Changed,
}

#[derive(Deserialize)]
struct Wanted {
    words: String,
    #[serde(default)]
    chosen: Chosen,
}

#[derive(Template)]
#[template(path = "find.html")]
struct Page {
    frame: Frame,
    words: String,
    results: Option<Results>,
    patients: Vec<Patient>,
    trouble: Option<String>,
}

struct Results {
    count: String,
    is_cut: bool,
    chips: Vec<Chip>,
    tiles: Vec<Tile>,
}

struct Chip {
    name: &'static str,
    value: &'static str,
    count: String,
    is_chosen: bool,
}

/// A thing, as a tile.
pub struct Tile {
    /// Where it is shown.
    pub number: u64,
    /// Its name.
    pub name: String,
    /// Its folder.
    pub folder: String,
    /// When it changed, how large it is.
    pub small: String,
    /// It is gone, since when.
    pub gone: Option<String>,
    /// It can be shown.
    pub is_picture: bool,
    /// It is a folder.
    pub is_folder: bool,
}

async fn show(State(house): State<Arc<House>>, visitor: Visitor) -> Answer {
    let frame = house.frame(&visitor, Tab::Find).await;
    page(&Page { frame, words: String::new(), results: None, patients: Vec::new(), trouble: None })
}

async fn find(State(house): State<Arc<House>>, visitor: Visitor, Form(wanted): Form<Wanted>) -> Answer {
    let Wanted { words, chosen } = wanted;
    let frame = house.frame(&visitor, Tab::Find).await;
    let asked = words.clone();
    let (results, patients, trouble) = if words.len() > WORDS_MAX || words.trim().chars().count() < search::LETTERS_MIN
    {
        (None, Vec::new(), Some(format!("Write {} letters or more of a name.", search::LETTERS_MIN)))
    } else {
        let patients = house.office.patients(words.clone()).await?;
        let lines = house.office.lines().await?;
        let look =
            move |context: &Context<'_>, repository: &Repository| search::search(repository, context, &lines, &asked);
        let found = house.office.look(look).await?;
        (Some(Results::of(found, chosen, &visitor.0, &now())), patients, None)
    };
    page(&Page { frame, words, results, patients, trouble })
}

/// Looks inside a backup.
async fn look_inside(State(house): State<Arc<House>>, visitor: Visitor, Path(id): Path<String>) -> Answer {
    let id = id.parse().map_err(|_| Refusal::Malformed("the address"))?;
    house.office.look(move |_, repository| search::snapshot_of(repository, id).map(drop)).await?;
    let number = visitor.0.things.number(Thing { snapshot: id, path: Vec::new() });
    Ok(Redirect::to(&format!("/things/{number}")).into_response())
}

impl Results {
    fn of(found: search::Results, chosen: Chosen, session: &Session, now: &Zoned) -> Self {
        let kinds: [(Chosen, &'static str, &'static str); 5] = [
            (Chosen::All, "all", "All"),
            (Chosen::Pictures, "pictures", "Pictures"),
            (Chosen::Documents, "documents", "Other files"),
            (Chosen::Gone, "gone", "Deleted since"),
            (Chosen::Changed, "changed", "Changed"),
        ];
        let chips = kinds.map(|(kind, value, name)| Chip {
            name,
            value,
            count: number::count(found.things.iter().filter(|found| kind.has(found)).count() as u64),
            is_chosen: kind == chosen,
        });
        let tiles = found.things.iter().filter(|found| chosen.has(found));
        let count = number::counted(found.things.len() as u64, "thing");
        Results {
            count: if found.is_cut { format!("More than {count}") } else { count },
            is_cut: found.is_cut,
            chips: chips.into(),
            tiles: tiles.map(|found| Tile::of(found, session, now)).collect(),
        }
    }
}

impl Chosen {
    fn has(self, found: &Found) -> bool {
        let is_file = found.entry.kind == EntryKind::File;
        match self {
            Chosen::All => true,
            Chosen::Pictures => is_file && is_picture(&found.thing.path),
            Chosen::Documents => is_file && !is_picture(&found.thing.path),
            Chosen::Gone => found.is_gone,
            Chosen::Changed => found.versions > 1,
        }
    }
}

impl Tile {
    fn of(found: &Found, session: &Session, now: &Zoned) -> Self {
        let versions = if found.versions > 1 { format!(" · {} versions", found.versions) } else { String::new() };
        let gone = found.is_gone.then(|| format!("last saved {}", time::moment(found.last_seen, now).words));
        let tile = Tile::plain(&found.thing, &found.entry, session, now);
        Tile { small: format!("{}{versions}", tile.small), gone, ..tile }
    }

    /// A thing that nothing else is known of.
    pub fn plain(thing: &Thing, entry: &repo_format::entry::Entry, session: &Session, now: &Zoned) -> Self {
        let (folder, name) = match thing.path.iter().rposition(|byte| *byte == b'/') {
            Some(at) => (&thing.path[..at], &thing.path[at + 1..]),
            None => (&[][..], &thing.path[..]),
        };
        let is_folder = entry.kind == EntryKind::Directory;
        let changed = time::moment(entry.mtime().seconds, now).words;
        let small = if is_folder { changed } else { format!("{changed} · {}", number::bytes(entry.size)) };
        Tile {
            number: session.things.number(thing.clone()),
            name: format::path(name),
            folder: format::path(folder),
            small,
            gone: None,
            is_picture: entry.kind == EntryKind::File && is_picture(&thing.path),
            is_folder,
        }
    }
}

/// Whether a file of this name can be shown as a picture.
pub fn is_picture(path: &[u8]) -> bool {
    FileKind::by_name(path).is_some_and(|kind| kind.is_picture() || kind == FileKind::Dicom)
}
