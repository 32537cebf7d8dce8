//! Deletes the packs of a condemned list, once nobody can need them (FORMAT.md, section 13.1). The order of every step
//! matters.

use std::collections::HashSet;

use repo_format::condemned::{CondemnedList, Phase};
use repo_format::id::{LeaseId, PackId};
use repo_format::lease::Purpose;
use repo_format::pack::ChunkKind;
use repo_format::segment::SegmentPack;

use super::elsewhere::Elsewhere;
use super::lists::{self, Lists};
use super::live::Live;
use super::roots::{self, Threat};
use super::{PruneOptions, naming};
use crate::catalog::sealed_chunks;
use crate::error::{Error, ErrorKind, Result};
use crate::monitor::{Monitor, Work};
use crate::repository::Repository;
use crate::session::{Death, Life, Writer, fence, give_up_fenced};
use engine_store::ObjectName;

/// The result for a list.
pub(super) enum Swept {
    /// Its packs are gone.
    Done { packs: u64, bytes: u64 },
    /// These writers may count on its packs; it stays.
    Waiting(Vec<Writer>),
}

/// Sweeps lists, one after the other.
pub(super) struct Sweep<'a, 'r> {
    pub repository: &'r Repository,
    pub options: &'a PruneOptions<'a>,
    pub live: &'a mut Live<'r>,
    pub monitor: &'a dyn Monitor,
    /// Writers that were shut out, and why.
    pub fenced: &'a mut Vec<(LeaseId, Death)>,
}

impl Sweep<'_, '_> {
    /// Deletes the packs of list `number`, except those that turn out to be needed.
    ///
    /// # Errors
    /// If the needs of a root are unknown, or something cannot be written or deleted. Everything done so far stays
    /// valid, and any prune may continue.
    pub fn run(&mut self, number: u64) -> Result<Swept> {
        loop {
            if self.monitor.is_cancelled() {
                return Err(Error::cancelled());
            }
            if let Some(doomed) = Lists::read(self.repository)?.get(number).filter(|list| list.phase == Phase::Doomed) {
                return self.delete(doomed);
            }
            let view = self.options.view(self.repository);
            let threats = roots::read(self.repository, &view, self.live, self.monitor)?;
            let threats: Vec<_> = threats.into_iter().filter(|threat| threat.concerns(number)).collect();
            let waiting = match self.fence(threats)? {
                Fenced::Some => continue,
                Fenced::None(waiting) => waiting,
            };
            if !waiting.is_empty() {
                return Ok(Swept::Waiting(waiting));
            }
            let lists = Lists::read(self.repository)?;
            let Some(list) = lists.get(number).cloned() else { return Ok(Swept::Done { packs: 0, bytes: 0 }) };
            if list.phase == Phase::Doomed {
                return self.delete(&list);
            }
            let needed = self.needed_here_only(&lists, &list)?;
            if !needed.is_empty() {
                lists.change(self.repository, number, |list| list.packs.retain(|pack| !needed.contains(pack)))?;
            } else if lists.change(self.repository, number, |list| list.phase = Phase::Doomed)? {
                return self.delete(&list);
            }
        }
    }

    /// Shuts out the writers in `threats` that must be dead. After that the roots must be read again: one may just have
    /// committed.
    fn fence(&mut self, threats: Vec<Threat>) -> Result<Fenced> {
        let (mut waiting, mut dead) = (Vec::new(), Vec::new());
        for threat in threats {
            match threat.writer.life {
                Life::Dead(death) => dead.push((threat.writer.id, death)),
                Life::Running | Life::Unknown => waiting.push(threat.writer),
            }
        }
        if dead.is_empty() {
            return Ok(Fenced::None(waiting));
        }
        for (id, death) in dead {
            if fence(self.repository, id, self.options.this_host, &death.to_string())? {
                give_up_fenced(self.repository, id)?;
                self.fenced.push((id, death));
            }
        }
        Ok(Fenced::Some)
    }

    /// Packs of `list` with a chunk that a root needs and that no other pack is known to keep.
    fn needed_here_only(&self, lists: &Lists, list: &CondemnedList) -> Result<HashSet<PackId>> {
        let listed = self.repository.list_packs()?;
        self.repository.sync_catalog(self.monitor)?;
        let known = self.repository.catalog().packs()?;
        // A pack that did not open completely when it was last read keeps nothing.
        let mut passing = lists.packs();
        passing.extend(self.repository.known_damage()?.into_keys());
        let mut elsewhere = Elsewhere::new(self.repository, &known, &listed, &passing);
        let mut needed = HashSet::new();
        for pack in &list.packs {
            let Some(size) = listed.get(pack) else { continue };
            let Some(table) = self.describe(*pack, *size)? else { continue };
            let chunks: Vec<_> = sealed_chunks(&table)
                .filter(|(id, at)| at.kind != ChunkKind::Padding && self.live.needs(id))
                .map(|(id, _)| id)
                .collect();
            if !elsewhere.has_all(&chunks)? {
                needed.insert(*pack);
            }
        }
        Ok(needed)
    }

    /// The contents of a pack, from its own table or from a segment. If both are unreadable, so are its chunks. If it
    /// is gone, another prune has deleted it.
    fn describe(&self, pack: PackId, size: u64) -> Result<Option<SegmentPack>> {
        match self.repository.read_pack_table(pack, size) {
            Ok(table) => return Ok(Some(table)),
            Err(error) if error.kind() != ErrorKind::Damaged => return Err(error),
            Err(_) if self.repository.store().stat(&ObjectName::Pack(pack))?.is_none() => return Ok(None),
            Err(_) => {}
        }
        for segment in self.repository.catalog().segments_naming(&[pack])? {
            let named = self.repository.read_segment(segment)?;
            if let Some(described) = named.into_iter().find(|described| described.id == pack) {
                return Ok(Some(described));
            }
        }
        Ok(None)
    }

    /// Replaces the segments first, then deletes the packs, then the list.
    fn delete(&self, list: &CondemnedList) -> Result<Swept> {
        let listed = self.repository.list_packs()?;
        self.repository.sync_catalog(self.monitor)?;
        let _alone = self.repository.alone(Purpose::Prune)?;
        naming::unname(self.repository, &list.packs)?;
        let (mut packs, mut bytes) = (0, 0);
        for pack in &list.packs {
            self.repository.store().delete(&ObjectName::Pack(*pack))?;
            let size = listed.get(pack).copied();
            packs += u64::from(size.is_some());
            bytes += size.unwrap_or(0);
            self.monitor.advance(Work { items: 1, bytes: size.unwrap_or(0) });
        }
        lists::finish(self.repository, list.number)?;
        Ok(Swept::Done { packs, bytes })
    }
}

enum Fenced {
    /// Some writers were shut out.
    Some,
    /// None were; these must be waited for.
    None(Vec<Writer>),
}
