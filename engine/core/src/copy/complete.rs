//! Nodes that need not be entered: the target has everything below them.

use repo_format::id::{ChunkId, PackId};

use crate::pack::ChunkStore;
use crate::upkeep::needs::ShortIds;

/// The nodes that earlier copies of the same run have walked. A node in the target proves nothing about the chunks that it
/// names: an earlier run may have been interrupted, and a prune keeps packs with nodes that nothing needs.
///
/// Memory: 17 to 34 bytes for each different node, and 32 for each pack.
#[derive(Default)]
pub(super) struct Complete {
    nodes: ShortIds,
    /// The packs that hold everything below the nodes.
    packs: Vec<PackId>,
}

impl Complete {
    /// Prepares the next run: it counts on the packs of those before, or, if one of them is gone, on nothing.
    pub fn begin(&mut self, store: &ChunkStore<'_>) {
        if self.packs.iter().all(|pack| store.is_usable(*pack)) {
            store.count_on(&self.packs);
        } else {
            self.clear();
        }
    }

    /// Whether everything below the node is there.
    pub fn has(&self, id: &ChunkId) -> bool {
        self.nodes.has(id)
    }

    /// Everything below the node is there, if the run is committed. After a run that failed, call
    /// [`Complete::clear`].
    pub fn add(&mut self, id: &ChunkId) {
        self.nodes.add(id);
    }

    /// A run was committed that counted on these packs.
    pub fn committed(&mut self, packs: Vec<PackId>) {
        self.packs = packs;
    }

    /// Nothing is certain any more.
    pub fn clear(&mut self) {
        self.nodes.clear();
        self.packs.clear();
    }
}
