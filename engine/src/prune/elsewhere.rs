//! Whether chunks stand in packs that will stay, as these packs' own tables confirm.

use std::collections::{HashMap, HashSet};

use repo_format::id::{ChunkId, PackId};

use crate::error::{ErrorKind, Result};
use crate::index::{IndexedPack, PackNumber};
use crate::repository::Repository;

/// Packs that are there, that a segment names, and that are in no list.
pub(super) struct Elsewhere<'r> {
    repository: &'r Repository,
    /// Each with its id and size.
    staying: HashMap<PackNumber, (PackId, u64)>,
    /// Chunks in those that have been asked for.
    tables: HashMap<PackNumber, HashSet<ChunkId>>,
}

impl<'r> Elsewhere<'r> {
    /// Those of the packs in the index that may be counted on, see [`IndexedPack::is_usable`].
    pub fn new(
        repository: &'r Repository,
        indexed: &[IndexedPack],
        listed: &HashMap<PackId, u64>,
        condemned: &HashSet<PackId>,
    ) -> Self {
        let staying = indexed.iter().filter(|pack| pack.is_usable(listed, condemned));
        let staying = staying.map(|pack| (pack.number, (pack.id, pack.size))).collect();
        Elsewhere { repository, staying, tables: HashMap::new() }
    }

    /// Whether each of `chunks` stands in one of these packs.
    pub fn has_all(&mut self, chunks: &[ChunkId]) -> Result<bool> {
        let mut places: Vec<(ChunkId, Vec<PackNumber>)> = Vec::with_capacity(chunks.len());
        self.repository.index().copies_of(chunks, &mut |id, copies| {
            let staying = copies.iter().map(|copy| copy.pack).filter(|pack| self.staying.contains_key(pack));
            places.push((id, staying.collect()));
        })?;
        for (chunk, packs) in places {
            let mut is_there = false;
            for pack in packs {
                is_there = is_there || self.confirms(pack, &chunk)?;
            }
            if !is_there {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn confirms(&mut self, pack: PackNumber, chunk: &ChunkId) -> Result<bool> {
        if let Some(table) = self.tables.get(&pack) {
            return Ok(table.contains(chunk));
        }
        let Some((id, size)) = self.staying.get(&pack) else { return Ok(false) };
        let table = match self.repository.read_pack_table(*id, *size) {
            Ok(table) => table.table.entries.iter().map(|entry| entry.id).collect(),
            // Nothing of it is confirmed.
            Err(error) if error.kind() == ErrorKind::Damaged => HashSet::new(),
            Err(error) => return Err(error),
        };
        let confirmed = table.contains(chunk);
        self.tables.insert(pack, table);
        Ok(confirmed)
    }
}
