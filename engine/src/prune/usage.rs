//! How much of each pack the roots need.

use std::collections::{HashMap, HashSet};

use repo_format::head::KeyClass;
use repo_format::id::PackId;

use super::live::Live;
use crate::error::Result;
use crate::index::{Copy, Index, PackNumber};

/// A pack that is there, in no condemned list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct PackUse {
    pub id: PackId,
    pub number: PackNumber,
    /// Bytes of the object.
    pub size: u64,
    pub class: KeyClass,
    /// Whether a segment names it.
    pub named: bool,
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

/// Which copy of a needed chunk is to stay, if there is one: of named packs, the one this machine saw last. So what a prune copied
/// before it was interrupted is of use.
pub(super) fn kept_copy(copies: &[Copy], packs: &HashMap<PackNumber, PackUse>) -> Option<PackNumber> {
    let there = |copy: &&Copy| packs.contains_key(&copy.pack);
    let rank = |copy: &Copy| (packs.get(&copy.pack).is_some_and(|pack| pack.named), copy.pack);
    copies.iter().filter(there).map(rank).max().map(|(_, pack)| pack)
}

/// Reads through the whole index. `listed` are the packs in the store with their sizes, `condemned` those in a list.
pub(super) fn usage(
    index: &Index,
    live: &Live<'_>,
    listed: &HashMap<PackId, u64>,
    condemned: &HashSet<PackId>,
) -> Result<Usage> {
    let mut packs = HashMap::new();
    let mut elsewhere = HashSet::new();
    for pack in index.packs()? {
        if listed.get(&pack.id) != Some(&pack.size) {
            continue;
        }
        if condemned.contains(&pack.id) {
            // What is needed of it will be rescued: it is not lost.
            elsewhere.insert(pack.number);
            continue;
        }
        let (id, number, size, class, named) = (pack.id, pack.number, pack.size, pack.class, pack.named);
        packs.insert(
            number,
            PackUse { id, number, size, class, named, chunk_bytes: 0, needed_bytes: 0, needed_chunks: 0 },
        );
    }
    let mut found = 0;
    index.each_chunk(&mut |id, copies| {
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
        let Some(pack) = keeper.and_then(|number| packs.get_mut(&number)) else { return };
        let length = copies.iter().find(|copy| copy.pack == pack.number).map_or(0, |copy| copy.sealed_len);
        pack.needed_bytes += u64::from(length);
        pack.needed_chunks += 1;
    })?;
    let mut packs: Vec<_> = packs.into_values().collect();
    packs.sort_by_key(|pack| pack.number);
    Ok(Usage { packs, lost_chunks: live.len().saturating_sub(found) })
}
