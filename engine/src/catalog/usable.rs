//! Which packs a writer may count on: those that are listed, named by a segment, and in no condemned list (FORMAT.md, section 13).

use std::collections::{HashMap, HashSet};
use std::sync::{PoisonError, RwLock};

use repo_format::id::PackId;

use super::KnownPack;

impl KnownPack {
    /// Whether it may be counted on: a segment names it, `listed` has it in its size, and `condemned` has it not.
    pub fn is_usable(&self, listed: &HashMap<PackId, u64>, condemned: &HashSet<PackId>) -> bool {
        self.named && listed.get(&self.id) == Some(&self.size) && !condemned.contains(&self.id)
    }
}

/// The packs that a run may count on. It grows with the packs that the run writes itself.
#[derive(Default)]
pub struct UsablePacks {
    ids: RwLock<HashSet<PackId>>,
}

impl UsablePacks {
    /// Of the packs that are known, those that a segment names, that `listed` has, in their size, and `condemned` has not.
    pub fn new(known: &[KnownPack], listed: &HashMap<PackId, u64>, condemned: &HashSet<PackId>) -> Self {
        let usable = known.iter().filter(|pack| pack.is_usable(listed, condemned));
        UsablePacks { ids: RwLock::new(usable.map(|pack| pack.id).collect()) }
    }

    /// Adds a pack that has just become durable and is in the catalog.
    pub fn add(&self, pack: PackId) {
        self.ids.write().unwrap_or_else(PoisonError::into_inner).insert(pack);
    }

    /// Whether this pack may be counted on.
    pub fn contains(&self, pack: PackId) -> bool {
        self.ids.read().unwrap_or_else(PoisonError::into_inner).contains(&pack)
    }
}
