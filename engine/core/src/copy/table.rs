//! Which id a chunk of one repository has in another: a table in the cache folder, for repositories with different id
//! secrets.
//!
//! Each row is true for ever, because an id follows from the contents and the secret. But a wrong row would put other
//! contents into a copy, and nobody would notice: so each row has a tag, whose key follows from both id secrets, and a row
//! without the right tag does not exist.

use std::cell::Cell;
use std::path::{Path, PathBuf};

use repo_format::id::{ChunkId, RepositoryId};
use repo_format::pack::ChunkKind;
use rusqlite::{Connection, OptionalExtension, params};
use zeroize::Zeroizing;

use crate::error::{Error, ErrorKind, Result};
use crate::sqlite::{self, Create, Lock, Unusable};

const DATABASE: &str = "addresses.sqlite";
const FILES: [&str; 3] = [DATABASE, "addresses.sqlite-wal", "addresses.sqlite-shm"];
/// Other versions are not migrated: the table is filled again.
const VERSION: i64 = 1;
const SCHEMA: &str = "
CREATE TABLE addresses (source BLOB PRIMARY KEY, target BLOB NOT NULL, tag BLOB NOT NULL) WITHOUT ROWID;
";
const TAG_LEN: usize = 16;

/// The ids of one chunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Pair {
    pub kind: ChunkKind,
    pub source: ChunkId,
    pub target: ChunkId,
}

/// The table of two repositories.
pub(super) struct Table {
    connection: Connection,
    key: Zeroizing<[u8; 32]>,
    /// The folder, shared with other processes; `None` if this process has the table alone.
    shared: Option<(PathBuf, Lock)>,
    is_damaged: Cell<bool>,
}

/// Where the table of two repositories is.
#[derive(Debug, Clone, Copy)]
pub(super) struct TablePlace<'p> {
    /// The cache folder of the source.
    pub cache: Option<&'p Path>,
    pub target: RepositoryId,
}

impl TablePlace<'_> {
    fn folder(&self) -> Option<PathBuf> {
        self.cache.map(|cache| cache.join(format!("copies-to-{}", self.target)))
    }
}

impl Table {
    /// Opens the table, or makes an empty one. A damaged one is made again, unless another process has it open. If the folder
    /// cannot be used, this process has a table of its own.
    ///
    /// # Errors
    /// [`ErrorKind::Cache`] if SQLite cannot even make that.
    pub fn open(place: TablePlace<'_>, key: Zeroizing<[u8; 32]>) -> Result<Self> {
        if let Some(folder) = place.folder()
            && let Some((connection, lock)) = open_shared(&folder)
        {
            return Ok(Table { connection, key, shared: Some((folder, lock)), is_damaged: Cell::new(false) });
        }
        let private = || {
            let mut connection = sqlite::open_private()?;
            connection.pragma_update(None, "synchronous", "off")?;
            sqlite::create(&mut connection, SCHEMA, VERSION, |_| Ok(()))?;
            Ok(connection)
        };
        let connection = private().map_err(failed("begin a list of ids"))?;
        Ok(Table { connection, key, shared: None, is_damaged: Cell::new(false) })
    }

    /// Whether it has no row.
    pub fn is_empty(&self) -> Result<bool> {
        let any = self.connection.query_row("SELECT EXISTS (SELECT 1 FROM addresses)", [], |row| row.get::<_, bool>(0));
        self.judged("look for ids", any).map(|any| !any)
    }

    /// The id in the target.
    pub fn target_of(&self, kind: ChunkKind, source: &ChunkId) -> Result<Option<ChunkId>> {
        let find = || {
            let mut statement =
                self.connection.prepare_cached("SELECT target, tag FROM addresses WHERE source = ?1")?;
            let row = |row: &rusqlite::Row<'_>| Ok((row.get::<_, [u8; 32]>(0)?, row.get::<_, [u8; TAG_LEN]>(1)?));
            statement.query_row([source.0], row).optional()
        };
        let found = self.judged("look up an id", find())?;
        let pair = |target| Pair { kind, source: *source, target: ChunkId(target) };
        Ok(found.filter(|(target, tag)| self.tag(&pair(*target)) == *tag).map(|(target, _)| ChunkId(target)))
    }

    /// Adds rows.
    pub fn add(&mut self, pairs: &[Pair]) -> Result<()> {
        if pairs.is_empty() {
            return Ok(());
        }
        let tags: Vec<_> = pairs.iter().map(|pair| self.tag(pair)).collect();
        let mut add = || {
            let transaction = self.connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
            let sql = "INSERT OR REPLACE INTO addresses (source, target, tag) VALUES (?1, ?2, ?3)";
            for (pair, tag) in pairs.iter().zip(&tags) {
                transaction.prepare_cached(sql)?.execute(params![pair.source.0, pair.target.0, tag])?;
            }
            transaction.commit()
        };
        let added = add();
        self.judged("note ids", added)
    }

    fn tag(&self, pair: &Pair) -> [u8; TAG_LEN] {
        let mut tagged = [0; 1 + 2 * ChunkId::LEN];
        tagged[0] = pair.kind as u8;
        tagged[1..=ChunkId::LEN].copy_from_slice(&pair.source.0);
        tagged[1 + ChunkId::LEN..].copy_from_slice(&pair.target.0);
        let mut tag = [0; TAG_LEN];
        tag.copy_from_slice(&blake3::keyed_hash(&self.key, &tagged).as_bytes()[..TAG_LEN]);
        tag
    }

    fn judged<T>(&self, action: &'static str, result: rusqlite::Result<T>) -> Result<T> {
        result.map_err(|error| {
            if !sqlite::is_damage(&error) {
                return failed(action)(error);
            }
            self.is_damaged.set(true);
            failed(action)(error).context("the local cache is damaged, and is rebuilt by the next run: run this again")
        })
    }
}

impl Drop for Table {
    fn drop(&mut self) {
        if let Some((folder, lock)) = self.shared.as_ref().filter(|_| self.is_damaged.get())
            && lock.make_exclusive().is_ok_and(|is_exclusive| is_exclusive)
        {
            // A file that stays is found damaged once more.
            remove(folder).unwrap_or_default();
        }
    }
}

fn failed(action: &'static str) -> impl FnOnce(rusqlite::Error) -> Error {
    move |e| Error::caused(ErrorKind::Cache, format!("cannot {action} in the local cache"), e)
}

/// The table in a folder; `None` if it cannot be used now.
fn open_shared(folder: &Path) -> Option<(Connection, Lock)> {
    sqlite::make_folder(folder).ok()?;
    let lock = Lock::shared(folder).ok()?;
    match open(folder) {
        Ok(connection) => return Some((connection, lock)),
        Err(Unusable::Spoilt(_)) if lock.make_exclusive().ok()? => {}
        Err(_) => return None,
    }
    remove(folder).ok()?;
    lock.make_shared().ok()?;
    open(folder).ok().map(|connection| (connection, lock))
}

fn open(folder: &Path) -> std::result::Result<Connection, Unusable> {
    let mut connection = sqlite::open(&folder.join(DATABASE), Create::IfAbsent)?;
    connection.pragma_update(None, "synchronous", "normal")?;
    connection.pragma_update(None, "cache_size", -8192)?;
    if sqlite::version(&connection)? == 0 {
        connection.pragma_update(None, "journal_mode", "wal")?;
        sqlite::create(&mut connection, SCHEMA, VERSION, |_| Ok(()))?;
    }
    match sqlite::version(&connection)? {
        VERSION => sqlite::check_schema(&connection, SCHEMA)?,
        newer if newer > VERSION => return Err(Unusable::Newer),
        _ => return Err(Unusable::Spoilt("it is of another version".to_owned())),
    }
    Ok(connection)
}

/// Deletes the table. The caller must hold its exclusive lock.
fn remove(folder: &Path) -> std::io::Result<()> {
    for name in FILES {
        match std::fs::remove_file(folder.join(name)) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => return Err(e),
            _ => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(folder: &Path) -> Table {
        let place = TablePlace { cache: Some(folder), target: RepositoryId([7; 16]) };
        Table::open(place, Zeroizing::new([1; 32])).unwrap()
    }

    fn pair(number: u8) -> Pair {
        Pair { kind: ChunkKind::Data, source: ChunkId([number; 32]), target: ChunkId([number + 100; 32]) }
    }

    fn file(folder: &Path) -> PathBuf {
        folder.join(format!("copies-to-{}", RepositoryId([7; 16]))).join(DATABASE)
    }

    #[test]
    fn what_was_noted_is_found_by_the_next_process() {
        let folder = tempfile::tempdir().unwrap();
        table(folder.path()).add(&[pair(1), pair(2)]).unwrap();
        let table = table(folder.path());
        assert_eq!(table.target_of(ChunkKind::Data, &ChunkId([2; 32])).unwrap(), Some(ChunkId([102; 32])));
        assert_eq!(table.target_of(ChunkKind::Data, &ChunkId([3; 32])).unwrap(), None);
        assert_eq!(table.target_of(ChunkKind::Node, &ChunkId([2; 32])).unwrap(), None, "it is data");
    }

    #[test]
    fn a_row_that_somebody_has_changed_does_not_exist() {
        let folder = tempfile::tempdir().unwrap();
        table(folder.path()).add(&[pair(1), pair(2)]).unwrap();
        let connection = Connection::open(file(folder.path())).unwrap();
        let sql = "UPDATE addresses SET target = ?1 WHERE source = ?2";
        connection.execute(sql, params![[9u8; 32], [1u8; 32]]).unwrap();
        drop(connection);
        let table = table(folder.path());
        assert_eq!(table.target_of(ChunkKind::Data, &ChunkId([1; 32])).unwrap(), None);
        assert_eq!(table.target_of(ChunkKind::Data, &ChunkId([2; 32])).unwrap(), Some(ChunkId([102; 32])));
    }

    #[test]
    fn a_damaged_file_is_made_again() {
        let folder = tempfile::tempdir().unwrap();
        table(folder.path()).add(&[pair(1)]).unwrap();
        std::fs::write(file(folder.path()), b"no database at all, but long enough to be taken for one").unwrap();
        let mut again = table(folder.path());
        assert!(again.is_empty().unwrap());
        again.add(&[pair(1)]).unwrap();
        drop(again);
        assert!(!table(folder.path()).is_empty().unwrap());
    }
}
