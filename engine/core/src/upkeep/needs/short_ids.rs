//! A set of chunk ids that takes half the memory.

use std::collections::HashSet;

use repo_format::id::ChunkId;

/// The number of bytes of an id that are kept. Ids are keyed hashes: two of a million share their first 16 bytes with a
/// probability of 1 in 10^27.
const KEPT: usize = 16;

/// A set of chunk ids.
#[derive(Default)]
pub struct ShortIds(HashSet<[u8; KEPT]>);

impl ShortIds {
    /// Adds an id; returns whether it is new.
    pub fn add(&mut self, id: &ChunkId) -> bool {
        self.0.insert(short(id))
    }

    /// Whether an id has been added.
    pub fn has(&self, id: &ChunkId) -> bool {
        self.0.contains(&short(id))
    }

    /// How many ids there are.
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// Removes all ids.
    pub fn clear(&mut self) {
        self.0.clear();
    }
}

fn short(id: &ChunkId) -> [u8; KEPT] {
    std::array::from_fn(|at| id.0[at])
}
