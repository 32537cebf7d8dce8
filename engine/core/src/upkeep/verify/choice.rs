//! Chooses the packs to read whole: all, none, or those whose last check is oldest.

use std::collections::{HashMap, HashSet};

use repo_format::id::PackId;

use super::content::Assignment;
use super::{Depth, Part};
use crate::error::Result;
use crate::evidence::ReadTimes;
use crate::repository::Repository;

/// Chooses among `packs`; `times` says what evidence has of them.
pub(super) fn choose(
    repository: &Repository,
    mut packs: Vec<(PackId, u64)>,
    depth: Depth,
    times: &ReadTimes,
) -> Result<Assignment> {
    packs.sort();
    let whole = match depth {
        Depth::Structure => HashSet::new(),
        Depth::ReadData => packs.iter().map(|(id, _)| *id).collect(),
        Depth::ReadPart(part) => {
            let times = times.clone().with_own(repository)?;
            let verified = packs.iter().filter_map(|(id, _)| Some((*id, times.last_read(id)?))).collect();
            longest_unread(&packs, &verified, part)
        }
    };
    Ok(Assignment { packs, whole })
}

/// The packs whose last check is oldest, and first those without any, until they have the size in `part` or more.
fn longest_unread(packs: &[(PackId, u64)], verified: &HashMap<PackId, i64>, part: Part) -> HashSet<PackId> {
    let total: u64 = packs.iter().map(|(_, size)| size).sum();
    let wanted = match part {
        Part::Percent(percent) => (u128::from(total) * u128::from(percent)).div_ceil(100),
        Part::Bytes(bytes) => bytes.into(),
    };
    let mut order: Vec<_> = packs.iter().map(|(id, size)| (verified.get(id), id, size)).collect();
    order.sort();
    let mut bytes = 0;
    let enough = |(_, id, size): (_, &PackId, &u64)| {
        let is_wanted = bytes < wanted;
        bytes += u128::from(*size);
        is_wanted.then_some(*id)
    };
    order.into_iter().map_while(enough).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pack(n: u8) -> PackId {
        PackId([n; 32])
    }

    #[test]
    fn a_part_a_day_reads_all_in_as_many_days_as_it_takes() {
        let packs: Vec<_> = (0..100).map(|n| (pack(n), 10 + u64::from(n) % 7)).collect();
        let mut verified = HashMap::new();
        for day in 0..20 {
            let chosen = longest_unread(&packs, &verified, Part::Percent(5));
            assert!(chosen.len() < 10, "{}", chosen.len());
            verified.extend(chosen.into_iter().map(|id| (id, day)));
        }
        assert_eq!(verified.len(), packs.len());
    }

    #[test]
    fn what_was_never_read_comes_first_then_what_was_read_longest_ago() {
        let packs: Vec<_> = (0..4).map(|n| (pack(n), 10)).collect();
        let verified = HashMap::from([(pack(0), 300), (pack(1), 100), (pack(3), 200)]);
        let chosen = |part| longest_unread(&packs, &verified, part);
        assert_eq!(chosen(Part::Bytes(1)), HashSet::from([pack(2)]));
        assert_eq!(chosen(Part::Bytes(11)), HashSet::from([pack(2), pack(1)]));
        assert_eq!(chosen(Part::Percent(75)), HashSet::from([pack(2), pack(1), pack(3)]));
        assert_eq!(chosen(Part::Percent(100)).len(), 4);
        assert_eq!(chosen(Part::Bytes(0)).len(), 0);
    }
}
