//! SQLite databases in folders of the user: opening them, who else uses them, and which errors mean that one is damaged.

mod lock;

use std::collections::HashSet;
use std::io;
use std::path::Path;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags};

pub use lock::Lock;

/// So long one process waits for another.
const BUSY_TIMEOUT: Duration = Duration::from_secs(60);

/// Why a database cannot be used.
#[derive(Debug)]
pub enum Unusable {
    /// It is damaged, or not what it should be: there is nothing to be had from it.
    Spoilt(String),
    /// A newer version of this program has written it.
    Newer,
    /// It cannot be used now: busy, no room, no rights. It may be good.
    Failed(rusqlite::Error),
}

impl From<rusqlite::Error> for Unusable {
    fn from(error: rusqlite::Error) -> Self {
        if is_damage(&error) { Unusable::Spoilt(error.to_string()) } else { Unusable::Failed(error) }
    }
}

/// Whether an error says that a database is damaged. Queries are right: so where one is not understood, or a value is not what it should be,
/// the tables are not what they were.
pub fn is_damage(error: &rusqlite::Error) -> bool {
    use rusqlite::Error as E;
    match error {
        E::SqliteFailure(failure, _) => matches!(
            failure.code,
            ErrorCode::DatabaseCorrupt
                | ErrorCode::NotADatabase
                | ErrorCode::Unknown
                | ErrorCode::ConstraintViolation
                | ErrorCode::TypeMismatch
        ),
        E::FromSqlConversionFailure(..) | E::IntegralValueOutOfRange(..) | E::InvalidColumnType(..) => true,
        E::SqlInputError { .. } => true,
        _ => false,
    }
}

/// The error for values that cannot be what was written.
pub fn damage() -> rusqlite::Error {
    rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_CORRUPT), None)
}

/// Makes a folder that only its user may enter.
///
/// # Errors
/// If it cannot be made.
pub fn make_folder(folder: &Path) -> io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

/// Opens a database for reading and writing; makes an empty one if `create` says so.
///
/// # Errors
/// Those of SQLite.
pub fn open(path: &Path, create: Create) -> rusqlite::Result<Connection> {
    let create = match create {
        Create::IfAbsent => OpenFlags::SQLITE_OPEN_CREATE,
        Create::Never => OpenFlags::empty(),
    };
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX | create;
    let connection = Connection::open_with_flags(path, flags)?;
    prepare(&connection)?;
    Ok(connection)
}

/// Whether a database that is not there is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Create {
    /// It is.
    IfAbsent,
    /// It is not: opening fails.
    Never,
}

/// Opens a database of this process alone: in memory, and in a file without a name when it grows.
///
/// # Errors
/// Those of SQLite.
pub fn open_private() -> rusqlite::Result<Connection> {
    let connection = Connection::open("")?;
    prepare(&connection)?;
    Ok(connection)
}

fn prepare(connection: &Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(BUSY_TIMEOUT)?;
    // Without this guarantee SQLite plans a kept statement anew each time it is given other values, which takes longer than the look-up.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    Ok(())
}

/// The version that a database says it has; 0 if it is empty.
///
/// # Errors
/// Those of SQLite.
pub fn version(connection: &Connection) -> rusqlite::Result<i64> {
    connection.query_row("PRAGMA user_version", [], |row| row.get(0))
}

/// Makes the tables of `schema` in a database that has none, in one transaction; another process may be first.
///
/// # Errors
/// Those of SQLite.
pub fn create(
    connection: &mut Connection,
    schema: &str,
    version: i64,
    fill: impl FnOnce(&rusqlite::Transaction<'_>) -> rusqlite::Result<()>,
) -> rusqlite::Result<()> {
    let transaction = connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
    if self::version(&transaction)? == 0 {
        transaction.execute_batch(schema)?;
        fill(&transaction)?;
        transaction.pragma_update(None, "user_version", version)?;
    }
    transaction.commit()
}

/// Checks that the tables are those of `schema`.
///
/// # Errors
/// Those of SQLite; [`damage`] if they are not.
pub fn check_schema(connection: &Connection, schema: &str) -> rusqlite::Result<()> {
    let mut statement = connection.prepare("SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL")?;
    let there: HashSet<String> = statement.query_map([], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?;
    let mut wanted = schema.split(';').map(str::trim).filter(|sql| !sql.is_empty());
    if wanted.all(|sql| there.contains(sql)) { Ok(()) } else { Err(damage()) }
}
