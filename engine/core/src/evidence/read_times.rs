//! When each pack was last read whole and found good: by any machine, from evidence, or by this one since.

use std::collections::HashMap;

use repo_format::evidence::{SHORT_PACK, short};
use repo_format::id::PackId;

use super::{Piece, Pieces};
use crate::error::Result;
use crate::machine;
use crate::repository::Repository;

type Short = [u8; SHORT_PACK];

/// The readings of packs that evidence tells of.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReadTimes {
    /// When each was last read and found good, in seconds since 1970.
    good: HashMap<Short, i64>,
    /// The newest evidence that calls it damaged.
    damaged: HashMap<Short, i64>,
}

impl ReadTimes {
    /// The readings in these pieces. Copies are about the packs of another repository.
    pub fn of<'p>(pieces: impl IntoIterator<Item = &'p Piece>) -> Self {
        let mut times = ReadTimes::default();
        let now = machine::now().seconds;
        for piece in pieces.into_iter().filter(|piece| piece.is_own()) {
            // A reading in the future was made with a wrong clock, so its time is unknown.
            for reading in piece.evidence.readings().iter().filter(|reading| reading.seconds <= now) {
                for pack in reading.packs.iter() {
                    later(&mut times.good, pack, reading.seconds);
                }
            }
            for pack in piece.evidence.damaged() {
                later(&mut times.damaged, pack, piece.time.seconds);
            }
        }
        times
    }

    /// When a pack was last read whole and found good, in seconds since 1970; `None` if it was not, or was damaged later.
    pub fn last_read(&self, pack: &PackId) -> Option<i64> {
        self.last_read_short(short(pack))
    }

    pub(super) fn last_read_short(&self, pack: Short) -> Option<i64> {
        let seconds = *self.good.get(&pack)?;
        self.damaged.get(&pack).is_none_or(|damaged| *damaged < seconds).then_some(seconds)
    }

    /// Whether the newest reading of a pack found it damaged.
    pub fn is_damaged(&self, pack: &PackId) -> bool {
        self.damaged.contains_key(&short(pack)) && self.last_read(pack).is_none()
    }

    /// Adds what this machine has read since, and no evidence says yet.
    ///
    /// # Errors
    /// If the cache or the memory cannot be used.
    pub fn with_own(mut self, repository: &Repository) -> Result<Self> {
        let now = machine::now().seconds;
        let own = repository.catalog().verified()?;
        for (pack, seconds) in own.into_iter().filter(|(_, seconds)| *seconds <= now) {
            later(&mut self.good, short(&pack), seconds);
        }
        for pack in repository.known_damage()?.into_keys() {
            later(&mut self.damaged, short(&pack), now);
        }
        Ok(self)
    }
}

fn later(times: &mut HashMap<Short, i64>, pack: Short, seconds: i64) {
    let known = times.entry(pack).or_insert(seconds);
    *known = seconds.max(*known);
}

/// How much of the repository was read, and how long ago.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Unread {
    /// The packs that are there.
    pub packs: u64,
    /// Their bytes.
    pub bytes: u64,
    /// The packs that nobody has read whole and found good.
    pub never_packs: u64,
    /// Their bytes.
    pub never_bytes: u64,
    /// When that one of the others was read whose reading is oldest, in seconds since 1970.
    pub oldest: Option<i64>,
}

/// How much of `repository` was read, as `pieces` and this machine know it. The catalog is up to date.
///
/// # Errors
/// If the store cannot be listed, or the cache cannot be used.
pub fn unread(repository: &Repository, pieces: &Pieces) -> Result<Unread> {
    let times = ReadTimes::of(&pieces.pieces).with_own(repository)?;
    let mut unread = Unread::default();
    for (pack, bytes) in packs(repository)? {
        unread.packs += 1;
        unread.bytes += bytes;
        match times.last_read(&pack) {
            Some(seconds) => unread.oldest = Some(unread.oldest.map_or(seconds, |oldest| oldest.min(seconds))),
            None => {
                unread.never_packs += 1;
                unread.never_bytes += bytes;
            }
        }
    }
    Ok(unread)
}

/// The packs of the repository. Behind a network those that its index names: a list of many packs costs many requests, and
/// a check finds packs that have gone.
fn packs(repository: &Repository) -> Result<HashMap<PackId, u64>> {
    if repository.is_far() {
        let named = repository.catalog().packs()?.into_iter().filter(|pack| pack.named);
        return Ok(named.map(|pack| (pack.id, pack.size)).collect());
    }
    repository.list_packs()
}

#[cfg(test)]
mod tests {
    use repo_format::entry::Time;
    use repo_format::evidence::{Evidence, EvidenceKind, EvidenceResult, Reading, ShortPacks};
    use repo_format::id::{Bytes32, LeaseId, RepositoryId};
    use repo_format::manifest::Origin;

    use super::*;

    fn pack(n: u8) -> PackId {
        PackId([n; 32])
    }

    fn piece(seconds: i64, good: &[u8], damaged: &[u8]) -> Piece {
        let of = |packs: &[u8]| ShortPacks::of(packs.iter().map(|n| pack(*n)));
        let evidence = Evidence {
            readings: Some(vec![Reading { seconds, packs: of(good) }]),
            damaged: Some(of(damaged)),
            ..Evidence::new(EvidenceKind::Verify, EvidenceResult::Passed)
        };
        Piece {
            id: LeaseId([0; 16]),
            digest: Bytes32([0; 32]),
            time: Time { seconds, nanoseconds: 0 },
            host: String::new(),
            user: String::new(),
            program: String::new(),
            origin: None,
            evidence,
        }
    }

    #[test]
    fn the_newest_reading_counts_whatever_the_order() {
        let pieces = [piece(300, &[1], &[]), piece(100, &[1, 2], &[]), piece(200, &[2], &[])];
        let times = ReadTimes::of(&pieces);
        assert_eq!([1, 2, 3].map(|n| times.last_read(&pack(n))), [Some(300), Some(200), None]);
    }

    #[test]
    fn a_pack_that_was_damaged_later_was_never_read_until_it_is_good_again() {
        let mut pieces = vec![piece(100, &[1, 2], &[]), piece(200, &[], &[1])];
        let times = ReadTimes::of(&pieces);
        assert_eq!([1, 2].map(|n| times.last_read(&pack(n))), [None, Some(100)]);
        assert!(times.is_damaged(&pack(1)) && !times.is_damaged(&pack(2)));
        pieces.push(piece(300, &[1], &[]));
        assert_eq!(ReadTimes::of(&pieces).last_read(&pack(1)), Some(300));
    }

    #[test]
    fn readings_of_the_future_and_of_other_repositories_do_not_count() {
        let (mut copy, future) = (piece(100, &[1], &[]), piece(i64::MAX, &[2], &[]));
        let (repository, id, digest) = (RepositoryId([1; 16]), LeaseId([1; 16]), Bytes32([1; 32]));
        copy.origin = Some(Origin { repository, id, digest, left_out: None });
        let times = ReadTimes::of(&[copy, future]);
        assert_eq!([1, 2].map(|n| times.last_read(&pack(n))), [None, None]);
    }
}
