//! The last choice: the live database goes back to what a backup has. The one that is there now is kept under another name.

use std::ffi::OsString;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use askama::Template;
use axum::extract::{Path as Address, Query, State};
use axum::response::{IntoResponse, Redirect};
use axum::routing::{get, post};
use axum::{Extension, Form, Router};
use engine::Result;
use engine::database::{Connection, Row};
use engine::pack::ChunkReader;
use engine::repository::Repository;
use engine::snapshots::saved::Database;
use engine::snapshots::{KnownSnapshots, Snapshot};
use repo_format::evidence::ActionEnd;
use repo_format::id::LeaseId;
use serde::Deserialize;

use super::super::door::{Denied, Role, Visitor};
use super::super::office::search;
use super::super::server::Peer;
use super::super::view::{Frame, Tab, number, time};
use super::{Answer, House, Refusal, page};
use crate::agent::{Ask, Task, now};
use crate::context::Context;
use crate::database::DatabaseArgs;
use crate::ui::format;

/// The routes.
pub fn routes() -> Router<Arc<House>> {
    Router::new().route("/live/{thing}", get(show)).route("/live", post(start))
}

#[derive(Deserialize)]
struct Wanted {
    #[serde(default)]
    schema: String,
}

#[derive(Deserialize)]
struct Chosen {
    thing: u64,
    schema: String,
    #[serde(default)]
    typed: String,
    #[serde(default)]
    password: String,
}

#[derive(Template)]
#[template(path = "live.html")]
struct Page {
    frame: Frame,
    number: u64,
    backup: time::Moment,
    schema: String,
    schemas: Vec<String>,
    comes: Size,
    goes: Option<Size>,
    /// Time since the backup: the work of this time is not in it.
    lost: String,
    later: u64,
    has_password: bool,
}

/// How much there is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Size {
    tables: String,
    rows: String,
    bytes: String,
}

async fn show(
    State(house): State<Arc<House>>,
    visitor: Visitor,
    Address(number): Address<u64>,
    Query(wanted): Query<Wanted>,
) -> Answer {
    let frame = house.frame(&visitor, Tab::Find).await;
    let thing = visitor.0.thing(number)?;
    let who = frame.who.clone();
    let asked = house.clone();
    let has_password = house.office.think(move || asked.door.people.list()).await?;
    let has_password = has_password.iter().any(|person| person.name == who && person.role == Role::Owner);
    let seen = house.office.look(move |context, repository| {
        let snapshot = search::snapshot_of(repository, thing.snapshot)?;
        Seen::read(context, repository, &snapshot, &wanted.schema)
    });
    let seen = seen.await?;
    let then = seen.seconds;
    page(&Page {
        frame,
        number,
        backup: time::moment(then, &now()),
        schema: seen.schema,
        schemas: seen.schemas,
        comes: seen.comes,
        goes: seen.goes,
        lost: time::age(u64::try_from(now().timestamp().as_second().saturating_sub(then)).unwrap_or(0)),
        later: seen.later,
        has_password,
    })
}

async fn start(
    State(house): State<Arc<House>>,
    visitor: Visitor,
    Extension(Peer(from)): Extension<Peer>,
    Form(chosen): Form<Chosen>,
) -> Answer {
    let thing = visitor.0.thing(chosen.thing)?;
    let snapshot = thing.snapshot;
    let known = house.office.look(move |_, repository| schemas(repository, snapshot)).await?;
    if !known.contains(&chosen.schema) || chosen.schema.contains('=') {
        return Err(Refusal::Malformed("the name of the database"));
    }
    if chosen.typed.trim() != chosen.schema {
        return Err(Refusal::WillNotDo(format!(
            "Type the name of the live database, {}, to say that you mean it. Nothing was done.",
            chosen.schema
        )));
    }
    house.is_really(&visitor, chosen.password, from).await?;
    let url = house
        .office
        .database()
        .ok_or_else(|| Refusal::WillNotDo("The settings name no database server of this office.".to_owned()))?;
    let words = ["restore".to_owned(), snapshot.to_string(), format!("--schema={}", chosen.schema)];
    let words =
        words.into_iter().chain(["--overwrite".to_owned(), "--check".to_owned(), format!("--to-database={url}")]);
    let ask = Ask::about(
        "put a backup in place of the live database",
        format!("{}, backup {}", chosen.schema, format::short(snapshot)),
    );
    house.order(&visitor, ask, Task::Restore, words.map(OsString::from).collect()).await?;
    Ok(Redirect::to("/work").into_response())
}

impl House {
    /// Checks the password of the person who is in, at the computer `from`.
    async fn is_really(
        self: &Arc<Self>,
        visitor: &Visitor,
        password: String,
        from: IpAddr,
    ) -> std::result::Result<(), Refusal> {
        let (house, session) = (self.clone(), visitor.0.clone());
        let checked = self.office.think(move || {
            let person = &session.person;
            let checked = house.door.people.check((&person.name, &password), from, Instant::now())?;
            if !matches!(&checked, Ok(found) if found.role == Role::Owner) {
                let number = house.journal.begin(person.orderer(), &"type the password again".into())?;
                house.journal.end(number, ActionEnd::Refused)?;
            }
            Ok(checked)
        });
        match checked.await? {
            Ok(person) if person.role == Role::Owner => Ok(()),
            Err(Denied::Wait) => {
                Err(Refusal::WillNotDo("There were too many tries. Wait a minute. Nothing was done.".to_owned()))
            }
            _ => Err(Refusal::WillNotDo(
                "The password is not yours, or you have none: an owner gives one under Settings. Nothing was done."
                    .to_owned(),
            )),
        }
    }
}

/// The facts of the page.
struct Seen {
    seconds: i64,
    schema: String,
    schemas: Vec<String>,
    comes: Size,
    goes: Option<Size>,
    /// Backups that are newer.
    later: u64,
}

impl Seen {
    fn read(context: &Context<'_>, repository: &Repository, snapshot: &Snapshot, wanted: &str) -> Result<Self> {
        let reader = ChunkReader::new(repository);
        let database = Database::open(&reader, &snapshot.manifest, None)?;
        let schemas = database.schema_names()?;
        let schema = schemas.iter().find(|name| *name == wanted).or(schemas.first()).cloned().unwrap_or_default();
        let saved = database.schema(&schema)?;
        let names = saved.table_names()?;
        let mut bytes = 0u64;
        let mut rows = 0u64;
        for name in &names {
            let table = saved.table(name)?;
            bytes = bytes.saturating_add(table.row_bytes());
            rows = rows.saturating_add(rows_of(&reader, &table)?);
        }
        let seconds = snapshot.manifest.seconds;
        let later = KnownSnapshots::of(repository)?.times().filter(|(_, other)| *other > seconds).count() as u64;
        Ok(Seen {
            seconds,
            comes: Size::of(names.len() as u64, rows, bytes),
            goes: live(context, &schema)?,
            schema,
            schemas,
            later,
        })
    }
}

fn rows_of(reader: &ChunkReader<'_>, table: &engine::snapshots::saved::SavedTable) -> Result<u64> {
    table.segments(reader)?.try_fold(0u64, |rows, segment| Ok(rows.saturating_add(segment?.rows)))
}

/// The contents of the live database of this name, by the server's own estimate; none if there is none.
fn live(context: &Context<'_>, schema: &str) -> Result<Option<Size>> {
    let Some(address) = DatabaseArgs::default().address(context)? else { return Ok(None) };
    let mut connection = Connection::open(&address)?;
    let sql = "SELECT table_schema, COUNT(*), COALESCE(SUM(table_rows), 0), COALESCE(SUM(data_length), 0) \
               FROM information_schema.tables WHERE table_type = 'BASE TABLE' GROUP BY table_schema";
    // The name is compared here, and never a part of the statement.
    let text = |row: &Row, place: usize| -> Option<String> {
        Some(String::from_utf8_lossy(row.get(place)?.as_deref()?).into_owned())
    };
    let found = connection.rows(sql)?.into_iter().find(|row| text(row, 0).is_some_and(|name| name == schema));
    let count = |row: &Row, place: usize| text(row, place).and_then(|text| text.parse().ok()).unwrap_or(0);
    Ok(found.map(|row| Size::of(count(&row, 1), count(&row, 2), count(&row, 3))))
}

/// The databases in a snapshot.
fn schemas(repository: &Repository, id: LeaseId) -> Result<Vec<String>> {
    let snapshot = search::snapshot_of(repository, id)?;
    let reader = ChunkReader::new(repository);
    Database::open(&reader, &snapshot.manifest, None)?.schema_names()
}

impl Size {
    fn of(tables: u64, rows: u64, bytes: u64) -> Self {
        Size {
            tables: number::counted(tables, "table"),
            rows: number::counted(rows, "row"),
            bytes: number::bytes(bytes),
        }
    }
}
