//! Checks packs: their tables, and every chunk of those that are read whole.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::Ordering;
use std::sync::{Mutex, PoisonError};

use rayon::iter::{IntoParallelRefIterator, ParallelIterator};
use repo_format::id::{Bytes32, ChunkId, PackId};
use repo_format::pack::ChunkKind;
use repo_format::segment::SegmentPack;

use super::FindingKind::DamagedPack;
use super::report::Report;
use crate::catalog::Catalog;
use crate::error::{Error, ErrorKind, Result, chain};
use crate::memory::PackDamage;
use crate::monitor::{Monitor, Phase, Work};
use crate::pack::WholePack;
use crate::repository::Repository;
use engine_store::ObjectName;

/// The number of bytes that reading a pack's table counts for.
const TABLE_ONLY: u64 = 64 * 1024;
/// Packs that are in memory at once when they are read whole over a network. So many fill a line.
const WHOLE_AT_ONCE: usize = 4;
/// The number of damaged chunks that a finding names.
const NAMED: usize = 3;

/// The results of checking the packs.
#[derive(Default)]
pub(super) struct CheckedPacks {
    /// Packs with a usable table, and the digests of their own descriptions.
    digests: HashMap<PackId, Bytes32>,
    /// Damaged chunks, by pack.
    damaged: HashSet<(PackId, ChunkId)>,
    /// Packs that were examined, with any result.
    seen: HashSet<PackId>,
}

impl CheckedPacks {
    /// The digest of a pack's own description.
    pub fn digest(&self, pack: &PackId) -> Option<Bytes32> {
        self.digests.get(pack).copied()
    }

    /// Packs with a usable table.
    pub fn whole(&self) -> impl Iterator<Item = &PackId> {
        self.digests.keys()
    }

    /// Whether a chunk of a pack is known to be damaged.
    pub fn is_damaged(&self, pack: PackId, chunk: &ChunkId) -> bool {
        self.damaged.contains(&(pack, *chunk))
    }

    /// Whether a pack was looked at.
    pub fn was_seen(&self, pack: &PackId) -> bool {
        self.seen.contains(pack)
    }

    /// Whether no pack was looked at.
    pub fn is_empty(&self) -> bool {
        self.seen.is_empty()
    }

    /// Adds the results of checking other packs, or better results for the same ones.
    pub fn extend(&mut self, more: CheckedPacks) {
        self.damaged.retain(|(pack, _)| !more.seen.contains(pack));
        self.digests.extend(more.digests);
        self.damaged.extend(more.damaged);
        self.seen.extend(more.seen);
    }
}

/// Digest of the description of a pack.
pub(super) fn description_digest(pack: &SegmentPack) -> Bytes32 {
    let mut bytes = Vec::new();
    // A description that was decoded can be encoded.
    pack.encode_into(&mut bytes).unwrap_or_default();
    Bytes32(*blake3::hash(&bytes).as_bytes())
}

/// The packs to check, and the depth.
pub(super) struct Assignment {
    /// The packs, with their sizes.
    pub packs: Vec<(PackId, u64)>,
    /// The packs to read whole.
    pub whole: HashSet<PackId>,
}

impl Assignment {
    fn bytes(&self, id: &PackId, size: u64) -> u64 {
        if self.whole.contains(id) { size } else { TABLE_ONLY.min(size) }
    }
}

struct Check<'r> {
    repository: &'r Repository,
    assignment: &'r Assignment,
    catalog: &'r Catalog,
    report: &'r Report,
    monitor: &'r dyn Monitor,
    /// The damage that earlier reads found.
    known: HashMap<PackId, PackDamage>,
    checked: Mutex<CheckedPacks>,
}

/// Checks packs, several at a time, and adds their tables to `catalog`. Remembers those that were read whole and are
/// good.
pub(super) fn check_packs(
    repository: &Repository,
    assignment: &Assignment,
    catalog: &Catalog,
    report: &Report,
    monitor: &dyn Monitor,
) -> Result<CheckedPacks> {
    let packs = &assignment.packs;
    let bytes = packs.iter().map(|(id, size)| assignment.bytes(id, *size)).sum();
    monitor.begin(Phase::Verify, Some(Work { items: packs.len() as u64, bytes }));
    let seen = packs.iter().map(|(id, _)| *id).collect();
    let checked = Mutex::new(CheckedPacks { seen, ..CheckedPacks::default() });
    let known = repository.known_damage()?;
    let check = Check { repository, assignment, catalog, report, monitor, known, checked };
    let result = check.all();
    monitor.end();
    result?;
    Ok(check.checked.into_inner().unwrap_or_else(PoisonError::into_inner))
}

fn threads(count: usize) -> Result<rayon::ThreadPool> {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(count).build();
    pool.map_err(|e| Error::caused(ErrorKind::Io, "cannot start threads", e))
}

impl Check<'_> {
    /// Over a network threads wait for most of their time and need no core: then their number follows from what they read.
    fn all(&self) -> Result<()> {
        let work = |packs: &[(PackId, u64)]| packs.par_iter().try_for_each(|(id, size)| self.pack(*id, *size));
        let packs = &self.assignment.packs;
        let readers = self.repository.store().medium().gets_at_once;
        if readers == 1 {
            return work(packs);
        }
        let (whole, tables): (Vec<_>, Vec<_>) = packs.iter().partition(|(id, _)| self.assignment.whole.contains(id));
        threads(readers)?.install(|| work(&tables))?;
        threads(readers.min(WHOLE_AT_ONCE))?.install(|| work(&whole))
    }

    fn pack(&self, id: PackId, size: u64) -> Result<()> {
        if self.monitor.is_cancelled() {
            return Err(Error::cancelled());
        }
        self.report.pack_bytes.fetch_add(size, Ordering::Relaxed);
        let checked = if self.assignment.whole.contains(&id) { self.whole(id, size) } else { self.table(id, size) };
        self.monitor.advance(Work { items: 1, bytes: self.assignment.bytes(&id, size) });
        checked
    }

    fn table(&self, id: PackId, size: u64) -> Result<()> {
        let described = self.repository.read_pack_table(id, size);
        let name = ObjectName::Pack(id);
        let described = self.report.check_object(self.repository, name, DamagedPack, described)?;
        let Some(pack) = described else { return Ok(()) };
        self.take_in(&pack)?;
        if let Some(damage) = self.known.get(&id) {
            let message = "it was damaged when it was last read whole; `enamel repair` copies its intact chunks";
            self.report.find(name, DamagedPack, message);
            let chunks = pack.table.entries.iter().map(|entry| entry.id).filter(|chunk| damage.has(chunk));
            let chunks = chunks.map(|chunk| (id, chunk));
            self.checked.lock().unwrap_or_else(PoisonError::into_inner).damaged.extend(chunks);
        }
        Ok(())
    }

    /// Reads a pack whole, compares its bytes with its name, and opens every chunk. If the bytes do not match the name,
    /// the table may still be intact, and so may most chunks.
    fn whole(&self, id: PackId, size: u64) -> Result<()> {
        let name = ObjectName::Pack(id);
        let read = WholePack::read(self.repository, id, size);
        let Some(whole) = self.report.check_object(self.repository, name, DamagedPack, read)? else {
            return self.repository.remember_pack(id, Some(&PackDamage::Whole));
        };
        self.report.read_bytes.fetch_add(size, Ordering::Relaxed);
        self.report.read_packs.fetch_add(1, Ordering::Relaxed);
        let mut is_good = whole.fits_its_name();
        if !is_good {
            self.report.find(name, DamagedPack, "its bytes do not fit its name: they have changed");
        }
        let damage = match self.report.check(name, DamagedPack, whole.description(self.repository))? {
            Some(pack) => {
                self.take_in(&pack)?;
                let damaged = self.chunks(&whole, &pack);
                is_good &= damaged.is_empty();
                PackDamage::of(damaged)
            }
            None => PackDamage::Whole,
        };
        self.repository.remember_pack(id, (!is_good).then_some(&damage))
    }

    fn take_in(&self, pack: &SegmentPack) -> Result<()> {
        self.catalog.import_pack(pack)?;
        self.report.packs.fetch_add(1, Ordering::Relaxed);
        self.report.chunks.fetch_add(pack.table.entries.len() as u64, Ordering::Relaxed);
        let mut checked = self.checked.lock().unwrap_or_else(PoisonError::into_inner);
        checked.digests.insert(pack.id, description_digest(pack));
        Ok(())
    }

    /// Opens every chunk of a pack; returns the damaged ones.
    fn chunks(&self, whole: &WholePack, pack: &SegmentPack) -> Vec<ChunkId> {
        let mut damaged = Vec::new();
        let mut messages = Vec::new();
        for (entry, error) in whole.damaged_chunks(self.repository, pack) {
            messages.push(chain(&error));
            damaged.extend((entry.kind != ChunkKind::Padding).then_some(entry.id));
        }
        if messages.is_empty() {
            return damaged;
        }
        let more = messages.len().saturating_sub(NAMED);
        let mut message = messages[..messages.len().min(NAMED)].join("; ");
        if more > 0 {
            message.push_str(&format!("; and {more} more"));
        }
        self.report.find(ObjectName::Pack(pack.id), DamagedPack, message);
        let named = damaged.iter().map(|chunk| (pack.id, *chunk));
        self.checked.lock().unwrap_or_else(PoisonError::into_inner).damaged.extend(named);
        damaged
    }
}
