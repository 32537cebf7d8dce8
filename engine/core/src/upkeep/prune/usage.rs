//! The share of each pack that the roots need.

use std::collections::{HashMap, HashSet};

use repo_format::head::KeyClass;
use repo_format::id::PackId;

use super::live::Live;
use crate::catalog::{Catalog, Copy, KnownPack};
use crate::error::Result;

/// An existing pack that is not condemned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct PackUse {
    pub id: PackId,
    /// Its index in the order in which this machine met the packs.
    pub place: usize,
    /// The size of the object.
    pub size: u64,
    pub class: KeyClass,
    /// Whether a segment names it.
    pub named: bool,
    /// Whether it opened completely when it was last read, if it ever was.
    pub sound: bool,
    /// Whether a retired member may need it: then what is needed in it stays where it is.
    pub fixed: bool,
    /// Sealed bytes of its chunks.
    pub chunk_bytes: u64,
    /// The sealed bytes of needed chunks that no other pack is better suited to keep.
    pub needed_bytes: u64,
    /// The number of these chunks.
    pub needed_chunks: u64,
}

/// The use of all packs.
pub(super) struct Usage {
    pub packs: Vec<PackUse>,
    /// The number of chunks that a root needs and that no existing pack holds.
    pub lost_chunks: u64,
}

/// The copy of a needed chunk to keep, if there is one. Prefers packs that are sound and named, then one that retired
/// members can open, then the pack that this machine saw last. So the copies of an interrupted prune are useful.
pub(super) fn kept_copy(copies: &[Copy], packs: &HashMap<PackId, PackUse>) -> Option<PackId> {
    let there = copies.iter().filter_map(|copy| packs.get(&copy.pack));
    there.max_by_key(|pack| (pack.sound, pack.named, pack.fixed, pack.place)).map(|pack| pack.id)
}

/// Packs that must not be relied on.
pub(super) struct Doubts {
    /// Packs in a condemned list.
    pub condemned: HashSet<PackId>,
    /// Packs that did not open completely when they were last read.
    pub damaged: HashSet<PackId>,
    /// Retired members may need packs of epochs up to this one.
    pub fixed_until: Option<u32>,
}

/// Reads the whole catalog. `listed` are the packs in the store with their sizes.
pub(super) fn usage(
    catalog: &Catalog,
    live: &Live<'_>,
    listed: &HashMap<PackId, u64>,
    doubts: &Doubts,
) -> Result<Usage> {
    let mut packs = HashMap::new();
    let mut elsewhere = HashSet::new();
    for (place, pack) in catalog.packs()?.into_iter().enumerate() {
        if listed.get(&pack.id) != Some(&pack.size) {
            continue;
        }
        if doubts.condemned.contains(&pack.id) {
            // Its needed chunks will be rescued, so they are not lost.
            elsewhere.insert(pack.id);
            continue;
        }
        let KnownPack { id, size, class, named, epoch } = pack;
        let none = PackUse {
            id,
            place,
            size,
            class,
            named,
            sound: !doubts.damaged.contains(&id),
            fixed: doubts.fixed_until.is_some_and(|last| epoch <= last),
            chunk_bytes: 0,
            needed_bytes: 0,
            needed_chunks: 0,
        };
        packs.insert(id, none);
    }
    let mut found = 0;
    catalog.each_chunk(&mut |id, copies| {
        for copy in copies {
            if let Some(pack) = packs.get_mut(&copy.pack) {
                pack.chunk_bytes += u64::from(copy.sealed_len);
            }
        }
        if !live.needs(&id) {
            return;
        }
        let keeper = kept_copy(copies, &packs);
        found += u64::from(keeper.is_some() || copies.iter().any(|copy| elsewhere.contains(&copy.pack)));
        let Some(pack) = keeper.and_then(|keeper| packs.get_mut(&keeper)) else { return };
        let length = copies.iter().find(|copy| copy.pack == pack.id).map_or(0, |copy| copy.sealed_len);
        pack.needed_bytes += u64::from(length);
        pack.needed_chunks += 1;
    })?;
    let mut packs: Vec<_> = packs.into_values().collect();
    packs.sort_by_key(|pack| pack.place);
    Ok(Usage { packs, lost_chunks: live.len().saturating_sub(found) })
}
