//! Which packs a writer may count on: those that are listed, named by a segment, and in no condemned list (FORMAT.md, section 13).

use std::collections::{HashMap, HashSet};
use std::sync::{PoisonError, RwLock};

use repo_format::id::PackId;

use super::{IndexedPack, PackNumber};

/// The packs that a run may count on. It grows with the packs that the run writes itself.
#[derive(Default)]
pub struct UsablePacks {
    numbers: RwLock<HashSet<PackNumber>>,
}

impl UsablePacks {
    /// Of the packs in the index, those that a segment names, that `listed` has, in their size, and `condemned` has not.
    pub fn new(indexed: &[IndexedPack], listed: &HashMap<PackId, u64>, condemned: &HashSet<PackId>) -> Self {
        let whole = |p: &IndexedPack| listed.get(&p.id) == Some(&p.size);
        let usable = indexed.iter().filter(|p| p.named && whole(p) && !condemned.contains(&p.id));
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
