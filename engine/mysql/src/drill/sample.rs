//! Draws a sample of files: by chance, and from each kind and year.
//!
//! Each file has a rank that follows from the seed and its path; of each stratum those with the lowest ranks are drawn. So
//! the same seed draws the same files, in whatever order they come. Memory: as many candidates as are drawn, for each stratum.

use std::collections::{BTreeMap, BinaryHeap};

use engine_core::tree::TreeEntry;

/// A file that may be drawn.
pub(super) struct Candidate {
    rank: [u8; 16],
    /// Its path in the snapshot.
    pub path: Vec<u8>,
    /// Its entry.
    pub entry: TreeEntry,
}

impl PartialEq for Candidate {
    fn eq(&self, other: &Self) -> bool {
        (self.rank, &self.path) == (other.rank, &other.path)
    }
}

impl Eq for Candidate {}

impl PartialOrd for Candidate {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Candidate {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.rank, &self.path).cmp(&(other.rank, &other.path))
    }
}

/// The ending of a name, and the year of the last change.
type Stratum = (Vec<u8>, i64);

/// A sample that is being drawn.
pub(super) struct Drawing {
    seed: [u8; 32],
    wanted: u64,
    strata: BTreeMap<Stratum, (u64, BinaryHeap<Candidate>)>,
}

/// Endings are told apart up to this length.
const ENDING_MAX: usize = 8;
/// Seconds of a year; the exact day does not matter.
const YEAR: i64 = 31_556_952;

impl Drawing {
    /// Draws about `wanted` files.
    pub fn new(seed: [u8; 32], wanted: u64) -> Self {
        Drawing { seed, wanted, strata: BTreeMap::new() }
    }

    /// Adds a file.
    pub fn add(&mut self, path: Vec<u8>, entry: TreeEntry) {
        let hash = blake3::keyed_hash(&self.seed, &path);
        let rank = hash.as_bytes().first_chunk().copied().unwrap_or_default();
        let (count, heap) = self.strata.entry(stratum(&path, &entry)).or_default();
        *count += 1;
        heap.push(Candidate { rank, path, entry });
        if heap.len() as u64 > self.wanted {
            heap.pop();
        }
    }

    /// The files that were drawn, ascending by path: each stratum has its share, and at least one.
    pub fn drawn(self) -> Vec<Candidate> {
        let all: u64 = self.strata.values().map(|(count, _)| count).sum();
        let mut drawn = Vec::new();
        for (count, heap) in self.strata.into_values() {
            let share = (u128::from(self.wanted) * u128::from(count)).div_ceil(u128::from(all.max(1)));
            let share = usize::try_from(share).unwrap_or(usize::MAX).max(1);
            drawn.extend(heap.into_sorted_vec().into_iter().take(share));
        }
        drawn.sort_by(|a, b| a.path.cmp(&b.path));
        drawn
    }
}

fn stratum(path: &[u8], entry: &TreeEntry) -> Stratum {
    let name = path.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
    let ending = name.iter().rposition(|byte| *byte == b'.').map_or(&[][..], |at| &name[at + 1..]);
    let ending = if ending.len() > ENDING_MAX { Vec::new() } else { ending.to_ascii_lowercase() };
    (ending, entry.meta.mtime_seconds.div_euclid(YEAR))
}
