//! Which packs a writer may count on: those that are listed, named by a segment, and in no condemned list (FORMAT.md, section 13).

use std::collections::{HashMap, HashSet};
use std::sync::{PoisonError, RwLock};

use repo_format::id::PackId;

use super::{IndexedPack, PackNumber};

impl IndexedPack {
    /// Whether it may be counted on: a segment names it, `listed` has it in its size, and `condemned` has it not.
    pub fn is_usable(&self, listed: &HashMap<PackId, u64>, condemned: &HashSet<PackId>) -> bool {
        self.named && listed.get(&self.id) == Some(&self.size) && !condemned.contains(&self.id)
    }
}

/// The packs that a run may count on. It grows with the packs that the run writes itself.
#[derive(Default)]
pub struct UsablePacks {
    numbers: RwLock<HashSet<PackNumber>>,
}

impl UsablePacks {
    /// Of the packs in the index, those that a segment names, that `listed` has, in their size, and `condemned` has not.
    pub fn new(indexed: &[IndexedPack], listed: &HashMap<PackId, u64>, condemned: &HashSet<PackId>) -> Self {
        let usable = indexed.iter().filter(|pack| pack.is_usable(listed, condemned));
        UsablePacks { numbers: RwLock::new(usable.map(|pack| pack.number).collect()) }
    }

    /// Adds a pack that has just become durable and is in the index.
    pub fn add(&self, number: PackNumber) {
        self.numbers.write().unwrap_or_else(PoisonError::into_inner).insert(number);
    }

    /// Whether this pack may be counted on.
    pub fn contains(&self, number: PackNumber) -> bool {
        self.numbers.read().unwrap_or_else(PoisonError::into_inner).contains(&number)
    }
}
