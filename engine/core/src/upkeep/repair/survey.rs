//! Examines which packs exist, and which of them are damaged.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, PoisonError};

use rayon::iter::{IntoParallelIterator, ParallelIterator};
use repo_format::id::{Bytes32, ChunkId, PackId};
use repo_format::segment::SegmentPack;

use super::segments::{Segments, digest};
use super::{Depth, Run};
use crate::error::{Error, Result, chain};
use crate::memory::PackDamage;
use crate::monitor::{Phase, Work};
use crate::pack::WholePack;
use crate::upkeep::needs::Worth;
use engine_store::ObjectName;

/// The findings about the packs.
pub(super) struct Survey {
    /// All existing packs, with their sizes.
    pub listed: HashMap<PackId, u64>,
    condemned: HashSet<PackId>,
    /// The digests of the good packs' own descriptions.
    pub good: HashMap<PackId, Bytes32>,
    /// The damaged packs, and why.
    pub damaged: Vec<(PackId, String)>,
    damaged_ids: HashSet<PackId>,
    /// Packs behind a network that were in no segment: a late deletion may follow the late put that brought them back,
    /// so nobody may count on them.
    pub fleeting: HashSet<PackId>,
    /// Damaged chunks, by pack.
    pub damaged_chunks: HashSet<(PackId, ChunkId)>,
}

/// The damage that earlier reads found.
type KnownDamage = HashMap<PackId, PackDamage>;

/// The finding about one pack.
enum Found {
    Good(Bytes32),
    Damaged(String),
    /// It was deleted since it was listed.
    Gone,
}

impl Survey {
    /// Examines all packs, several at a time, and adds the tables of good ones to the catalog of this run.
    pub fn make(run: &Run<'_>, segments: &Segments) -> Result<Self> {
        let condemned: HashSet<PackId> = run.repository.condemned()?.0.packs().copied().collect();
        let listed = run.repository.list_packs()?;
        let mut survey = Survey {
            listed,
            condemned,
            good: HashMap::new(),
            damaged: Vec::new(),
            damaged_ids: HashSet::new(),
            fleeting: HashSet::new(),
            damaged_chunks: HashSet::new(),
        };
        let said = segments.by_pack();
        let known = run.repository.known_damage()?;
        let found = Mutex::new(Vec::new());
        let is_read = run.options.depth == Depth::ReadData;
        let bytes = if is_read { survey.listed.values().sum() } else { 0 };
        run.monitor.begin(Phase::Survey, Some(Work { items: survey.listed.len() as u64, bytes }));
        let mut packs: Vec<_> = survey.listed.iter().map(|(id, size)| (*id, *size)).collect();
        packs.sort();
        let result: Result<()> = packs.into_par_iter().try_for_each(|(id, size)| {
            let one = look_at(run, &known, id, size, said.get(&id))?;
            run.monitor.advance(Work { items: 1, bytes: if is_read { size } else { 0 } });
            found.lock().unwrap_or_else(PoisonError::into_inner).push((id, one));
            Ok(())
        });
        run.monitor.end();
        result?;
        for (id, one) in found.into_inner().unwrap_or_else(PoisonError::into_inner) {
            survey.add(id, one);
        }
        survey.damaged.sort();
        if run.repository.store().medium().is_late {
            // A segment that is damaged by now may have named a pack when this machine read it.
            let known = run.repository.catalog().packs()?.into_iter().filter(|pack| pack.named).map(|pack| pack.id);
            let named: HashSet<PackId> = known.chain(said.keys().copied()).collect();
            survey.fleeting = survey.good.keys().filter(|id| !named.contains(*id)).copied().collect();
        }
        Ok(survey)
    }

    fn add(&mut self, id: PackId, found: Found) {
        match found {
            Found::Good(digest) => {
                self.good.insert(id, digest);
            }
            Found::Damaged(why) => {
                self.damaged_ids.insert(id);
                self.damaged.push((id, why));
            }
            Found::Gone => {
                self.listed.remove(&id);
            }
        }
    }

    /// Whether a pack is damaged.
    pub fn is_damaged(&self, id: &PackId) -> bool {
        self.damaged_ids.contains(id)
    }

    /// Whether a pack is in a condemned list.
    pub fn is_condemned(&self, id: &PackId) -> bool {
        self.condemned.contains(id)
    }

    /// The damage of a pack, after its chunks have been examined.
    pub fn damage(&self, pack: PackId) -> PackDamage {
        PackDamage::of(self.damaged_chunks.iter().filter(|(damaged, _)| *damaged == pack).map(|(_, chunk)| *chunk))
    }

    /// The value of the copy of a chunk in a pack.
    pub fn worth(&self, pack: PackId, chunk: &ChunkId) -> Worth {
        match () {
            () if self.damaged_chunks.contains(&(pack, *chunk)) => Worth::Damaged,
            () if self.is_condemned(&pack) => Worth::Condemned,
            () => Worth::Good,
        }
    }
}

fn look_at(
    run: &Run<'_>,
    known: &KnownDamage,
    id: PackId,
    size: u64,
    said: Option<&HashSet<Bytes32>>,
) -> Result<Found> {
    if run.monitor.is_cancelled() {
        return Err(Error::cancelled());
    }
    // The writer of a pack that no segment names may have died while writing it. A pack that was damaged before is read
    // again.
    let looked = match (run.options.depth, said) {
        (Depth::Structure, Some(said)) if !known.contains_key(&id) => table(run, id, size, said),
        _ => whole(run, id, size),
    };
    match looked {
        Ok((pack, digest)) => {
            run.catalog.import_pack(&pack)?;
            Ok(Found::Good(digest))
        }
        Err(error) if !error.is_damage() => Err(error),
        Err(_) if run.repository.store().stat(&ObjectName::Pack(id))?.is_none() => Ok(Found::Gone),
        Err(error) => Ok(Found::Damaged(chain(&error))),
    }
}

/// Reads the table of a pack. If a segment contradicts, one of the two is wrong: then reads the pack whole.
fn table(run: &Run<'_>, id: PackId, size: u64, said: &HashSet<Bytes32>) -> Result<(SegmentPack, Bytes32)> {
    let pack = run.repository.read_pack_table(id, size)?;
    let digest = digest(&pack)?;
    if said.iter().all(|said| *said == digest) { Ok((pack, digest)) } else { whole(run, id, size) }
}

/// Reads a pack, compares its bytes with its name, and opens every chunk.
fn whole(run: &Run<'_>, id: PackId, size: u64) -> Result<(SegmentPack, Bytes32)> {
    let pack = WholePack::read(run.repository, id, size).and_then(|whole| whole.check(run.repository))?;
    run.repository.remember_pack(id, None)?;
    let digest = digest(&pack)?;
    Ok((pack, digest))
}
