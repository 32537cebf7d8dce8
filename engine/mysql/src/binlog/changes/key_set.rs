//! Keys of changed rows.

/// A table with more changed rows is read whole.
const KEYS_MAX: usize = 1 << 20;
/// So many are collected before they are sorted for the first time.
const FIRST_SORT: usize = 4096;

/// Ranks of keys, each once. Memory: 16 bytes a key at most, up to 1,048,576 keys.
#[derive(Debug, Default)]
pub struct KeySet {
    ranks: Vec<u64>,
    /// So many of them are sorted, at the front.
    sorted: usize,
}

impl KeySet {
    /// Adds a key; gives whether there is room for it.
    pub fn insert(&mut self, rank: u64) -> bool {
        self.ranks.push(rank);
        if self.ranks.len() >= FIRST_SORT.max(2 * self.sorted) {
            self.sort();
        }
        self.sorted <= KEYS_MAX
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
        for n in (0..20_000u64).rev().chain(0..20_000) {
            assert!(keys.insert(n / 2));
        }
        assert_eq!(keys.into_sorted(), (0..10_000).collect::<Vec<_>>());
    }

    #[test]
    fn a_set_says_when_it_is_full() {
        let mut keys = KeySet::default();
        assert!((0..4 * KEYS_MAX as u64).any(|n| !keys.insert(n)));
    }
}
