//! One thing in a backup: a folder with what is in it, or a file with its picture and its history.

use std::sync::Arc;

use askama::Template;
use axum::Router;
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use engine::pictures::FileKind;
use engine::repository::Repository;
use http::{HeaderValue, header};
use jiff::Zoned;
use repo_format::entry::EntryKind;
use serde::Deserialize;

use super::super::door::{Session, Thing, Visitor};
use super::super::office::search::{self, Dated, ENTRIES_SHOWN, Opened};
use super::super::previews;
use super::super::view::{Frame, Tab, number, time};
use super::find::{Tile, is_picture};
use super::{Answer, House, Refusal, page};
use crate::agent::{Ask, now};
use crate::percent::escaped;
use crate::ui::format;

/// The largest side of a thumbnail, in pixels.
const THUMBNAIL: u32 = 280;
/// The same of a picture.
const PICTURE: u32 = 1600;
/// A saved file runs nothing, whatever it is.
const SANDBOX: &str = "default-src 'none'; sandbox";

/// The routes.
pub fn routes() -> Router<Arc<House>> {
    Router::new()
        .route("/things/{thing}", get(show))
        .route("/things/{thing}/thumbnail", get(thumbnail))
        .route("/things/{thing}/picture", get(picture))
        .route("/things/{thing}/copy", get(copy))
}

#[derive(Deserialize)]
struct From {
    #[serde(default)]
    from: usize,
}

#[derive(Template)]
#[template(path = "thing.html")]
struct Page {
    frame: Frame,
    number: u64,
    name: String,
    backup: time::Moment,
    crumbs: Vec<(u64, String)>,
    is_folder: bool,
    is_whole: bool,
    is_picture: bool,
    facts: Vec<(&'static str, String)>,
    tiles: Vec<Tile>,
    count: String,
    before: Option<usize>,
    after: Option<usize>,
    versions: Vec<VersionShown>,
}

struct VersionShown {
    /// Where this version is shown; none if nothing was there.
    number: Option<u64>,
    title: &'static str,
    when: String,
    size: String,
    backups: String,
    is_this: bool,
}

async fn show(
    State(house): State<Arc<House>>,
    visitor: Visitor,
    Path(number): Path<u64>,
    Query(From { from }): Query<From>,
) -> Answer {
    let frame = house.frame(&visitor, Tab::Find).await;
    let thing = visitor.0.thing(number)?;
    let asked = thing.clone();
    let lines = house.office.lines().await?;
    let (opened, history) = house
        .office
        .look(move |_, repository| {
            let opened = search::open(repository, &asked, from)?;
            let is_file = opened.entry.is_some();
            let history = if is_file { search::history(repository, &lines, &asked.path)? } else { Vec::new() };
            Ok((opened, history))
        })
        .await?;
    page(&Page::of(frame, number, &thing, opened, &history, (&visitor.0, from)))
}

impl Page {
    fn of(
        frame: Frame,
        number: u64,
        thing: &Thing,
        opened: Opened,
        history: &[Dated],
        seen: (&Session, usize),
    ) -> Self {
        let (session, from) = seen;
        let now = now();
        let seconds = opened.snapshot.manifest.seconds;
        let child = |path: &[u8]| Thing { snapshot: thing.snapshot, path: path.to_vec() };
        let tiles = opened.entries.iter().map(|(path, entry)| Tile::plain(&child(path), entry, session, &now));
        let is_folder = opened.entry.is_none();
        let name = match thing.path.rsplit(|byte| *byte == b'/').next() {
            Some(name) if !name.is_empty() => format::path(name),
            _ => "Everything in this backup".to_owned(),
        };
        let shown_to = from + opened.entries.len();
        Page {
            frame,
            number,
            name,
            backup: time::moment(seconds, &now),
            crumbs: crumbs(thing, session),
            is_folder,
            is_whole: thing.path.is_empty(),
            is_picture: !is_folder && is_picture(&thing.path),
            facts: opened.entry.as_ref().map(|entry| facts(entry, &now)).unwrap_or_default(),
            tiles: tiles.collect(),
            count: number::counted(opened.count as u64, "thing"),
            before: (from > 0).then(|| from.saturating_sub(ENTRIES_SHOWN)),
            after: (shown_to < opened.count).then_some(shown_to),
            versions: versions(thing, history, session, &now),
        }
    }
}

/// The folders above a thing.
fn crumbs(thing: &Thing, session: &Session) -> Vec<(u64, String)> {
    let ends = thing.path.iter().enumerate().filter(|(_, byte)| **byte == b'/').map(|(at, _)| at);
    let above = |end: usize| Thing { snapshot: thing.snapshot, path: thing.path[..end].to_vec() };
    let name = |end: usize| match thing.path[..end].rsplit(|byte| *byte == b'/').next() {
        Some(name) if !name.is_empty() => format::path(name),
        _ => "everything".to_owned(),
    };
    let first = (!thing.path.is_empty()).then_some(0);
    first.into_iter().chain(ends).map(|end| (session.things.number(above(end)), name(end))).collect()
}

fn facts(entry: &repo_format::entry::Entry, now: &Zoned) -> Vec<(&'static str, String)> {
    let mut facts = vec![("Last changed", time::moment(entry.mtime().seconds, now).words)];
    if entry.kind == EntryKind::File {
        facts.push(("Size", number::bytes(entry.size)));
    }
    if let Some(user) = &entry.user {
        facts.push(("Owner", format::path(user.as_bytes())));
    }
    facts
}

fn versions(thing: &Thing, history: &[Dated], session: &Session, now: &Zoned) -> Vec<VersionShown> {
    let oldest = history.len().saturating_sub(1);
    let shown = history.iter().enumerate().map(|(at, dated)| {
        let newest_of = dated.version.snapshots.last().copied();
        let entry = dated.version.entry.as_ref();
        let (first, last) = (time::moment(dated.first, now).words, time::moment(dated.last, now).words);
        let before = history.get(at + 1).map(|before| time::moment(before.last, now).words);
        let when = match (entry, before) {
            (None, Some(before)) => format!("between {before} and {first}"),
            _ if dated.version.snapshots.len() == 1 => first,
            _ => format!("{first} to {last}"),
        };
        VersionShown {
            number: entry
                .and(newest_of)
                .map(|snapshot| session.things.number(Thing { snapshot, path: thing.path.clone() })),
            title: match entry {
                None => "Deleted",
                Some(_) if at == oldest => "First saved",
                Some(_) if history.get(at + 1).is_some_and(|before| before.version.entry.is_none()) => "Back again",
                Some(_) => "Changed",
            },
            when,
            size: entry.map_or_else(String::new, |entry| number::bytes(entry.size)),
            backups: format!("in {}", number::counted(dated.version.snapshots.len() as u64, "backup")),
            is_this: dated.version.snapshots.contains(&thing.snapshot),
        }
    });
    shown.collect()
}

async fn thumbnail(State(house): State<Arc<House>>, visitor: Visitor, Path(number): Path<u64>) -> Answer {
    house.preview(visitor.0.thing(number)?, THUMBNAIL).await
}

/// A picture as it was saved, if browsers show its kind; else a preview. Its kind is what its first bytes say.
async fn picture(State(house): State<Arc<House>>, visitor: Visitor, Path(number): Path<u64>) -> Answer {
    let thing = visitor.0.thing(number)?;
    let asked = thing.clone();
    let bytes = house.office.look(move |_, repository| search::read_picture(repository, &asked)).await?;
    let kind = match FileKind::by_first_bytes(&bytes) {
        Some(FileKind::Jpeg) => "image/jpeg",
        Some(FileKind::Png) => "image/png",
        Some(FileKind::Gif) => "image/gif",
        Some(FileKind::Bmp) => "image/bmp",
        _ => return house.preview(thing, PICTURE).await,
    };
    Ok(([(header::CONTENT_TYPE, kind), (header::CONTENT_SECURITY_POLICY, SANDBOX)], bytes).into_response())
}

/// A file as it was saved, to keep: never shown in the browser.
async fn copy(State(house): State<Arc<House>>, visitor: Visitor, Path(number): Path<u64>) -> Answer {
    let thing = visitor.0.thing(number)?;
    let asked = thing.clone();
    let ask = Ask::about("save a copy of a file", format!("backup {}", format::short(thing.snapshot)));
    let (asker, journal) = (visitor.0.clone(), house.journal.clone());
    let read = move |repository: &Repository| search::read_picture(repository, &asked);
    let bytes =
        house.office.look(move |_, repository| journal.during(asker.person.orderer(), &ask, || read(repository)));
    let bytes = bytes.await?;
    let mut answer = bytes.into_response();
    let headers = answer.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(SANDBOX));
    let name = thing.path.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
    let disposition = HeaderValue::from_str(&format!("attachment; filename*=UTF-8''{}", escaped(name)));
    headers.insert(header::CONTENT_DISPOSITION, disposition.map_err(|error| Refusal::Broken(error.to_string()))?);
    Ok(answer)
}

impl House {
    async fn preview(self: &Arc<Self>, thing: Thing, side: u32) -> Answer {
        let key = (thing.snapshot, thing.path.clone(), side);
        let png = match self.previews.kept(&key) {
            Some(png) => png,
            None => {
                let picture = self.office.look(move |_, repository| search::read_picture(repository, &thing)).await?;
                let png = Arc::new(self.office.think(move || previews::make(picture, side)).await?);
                self.previews.keep(key, png.clone());
                png
            }
        };
        let kind = [(header::CONTENT_TYPE, "image/png"), (header::CACHE_CONTROL, "no-store")];
        let answer: Response = (kind, png.as_slice().to_vec()).into_response();
        Ok(answer)
    }
}

impl Session {
    /// The thing of a number that this session was shown.
    ///
    /// # Errors
    /// It was forgotten, or never shown.
    pub(super) fn thing(&self, number: u64) -> Result<Thing, Refusal> {
        self.things.thing(number).ok_or_else(|| {
            Refusal::WillNotDo("This page is too old. Go to Find & restore, and look for it again.".to_owned())
        })
    }
}
