//! Copies needed chunks from sparse packs into new packs without opening them.
//!
//! Chunks keep the order in which they were written. So chunks that were saved together stay together, and a restore
//! reads them together.

use std::collections::HashMap;

use repo_format::head::KeyClass;
use repo_format::id::{ChunkId, PackId};
use repo_format::pack::ChunkKind;
use repo_format::segment::SegmentPack;

use super::live::Live;
use super::usage::{PackUse, kept_copy};
use crate::catalog::{Catalog, Copy, Location, sealed_chunks};
use crate::error::{Error, Result};
use crate::monitor::{Monitor, Work};
use crate::pack::{ChunkReader, PackRewriter, Wanted, open_chunk};
use crate::repository::Repository;
use engine_store::ObjectName;

/// The result of rewriting some packs.
#[derive(Default)]
pub(super) struct Rewritten {
    /// Packs whose needed chunks have all been copied.
    pub replaced: Vec<PackId>,
    /// Packs that are not fully readable, and why; they stay.
    pub damaged: Vec<(PackId, Error)>,
}

/// Copies into new packs, class by class.
pub(super) struct Rewrite<'a> {
    pub repository: &'a Repository,
    pub live: &'a Live<'a>,
    /// The catalog that `packs` was made with.
    pub catalog: &'a Catalog,
    /// All packs that may keep chunks.
    pub packs: &'a HashMap<PackId, PackUse>,
    pub monitor: &'a dyn Monitor,
}

/// The packs that are being filled, by class, and those that are durable.
struct Output<'a, 'd> {
    open: HashMap<u8, PackRewriter<'a>>,
    durable: &'d mut Vec<SegmentPack>,
}

impl<'a> Rewrite<'a> {
    /// Copies the needed chunks of `packs`, and puts segments that name the new packs. Adds the new packs to `durable`,
    /// even if it fails later.
    ///
    /// # Errors
    /// If something cannot be stored, or the user wishes to stop. New packs that no segment names then are harmless.
    pub fn run(&self, packs: &[PackUse], durable: &mut Vec<SegmentPack>) -> Result<Rewritten> {
        let (mut rewritten, mut output) = (Rewritten::default(), Output { open: HashMap::new(), durable });
        for pack in packs {
            if self.monitor.is_cancelled() {
                return Err(Error::cancelled());
            }
            match self.copy(pack, &mut output) {
                Ok(()) => rewritten.replaced.push(pack.id),
                Err(error) if error.is_damage() => {
                    // Another prune may have deleted it first.
                    if self.repository.store().stat(&ObjectName::Pack(pack.id))?.is_some() {
                        rewritten.damaged.push((pack.id, error));
                    }
                }
                Err(error) => return Err(error),
            }
            self.monitor.advance(Work { items: 1, bytes: pack.needed_bytes });
        }
        let open: Vec<_> = output.open.drain().map(|(_, pack)| pack).collect();
        open.into_iter().try_for_each(|pack| self.put(pack, output.durable))?;
        self.repository.name_all_packs(output.durable.iter().cloned())?;
        Ok(rewritten)
    }

    /// Copies the needed chunks of one pack, according to its own table.
    fn copy(&self, pack: &PackUse, output: &mut Output<'a, '_>) -> Result<()> {
        let table = self.repository.read_pack_table(pack.id, pack.size)?;
        let mut needed = Vec::new();
        for (id, location) in sealed_chunks(&table) {
            if location.kind != ChunkKind::Padding && self.live.needs(&id) && self.keeper(&id)? == Some(pack.id) {
                needed.push((id, location));
            }
        }
        let reader = ChunkReader::with_catalog(self.repository, self.catalog);
        let wanted = Wanted::at(&reader, needed.iter().copied());
        for (id, location) in needed {
            let sealed = self.read(&wanted, &id, &location)?;
            self.push(id, &location, sealed, output)?;
        }
        Ok(())
    }

    /// The pack that keeps a chunk.
    fn keeper(&self, id: &ChunkId) -> Result<Option<PackId>> {
        let locations = self.catalog.locations(id)?;
        let copies: Vec<_> = locations.iter().map(|at| Copy { pack: at.pack, sealed_len: at.sealed_len }).collect();
        Ok(kept_copy(&copies, self.packs))
    }

    /// The sealed bytes of a chunk, checked by opening it: an unreadable copy must not replace anything.
    fn read(&self, wanted: &Wanted<'_>, id: &ChunkId, location: &Location) -> Result<Vec<u8>> {
        if let Some((_, sealed)) = wanted.sealed(id)?
            && open_chunk(self.repository.keys(), location.kind, id, location, &mut sealed.clone()).is_ok()
        {
            return Ok(sealed);
        }
        let range = location.offset..location.offset + u64::from(location.sealed_len);
        let sealed =
            self.repository.store().get_range(&ObjectName::Pack(location.pack), range).map_err(Error::of_object)?;
        open_chunk(self.repository.keys(), location.kind, id, location, &mut sealed.clone())?;
        Ok(sealed)
    }

    fn push(&self, id: ChunkId, location: &Location, sealed: Vec<u8>, output: &mut Output<'a, '_>) -> Result<()> {
        let class = location.sealing.class;
        if output.open.get(&(class as u8)).is_some_and(|pack| self.is_full(pack, location))
            && let Some(full) = output.open.remove(&(class as u8))
        {
            self.put(full, output.durable)?;
        }
        let pack = match output.open.entry(class as u8) {
            std::collections::hash_map::Entry::Occupied(pack) => pack.into_mut(),
            std::collections::hash_map::Entry::Vacant(free) => free.insert(self.new_pack(class)?),
        };
        pack.push(id, location, sealed)
    }

    fn new_pack(&self, class: KeyClass) -> Result<PackRewriter<'a>> {
        PackRewriter::new(self.repository.keys(), class)
    }

    fn is_full(&self, pack: &PackRewriter<'_>, next: &Location) -> bool {
        pack.size() + u64::from(next.sealed_len) > self.repository.config().pack_bytes || !pack.has_room_for(next)
    }

    fn put(&self, pack: PackRewriter<'_>, durable: &mut Vec<SegmentPack>) -> Result<()> {
        let Some(pack) = pack.finish()? else { return Ok(()) };
        let description = pack.put(self.repository.store())?;
        self.repository.catalog().import_pack(&description)?;
        durable.push(description);
        Ok(())
    }
}
