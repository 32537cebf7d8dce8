//! Copies the intact chunks of damaged packs into new packs, without opening them.

use std::collections::HashSet;

use repo_format::head::KeyClass;
use repo_format::id::{ChunkId, PackId};
use repo_format::pack::ChunkKind;
use repo_format::segment::SegmentPack;

use super::naming::Namer;
use super::segments::Segments;
use super::survey::Survey;
use super::{DamagedPack, RepairOutcome, Run};
use crate::catalog::{Location, sealed_chunks};
use crate::error::{Error, Result};
use crate::memory::PackDamage;
use crate::pack::{PackRewriter, open_chunk};
use crate::upkeep::needs::Worth;
use engine_store::ObjectName;

/// Copies the intact chunks of all damaged packs, and what only fleeting packs have, and names the copies. A backup may count on a pack that a segment
/// still names, so all its chunks are copied. For a pack that has left the index, or is condemned, only chunks without
/// another copy are.
pub(super) fn salvage(
    run: &Run<'_>,
    segments: &Segments,
    survey: &mut Survey,
    outcome: &mut RepairOutcome,
) -> Result<()> {
    let named: HashSet<PackId> = segments.by_pack().into_keys().collect();
    let mut copies = Copies { run, open: [None, None], namer: Namer::new(run), outcome };
    for id in survey.fleeting.iter().filter(|id| !survey.is_condemned(id)) {
        let size = survey.listed.get(id).copied().unwrap_or(0);
        if let Some(pack) = describe(run, segments, *id, size)? {
            copies.take_lacking(&pack, survey)?;
        }
    }
    for (id, message) in survey.damaged.clone() {
        let mut damaged = DamagedPack { id, message, whole_chunks: 0, damaged_chunks: 0 };
        let size = survey.listed.get(&id).copied().unwrap_or(0);
        if let Some(pack) = describe(run, segments, id, size)? {
            run.catalog.import_pack(&pack)?;
            let source = Source { pack: &pack, is_relied_on: named.contains(&id) && !survey.is_condemned(&id) };
            copies.take_from(&source, survey, &mut damaged)?;
            run.repository.remember_pack(id, Some(&survey.damage(id)))?;
        } else {
            run.repository.remember_pack(id, Some(&PackDamage::Whole))?;
        }
        copies.outcome.damaged_packs.push(damaged);
    }
    copies.finish()
}

/// The contents of a damaged pack, from its own table or from a segment.
fn describe(run: &Run<'_>, segments: &Segments, id: PackId, size: u64) -> Result<Option<SegmentPack>> {
    match run.repository.read_pack_table(id, size) {
        Ok(pack) => Ok(Some(pack)),
        Err(error) if error.is_damage() => segments.description(run.repository, &id),
        Err(error) => Err(error),
    }
}

/// A damaged pack.
struct Source<'p> {
    pack: &'p SegmentPack,
    is_relied_on: bool,
}

/// The packs that are being made, one of each class.
struct Copies<'r, 'o> {
    run: &'r Run<'r>,
    open: [Option<PackRewriter<'r>>; 2],
    namer: Namer<'r>,
    outcome: &'o mut RepairOutcome,
}

impl Copies<'_, '_> {
    fn take_from(&mut self, source: &Source<'_>, survey: &mut Survey, damaged: &mut DamagedPack) -> Result<()> {
        let class = source.pack.sealing.class;
        for (id, location) in sealed_chunks(source.pack) {
            if self.run.monitor.is_cancelled() {
                return Err(Error::cancelled());
            }
            if location.kind == ChunkKind::Padding {
                continue;
            }
            let belongs = (location.kind == ChunkKind::Data) == (class == KeyClass::Data);
            match self.read(&id, &location)?.filter(|_| belongs) {
                None => {
                    damaged.damaged_chunks += 1;
                    survey.damaged_chunks.insert((source.pack.id, id));
                }
                Some(sealed) => {
                    damaged.whole_chunks += 1;
                    if source.is_relied_on || !self.is_elsewhere(&id, survey)? {
                        self.copy(id, &location, sealed)?;
                    }
                }
            }
        }
        Ok(())
    }

    /// Copies the chunks of a good pack that no other pack has on which anybody may count.
    fn take_lacking(&mut self, pack: &SegmentPack, survey: &Survey) -> Result<()> {
        for (id, location) in sealed_chunks(pack).filter(|(_, location)| location.kind != ChunkKind::Padding) {
            if self.run.monitor.is_cancelled() {
                return Err(Error::cancelled());
            }
            if !self.is_elsewhere(&id, survey)?
                && let Some(sealed) = self.read(&id, &location)?
            {
                self.copy(id, &location, sealed)?;
            }
        }
        Ok(())
    }

    /// The sealed bytes of a chunk, if it is intact. Reads it alone: a pack may have bad sectors.
    fn read(&self, id: &ChunkId, location: &Location) -> Result<Option<Vec<u8>>> {
        let repository = self.run.repository;
        let end = location.offset.saturating_add(location.sealed_len.into());
        let read = repository.store().get_range(&ObjectName::Pack(location.pack), location.offset..end);
        let opened = read.map_err(Error::of_object).and_then(|sealed| {
            open_chunk(repository.keys(), location.kind, id, location, &mut sealed.clone()).map(|_| sealed)
        });
        match opened {
            Ok(sealed) => Ok(Some(sealed)),
            Err(error) if error.is_damage() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Whether a pack that is neither damaged nor condemned has this chunk.
    fn is_elsewhere(&self, id: &ChunkId, survey: &Survey) -> Result<bool> {
        let is_firm = |pack: &PackId| !survey.is_damaged(pack) && !survey.fleeting.contains(pack);
        let is_good = |pack| is_firm(&pack) && survey.worth(pack, id) == Worth::Good;
        self.run.catalog.packs_of(id, is_good)
    }

    fn copy(&mut self, id: ChunkId, from: &Location, sealed: Vec<u8>) -> Result<()> {
        self.outcome.copied_chunks += 1;
        if self.run.options.dry_run {
            return Ok(());
        }
        let keys = self.run.repository.keys();
        let slot = usize::from(from.sealing.class == KeyClass::Meta);
        if let Some(full) = self.open[slot].take_if(|pack| !pack.has_room_for(from)) {
            self.put(full)?;
        }
        let pack = match &mut self.open[slot] {
            Some(pack) => pack,
            none => none.insert(PackRewriter::new(keys, from.sealing.class)?),
        };
        pack.push(id, from, sealed)?;
        let full_at = self.run.repository.config().pack_bytes;
        match self.open[slot].take_if(|pack| pack.size() >= full_at) {
            Some(full) => self.put(full),
            None => Ok(()),
        }
    }

    /// Makes a pack durable, then names it.
    fn put(&mut self, pack: PackRewriter<'_>) -> Result<()> {
        let Some(pack) = pack.finish()? else { return Ok(()) };
        let description = pack.put(self.run.repository.store())?;
        self.run.catalog.import_pack(&description)?;
        self.outcome.new_packs += 1;
        self.outcome.written_bytes += description.size;
        self.namer.add(description, self.outcome)
    }

    fn finish(mut self) -> Result<()> {
        for slot in 0..self.open.len() {
            if let Some(pack) = self.open[slot].take() {
                self.put(pack)?;
            }
        }
        self.namer.finish(self.outcome)
    }
}
