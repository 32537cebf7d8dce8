//! Whether packs that will stay hold certain chunks, as their own tables confirm.

use std::collections::{HashMap, HashSet};

use repo_format::id::{ChunkId, PackId};

use crate::catalog::KnownPack;
use crate::error::{ErrorKind, Result};
use crate::repository::Repository;

/// Packs that exist, that a segment names, and that are not condemned.
pub(super) struct Elsewhere<'r> {
    repository: &'r Repository,
    /// The size of each pack.
    staying: HashMap<PackId, u64>,
    /// The chunks of the packs whose tables were read.
    tables: HashMap<PackId, HashSet<ChunkId>>,
}

impl<'r> Elsewhere<'r> {
    /// The usable ones among the known packs, see [`KnownPack::is_usable`].
    pub fn new(
        repository: &'r Repository,
        known: &[KnownPack],
        listed: &HashMap<PackId, u64>,
        condemned: &HashSet<PackId>,
    ) -> Self {
        let staying = known.iter().filter(|pack| pack.is_usable(listed, condemned));
        let staying = staying.map(|pack| (pack.id, pack.size)).collect();
        Elsewhere { repository, staying, tables: HashMap::new() }
    }

    /// Whether these packs hold each of `chunks`.
    pub fn has_all(&mut self, chunks: &[ChunkId]) -> Result<bool> {
        let mut places: Vec<(ChunkId, Vec<PackId>)> = Vec::with_capacity(chunks.len());
        self.repository.catalog().copies_of(chunks, &mut |id, copies| {
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

    fn confirms(&mut self, pack: PackId, chunk: &ChunkId) -> Result<bool> {
        if let Some(table) = self.tables.get(&pack) {
            return Ok(table.contains(chunk));
        }
        let Some(size) = self.staying.get(&pack) else { return Ok(false) };
        let table = match self.repository.read_pack_table(pack, *size) {
            Ok(table) => table.table.entries.iter().map(|entry| entry.id).collect(),
            // A damaged table confirms nothing.
            Err(error) if error.kind() == ErrorKind::Damaged => HashSet::new(),
            Err(error) => return Err(error),
        };
        let confirmed = table.contains(chunk);
        self.tables.insert(pack, table);
        Ok(confirmed)
    }
}
