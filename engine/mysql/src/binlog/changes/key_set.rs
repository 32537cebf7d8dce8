//! Keys of changed rows.

/// So many are collected before they are sorted for the first time.
const FIRST_SORT: usize = 4096;

/// Ranks of keys, each once.
#[derive(Debug, Default)]
pub struct KeySet {
    ranks: Vec<u64>,
    /// So many of them are sorted, at the front.
    sorted: usize,
}

impl KeySet {
    /// Adds a key.
    pub fn insert(&mut self, rank: u64) {
        self.ranks.push(rank);
        if self.ranks.len() >= FIRST_SORT.max(2 * self.sorted) {
            self.sort();
        }
    }

    /// So many different keys there are at least.
    pub fn count(&self) -> usize {
        self.sorted
    }

    /// The memory that it takes, in bytes.
    pub fn bytes(&self) -> usize {
        self.ranks.capacity() * size_of::<u64>()
    }

    /// The ranks in order.
    pub fn into_sorted(mut self) -> Vec<u64> {
        self.sort();
        self.ranks
    }

    fn sort(&mut self) {
        self.ranks.sort_unstable();
        self.ranks.dedup();
        self.sorted = self.ranks.len();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_key_is_kept_once_in_order() {
        let mut keys = KeySet::default();
        (0..20_000u64).rev().chain(0..20_000).for_each(|n| keys.insert(n / 2));
        assert!(keys.count() <= 10_000 && keys.bytes() >= 80_000);
        assert_eq!(keys.into_sorted(), (0..10_000).collect::<Vec<_>>());
    }
}
