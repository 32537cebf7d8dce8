//! SQLite databases in folders of the user: opening them, sharing them with other processes, and recognising damage.

mod lock;

use std::collections::HashSet;
use std::io;
use std::path::Path;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags};

pub use lock::Lock;

/// The time that one process waits for another.
const BUSY_TIMEOUT: Duration = Duration::from_secs(60);

/// Why a database cannot be used.
#[derive(Debug)]
pub enum Unusable {
    /// It is damaged, or something else: it contains nothing useful.
    Spoilt(String),
    /// A newer version of this program has written it.
    Newer,
    /// It cannot be used at present: busy, no space, no permission. It may be intact.
    Failed(rusqlite::Error),
}

impl From<rusqlite::Error> for Unusable {
    fn from(error: rusqlite::Error) -> Self {
        if is_damage(&error) { Unusable::Spoilt(error.to_string()) } else { Unusable::Failed(error) }
    }
}

/// Whether an error means that a database is damaged. The queries are right. So if SQLite rejects one, or a value is
/// wrong, the tables have changed.
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

/// The error for values that were never written.
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

/// Opens a database for reading and writing, and makes it if `create` says so.
///
/// # Errors
/// SQLite's.
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

/// Whether to make a missing database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Create {
    /// Make it.
    IfAbsent,
    /// Fail to open.
    Never,
}

/// Opens a database for this process only: in memory, and in an unnamed file when it grows.
///
/// # Errors
/// SQLite's.
pub fn open_private() -> rusqlite::Result<Connection> {
    let connection = Connection::open("")?;
    prepare(&connection)?;
    Ok(connection)
}

fn prepare(connection: &Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(BUSY_TIMEOUT)?;
    // Without this guarantee SQLite plans a cached statement again for new values, which takes longer than the look-up.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    Ok(())
}

/// The version that a database states; 0 if it is empty.
///
/// # Errors
/// SQLite's.
pub fn version(connection: &Connection) -> rusqlite::Result<i64> {
    connection.query_row("PRAGMA user_version", [], |row| row.get(0))
}

/// Makes the tables of `schema` in an empty database, in one transaction. Another process may be faster.
///
/// # Errors
/// SQLite's.
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
/// SQLite's; [`damage`] if they differ.
pub fn check_schema(connection: &Connection, schema: &str) -> rusqlite::Result<()> {
    let mut statement = connection.prepare("SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL")?;
    let there: HashSet<String> = statement.query_map([], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?;
    let mut wanted = schema.split(';').map(str::trim).filter(|sql| !sql.is_empty());
    if wanted.all(|sql| there.contains(sql)) { Ok(()) } else { Err(damage()) }
}
