//! Two backups beside each other: what is new, changed and gone.

use std::sync::Arc;

use askama::Template;
use axum::Router;
use axum::extract::{Path, Query, State};
use axum::routing::get;
use engine::Error;
use engine::snapshots::diff::{Change, ChangeKind, Detail, PartChange, RowLimits, compare_within};
use engine::snapshots::part::Part;
use jiff::Zoned;
use repo_format::entry::EntryKind;
use repo_format::id::LeaseId;
use serde::Deserialize;

use super::super::door::{Session, Thing, Visitor};
use super::super::office::{Line, search};
use super::super::view::{Frame, Tab, number, time};
use super::compare_rows::{ROWS_MAX, ROWS_TOLD, Table, Tables, name};
use super::find::Tile;
use super::{Answer, House, Refusal, page};
use crate::agent::now;
use crate::ui::format;

/// Files of each kind that are shown.
const SHOWN_MAX: usize = 120;
/// Backups that can be chosen, before and after the one that is looked at.
const CHOICES: usize = 30;

/// The routes.
pub fn routes() -> Router<Arc<House>> {
    Router::new().route("/compare/{id}", get(show))
}

#[derive(Deserialize)]
struct With {
    with: Option<String>,
}

#[derive(Template)]
#[template(path = "compare.html")]
struct Page {
    frame: Frame,
    id: String,
    before: time::Moment,
    after: time::Moment,
    choices: Vec<Choice>,
    tables: Vec<Table>,
    tables_count: String,
    tables_more: u64,
    unreadable: Unreadable,
    groups: Vec<Group>,
}

struct Choice {
    id: String,
    words: String,
    is_chosen: bool,
}

/// Files to which the same happened.
struct Group {
    name: &'static str,
    count: String,
    is_cut: bool,
    tiles: Vec<Tile>,
}

/// The differences.
#[derive(Default)]
struct Differences {
    new: Kind,
    changed: Kind,
    gone: Kind,
    tables: Tables,
    unreadable: Unreadable,
}

/// The things that cannot be compared, because one of the backups is damaged there.
#[derive(Default)]
struct Unreadable {
    count: u64,
    first: Vec<String>,
}

#[derive(Default)]
struct Kind {
    count: usize,
    first: Vec<Change>,
}

async fn show(
    State(house): State<Arc<House>>,
    visitor: Visitor,
    Path(id): Path<String>,
    Query(With { with }): Query<With>,
) -> Answer {
    let frame = house.frame(&visitor, Tab::Backup).await;
    let id: LeaseId = id.parse().map_err(|_| Refusal::Malformed("the address"))?;
    let with = with.map(|with| with.parse()).transpose().map_err(|_| Refusal::Malformed("the address"))?;
    let lines = house.office.lines().await?;
    let pair = Pair::choose(&lines, id, with)?;
    let (before, after) = (pair.before, pair.after);
    let found = house
        .office
        .look(move |context, repository| {
            let snapshot = |id| search::snapshot_of(repository, id);
            let (before, after) = (snapshot(before)?, snapshot(after)?);
            let mut differences = Differences::default();
            let mut found = |found: &PartChange| match context.ui.is_interrupted() {
                true => Err(Error::cancelled()),
                false => {
                    differences.note(found);
                    Ok(())
                }
            };
            let limits = RowLimits::new(ROWS_MAX, ROWS_TOLD);
            compare_within(&limits, repository, [&before, &after], &mut found, context.ui)?;
            Ok(differences)
        })
        .await?;
    let now = now();
    page(&Page {
        frame,
        id: after.to_string(),
        before: time::moment(pair.before_seconds, &now),
        after: time::moment(pair.after_seconds, &now),
        choices: pair.choices(&lines, &now),
        groups: found.groups(&pair, &visitor.0, &now),
        tables_count: found.tables.counted(),
        tables_more: found.tables.more(),
        unreadable: found.unreadable,
        tables: found.tables.first,
    })
}

/// The two backups, and where the later one is in the list.
struct Pair {
    before: LeaseId,
    before_seconds: i64,
    after: LeaseId,
    after_seconds: i64,
    at: usize,
}

impl Pair {
    /// The one that was asked for, and another: the one before it of the same things, unless one was chosen.
    fn choose(lines: &[Arc<Line>], id: LeaseId, with: Option<LeaseId>) -> Result<Self, Refusal> {
        let gone = || Refusal::WillNotDo("This backup is not there any more.".to_owned());
        let at = lines.iter().position(|line| line.id == id).ok_or_else(gone)?;
        let line = &lines[at];
        let is_alike = |other: &Line| {
            other.source.folders == line.source.folders && other.source.databases == line.source.databases
        };
        let before = match with {
            Some(with) => lines.iter().find(|line| line.id == with),
            None => lines[..at].iter().rev().find(|other| is_alike(other)),
        };
        let before = before.ok_or_else(|| {
            Refusal::WillNotDo("There is no earlier backup of the same things to compare with.".to_owned())
        })?;
        Ok(Pair { before: before.id, before_seconds: before.seconds, after: id, after_seconds: line.seconds, at })
    }

    fn choices(&self, lines: &[Arc<Line>], now: &Zoned) -> Vec<Choice> {
        let (from, to) = (self.at.saturating_sub(CHOICES), (self.at + CHOICES).min(lines.len()));
        let others = lines[from..to].iter().rev().filter(|line| line.id != self.after);
        let choice = |line: &Arc<Line>| Choice {
            id: line.id.to_string(),
            words: time::moment(line.seconds, now).words,
            is_chosen: line.id == self.before,
        };
        others.map(choice).collect()
    }
}

impl Differences {
    fn note(&mut self, found: &PartChange) {
        if let Detail::Unreadable(_) = found.detail {
            return self.unreadable.note(found);
        }
        if found.part != Part::Plain {
            return self.tables.note(found);
        }
        let change = &found.change;
        let entry = change.after.as_ref().or(change.before.as_ref());
        if entry.is_some_and(|entry| entry.kind == EntryKind::Directory) {
            return;
        }
        let kind = match change.kind {
            ChangeKind::Added => &mut self.new,
            ChangeKind::Removed => &mut self.gone,
            ChangeKind::Content | ChangeKind::Type => &mut self.changed,
            ChangeKind::Metadata => return,
        };
        kind.count += 1;
        if kind.first.len() < SHOWN_MAX {
            kind.first.push(change.clone());
        }
    }

    fn groups(&self, pair: &Pair, session: &Session, now: &Zoned) -> Vec<Group> {
        let kinds = [("New", &self.new), ("Changed", &self.changed), ("Gone", &self.gone)];
        let shown = kinds.into_iter().filter(|(_, kind)| kind.count > 0).map(|(name, kind)| Group {
            name,
            count: number::count(kind.count as u64),
            is_cut: kind.count > kind.first.len(),
            tiles: kind.first.iter().filter_map(|change| tile(change, pair, session, now)).collect(),
        });
        shown.collect()
    }
}

impl Unreadable {
    fn note(&mut self, found: &PartChange) {
        self.count += 1;
        if self.first.len() < SHOWN_MAX {
            self.first.push(match found.part {
                Part::Plain => format::path(&found.change.path),
                Part::Server | Part::Schema | Part::Table | Part::Stored => name(&found.change.path),
            });
        }
    }

    fn counted(&self) -> String {
        number::counted(self.count, "thing")
    }
}

/// A tile that leads to the later version, or to the last one there was.
fn tile(change: &Change, pair: &Pair, session: &Session, now: &Zoned) -> Option<Tile> {
    let (snapshot, entry) = match (&change.after, &change.before) {
        (Some(entry), _) => (pair.after, entry),
        (None, entry) => (pair.before, entry.as_ref()?),
    };
    Some(Tile::plain(&Thing { snapshot, path: change.path.clone() }, entry, session, now))
}
