//! The memory's database: its tables and its version. Opening adds the tables that an older version lacks.

use std::path::Path;

use repo_format::id::RepositoryId;
use rusqlite::{Connection, TransactionBehavior, params};

use super::file::SCHEMA_VERSION;
use super::{kept, losses, rows};
use crate::sqlite::{self, Create, Unusable, damage};

/// The tables of version 1. Line 0 stands for all places.
const SEEN: &str = "
CREATE TABLE repository (id BLOB NOT NULL, serial BLOB NOT NULL);
CREATE TABLE lines (number INTEGER PRIMARY KEY AUTOINCREMENT);
CREATE TABLE places (name TEXT PRIMARY KEY, line INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE manifests (
    id BLOB PRIMARY KEY, digest BLOB NOT NULL, kind INTEGER NOT NULL, seconds INTEGER NOT NULL,
    nanoseconds INTEGER NOT NULL, family BLOB NOT NULL, sum BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE sightings (line INTEGER NOT NULL, manifest BLOB NOT NULL, PRIMARY KEY (line, manifest)) WITHOUT ROWID;
CREATE TABLE versions (
    line INTEGER NOT NULL, name TEXT NOT NULL, number INTEGER NOT NULL, digest BLOB NOT NULL, sum BLOB NOT NULL,
    PRIMARY KEY (line, name)) WITHOUT ROWID;
CREATE TABLE troubles (name TEXT PRIMARY KEY, text TEXT NOT NULL) WITHOUT ROWID;
";

/// The additional tables of version 2, each row for one place: the losses found there, and the manifests that
/// disappeared from there for good.
const FOUND: &str = "
CREATE TABLE verdicts (
    place TEXT NOT NULL, manifest BLOB NOT NULL, suffers INTEGER NOT NULL, seconds INTEGER NOT NULL, sum BLOB NOT NULL,
    PRIMARY KEY (place, manifest)) WITHOUT ROWID;
CREATE TABLE heard (place TEXT NOT NULL, record BLOB NOT NULL, PRIMARY KEY (place, record)) WITHOUT ROWID;
CREATE TABLE damage (
    place TEXT NOT NULL, pack BLOB NOT NULL, chunks BLOB NOT NULL, sum BLOB NOT NULL, PRIMARY KEY (place, pack));
CREATE TABLE gone (place TEXT NOT NULL, manifest BLOB NOT NULL, PRIMARY KEY (place, manifest)) WITHOUT ROWID;
";

/// The additional table of version 3: copies of vital objects, each for one place.
const KEPT: &str = "
CREATE TABLE kept (
    place TEXT NOT NULL, name TEXT NOT NULL, object BLOB NOT NULL, sum BLOB NOT NULL, PRIMARY KEY (place, name));
";

/// The additional table of version 4: the manifests that were seen in each place. Several places may share a line.
const HERE: &str = "
CREATE TABLE here (place TEXT NOT NULL, manifest BLOB NOT NULL, PRIMARY KEY (place, manifest)) WITHOUT ROWID;
";

/// Earlier versions knew only lines: everything of a line counts as seen in each of its places.
const HERE_AS_BEFORE: &str = "
INSERT OR IGNORE INTO here (place, manifest)
SELECT p.name, s.manifest FROM places p JOIN sightings s ON s.line = p.line;
";

/// Opens the memory, or makes it if it does not exist. Checks all of it, because it is small.
pub fn open(path: &Path, repository: RepositoryId) -> Result<Connection, Unusable> {
    let mut connection = sqlite::open(path, Create::IfAbsent)?;
    // A power loss must not take back what was seen.
    connection.pragma_update(None, "synchronous", "full")?;
    let version = sqlite::version(&connection)?;
    match version {
        0 => make(&mut connection, repository)?,
        1..=3 => migrate(&mut connection)?,
        _ if version > SCHEMA_VERSION => return Err(Unusable::Newer),
        _ => {}
    }
    check(&connection, repository)?;
    Ok(connection)
}

/// A memory that ends with this process.
pub fn open_private(repository: RepositoryId) -> rusqlite::Result<Connection> {
    let mut connection = sqlite::open_private()?;
    make(&mut connection, repository)?;
    Ok(connection)
}

fn make(connection: &mut Connection, repository: RepositoryId) -> rusqlite::Result<()> {
    sqlite::create(connection, &[SEEN, FOUND, KEPT, HERE].concat(), SCHEMA_VERSION, |t| {
        t.execute("INSERT INTO repository (id, serial) VALUES (?1, randomblob(16))", params![repository.0]).map(|_| ())
    })
}

/// Adds the tables that an earlier version lacks. Another process may have been faster.
fn migrate(connection: &mut Connection) -> rusqlite::Result<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let version = sqlite::version(&transaction)?;
    if version == 1 {
        transaction.execute_batch(FOUND)?;
    }
    if version < 3 {
        transaction.execute_batch(KEPT)?;
    }
    if version < SCHEMA_VERSION {
        transaction.execute_batch(HERE)?;
        transaction.execute_batch(HERE_AS_BEFORE)?;
        transaction.pragma_update(None, "user_version", SCHEMA_VERSION)?;
    }
    transaction.commit()
}

fn check(connection: &Connection, repository: RepositoryId) -> Result<(), Unusable> {
    sqlite::check_schema(connection, &[SEEN, FOUND, KEPT, HERE].concat())?;
    let said: String = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
    if said != "ok" {
        return Err(Unusable::Spoilt(said));
    }
    let id: [u8; 16] = connection
        .query_row("SELECT id FROM repository", [], |row| row.get(0))
        .map_err(|error| if matches!(error, rusqlite::Error::QueryReturnedNoRows) { damage() } else { error })?;
    if id != repository.0 {
        return Err(Unusable::Spoilt("it is another repository's".to_owned()));
    }
    rows::check_all(connection)?;
    losses::check_all(connection)?;
    kept::check_all(connection)?;
    Ok(())
}
