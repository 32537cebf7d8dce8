//! Nodes that need not be entered: the target has everything below them.

use repo_format::id::{ChunkId, PackId};

use crate::pack::ChunkStore;
use crate::upkeep::needs::ShortIds;

/// The nodes below which the target has everything. A node in the target proves nothing about the chunks that it names:
/// an earlier run may have been interrupted, and a prune keeps packs with nodes that nothing needs. So these are nodes of
/// manifests of the target whose packs are all there.
///
/// Memory: 17 to 34 bytes for each different node, three times that where nodes are written anew, and 32 for each pack.
#[derive(Default)]
pub(super) struct Complete {
    /// Nodes of copies that were there before.
    vouched: ShortIds,
    /// Nodes that copies of this run have walked.
    walked: ShortIds,
    /// Nodes that copies of this run have written anew, by their ids in both repositories.
    written: ShortIds,
    /// The packs that hold everything below the nodes.
    packs: Vec<PackId>,
    has_begun: bool,
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

    /// Whether this is the first run since the beginning, or since nothing was certain any more.
    pub fn begins_anew(&mut self) -> bool {
        !std::mem::replace(&mut self.has_begun, true)
    }

    /// Whether everything below the node is there.
    pub fn has(&self, id: &ChunkId) -> bool {
        self.walked.has(id) || self.vouched.has(id)
    }

    /// Whether a copy of this run has walked the node.
    pub fn has_walked(&self, id: &ChunkId) -> bool {
        self.walked.has(id)
    }

    /// Whether an earlier copy vouches for everything below the node.
    pub fn is_vouched_for(&self, id: &ChunkId) -> bool {
        self.vouched.has(id)
    }

    /// Whether a copy of this run has written the node anew, or the node of the source that it comes from.
    pub fn has_written(&self, id: &ChunkId) -> bool {
        self.written.has(id)
    }

    /// A copy of this run has written the node anew, or the node that comes from it.
    pub fn wrote(&mut self, id: &ChunkId) {
        self.written.add(id);
    }

    /// Everything below the node is there, if the run is committed. After a run that failed, call
    /// [`Complete::clear`].
    pub fn walked(&mut self, id: &ChunkId) {
        self.walked.add(id);
    }

    /// Everything below the node is there, as long as the packs are that [`Complete::count_on`] was told of.
    pub fn vouch_for(&mut self, id: &ChunkId) {
        self.vouched.add(id);
    }

    /// Notes packs that hold what is below nodes.
    pub fn count_on(&mut self, packs: &[PackId]) {
        self.packs.extend(packs);
    }

    /// A run was committed that counted on these packs.
    pub fn committed(&mut self, packs: Vec<PackId>) {
        self.packs = packs;
    }

    /// Nothing is certain any more.
    pub fn clear(&mut self) {
        *self = Complete::default();
    }
}
