//! Sets of keys, as runs of numbers that follow each other: keys that count up make few runs.

use std::collections::BTreeMap;

use super::saved_rows::Key;

/// Keys in one statement: for longer lists servers scan the table, or refuse the statement.
pub(in crate::purge) const KEYS_PER_STATEMENT: usize = 5000;
/// The fewest numbers that a condition names as a run.
const RUN_MIN: usize = 3;

/// The condition that `column` is one of `keys`. Keys that follow each other are a run: a server reads a run from end to end, and
/// looks other keys up one by one.
pub(in crate::purge) fn is_one_of(column: &str, keys: &[Key]) -> String {
    let (mut single, mut any) = (Vec::new(), Vec::new());
    for run in keys.chunk_by(|before, key| before + 1 == *key) {
        match run {
            [first, .., last] if run.len() >= RUN_MIN => any.push(format!("{column} BETWEEN {first} AND {last}")),
            few => single.extend(few.iter().map(Key::to_string)),
        }
    }
    if any.is_empty() || !single.is_empty() {
        any.push(format!("{column} IN ({})", single.join(",")));
    }
    any.join(" OR ")
}

/// The condition that a key is in one of `runs`.
pub(in crate::purge) fn in_runs(key: &str, runs: &[(Key, Key)]) -> String {
    let run = |(first, last): &(Key, Key)| format!("{key} BETWEEN {first} AND {last}");
    runs.iter().map(run).collect::<Vec<_>>().join(" OR ")
}

/// A set of keys. Memory: one entry a run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::purge) struct KeySet {
    /// The last key of each run, by its first.
    runs: BTreeMap<Key, Key>,
    count: u64,
}

impl KeySet {
    /// The keys of `runs`, in any order, also if they overlap.
    pub fn of_any_runs(runs: impl IntoIterator<Item = (Key, Key)>) -> Self {
        let mut sorted: Vec<_> = runs.into_iter().filter(|(first, last)| first <= last).collect();
        sorted.sort_unstable();
        let mut set = KeySet::default();
        for (first, last) in sorted {
            match set.runs.last_entry() {
                Some(mut before) if *before.get() >= first - 1 => *before.get_mut() = last.max(*before.get()),
                _ => drop(set.runs.insert(first, last)),
            }
        }
        let counts = set.runs.iter().map(|(first, last)| u64::try_from(last - first + 1).unwrap_or(u64::MAX));
        set.count = counts.fold(0, u64::saturating_add);
        set
    }

    /// Adds a key, unless it is there.
    pub fn insert(&mut self, key: Key) {
        let before = self.runs.range(..=key).next_back().map(|(first, last)| (*first, *last));
        if before.is_some_and(|(_, last)| last >= key) {
            return;
        }
        self.count += 1;
        let first = match before {
            Some((first, last)) if last + 1 == key => first,
            _ => key,
        };
        let last = self.runs.remove(&(key + 1)).unwrap_or(key);
        self.runs.insert(first, last);
    }

    /// Whether a key is in it.
    pub fn contains(&self, key: Key) -> bool {
        self.runs.range(..=key).next_back().is_some_and(|(_, last)| *last >= key)
    }

    /// How many keys.
    pub fn len(&self) -> u64 {
        self.count
    }

    /// How many runs.
    pub fn run_count(&self) -> usize {
        self.runs.len()
    }

    /// First and last key of each run, in order.
    pub fn runs(&self) -> impl Iterator<Item = (Key, Key)> + '_ {
        self.runs.iter().map(|(first, last)| (*first, *last))
    }

    /// All keys, in order.
    pub fn keys(&self) -> impl Iterator<Item = Key> + '_ {
        self.runs().flat_map(|(first, last)| first..=last)
    }

    /// The next `count` keys after `after`, in at most `runs` runs; empty if there are no more.
    pub fn next(&self, after: Option<Key>, count: usize, runs: usize) -> Vec<(Key, Key)> {
        let from = after.map_or(Key::MIN, |after| after + 1);
        let inside =
            self.runs.range(..from).next_back().filter(|(_, last)| **last >= from).map(|(_, last)| (from, *last));
        let rest = self.runs.range(from..).map(|(first, last)| (*first, *last));
        let mut left = Key::try_from(count).unwrap_or(Key::MAX);
        let mut found = Vec::new();
        for (first, last) in inside.into_iter().chain(rest).take(runs) {
            if left == 0 {
                break;
            }
            let end = last.min(first + left - 1);
            left -= end - first + 1;
            found.push((first, end));
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(keys: &[Key]) -> KeySet {
        let mut set = KeySet::default();
        keys.iter().for_each(|key| set.insert(*key));
        set
    }

    #[test]
    fn keys_that_follow_each_other_are_one_run() {
        let set = set(&[5, 3, 4, 9, 8, 4, 6, -1]);
        assert_eq!(set.runs().collect::<Vec<_>>(), [(-1, -1), (3, 6), (8, 9)]);
        assert_eq!((set.len(), set.run_count()), (7, 3));
        assert!(set.contains(5) && set.contains(9) && !set.contains(7) && !set.contains(10));
    }

    #[test]
    fn a_condition_names_runs_by_their_ends_and_other_keys_one_by_one() {
        assert_eq!(is_one_of("`k`", &[1, 2, 4, 5, 6, 7, -3]), "`k` BETWEEN 4 AND 7 OR `k` IN (1,2,-3)");
        assert_eq!(is_one_of("`k`", &[8, 9, 10]), "`k` BETWEEN 8 AND 10");
        assert_eq!(is_one_of("`k`", &[8]), "`k` IN (8)");
    }

    #[test]
    fn runs_may_overlap() {
        let set = KeySet::of_any_runs([(5, 9), (1, 3), (8, 12), (4, 4), (20, 19)]);
        assert_eq!((set.runs().collect::<Vec<_>>(), set.len()), (vec![(1, 12)], 12));
    }

    #[test]
    fn keys_are_taken_a_batch_at_a_time() {
        let set = set(&[1, 2, 3, 7, 8, 20]);
        assert_eq!(set.next(None, 4, 9), [(1, 3), (7, 7)]);
        assert_eq!(set.next(Some(7), 4, 9), [(8, 8), (20, 20)]);
        assert_eq!(set.next(Some(1), 1, 9), [(2, 2)]);
        assert_eq!(set.next(None, 9, 2), [(1, 3), (7, 8)]);
        assert_eq!(set.next(Some(20), 4, 9), []);
    }
}
