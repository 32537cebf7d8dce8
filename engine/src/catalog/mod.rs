//! The catalog: which chunk is in which pack, as far as this machine knows. A cache in SQLite.
//!
//! It maps a chunk to all packs that hold it, remembers which segments it has taken in, which packs a snapshot counted on, when
//! packs were last read whole and found good, and the newest manifests, keyring and config that this machine has seen (so that a rollback
//! shows). It holds no names and no keys. It answers on disk, so memory stays flat; several processes share it.

mod copies;
mod lookup;
mod memory;
mod schema;
mod usable;
mod verified;

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use repo_format::head::{KeyClass, Sealing};
use repo_format::id::{Bytes32, ChunkId, PackId, RepositoryId, SegmentId};
use repo_format::pack::ChunkKind;
use repo_format::sealed::ENVELOPE_LEN;
use repo_format::segment::SegmentPack;
use rusqlite::{Connection, params};

use crate::error::{Error, ErrorKind, Result};

pub use copies::Copy;
pub use lookup::{ChunkTotals, sealed_chunks};
pub use memory::RememberedManifest;
pub use usable::UsablePacks;

/// A pack's row in this file: never seen outside, since another file, or the same one made anew, has another row for it.
type PackRow = u32;

/// Where a chunk stands, and what opens it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Location {
    /// The pack.
    pub pack: PackId,
    /// Where the sealed chunk begins.
    pub offset: u64,
    /// Its sealed length.
    pub sealed_len: u32,
    /// Its plain length.
    pub plain_len: u32,
    /// Data or node.
    pub kind: ChunkKind,
    /// Class and epoch it is sealed with.
    pub sealing: Sealing,
    /// The salt it is sealed with.
    pub salt: Bytes32,
    /// The position it is sealed with.
    pub position: u32,
}

/// A pack that is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KnownPack {
    /// The pack.
    pub id: PackId,
    /// Its size in bytes.
    pub size: u64,
    /// What it holds: data or nodes.
    pub class: KeyClass,
    /// Whether a segment of the repository names it: only then may a snapshot count on it.
    pub named: bool,
}

/// The catalog of one repository.
pub struct Catalog {
    folder: PathBuf,
    writer: Mutex<Connection>,
    readers: Mutex<Vec<Connection>>,
}

/// A failure of SQLite while doing `action`.
fn failed(action: &'static str) -> impl FnOnce(rusqlite::Error) -> Error {
    move |e| Error::caused(ErrorKind::Cache, format!("cannot {action} in the local cache"), e)
}

impl Catalog {
    /// Opens the catalog of `repository` in `folder`, or begins a new one. One that is corrupt, of another repository or of another
    /// version is deleted and begun anew.
    ///
    /// # Errors
    /// [`ErrorKind::Cache`] if the folder cannot be used.
    pub fn open(folder: &Path, repository: RepositoryId) -> Result<Self> {
        let writer = schema::open_or_begin(folder, repository)?;
        Ok(Catalog { folder: folder.to_owned(), writer: Mutex::new(writer), readers: Mutex::new(Vec::new()) })
    }

    /// The folder that the cache is in.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Bytes that the cache takes on disk.
    pub fn disk_bytes(&self) -> u64 {
        schema::FILES.iter().filter_map(|name| self.folder.join(name).metadata().ok()).map(|m| m.len()).sum()
    }

    /// Segments whose packs are in the catalog.
    pub fn segments(&self) -> Result<Vec<SegmentId>> {
        self.read("list the index segments", |c| {
            let mut statement = c.prepare_cached("SELECT id FROM segments")?;
            let rows = statement.query_map([], |row| row.get::<_, [u8; 32]>(0))?;
            rows.map(|id| id.map(SegmentId)).collect()
        })
    }

    /// Takes in the packs of a segment; they must be durable.
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

    /// Forgets segments that are not in the repository any more; what they said of packs stays, as a hint.
    pub fn forget_segments(&self, gone: &[SegmentId]) -> Result<()> {
        self.write("forget an index segment", |t| {
            let sql = "DELETE FROM named WHERE segment IN (SELECT number FROM segments WHERE id = ?1)";
            for id in gone {
                t.prepare_cached(sql)?.execute([id.0])?;
                t.prepare_cached("DELETE FROM segments WHERE id = ?1")?.execute([id.0])?;
            }
            Ok(())
        })
    }

    /// Segments whose packs are all named by others, too.
    pub fn redundant_segments(&self) -> Result<HashSet<SegmentId>> {
        self.read("compare the index segments", |c| {
            let sql = "SELECT id FROM segments s WHERE NOT EXISTS (
                           SELECT 1 FROM named n WHERE n.segment = s.number AND NOT EXISTS (
                               SELECT 1 FROM named o WHERE o.pack = n.pack AND o.segment <> s.number))";
            let mut statement = c.prepare_cached(sql)?;
            let rows = statement.query_map([], |row| row.get::<_, [u8; 32]>(0))?;
            rows.map(|id| id.map(SegmentId)).collect()
        })
    }

    /// Takes in a pack that has just become durable.
    pub fn import_pack(&self, pack: &SegmentPack) -> Result<()> {
        self.write("take in a pack", |t| insert_pack(t, pack))
    }

    /// Forgets everything about packs that can be learnt anew from the repository.
    pub fn forget_packs(&self) -> Result<()> {
        self.write("forget all packs", |t| {
            t.execute_batch(
                "DELETE FROM chunks; DELETE FROM salts; DELETE FROM packs; DELETE FROM segments;
                 DELETE FROM named; DELETE FROM counted;",
            )
        })
    }

    /// All packs that are known, in the order in which this machine met them.
    pub fn packs(&self) -> Result<Vec<KnownPack>> {
        self.read("list the packs", |c| {
            let sql =
                "SELECT id, size, EXISTS (SELECT 1 FROM named WHERE pack = packs.number), class FROM packs ORDER BY number";
            let mut statement = c.prepare_cached(sql)?;
            let rows = statement.query_map([], |row| {
                let size = row.get::<_, i64>(1)?.cast_unsigned();
                let class = lookup::class(row.get(3)?);
                Ok(KnownPack { id: PackId(row.get(0)?), size, class, named: row.get(2)? })
            })?;
            rows.collect()
        })
    }

    /// Runs `work` on a connection that only reads; many threads can do so at once.
    fn read<T>(&self, action: &'static str, work: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T> {
        let pooled = self.readers.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let connection = match pooled {
            Some(connection) => connection,
            None => schema::open_reader(&self.folder)
                .inspect_err(|e| schema::note_corruption(&self.folder, e))
                .map_err(failed(action))?,
        };
        let result = work(&connection);
        self.readers.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
        result.inspect_err(|e| schema::note_corruption(&self.folder, e)).map_err(failed(action))
    }

    /// Runs `work` in a transaction.
    fn write<T>(
        &self,
        action: &'static str,
        work: impl FnOnce(&rusqlite::Transaction<'_>) -> rusqlite::Result<T>,
    ) -> Result<T> {
        let mut connection = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        let run = || {
            let transaction = connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
            let value = work(&transaction)?;
            transaction.commit()?;
            Ok(value)
        };
        run().inspect_err(|e| schema::note_corruption(&self.folder, e)).map_err(failed(action))
    }
}

/// Inserts a pack and its chunks, sorted, so that pages are touched in order. A pack that is there already is left as it is.
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

/// A chunk's identity: ids of data and of nodes come from different keys, so the id alone is enough.
fn chunk_param(id: &ChunkId) -> [u8; 32] {
    id.0
}

#[cfg(test)]
mod tests;
