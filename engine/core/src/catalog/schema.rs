//! The catalog's database: its tables, its version, and the reasons why it may be unusable.

use std::path::Path;

use repo_format::id::RepositoryId;
use rusqlite::{Connection, params};

use crate::sqlite::{self, Create, Unusable, damage};

/// The file name of the database.
pub const DATABASE: &str = "catalog.sqlite";
/// The files that SQLite keeps.
pub const FILES: [&str; 3] = [DATABASE, "catalog.sqlite-wal", "catalog.sqlite-shm"];
/// This file appears next to the database when a query has met damage. It names the damaged generation.
const CORRUPT: &str = "corrupt";
/// Other versions are not migrated: the catalog is rebuilt.
const SCHEMA_VERSION: i64 = 5;
/// The number of bytes of the database that are mapped. Mapped pages count as memory, so the limit is low.
const MAPPED: i64 = 16 << 20;

const SCHEMA: &str = "
CREATE TABLE repository (id BLOB NOT NULL, generation BLOB NOT NULL, changes INTEGER NOT NULL, memory BLOB);
CREATE TABLE segments (number INTEGER PRIMARY KEY, id BLOB NOT NULL UNIQUE);
CREATE TABLE named (segment INTEGER NOT NULL, pack INTEGER NOT NULL, PRIMARY KEY (pack, segment)) WITHOUT ROWID;
CREATE INDEX named_by_segment ON named (segment);
CREATE TABLE packs (
    number INTEGER PRIMARY KEY AUTOINCREMENT, id BLOB NOT NULL UNIQUE, size INTEGER NOT NULL,
    class INTEGER NOT NULL, epoch INTEGER NOT NULL, salt BLOB NOT NULL);
CREATE TABLE salts (
    pack INTEGER NOT NULL, place INTEGER NOT NULL, epoch INTEGER NOT NULL, salt BLOB NOT NULL,
    PRIMARY KEY (pack, place)) WITHOUT ROWID;
CREATE TABLE chunks (
    id BLOB NOT NULL, pack INTEGER NOT NULL, offset INTEGER NOT NULL, sealed INTEGER NOT NULL, plain INTEGER NOT NULL,
    position INTEGER NOT NULL, salt INTEGER NOT NULL, kind INTEGER NOT NULL, PRIMARY KEY (id, pack)) WITHOUT ROWID;
CREATE TABLE snapshots (number INTEGER PRIMARY KEY AUTOINCREMENT, id BLOB NOT NULL UNIQUE);
CREATE TABLE counted (snapshot BLOB NOT NULL, pack BLOB NOT NULL, PRIMARY KEY (snapshot, pack)) WITHOUT ROWID;
CREATE TABLE verified (pack BLOB PRIMARY KEY, seconds INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE protected (name TEXT PRIMARY KEY, until INTEGER NOT NULL) WITHOUT ROWID;
";

/// Identifies this file and its state: random bytes from its creation, and the number of changes since.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    /// Random, drawn when the file was made.
    pub generation: [u8; 16],
    /// The number of transactions since then.
    pub changes: i64,
}

impl Stamp {
    pub fn read(connection: &Connection) -> rusqlite::Result<Self> {
        connection
            .prepare_cached("SELECT generation, changes FROM repository")?
            .query_row([], |row| Ok(Stamp { generation: row.get(0)?, changes: row.get(1)? }))
    }
}

/// Opens the database in `folder` as it is, or makes it if it does not exist. Only reads an existing one.
pub fn open(folder: &Path, repository: RepositoryId) -> Result<Connection, Unusable> {
    let mut connection = sqlite::open(&folder.join(DATABASE), Create::IfAbsent)?;
    configure(&connection)?;
    if sqlite::version(&connection)? == 0 {
        connection.pragma_update(None, "journal_mode", "wal")?;
        make(&mut connection, repository)?;
    }
    check(&connection, repository)?;
    // The header of a damaged file may say that it is read-only.
    if connection.is_readonly("main")? {
        return Err(match std::fs::OpenOptions::new().write(true).open(folder.join(DATABASE)) {
            Ok(_) => Unusable::Spoilt("it says that it is read-only".to_owned()),
            Err(_) => Unusable::Failed(read_only()),
        });
    }
    if let Some(damaged) = marked(folder)
        && damaged == Stamp::read(&connection)?.generation
    {
        return Err(Unusable::Spoilt("a query has met damage".to_owned()));
    }
    Ok(connection)
}

/// A database for this process only.
pub fn open_private(repository: RepositoryId) -> rusqlite::Result<Connection> {
    let mut connection = sqlite::open_private()?;
    // It goes to disk when it outgrows 64 MiB.
    connection.pragma_update(None, "cache_size", -65_536)?;
    connection.pragma_update(None, "synchronous", "off")?;
    make(&mut connection, repository)?;
    Ok(connection)
}

fn make(connection: &mut Connection, repository: RepositoryId) -> rusqlite::Result<()> {
    sqlite::create(connection, SCHEMA, SCHEMA_VERSION, |t| {
        let sql = "INSERT INTO repository (id, generation, changes) VALUES (?1, randomblob(16), 0)";
        t.execute(sql, params![repository.0]).map(|_| ())
    })
}

fn check(connection: &Connection, repository: RepositoryId) -> Result<(), Unusable> {
    let version = sqlite::version(connection)?;
    if version > SCHEMA_VERSION {
        return Err(Unusable::Newer);
    }
    if version < SCHEMA_VERSION {
        return Err(Unusable::Spoilt("it is of another version".to_owned()));
    }
    sqlite::check_schema(connection, SCHEMA)?;
    let id: [u8; 16] = connection.query_row("SELECT id FROM repository", [], |row| row.get(0)).map_err(|error| {
        // A missing row was removed.
        if matches!(error, rusqlite::Error::QueryReturnedNoRows) { damage() } else { error }
    })?;
    if id != repository.0 {
        return Err(Unusable::Spoilt("it is another repository's".to_owned()));
    }
    // A torn page shows here, or in the query that meets it. The check takes a millisecond for a small cache.
    connection.query_row("SELECT count(*) FROM segments", [], |row| row.get::<_, i64>(0))?;
    Ok(())
}

fn read_only() -> rusqlite::Error {
    rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_READONLY), None)
}

/// Another connection, which only reads.
pub fn open_reader(folder: &Path) -> rusqlite::Result<Connection> {
    let connection = sqlite::open(&folder.join(DATABASE), Create::Never)?;
    configure(&connection)?;
    connection.pragma_update(None, "query_only", true)?;
    Ok(connection)
}

fn configure(connection: &Connection) -> rusqlite::Result<()> {
    // WAL with NORMAL may lose the newest transactions in a power loss, but stays consistent. A cache may lose them.
    connection.pragma_update(None, "synchronous", "normal")?;
    connection.pragma_update(None, "cache_size", -8192)?;
    connection.pragma_update(None, "mmap_size", MAPPED)?;
    connection.pragma_update(None, "temp_store", "memory")
}

/// Deletes the database. The caller must hold its exclusive lock.
pub fn remove(folder: &Path) -> std::io::Result<()> {
    for name in FILES.into_iter().chain([CORRUPT]) {
        match std::fs::remove_file(folder.join(name)) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => return Err(e),
            _ => {}
        }
    }
    Ok(())
}

/// Notes that the database of this generation is damaged, so that the next run rebuilds it.
pub fn mark(folder: &Path, generation: [u8; 16]) {
    // If even this fails, the user must delete the folder, as the error's hint says.
    std::fs::write(folder.join(CORRUPT), generation).unwrap_or_default();
}

fn marked(folder: &Path) -> Option<[u8; 16]> {
    std::fs::read(folder.join(CORRUPT)).ok()?.try_into().ok()
}
