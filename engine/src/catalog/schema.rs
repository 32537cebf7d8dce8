//! Opening the cache's database: its tables, its version, and starting over.

use std::collections::HashSet;
use std::path::Path;
use std::time::Duration;

use repo_format::id::RepositoryId;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use crate::error::{Error, ErrorKind, Result};

const DATABASE: &str = "index.sqlite";
/// The files that SQLite keeps.
pub const FILES: [&str; 3] = [DATABASE, "index.sqlite-wal", "index.sqlite-shm"];
/// Stands beside the database when a query has met damage; the next run begins anew.
const CORRUPT: &str = "corrupt";
/// Another version is not migrated: a cache is begun anew.
const SCHEMA_VERSION: i64 = 3;
/// Bytes of the database that are mapped: what is mapped counts as memory, however large it grows.
const MAPPED: i64 = 16 << 20;
const BUSY_TIMEOUT: Duration = Duration::from_secs(60);

const SCHEMA: &str = "
CREATE TABLE repository (id BLOB NOT NULL);
CREATE TABLE segments (number INTEGER PRIMARY KEY, id BLOB NOT NULL UNIQUE);
CREATE TABLE named (segment INTEGER NOT NULL, pack INTEGER NOT NULL, PRIMARY KEY (pack, segment)) WITHOUT ROWID;
CREATE TABLE packs (
    number INTEGER PRIMARY KEY AUTOINCREMENT, id BLOB NOT NULL UNIQUE, size INTEGER NOT NULL,
    class INTEGER NOT NULL, epoch INTEGER NOT NULL, salt BLOB NOT NULL);
CREATE TABLE salts (
    pack INTEGER NOT NULL, place INTEGER NOT NULL, epoch INTEGER NOT NULL, salt BLOB NOT NULL,
    PRIMARY KEY (pack, place)) WITHOUT ROWID;
CREATE TABLE chunks (
    id BLOB NOT NULL, pack INTEGER NOT NULL, offset INTEGER NOT NULL, sealed INTEGER NOT NULL, plain INTEGER NOT NULL,
    position INTEGER NOT NULL, salt INTEGER NOT NULL, kind INTEGER NOT NULL, PRIMARY KEY (id, pack)) WITHOUT ROWID;
CREATE TABLE counted (snapshot BLOB NOT NULL, pack INTEGER NOT NULL, PRIMARY KEY (snapshot, pack)) WITHOUT ROWID;
CREATE TABLE verified (pack BLOB PRIMARY KEY, seconds INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE manifests (
    id BLOB PRIMARY KEY, digest BLOB NOT NULL, kind INTEGER NOT NULL, seconds INTEGER NOT NULL,
    nanoseconds INTEGER NOT NULL, family BLOB NOT NULL, sum BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE remembered (
    name TEXT PRIMARY KEY, number INTEGER NOT NULL, digest BLOB NOT NULL, sum BLOB NOT NULL) WITHOUT ROWID;
";

/// Opens the database in `folder`, beginning it anew if it is not there, corrupt, or another repository's.
pub fn open_or_begin(folder: &Path, repository: RepositoryId) -> Result<Connection> {
    let cache = |e: std::io::Error| {
        Error::caused(ErrorKind::Cache, format!("cannot use the local cache {}", folder.display()), e)
    };
    make_folder(folder).map_err(cache)?;
    if !folder.join(CORRUPT).exists()
        && let Ok(connection) = open(folder, repository)
    {
        return Ok(connection);
    }
    for name in FILES.into_iter().chain([CORRUPT]) {
        match std::fs::remove_file(folder.join(name)) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => return Err(cache(e)),
            _ => {}
        }
    }
    open(folder, repository)
        .map_err(|e| Error::caused(ErrorKind::Cache, format!("cannot use the local cache {}", folder.display()), e))
}

fn make_folder(folder: &Path) -> std::io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

fn open(folder: &Path, repository: RepositoryId) -> rusqlite::Result<Connection> {
    let mut connection = Connection::open(folder.join(DATABASE))?;
    configure(&connection)?;
    connection.pragma_update(None, "journal_mode", "wal")?;
    // WAL with NORMAL loses the newest transactions in a power loss, never consistency; and a cache may lose.
    connection.pragma_update(None, "synchronous", "normal")?;
    let transaction = connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
    let version: i64 = transaction.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    match version {
        SCHEMA_VERSION => {
            check_schema(&transaction)?;
            let id: [u8; 16] = transaction.query_row("SELECT id FROM repository", [], |row| row.get(0))?;
            if id != repository.0 {
                return Err(rusqlite::Error::QueryReturnedNoRows);
            }
        }
        0 => {
            transaction.execute_batch(SCHEMA)?;
            transaction.execute("INSERT INTO repository (id) VALUES (?1)", [repository.0])?;
            transaction.pragma_update(None, "user_version", SCHEMA_VERSION)?;
        }
        _ => return Err(rusqlite::Error::QueryReturnedNoRows),
    }
    // The header of a damaged file may say that nobody may write.
    if transaction.is_readonly("main")? {
        return Err(corrupt());
    }
    // A torn page shows here or in the query that meets it; the check costs a millisecond for a small cache.
    transaction.query_row("SELECT count(*) FROM segments", [], |row| row.get::<_, i64>(0))?;
    transaction.commit()?;
    Ok(connection)
}

/// Checks that the tables are those of [`SCHEMA`].
fn check_schema(connection: &Connection) -> rusqlite::Result<()> {
    let mut statement = connection.prepare("SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL")?;
    let there: HashSet<String> = statement.query_map([], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?;
    let mut wanted = SCHEMA.split(';').map(str::trim).filter(|sql| !sql.is_empty());
    match wanted.all(|sql| there.contains(sql)) {
        true => Ok(()),
        false => Err(corrupt()),
    }
}

/// The error for values that cannot be what was written.
pub fn corrupt() -> rusqlite::Error {
    rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_CORRUPT), None)
}

/// Notes that the database is damaged, if `error` says so, for the next run to begin anew.
pub fn note_corruption(folder: &Path, error: &rusqlite::Error) {
    use rusqlite::ErrorCode as C;
    let says_so = match error.sqlite_error_code() {
        // Queries are right, so where one is not understood, or a value is not what it should be, the tables are not what they were.
        Some(C::DatabaseCorrupt | C::NotADatabase | C::Unknown | C::ConstraintViolation | C::TypeMismatch) => true,
        Some(_) => false,
        None => true,
    };
    if says_so {
        // Where even this fails, the folder must be removed by hand, as the error's hint says.
        std::fs::write(folder.join(CORRUPT), []).unwrap_or_default();
    }
}

/// Another connection, which only reads.
pub fn open_reader(folder: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(folder.join(DATABASE), flags)?;
    configure(&connection)?;
    connection.pragma_update(None, "query_only", true)?;
    Ok(connection)
}

fn configure(connection: &Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(BUSY_TIMEOUT)?;
    // Without this guarantee SQLite plans a kept statement anew each time it is given other values, which takes longer than the look-up.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    connection.pragma_update(None, "cache_size", -8192)?;
    connection.pragma_update(None, "mmap_size", MAPPED)?;
    connection.pragma_update(None, "temp_store", "memory")
}
