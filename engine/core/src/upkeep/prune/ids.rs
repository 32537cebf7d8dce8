//! A set of chunk ids that takes little memory.

use repo_format::id::ChunkId;

/// The number of parts that are sorted separately, so that sorting one takes little space; a power of two.
const SHARDS: usize = 4096;
/// The number of ids that wait for sorting in a shard: this many, or a quarter of the sorted ones.
const WAITING: usize = 16;

/// A set of chunk ids, each kept as 8 of its 32 bytes. So it may claim to have an id that it does not have, once in
/// 10^12 ids of 10^7; never the opposite. Ids are keyed hashes: nobody without a key can make them collide.
pub(super) struct IdSet {
    shards: Vec<Shard>,
}

#[derive(Default)]
struct Shard {
    sorted: Vec<u64>,
    waiting: Vec<u64>,
}

impl Default for IdSet {
    fn default() -> Self {
        IdSet { shards: (0..SHARDS).map(|_| Shard::default()).collect() }
    }
}

impl IdSet {
    /// Adds an id.
    pub fn insert(&mut self, id: &ChunkId) {
        let short = short(id);
        let shard = &mut self.shards[place(short)];
        shard.waiting.push(short);
        if shard.waiting.len() > WAITING.max(shard.sorted.len() / 4) {
            shard.settle();
        }
    }

    /// Sorts the waiting ids, so that [`IdSet::contains`] is fast.
    pub fn settle(&mut self) {
        self.shards.iter_mut().for_each(Shard::settle);
    }

    /// Whether an id is in it.
    pub fn contains(&self, id: &ChunkId) -> bool {
        let short = short(id);
        let shard = &self.shards[place(short)];
        shard.sorted.binary_search(&short).is_ok() || shard.waiting.contains(&short)
    }

    /// The number of different ids; call [`IdSet::settle`] first.
    pub fn len(&self) -> u64 {
        self.shards.iter().map(|shard| shard.sorted.len() as u64).sum()
    }
}

impl Shard {
    fn settle(&mut self) {
        if self.waiting.is_empty() {
            return;
        }
        self.waiting.sort_unstable();
        let mut both = Vec::with_capacity(self.sorted.len() + self.waiting.len());
        both.append(&mut self.sorted);
        both.append(&mut self.waiting);
        // Two sorted runs: a stable sort merges them.
        both.sort();
        both.dedup();
        both.shrink_to_fit();
        self.sorted = both;
        self.waiting = Vec::new();
    }
}

fn short(id: &ChunkId) -> u64 {
    let mut bytes = [0; 8];
    bytes.copy_from_slice(&id.0[..8]);
    u64::from_be_bytes(bytes)
}

fn place(short: u64) -> usize {
    usize::try_from(short >> 52).unwrap_or(0) % SHARDS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_added_is_in_it_and_nothing_else() {
        let id = |n: u64| ChunkId(*blake3::hash(&n.to_le_bytes()).as_bytes());
        let mut set = IdSet::default();
        for n in (0..200_000).chain(0..1000) {
            set.insert(&id(n));
        }
        assert!((0..200_000).all(|n| set.contains(&id(n))), "also what waits");
        set.settle();
        assert_eq!(set.len(), 200_000);
        assert!((0..200_000).all(|n| set.contains(&id(n))));
        assert!((200_000..300_000).all(|n| !set.contains(&id(n))));
    }
}
