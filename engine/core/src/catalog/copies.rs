//! All copies of all chunks, in order, for prune. They are read from disk, so memory stays flat for any number of them.

use repo_format::id::{ChunkId, PackId, SegmentId};

use rusqlite::Connection;

use super::Catalog;
use crate::error::Result;

/// A copy of a chunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Copy {
    /// The pack with this copy.
    pub pack: PackId,
    /// Its sealed length.
    pub sealed_len: u32,
}

impl Catalog {
    /// Calls `each` with every chunk, in ascending order, and all its copies.
    pub(crate) fn each_chunk(&self, each: &mut dyn FnMut(ChunkId, &[Copy])) -> Result<()> {
        let action = "read all chunks";
        // A separate connection, because mapped pages would count as memory.
        let Some(reader) = self.new_reader() else { return self.read_own(action, |c| walk(c, each)) };
        let unmapped = reader.connection.pragma_update(None, "mmap_size", 0);
        self.judged(action, unmapped.and_then(|()| walk(&reader.connection, each)))
    }

    /// Calls `each` with each of `ids`, in ascending order, and all its copies. For many ids this is several times
    /// faster than single look-ups, because neighbours stand together.
    pub(crate) fn copies_of(&self, ids: &[ChunkId], each: &mut dyn FnMut(ChunkId, &[Copy])) -> Result<()> {
        let mut ids = ids.to_vec();
        ids.sort_unstable();
        self.read("look up chunks", |c| {
            let transaction = c.unchecked_transaction()?;
            let sql = "SELECT p.id, c.sealed FROM chunks c JOIN packs p ON p.number = c.pack WHERE c.id = ?1";
            let mut statement = transaction.prepare_cached(sql)?;
            let mut copies = Vec::new();
            for id in ids {
                copies.clear();
                let mut rows = statement.query([id.0])?;
                while let Some(row) = rows.next()? {
                    copies.push(Copy { pack: PackId(row.get(0)?), sealed_len: row.get(1)? });
                }
                each(id, &copies);
            }
            Ok(())
        })
    }

    /// The segments that name any of `packs`.
    pub(crate) fn segments_naming(&self, packs: &[PackId]) -> Result<Vec<SegmentId>> {
        self.read_own("find index segments", |c| {
            let sql =
                "SELECT s.id FROM packs p JOIN named n ON n.pack = p.number JOIN segments s ON s.number = n.segment
                       WHERE p.id = ?1";
            let mut statement = c.prepare_cached(sql)?;
            let mut found = std::collections::BTreeSet::new();
            for pack in packs {
                let rows = statement.query_map([pack.0], |row| row.get::<_, [u8; 32]>(0))?;
                for id in rows {
                    found.insert(SegmentId(id?));
                }
            }
            Ok(found.into_iter().collect())
        })
    }

    /// Forgets packs that no longer exist, and their chunks. Reads the whole catalog.
    pub(crate) fn forget_gone(&self, gone: &[PackId]) -> Result<()> {
        self.write("forget packs that are gone", |t| {
            t.execute_batch("CREATE TEMP TABLE IF NOT EXISTS gone (pack INTEGER PRIMARY KEY); DELETE FROM temp.gone")?;
            let sql = "INSERT OR IGNORE INTO temp.gone (pack) SELECT number FROM packs WHERE id = ?1";
            let mut insert = t.prepare_cached(sql)?;
            gone.iter().try_for_each(|pack| insert.execute([pack.0]).map(|_| ()))?;
            t.execute_batch(
                "DELETE FROM chunks WHERE pack IN (SELECT pack FROM temp.gone);
                 DELETE FROM salts WHERE pack IN (SELECT pack FROM temp.gone);
                 DELETE FROM named WHERE pack IN (SELECT pack FROM temp.gone);
                 DELETE FROM packs WHERE number IN (SELECT pack FROM temp.gone);
                 DELETE FROM temp.gone",
            )
        })
    }
}

fn walk(connection: &Connection, each: &mut dyn FnMut(ChunkId, &[Copy])) -> rusqlite::Result<()> {
    // The cross join keeps SQLite from starting with the packs, because it would then have to sort.
    let sql = "SELECT c.id, p.id, c.sealed FROM chunks c CROSS JOIN packs p ON p.number = c.pack ORDER BY c.id, c.pack";
    let mut statement = connection.prepare(sql)?;
    let mut rows = statement.query([])?;
    let (mut current, mut copies) = (None, Vec::new());
    while let Some(row) = rows.next()? {
        let id = ChunkId(row.get(0)?);
        if let Some(before) = current.replace(id).filter(|before| *before != id) {
            each(before, &copies);
            copies.clear();
        }
        copies.push(Copy { pack: PackId(row.get(1)?), sealed_len: row.get(2)? });
    }
    if let Some(last) = current {
        each(last, &copies);
    }
    Ok(())
}
