//! The catalog: this machine's knowledge of which chunk is in which pack. It is a cache in SQLite.
//!
//! It maps each chunk to all packs that hold it. It remembers which segments it has read, which packs a snapshot
//! counted on, and when each pack was last read whole and found good. It holds no names and no keys. It answers from
//! disk, so memory stays flat, and several processes share it.
//!
//! The repository can rebuild all of it. So it may be deleted even while processes use it: each continues with the file
//! that it opened. No decision about safety relies on the catalog alone. Callers see pack ids only, never rows of this
//! file.

mod copies;
mod counted;
mod lookup;
mod protected;
mod schema;
mod usable;
mod verified;

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use repo_format::head::{KeyClass, Sealing};
use repo_format::id::{Bytes32, ChunkId, PackId, RepositoryId, SegmentId};
use repo_format::pack::ChunkKind;
use repo_format::sealed::ENVELOPE_LEN;
use repo_format::segment::SegmentPack;
use rusqlite::{Connection, params};

use crate::error::{Error, ErrorKind, Result};
use crate::sqlite::{self, Lock, Unusable};

pub use copies::Copy;
pub use lookup::{ChunkTotals, sealed_chunks};
use schema::Stamp;
pub use usable::UsablePacks;

/// A pack's row in this file. Callers never see it, because another file, or a rebuilt one, numbers packs differently.
type PackRow = u32;

/// The place of a chunk, and everything needed to open it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Location {
    /// The pack that holds the chunk.
    pub pack: PackId,
    /// The offset of the sealed chunk in the pack, in bytes.
    pub offset: u64,
    /// Its sealed length in bytes.
    pub sealed_len: u32,
    /// Its plain length in bytes.
    pub plain_len: u32,
    /// Whether it is data or a node.
    pub kind: ChunkKind,
    /// The class and epoch that sealed it.
    pub sealing: Sealing,
    /// The salt that sealed it.
    pub salt: Bytes32,
    /// The position that it was sealed with.
    pub position: u32,
}

/// A pack that is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KnownPack {
    /// The id of the pack.
    pub id: PackId,
    /// Its size in bytes.
    pub size: u64,
    /// The class of its chunks: data or nodes.
    pub class: KeyClass,
    /// The epoch that it was written in.
    pub epoch: u32,
    /// Whether a segment of the repository names it. Only then may a snapshot count on it.
    pub named: bool,
}

/// The catalog of one repository.
pub struct Catalog {
    place: Place,
    /// The connection that decides which segment names which pack. It stays with one file, even if that loses its name.
    own: Mutex<Connection>,
    generation: [u8; 16],
    /// The number of changes to the file, as far as this process knows.
    changes: AtomicI64,
    readers: Mutex<Vec<Reader>>,
    note: Option<String>,
}

/// The place of a catalog.
enum Place {
    /// In a folder, shared with other processes.
    Folder { path: PathBuf, _lock: Lock },
    /// In this process alone.
    Private,
}

/// A connection that only reads, and the number of changes at the last check that it reads the right file.
struct Reader {
    connection: Connection,
    changes: i64,
}

/// A failure of SQLite while doing `action`.
fn failed(action: &'static str) -> impl FnOnce(rusqlite::Error) -> Error {
    move |e| Error::caused(ErrorKind::Cache, format!("cannot {action} in the local cache"), e)
}

fn unusable(folder: &Path, cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    Error::caused(ErrorKind::Cache, format!("cannot use the local cache {}", folder.display()), cause)
}

impl Catalog {
    /// Opens the catalog of `repository` in `folder`, or makes a new one. Rebuilds a catalog that is damaged, of
    /// another repository or of an older version. If another process uses such a catalog, this process works without it
    /// and says so, see [`Catalog::note`].
    ///
    /// # Errors
    /// [`ErrorKind::Cache`] if the folder cannot be used; nothing is deleted then.
    pub fn open(folder: &Path, repository: RepositoryId) -> Result<Self> {
        sqlite::make_folder(folder).map_err(|error| unusable(folder, error))?;
        let lock = Lock::shared(folder).map_err(|error| unusable(folder, error))?;
        let mut why = String::new();
        // The second round opens the file that the first has rebuilt.
        for _ in 0..2 {
            match schema::open(folder, repository) {
                Ok(connection) => {
                    return Self::with(Place::Folder { path: folder.to_owned(), _lock: lock }, connection);
                }
                Err(Unusable::Failed(error)) => return Err(unusable(folder, error)),
                Err(Unusable::Newer) => {
                    why = "was written by a newer version of Enamel".to_owned();
                    break;
                }
                Err(Unusable::Spoilt(reason)) => {
                    why = format!("cannot be used ({reason}), and another process has it open")
                }
            }
            if !begin_anew(folder, repository, &lock)? {
                break;
            }
        }
        let note = format!("the local cache {} {why}: this run works without it, and takes longer", folder.display());
        Ok(Catalog { note: Some(note), ..Self::private(repository)? })
    }

    /// An empty catalog that is gone when it is dropped. It is in memory, and in a temporary file when it grows.
    ///
    /// # Errors
    /// [`ErrorKind::Cache`] if SQLite fails.
    pub fn private(repository: RepositoryId) -> Result<Self> {
        let connection = schema::open_private(repository).map_err(failed("begin a list of packs"))?;
        Self::with(Place::Private, connection)
    }

    fn with(place: Place, connection: Connection) -> Result<Self> {
        let stamp = Stamp::read(&connection).map_err(failed("read what stands"))?;
        Ok(Catalog {
            place,
            own: Mutex::new(connection),
            generation: stamp.generation,
            changes: AtomicI64::new(stamp.changes),
            readers: Mutex::new(Vec::new()),
            note: None,
        })
    }

    /// The reason, as a sentence, why this process works without the shared catalog, if nobody asked for that.
    pub fn note(&self) -> Option<&str> {
        self.note.as_deref()
    }

    /// The catalog's folder; `None` if this process has it alone.
    pub fn folder(&self) -> Option<&Path> {
        match &self.place {
            Place::Folder { path, .. } => Some(path),
            Place::Private => None,
        }
    }

    /// The size of the catalog on disk, in bytes.
    pub(crate) fn disk_bytes(&self) -> u64 {
        let files = self.folder().into_iter().flat_map(|folder| schema::FILES.map(|name| folder.join(name)));
        files.filter_map(|path| path.metadata().ok()).map(|m| m.len()).sum()
    }

    /// The serial number of the memory that it was last used with, see [`Catalog::note_memory`].
    pub fn memory(&self) -> Result<Option<[u8; 16]>> {
        self.read_own("recall the memory", |c| c.query_row("SELECT memory FROM repository", [], |row| row.get(0)))
    }

    /// Notes the serial number of the memory that it is used with. So the loss of a memory is noticed.
    pub fn note_memory(&self, serial: [u8; 16]) -> Result<()> {
        self.write("note the memory", |t| t.execute("UPDATE repository SET memory = ?1", [serial]).map(|_| ()))
    }

    /// Segments whose packs are in the catalog.
    pub fn segments(&self) -> Result<Vec<SegmentId>> {
        self.read_own("list the index segments", |c| {
            let mut statement = c.prepare_cached("SELECT id FROM segments")?;
            let rows = statement.query_map([], |row| row.get::<_, [u8; 32]>(0))?;
            rows.map(|id| id.map(SegmentId)).collect()
        })
    }

    /// Adds the packs of a segment; they must be durable.
    pub fn import_segment(&self, segment: SegmentId, packs: &[SegmentPack]) -> Result<()> {
        self.write("take in an index segment", |t| {
            packs.iter().try_for_each(|pack| insert_pack(t, pack))?;
            t.prepare_cached("INSERT OR IGNORE INTO segments (id) VALUES (?1)")?.execute([segment.0])?;
            let sql = "INSERT OR IGNORE INTO named (segment, pack)
                       SELECT s.number, p.number FROM segments s, packs p WHERE s.id = ?1 AND p.id = ?2";
            let mut name = t.prepare_cached(sql)?;
            packs.iter().try_for_each(|pack| name.execute([segment.0, pack.id.0]).map(|_| ()))
        })
    }

    /// Forgets segments that no longer exist. Their packs stay in the catalog as a hint.
    pub(crate) fn forget_segments(&self, gone: &[SegmentId]) -> Result<()> {
        self.write("forget an index segment", |t| {
            let sql = "DELETE FROM named WHERE segment IN (SELECT number FROM segments WHERE id = ?1)";
            for id in gone {
                t.prepare_cached(sql)?.execute([id.0])?;
                t.prepare_cached("DELETE FROM segments WHERE id = ?1")?.execute([id.0])?;
            }
            Ok(())
        })
    }

    /// The segments whose packs other segments name, too.
    pub(crate) fn redundant_segments(&self) -> Result<HashSet<SegmentId>> {
        self.read_own("compare the index segments", |c| {
            let sql = "SELECT id FROM segments s WHERE NOT EXISTS (
                           SELECT 1 FROM named n WHERE n.segment = s.number AND NOT EXISTS (
                               SELECT 1 FROM named o WHERE o.pack = n.pack AND o.segment <> s.number))";
            let mut statement = c.prepare_cached(sql)?;
            let rows = statement.query_map([], |row| row.get::<_, [u8; 32]>(0))?;
            rows.map(|id| id.map(SegmentId)).collect()
        })
    }

    /// Adds a pack that has just become durable.
    pub fn import_pack(&self, pack: &SegmentPack) -> Result<()> {
        self.write("take in a pack", |t| insert_pack(t, pack))
    }

    /// Forgets everything about packs that the repository can tell again.
    pub(crate) fn forget_packs(&self) -> Result<()> {
        self.write("forget all packs", |t| {
            t.execute_batch(
                "DELETE FROM chunks; DELETE FROM salts; DELETE FROM packs; DELETE FROM segments;
                 DELETE FROM named; DELETE FROM counted;",
            )
        })
    }

    /// All known packs, in the order in which this machine met them.
    pub fn packs(&self) -> Result<Vec<KnownPack>> {
        self.read_own("list the packs", |c| {
            let sql =
                "SELECT id, size, EXISTS (SELECT 1 FROM named WHERE pack = packs.number), class, epoch FROM packs ORDER BY number";
            let mut statement = c.prepare_cached(sql)?;
            let rows = statement.query_map([], |row| {
                let size = row.get::<_, i64>(1)?.cast_unsigned();
                let class = lookup::class(row.get(3)?);
                Ok(KnownPack { id: PackId(row.get(0)?), size, class, epoch: row.get(4)?, named: row.get(2)? })
            })?;
            rows.collect()
        })
    }

    /// Runs `work` on a connection that only reads; many threads can do so at once. Use it for facts that never change:
    /// which chunk is in which pack.
    fn read<T>(&self, action: &'static str, work: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T> {
        let Some(reader) = self.reader() else { return self.read_own(action, work) };
        let result = work(&reader.connection);
        lock(&self.readers).push(reader);
        self.judged(action, result)
    }

    /// Runs `work` on the connection that this process opened first. Use it for facts that change: another file of the
    /// same name may differ.
    fn read_own<T>(&self, action: &'static str, work: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T> {
        let result = work(&lock(&self.own));
        self.judged(action, result)
    }

    /// A connection that reads the file that this process opened first. `None` if there cannot be one: another process
    /// may have deleted or replaced the file, or too many files are open. The first connection then does all the work.
    fn reader(&self) -> Option<Reader> {
        let pooled = lock(&self.readers).pop();
        pooled.and_then(|reader| self.checked(reader)).or_else(|| self.new_reader())
    }

    fn new_reader(&self) -> Option<Reader> {
        let connection = schema::open_reader(self.folder()?).ok()?;
        self.checked(Reader { connection, changes: -1 })
    }

    /// The reader, unless it reads another generation, or an older copy of this one.
    fn checked(&self, reader: Reader) -> Option<Reader> {
        let changes = self.changes.load(Ordering::Acquire);
        if reader.changes == changes {
            return Some(reader);
        }
        let stamp = Stamp::read(&reader.connection).ok()?;
        let is_right = stamp.generation == self.generation && stamp.changes >= changes;
        is_right.then_some(Reader { changes, ..reader })
    }

    /// Runs `work` in a transaction.
    fn write<T>(
        &self,
        action: &'static str,
        work: impl FnOnce(&rusqlite::Transaction<'_>) -> rusqlite::Result<T>,
    ) -> Result<T> {
        let mut connection = lock(&self.own);
        let run = || {
            let transaction = connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
            let value = work(&transaction)?;
            let sql = "UPDATE repository SET changes = changes + 1 RETURNING changes";
            let changes = transaction.prepare_cached(sql)?.query_row([], |row| row.get(0))?;
            transaction.commit()?;
            self.changes.fetch_max(changes, Ordering::AcqRel);
            Ok(value)
        };
        let result = run();
        self.judged(action, result)
    }

    /// The result, with a message for an error. Notes damage, so that the next run rebuilds the file.
    fn judged<T>(&self, action: &'static str, result: rusqlite::Result<T>) -> Result<T> {
        result.map_err(|error| {
            if !sqlite::is_damage(&error) {
                return failed(action)(error);
            }
            self.note_damage();
            failed(action)(error).context("the local cache is damaged, and is rebuilt by the next run: run this again")
        })
    }

    /// Notes that the file is damaged. The next process that has it alone rebuilds it.
    fn note_damage(&self) {
        if let Some(folder) = self.folder() {
            schema::mark(folder, self.generation);
        }
    }
}

/// Deletes an unusable catalog if no other process has it open; returns whether it did.
fn begin_anew(folder: &Path, repository: RepositoryId, lock: &Lock) -> Result<bool> {
    let begin = || {
        if !lock.make_exclusive()? {
            return Ok(false);
        }
        // Another process may have rebuilt it meanwhile.
        if let Err(Unusable::Spoilt(_)) = schema::open(folder, repository) {
            schema::remove(folder)?;
        }
        lock.make_shared().map(|()| true)
    };
    begin().map_err(|error: std::io::Error| unusable(folder, error))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Inserts a pack and its chunks in sorted order, so that SQLite touches pages in order. Leaves an existing pack as it
/// is.
fn insert_pack(t: &rusqlite::Transaction<'_>, pack: &SegmentPack) -> rusqlite::Result<()> {
    let mut insert =
        t.prepare_cached("INSERT OR IGNORE INTO packs (id, size, class, epoch, salt) VALUES (?1, ?2, ?3, ?4, ?5)")?;
    let class = pack.sealing.class as u8;
    let fresh =
        insert.execute(params![pack.id.0, pack.size.cast_signed(), class, pack.sealing.epoch, pack.salt.0])? == 1;
    if !fresh {
        return Ok(());
    }
    let number = t
        .prepare_cached("SELECT number FROM packs WHERE id = ?1")?
        .query_row([pack.id.0], |row| row.get::<_, PackRow>(0))?;
    let mut insert = t.prepare_cached("INSERT INTO salts (pack, place, epoch, salt) VALUES (?1, ?2, ?3, ?4)")?;
    for (place, salt) in (1u16..).zip(&pack.table.salts) {
        insert.execute(params![number, place, salt.epoch, salt.salt.0])?;
    }
    let mut offset = ENVELOPE_LEN as u64;
    let mut rows: Vec<(u64, &repo_format::pack::TableEntry)> = Vec::with_capacity(pack.table.entries.len());
    for entry in &pack.table.entries {
        if entry.kind != ChunkKind::Padding {
            rows.push((offset, entry));
        }
        offset += u64::from(entry.sealed_len);
    }
    rows.sort_unstable_by_key(|(_, entry)| entry.id);
    let mut insert = t.prepare_cached(
        "INSERT OR IGNORE INTO chunks (id, pack, offset, sealed, plain, position, salt, kind) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
    )?;
    for (offset, e) in rows {
        let kind = e.kind as u8;
        insert.execute(params![
            e.id.0,
            number,
            offset.cast_signed(),
            e.sealed_len,
            e.plain_len,
            e.position,
            e.salt,
            kind
        ])?;
    }
    Ok(())
}

/// A chunk's identity: different keys make the ids of data and of nodes, so the id alone is enough.
fn chunk_param(id: &ChunkId) -> [u8; 32] {
    id.0
}

#[cfg(test)]
mod tests;
