//! Checks copies after they were committed (FORMAT.md, section 13.2): by a listing, by the nodes as they stand in the target,
//! and by some new packs, read whole.

use std::collections::{HashMap, HashSet};

use repo_format::id::{ChunkId, LeaseId, PackId};
use repo_format::manifest::Manifest;

use super::complete::Complete;
use crate::catalog::KnownPack;
use crate::crypto::random;
use crate::error::{Error, ErrorKind, Result, chain};
use crate::monitor::{Monitor, NullMonitor, Phase, Work};
use crate::pack::{ChunkReader, CodedChunk, WholePack};
use crate::repository::{Repository, SnapshotObject};
use crate::tree::{Node, Visitor, reach};
use crate::upkeep::needs::ShortIds;
use engine_store::ObjectName;

/// At least this many new packs are read whole.
const PACKS_MIN: usize = 16;
/// One in this many of the new packs is read, if there are more.
const ONE_IN: usize = 100;
/// How often the packs are listed, at most, while a prune moves chunks.
const LOOKS_MAX: usize = 4;

/// The result of a check.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CopyCheck {
    /// Manifests that were read back.
    pub manifests: u64,
    /// Nodes that were read back.
    pub nodes: u64,
    /// Packs that were read whole.
    pub packs: u64,
    /// Their bytes.
    pub read_bytes: u64,
    /// Anything that is not as it should be, in sentences.
    pub findings: Vec<String>,
}

/// The copies of a run.
pub(super) struct Copies<'c> {
    pub target: &'c Repository,
    pub ids: &'c [LeaseId],
    pub new_packs: &'c [PackId],
    pub complete: &'c Complete,
}

impl Copies<'_> {
    /// Checks them.
    ///
    /// # Errors
    /// If the storage does not answer, the cache fails, or the monitor wishes to stop. Damage is in the result.
    pub fn check(&self, monitor: &dyn Monitor) -> Result<CopyCheck> {
        let mut there = There::look(self.target, monitor)?;
        let mut check = CopyCheck::default();
        // A prune may have deleted a pack that is not listed: then everything needed of it is elsewhere.
        for pack in self.new_packs.iter().filter(|pack| there.has_another_size(pack)) {
            check.findings.push(format!("packs/{pack}, which was just stored, is not of its size"));
        }
        let chosen = chosen(self.new_packs)?;
        let items = (self.ids.len() + chosen.len()) as u64;
        monitor.begin(Phase::Survey, Some(Work { items, bytes: 0 }));
        let reader = ChunkReader::new(self.target);
        let mut walk = Walk { copies: self, there: &mut there, met: ShortIds::default(), check: &mut check };
        for id in self.ids {
            walk.manifest(&reader, *id, monitor)?;
            monitor.advance(Work { items: 1, bytes: 0 });
        }
        for (pack, size) in chosen.iter().filter_map(|pack| there.listed.get(pack).map(|size| (*pack, *size))) {
            self.read(pack, size, &mut check)?;
            monitor.advance(Work { items: 1, bytes: 0 });
        }
        monitor.end();
        Ok(check)
    }

    /// Reads a pack whole, and opens every chunk in it.
    fn read(&self, pack: PackId, size: u64, check: &mut CopyCheck) -> Result<()> {
        let read = WholePack::read(self.target, pack, size).and_then(|whole| whole.check(self.target));
        match read {
            Ok(_) => {}
            Err(error) if error.is_damage() && self.target.store().stat(&ObjectName::Pack(pack))?.is_none() => {}
            Err(error) if error.is_damage() => {
                check.findings.push(format!("packs/{pack}, which was just stored: {}", chain(&error)));
            }
            Err(error) => return Err(error),
        }
        (check.packs, check.read_bytes) = (check.packs + 1, check.read_bytes + size);
        Ok(())
    }
}

/// The packs that are read: at random, so that no storage can tell which ones.
fn chosen(packs: &[PackId]) -> Result<Vec<PackId>> {
    let count = PACKS_MIN.max(packs.len().div_ceil(ONE_IN)).min(packs.len());
    let mut left = packs.to_vec();
    let mut chosen = Vec::with_capacity(count);
    for _ in 0..count {
        let place = usize::try_from(u64::from_le_bytes(random()?) % left.len() as u64).unwrap_or(0);
        chosen.push(left.swap_remove(place));
    }
    Ok(chosen)
}

/// A walk through the nodes that this run has written, as they stand in the target.
struct Walk<'w> {
    copies: &'w Copies<'w>,
    there: &'w mut There,
    met: ShortIds,
    check: &'w mut CopyCheck,
}

impl Walk<'_> {
    fn manifest(&mut self, reader: &ChunkReader<'_>, id: LeaseId, monitor: &dyn Monitor) -> Result<()> {
        let manifest = match self.copies.target.read_snapshot_object(id) {
            Ok(SnapshotObject::Manifest(object)) => object.manifest,
            Ok(SnapshotObject::Void(_)) => return self.find(format!("snapshots/{id}, the copy, is not a manifest")),
            // Another process may have forgotten it at once.
            Err(_) if !self.copies.target.has_snapshot_object(id)? => return Ok(()),
            Err(error) if error.is_damage() => return self.find(format!("the copy {id}: {}", chain(&error))),
            Err(error) => return Err(error),
        };
        self.check.manifests += 1;
        let before = self.check.findings.len();
        self.nodes(reader, &manifest, monitor)?;
        // A manifest that somebody has forgotten meanwhile may lose what it needs.
        if self.check.findings.len() > before && !self.copies.target.has_snapshot_object(id)? {
            self.check.findings.truncate(before);
        }
        Ok(())
    }

    fn nodes(&mut self, reader: &ChunkReader<'_>, manifest: &Manifest, monitor: &dyn Monitor) -> Result<()> {
        manifest.ids.iter().try_for_each(|id| reach(reader, *id, self, monitor))
    }

    fn find(&mut self, finding: String) -> Result<()> {
        self.check.findings.push(finding);
        Ok(())
    }

    /// Whether a listed pack holds a chunk. A prune may move it to another pack at any time.
    fn is_there(&mut self, id: &ChunkId) -> Result<bool> {
        let target = self.copies.target;
        if self.there.hold(target, id)? {
            return Ok(true);
        }
        if self.there.looks >= LOOKS_MAX {
            return Ok(false);
        }
        *self.there = There { looks: self.there.looks + 1, ..There::look(target, &NullMonitor)? };
        self.there.hold(target, id)
    }
}

/// The packs that are there.
struct There {
    listed: HashMap<PackId, u64>,
    /// The packs that are as large as they should be.
    packs: HashSet<PackId>,
    /// How often they were listed.
    looks: usize,
}

impl There {
    fn look(target: &Repository, monitor: &dyn Monitor) -> Result<Self> {
        target.sync_catalog(monitor)?;
        let (listed, known) = (target.list_packs()?, target.catalog().packs()?);
        let is_whole = |pack: &&KnownPack| listed.get(&pack.id) == Some(&pack.size);
        let packs = known.iter().filter(is_whole).map(|pack| pack.id).collect();
        Ok(There { listed, packs, looks: 1 })
    }

    fn has_another_size(&self, pack: &PackId) -> bool {
        self.listed.contains_key(pack) && !self.packs.contains(pack)
    }

    fn hold(&self, target: &Repository, id: &ChunkId) -> Result<bool> {
        target.catalog().packs_of(id, |pack| self.packs.contains(&pack))
    }
}

impl Visitor for Walk<'_> {
    fn enter(&mut self, id: &ChunkId) -> Result<bool> {
        if !self.is_there(id)? {
            self.find(format!("node {id}, which a copy needs, is in no listed pack"))?;
            return Ok(false);
        }
        let complete = self.copies.complete;
        Ok((complete.has_walked(id) || complete.has_written(id)) && self.met.add(id))
    }

    fn opened(&mut self, _: &Node, _: &CodedChunk) -> Result<()> {
        self.check.nodes += 1;
        Ok(())
    }

    fn chunk(&mut self, id: &ChunkId) -> Result<()> {
        if self.is_there(id)? {
            return Ok(());
        }
        self.find(format!("chunk {id}, which a copy needs, is in no listed pack"))
    }

    fn damaged(&mut self, id: &ChunkId, error: Error) -> Result<()> {
        if error.kind() == ErrorKind::Unavailable {
            return Err(error);
        }
        self.find(format!("node {id} of a copy cannot be read: {}", chain(&error)))
    }
}
