//! Which packs a writer may count on: those that are listed, named by a segment, and in no condemned list (FORMAT.md, section 13).

use std::collections::{HashMap, HashSet};
use std::sync::{PoisonError, RwLock};

use repo_format::id::PackId;

use super::KnownPack;

impl KnownPack {
    /// Whether it may be counted on: a segment names it, `listed` has it in its size, and `condemned` has it not.
    pub(crate) fn is_usable(&self, listed: &HashMap<PackId, u64>, condemned: &HashSet<PackId>) -> bool {
        self.named && listed.get(&self.id) == Some(&self.size) && !condemned.contains(&self.id)
    }
}

/// The packs that a run may count on. It grows with the packs that the run writes itself.
#[derive(Default)]
pub struct UsablePacks {
    /// With the size that each must have.
    sizes: RwLock<HashMap<PackId, u64>>,
}

impl UsablePacks {
    /// Of the packs that are known, those that a segment names, that `listed` has, in their size, and `condemned` has not.
    pub fn new(known: &[KnownPack], listed: &HashMap<PackId, u64>, condemned: &HashSet<PackId>) -> Self {
        let usable = known.iter().filter(|pack| pack.is_usable(listed, condemned));
        UsablePacks { sizes: RwLock::new(usable.map(|pack| (pack.id, pack.size)).collect()) }
    }

    /// Adds a pack that has just become durable and is in the catalog.
    pub fn add(&self, pack: PackId, size: u64) {
        self.sizes.write().unwrap_or_else(PoisonError::into_inner).insert(pack, size);
    }

    /// Whether this pack may be counted on.
    pub fn contains(&self, pack: PackId) -> bool {
        self.size(pack).is_some()
    }

    /// The size of this pack, if it may be counted on.
    pub fn size(&self, pack: PackId) -> Option<u64> {
        self.sizes.read().unwrap_or_else(PoisonError::into_inner).get(&pack).copied()
    }
}
