//! The packs that a writer may count on: they are listed, a segment names them, and no condemned list does (FORMAT.md,
//! section 13).

use std::collections::{HashMap, HashSet};
use std::sync::{PoisonError, RwLock};

use repo_format::id::PackId;

use super::KnownPack;

impl KnownPack {
    /// Whether a writer may count on it: a segment names it, it is listed with the same size, and it is not condemned.
    pub(crate) fn is_usable(&self, listed: &HashMap<PackId, u64>, condemned: &HashSet<PackId>) -> bool {
        self.named && listed.get(&self.id) == Some(&self.size) && !condemned.contains(&self.id)
    }
}

/// The packs that a run may count on. It grows with the packs that the run writes itself.
#[derive(Default)]
pub struct UsablePacks {
    /// The size that each pack must have.
    sizes: RwLock<HashMap<PackId, u64>>,
    /// Packs that the run has found to be damaged.
    distrusted: RwLock<HashSet<PackId>>,
}

impl UsablePacks {
    /// The known packs that a segment names, that are listed with the same size, and that are not condemned.
    pub fn new(known: &[KnownPack], listed: &HashMap<PackId, u64>, condemned: &HashSet<PackId>) -> Self {
        let usable = known.iter().filter(|pack| pack.is_usable(listed, condemned));
        let sizes = usable.map(|pack| (pack.id, pack.size)).collect();
        UsablePacks { sizes: RwLock::new(sizes), distrusted: RwLock::default() }
    }

    /// Adds a pack that has just become durable and is in the catalog.
    pub fn add(&self, pack: PackId, size: u64) {
        self.sizes.write().unwrap_or_else(PoisonError::into_inner).insert(pack, size);
    }

    /// From now on the run counts on no further chunk of this pack.
    pub fn distrust(&self, pack: PackId) {
        self.distrusted.write().unwrap_or_else(PoisonError::into_inner).insert(pack);
    }

    /// Whether the run may count on this pack.
    pub fn contains(&self, pack: PackId) -> bool {
        self.size(pack).is_some() && !self.distrusted.read().unwrap_or_else(PoisonError::into_inner).contains(&pack)
    }

    /// The size of this pack, if the run may count on it, or did before it found damage there.
    pub fn size(&self, pack: PackId) -> Option<u64> {
        self.sizes.read().unwrap_or_else(PoisonError::into_inner).get(&pack).copied()
    }
}
