//! Finds the packs that hold a chunk, and the chunks of a pack.

use repo_format::head::{KeyClass, Sealing};
use repo_format::id::{Bytes32, ChunkId, PackId};
use repo_format::pack::ChunkKind;
use repo_format::sealed::ENVELOPE_LEN;
use repo_format::segment::SegmentPack;
use rusqlite::params;

use super::{Catalog, Location, chunk_param};
use crate::error::Result;

/// Sums over all chunks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ChunkTotals {
    /// The number of different chunks.
    pub chunks: u64,
    /// Their plain bytes, each chunk counted once.
    pub plain_bytes: u64,
    /// Their sealed bytes, each chunk counted once.
    pub sealed_bytes: u64,
}

const LOCATIONS: &str = "
SELECT p.id, c.offset, c.sealed, c.plain, c.kind, p.class, coalesce(s.epoch, p.epoch), coalesce(s.salt, p.salt), c.position
FROM chunks c JOIN packs p ON p.number = c.pack LEFT JOIN salts s ON s.pack = c.pack AND s.place = c.salt
WHERE c.id = ?1";
const PACKS: &str = "SELECT p.id FROM chunks c JOIN packs p ON p.number = c.pack WHERE c.id = ?1";

impl Catalog {
    /// All places of a chunk.
    pub fn locations(&self, id: &ChunkId) -> Result<Vec<Location>> {
        self.read("look up a chunk", |c| {
            let mut statement = c.prepare_cached(LOCATIONS)?;
            let rows = statement.query_map([chunk_param(id)], read_location)?;
            rows.collect()
        })
    }

    /// Compares the catalog's record of a chunk with the place where it was opened. If the catalog knows the pack and
    /// contradicts, the file is damaged. This notes the damage; the next process that has the file alone rebuilds it.
    /// All other processes, and this one, continue with it.
    pub fn compare(&self, id: &ChunkId, opened: &Location) {
        let says_otherwise = self.read_own("compare a chunk", |c| {
            let transaction = c.unchecked_transaction()?;
            let known = "SELECT EXISTS (SELECT 1 FROM packs WHERE id = ?1)";
            if !transaction.prepare_cached(known)?.query_row([opened.pack.0], |row| row.get(0))? {
                return Ok(false);
            }
            let mut statement = transaction.prepare_cached(LOCATIONS)?;
            let mut said = statement.query_map([chunk_param(id)], read_location)?;
            Ok(!said.any(|location| location.is_ok_and(|location| location == *opened)))
        });
        // A catalog that cannot answer has noted its damage already.
        if says_otherwise.unwrap_or(false) {
            self.note_damage();
        }
    }

    /// Calls `found` with the packs that hold a chunk until it returns `true`. Faster than [`Catalog::locations`].
    pub fn packs_of(&self, id: &ChunkId, mut found: impl FnMut(PackId) -> bool) -> Result<bool> {
        self.read("look up a chunk", |c| {
            let mut statement = c.prepare_cached(PACKS)?;
            let mut rows = statement.query([chunk_param(id)])?;
            while let Some(row) = rows.next()? {
                if found(PackId(row.get(0)?)) {
                    return Ok(true);
                }
            }
            Ok(false)
        })
    }

    /// Whether a chunk of this kind has this id.
    pub(crate) fn knows(&self, kind: ChunkKind, id: &ChunkId) -> Result<bool> {
        self.read("look up a chunk", |c| {
            let sql = "SELECT EXISTS (SELECT 1 FROM chunks WHERE id = ?1 AND kind = ?2)";
            c.prepare_cached(sql)?.query_row(params![chunk_param(id), kind as u8], |row| row.get(0))
        })
    }

    /// The size of a pack, if it is known.
    pub fn pack_size(&self, pack: PackId) -> Result<Option<u64>> {
        self.read("look up a pack", |c| {
            let mut statement = c.prepare_cached("SELECT size FROM packs WHERE id = ?1")?;
            let mut rows = statement.query([pack.0])?;
            rows.next()?.map(|row| row.get::<_, i64>(0).map(i64::cast_unsigned)).transpose()
        })
    }

    /// Whether the catalog knows no pack.
    pub fn is_empty(&self) -> Result<bool> {
        self.read_own("count the packs", |c| {
            c.query_row("SELECT NOT EXISTS (SELECT 1 FROM packs)", [], |row| row.get(0))
        })
    }

    /// Sums over all chunks.
    pub fn chunk_totals(&self) -> Result<ChunkTotals> {
        let sql = "SELECT count(*), coalesce(sum(plain), 0), coalesce(sum(sealed), 0) FROM (SELECT max(plain) plain, max(sealed) sealed FROM chunks GROUP BY id)";
        self.read("count the chunks", |c| {
            c.query_row(sql, [], |row| {
                let sum = |column| row.get::<_, i64>(column).map(i64::cast_unsigned);
                Ok(ChunkTotals { chunks: sum(0)?, plain_bytes: sum(1)?, sealed_bytes: sum(2)? })
            })
        })
    }
}

/// The sealed chunks of a pack, in their order, padding included.
pub fn sealed_chunks(pack: &SegmentPack) -> impl Iterator<Item = (ChunkId, Location)> + '_ {
    let mut offset = ENVELOPE_LEN as u64;
    pack.table.entries.iter().map(move |entry| {
        let foreign = usize::from(entry.salt).checked_sub(1).and_then(|place| pack.table.salts.get(place));
        let (epoch, salt) = foreign.map_or((pack.sealing.epoch, pack.salt), |salt| (salt.epoch, salt.salt));
        let location = Location {
            pack: pack.id,
            offset,
            sealed_len: entry.sealed_len,
            plain_len: entry.plain_len,
            kind: entry.kind,
            sealing: Sealing { class: pack.sealing.class, epoch },
            salt,
            position: entry.position,
        };
        offset += u64::from(entry.sealed_len);
        (entry.id, location)
    })
}

/// The class of a pack from its number in the database.
pub(super) fn class(number: u8) -> KeyClass {
    if number == KeyClass::Data as u8 { KeyClass::Data } else { KeyClass::Meta }
}

fn read_location(row: &rusqlite::Row<'_>) -> rusqlite::Result<Location> {
    let class = class(row.get(5)?);
    let kind = if row.get::<_, u8>(4)? == ChunkKind::Data as u8 { ChunkKind::Data } else { ChunkKind::Node };
    Ok(Location {
        pack: PackId(row.get(0)?),
        offset: row.get::<_, i64>(1)?.cast_unsigned(),
        sealed_len: row.get(2)?,
        plain_len: row.get(3)?,
        kind,
        sealing: Sealing { class, epoch: row.get(6)? },
        salt: Bytes32(row.get(7)?),
        position: row.get(8)?,
    })
}
