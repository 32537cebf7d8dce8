//! How much of each pack the roots need.

use std::collections::{HashMap, HashSet};

use repo_format::head::KeyClass;
use repo_format::id::PackId;

use super::live::Live;
use crate::catalog::{Catalog, Copy, KnownPack};
use crate::error::Result;

/// A pack that is there, in no condemned list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct PackUse {
    pub id: PackId,
    /// Its place in the order in which this machine met the packs.
    pub place: usize,
    /// Bytes of the object.
    pub size: u64,
    pub class: KeyClass,
    /// Whether a segment names it.
    pub named: bool,
    /// Whether it opened as it should when it was read last, if it was.
    pub sound: bool,
    /// Sealed bytes of its chunks.
    pub chunk_bytes: u64,
    /// Of these, the ones that are needed and that no pack holds which is better suited to keep them.
    pub needed_bytes: u64,
    /// How many these are.
    pub needed_chunks: u64,
}

/// The use of all packs.
pub(super) struct Usage {
    pub packs: Vec<PackUse>,
    /// Chunks that a root needs and that are in no pack that is there.
    pub lost_chunks: u64,
}

/// Which copy of a needed chunk is to stay, if there is one: of sound and named packs, the one this machine saw last. So what a prune copied
/// before it was interrupted is of use.
pub(super) fn kept_copy(copies: &[Copy], packs: &HashMap<PackId, PackUse>) -> Option<PackId> {
    let there = copies.iter().filter_map(|copy| packs.get(&copy.pack));
    there.max_by_key(|pack| (pack.sound, pack.named, pack.place)).map(|pack| pack.id)
}

/// Packs that not everything may be expected of.
pub(super) struct Doubts {
    /// Those in a list.
    pub condemned: HashSet<PackId>,
    /// Those that did not open as they should when they were read last.
    pub damaged: HashSet<PackId>,
}

/// Reads through the whole catalog. `listed` are the packs in the store with their sizes.
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
            // What is needed of it will be rescued: it is not lost.
            elsewhere.insert(pack.id);
            continue;
        }
        let KnownPack { id, size, class, named } = pack;
        let sound = !doubts.damaged.contains(&id);
        let none = PackUse { id, place, size, class, named, sound, chunk_bytes: 0, needed_bytes: 0, needed_chunks: 0 };
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
