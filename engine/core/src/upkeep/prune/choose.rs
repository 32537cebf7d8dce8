//! Decides by figures alone which packs to delete and which to rewrite.

use repo_format::head::KeyClass;

use super::usage::PackUse;

/// The limits for unused data and for copying.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// The unused data that may stay in packs, in percent of the needed data.
    pub max_unused: u64,
    /// The number of bytes to copy at most.
    pub max_rewrite: u64,
    /// The target size of packs.
    pub pack_bytes: u64,
    /// Whether packs that no segment names may go: no process may be about to name them.
    pub unnamed_may_go: bool,
}

/// The decision about packs.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Choice {
    /// Packs without needed data.
    pub unneeded: Vec<PackUse>,
    /// Packs whose needed chunks are first copied into new packs; in the order in which they were written. They include
    /// packs that no segment names: if such a pack were put again under its name, a late prune could delete it.
    pub rewritten: Vec<PackUse>,
    /// The unused bytes that stay.
    pub left_unused: u64,
}

/// A pack below half of the target size is small.
const SMALL: u64 = 2;
/// This many small packs are merged even if they do not fill a pack together.
const MERGE_FROM: usize = 16;

pub(super) fn choose(packs: &[PackUse], limits: Limits) -> Choice {
    let mut choice = Choice::default();
    let (mut kept, mut fixed) = (Vec::new(), 0);
    for pack in packs {
        match (pack.named, pack.needed_bytes) {
            (_, 1..) if pack.fixed => fixed += unused_bytes(pack),
            (true, 0) => choice.unneeded.push(*pack),
            (true, _) => kept.push(*pack),
            (false, _) if !limits.unnamed_may_go => {}
            (false, 0) => choice.unneeded.push(*pack),
            (false, _) => choice.rewritten.push(*pack),
        }
    }
    let needed: u64 = kept.iter().map(|pack| pack.needed_bytes).sum();
    let mut unused: u64 = kept.iter().map(unused_bytes).sum();
    // Any percentage makes sense: a large one keeps everything.
    let allowed = (needed / 100).saturating_mul(limits.max_unused);
    let mut room = limits.max_rewrite;
    let mut take = |pack: &PackUse| {
        let fits = pack.needed_bytes <= room;
        room -= if fits { pack.needed_bytes } else { 0 };
        fits
    };
    // The sparsest come first: they free most per copied byte.
    kept.sort_by_key(|pack| (share_needed(pack), pack.place));
    let mut dense = Vec::new();
    for pack in kept {
        if unused > allowed && unused_bytes(&pack) > 0 && take(&pack) {
            unused -= unused_bytes(&pack);
            choice.rewritten.push(pack);
        } else {
            dense.push(pack);
        }
    }
    for class in [KeyClass::Data, KeyClass::Meta] {
        let is_small = |pack: &&PackUse| pack.class == class && pack.size < limits.pack_bytes / SMALL;
        let mut small: Vec<_> = dense.iter().filter(is_small).copied().collect();
        small.sort_by_key(|pack| pack.place);
        let bytes: u64 = small.iter().map(|pack| pack.size).sum();
        if small.len() >= MERGE_FROM || (small.len() > 1 && bytes >= limits.pack_bytes) {
            small.retain(&mut take);
            unused -= small.iter().map(unused_bytes).sum::<u64>();
            choice.rewritten.extend(small);
        }
    }
    choice.rewritten.sort_by_key(|pack| pack.place);
    choice.left_unused = unused + fixed;
    choice
}

fn unused_bytes(pack: &PackUse) -> u64 {
    pack.chunk_bytes - pack.needed_bytes
}

/// In thousandths.
fn share_needed(pack: &PackUse) -> u64 {
    pack.needed_bytes.saturating_mul(1000) / pack.chunk_bytes.max(1)
}

#[cfg(test)]
mod tests {
    use repo_format::id::PackId;

    use super::*;

    const MIB: u64 = 1 << 20;

    fn pack(place: usize, needed_percent: u64, size: u64) -> PackUse {
        let (id, class) = (PackId([1; 32]), KeyClass::Data);
        PackUse {
            id,
            place,
            size,
            class,
            named: true,
            sound: true,
            fixed: false,
            chunk_bytes: size,
            needed_bytes: size * needed_percent / 100,
            needed_chunks: 1,
        }
    }

    fn limits() -> Limits {
        Limits { max_unused: 5, max_rewrite: u64::MAX, pack_bytes: 16 * MIB, unnamed_may_go: true }
    }

    fn places(packs: &[PackUse]) -> Vec<usize> {
        packs.iter().map(|pack| pack.place).collect()
    }

    #[test]
    fn unneeded_packs_go_and_the_sparsest_are_rewritten_until_little_is_unused() {
        let packs = [
            pack(1, 100, 16 * MIB),
            pack(2, 0, 16 * MIB),
            pack(3, 20, 16 * MIB),
            pack(4, 97, 16 * MIB),
            pack(5, 50, 16 * MIB),
        ];
        let choice = choose(&packs, limits());
        assert_eq!((places(&choice.unneeded), places(&choice.rewritten)), (vec![2], vec![3, 5]));
        assert!(choice.left_unused <= MIB, "{}", choice.left_unused);
        let tight = choose(&packs, Limits { max_rewrite: 4 * MIB, ..limits() });
        assert_eq!(places(&tight.rewritten), [3], "the sparsest fits, the next does not");
        let strict = choose(&packs, Limits { max_unused: 0, ..limits() });
        assert_eq!(places(&strict.rewritten), [3, 4, 5]);
        assert_eq!(strict.left_unused, 0);
        let lax = choose(&packs, Limits { max_unused: u64::MAX, ..limits() });
        assert!(lax.rewritten.is_empty(), "no percentage is too large");
    }

    #[test]
    fn small_packs_are_merged_when_they_fill_one_or_are_many() {
        let few: Vec<_> = (1..=3).map(|n| pack(n, 100, 2 * MIB)).collect();
        assert!(choose(&few, limits()).rewritten.is_empty());
        let filling: Vec<_> = (1..=8).map(|n| pack(n, 100, 2 * MIB)).collect();
        assert_eq!(choose(&filling, limits()).rewritten.len(), 8);
        let many: Vec<_> = (1..=16).map(|n| pack(n, 100, MIB / 16)).collect();
        assert_eq!(choose(&many, limits()).rewritten.len(), 16);
        assert!(choose(&[pack(1, 100, MIB)], limits()).rewritten.is_empty());
    }

    #[test]
    fn a_pack_that_nobody_names_stays_while_somebody_may_be_about_to_name_it() {
        let unnamed = |place, percent| PackUse { named: false, ..pack(place, percent, MIB) };
        let packs = [unnamed(1, 0), unnamed(2, 10)];
        let quiet = choose(&packs, limits());
        assert_eq!((places(&quiet.unneeded), places(&quiet.rewritten)), (vec![1], vec![2]));
        let busy = choose(&packs, Limits { unnamed_may_go: false, ..limits() });
        assert_eq!(busy, Choice::default());
    }

    #[test]
    fn a_pack_that_a_retired_member_may_need_goes_only_when_nothing_in_it_is_needed() {
        let fixed = |place, percent| PackUse { fixed: true, ..pack(place, percent, 16 * MIB) };
        let packs = [fixed(1, 10), pack(2, 10, 16 * MIB), fixed(3, 0), PackUse { named: false, ..fixed(4, 10) }];
        let choice = choose(&packs, limits());
        assert_eq!((places(&choice.unneeded), places(&choice.rewritten)), (vec![3], vec![2]));
    }
}
