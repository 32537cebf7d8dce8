//! Content-defined boundaries: FastCDC of 2020 with a secret gear table (FORMAT.md, section 7). It is pure: it neither
//! reads nor writes anything.

use std::sync::Arc;

use fastcdc::v2020::{Normalization, cut_gear, select_masks};
use repo_format::config::Profile;

/// The gear table, and the same table shifted left by one bit, for steps of two bytes.
pub struct GearTables {
    gear: Box<[u64; 256]>,
    shifted: Box<[u64; 256]>,
}

impl GearTables {
    /// Makes the tables from the repository's secret table.
    pub fn new(gear: Box<[u64; 256]>) -> Self {
        let mut shifted = gear.clone();
        shifted.iter_mut().for_each(|word| *word <<= 1);
        GearTables { gear, shifted }
    }
}

/// Finds the ends of chunks for one profile.
#[derive(Clone)]
pub struct Cutter {
    tables: Arc<GearTables>,
    sizes: [usize; 3],
    masks: (u64, u64),
}

impl Cutter {
    /// A cutter for `profile`; decoding the config has checked its sizes.
    pub fn new(tables: Arc<GearTables>, profile: &Profile) -> Self {
        let sizes = [profile.min, profile.average, profile.max].map(|size| size as usize & !1);
        Cutter { tables, sizes, masks: select_masks(sizes[1], Normalization::Level1) }
    }

    /// The largest size of a chunk in bytes. [`Cutter::cut`] needs at least this much data, unless the data ends.
    pub fn max(&self) -> usize {
        self.sizes[2]
    }

    /// The length of the first chunk of `data`; 0 only if there is no data.
    pub fn cut(&self, data: &[u8]) -> usize {
        let [min, average, max] = self.sizes;
        let (small, large) = self.masks;
        let (gear, shifted) = (&self.tables.gear[..], &self.tables.shifted[..]);
        let (_, length) = cut_gear(data, min, average, max, small, large, small << 1, large << 1, gear, shifted);
        length
    }

    /// The ends of all chunks of `data`, as offsets. Unless `last` is true, omits the final chunk, which may still
    /// grow.
    pub fn ends(&self, data: &[u8], last: bool) -> Vec<usize> {
        let mut ends = Vec::with_capacity(data.len() / self.sizes[1] + 1);
        let mut at = 0;
        while at < data.len() && (last || data.len() - at >= self.max()) {
            at += self.cut(&data[at..]);
            ends.push(at);
        }
        ends
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use repo_format::config::Config;
    use repo_format::id::RepositoryId;

    use super::*;

    fn cutter(profile: &str, seed: u64) -> Cutter {
        let config = Config::new(RepositoryId([0; 16]), 0);
        let mut word = seed;
        let gear = std::array::from_fn(|_| {
            word = word.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            word ^ word >> 29
        });
        Cutter::new(Arc::new(GearTables::new(Box::new(gear))), config.profile(profile).unwrap())
    }

    fn noise(len: usize, seed: u64) -> Vec<u8> {
        let mut bytes = vec![0; len];
        let mut xof = blake3::Hasher::new().update(&seed.to_le_bytes()).finalize_xof();
        xof.fill(&mut bytes);
        bytes
    }

    #[test]
    fn an_insertion_moves_only_the_boundaries_near_it() {
        let cutter = cutter("database", 1);
        let before = noise(4 << 20, 7);
        let mut after = before.clone();
        after.splice(1_000_000..1_000_000, *b"a few bytes more");
        let chunks = |data: &[u8]| -> std::collections::HashSet<blake3::Hash> {
            let mut from = 0;
            let hash = |end| blake3::hash(&data[std::mem::replace(&mut from, end)..end]);
            cutter.ends(data, true).into_iter().map(hash).collect()
        };
        let (before, after) = (chunks(&before), chunks(&after));
        assert!(after.difference(&before).count() <= 3);
    }

    #[test]
    fn another_gear_table_cuts_elsewhere() {
        let data = noise(1 << 20, 3);
        assert_ne!(cutter("database", 1).ends(&data, true), cutter("database", 2).ends(&data, true));
    }

    #[test]
    fn zeros_are_cut_at_the_maximum() {
        let cutter = cutter("files", 1);
        assert_eq!(cutter.ends(&vec![0; 3 << 20], true), [1 << 20, 2 << 20, 3 << 20]);
    }

    proptest! {
        #[test]
        fn chunks_cover_the_data_within_their_sizes(len in 0usize..400_000, seed: u64) {
            let cutter = cutter("database", 1);
            let data = noise(len, seed);
            let mut from = 0;
            for end in cutter.ends(&data, true) {
                prop_assert!(end - from <= cutter.max());
                prop_assert!(end - from >= 4096 || end == len);
                from = end;
            }
            prop_assert_eq!(from, len);
        }

        #[test]
        fn cutting_piece_by_piece_gives_the_same_chunks(len in 0usize..300_000, piece in 65_536usize..200_000, seed: u64) {
            let cutter = cutter("database", 1);
            let data = noise(len, seed);
            let mut ends = Vec::new();
            let (mut done, mut have) = (0, 0);
            while have < len || done < len {
                have = (have + piece).min(len);
                let more = cutter.ends(&data[done..have], have == len);
                ends.extend(more.iter().map(|end| done + end));
                done = ends.last().copied().unwrap_or(0);
            }
            prop_assert_eq!(ends, cutter.ends(&data, true));
        }
    }
}
