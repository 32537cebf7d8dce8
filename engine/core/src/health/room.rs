//! Is there room for the next backups, and on a disk of its own?

use super::check::{Check, Question, State};
use super::facts::{Free, RoomFacts};
use crate::words::{bytes, span};

const DAY: u64 = 86_400;
/// The disk is full within so many days: somebody must act now.
const DAYS_BAD: u64 = 7;
/// The disk is full within so many days: somebody has time to buy another one.
const DAYS_ATTENTION: u64 = 30;
/// Less room than this is bad in any case: one folder of images fills it.
const FREE_MIN: u64 = 1 << 30;

pub(super) fn check(room: &RoomFacts) -> Check {
    let (state, sentence) = match room.free {
        Free::Unknown => (State::Unknown, "It is unknown how much room is left".to_owned()),
        Free::Unlimited => (State::Good, "The storage has as much room as is paid for".to_owned()),
        Free::Bytes(free) => of_disk(free, room.growth_bytes),
    };
    let (state, sentence) = if room.is_shared {
        let sentence = format!("{sentence}; backups and saved data are on one disk, and die with it");
        (state.max(State::Attention), sentence)
    } else {
        (state, sentence)
    };
    // A full disk is more urgent than a shared one.
    let is_full = matches!(room.free, Free::Bytes(free) if of_disk(free, room.growth_bytes).0 > State::Unknown);
    let remedy = if is_full { "enamel prune --dry-run" } else { "enamel copy --help" };
    let check = Check::new(Question::Room, state, sentence).helped_by(remedy);
    let full = match room.free {
        Free::Bytes(free) => seconds_left(free, room.growth_bytes),
        _ => None,
    };
    let free = match room.free {
        Free::Bytes(free) => Some(free),
        _ => None,
    };
    check
        .with("free_bytes", free)
        .with("growth_bytes_per_day", room.growth_bytes)
        .with("full_in_seconds", full)
        .with("on_saved_disk", u64::from(room.is_shared))
}

/// The seconds until the disk is full.
fn seconds_left(free: u64, growth: Option<u64>) -> Option<u64> {
    let seconds = u128::from(free) * u128::from(DAY);
    growth?.checked_sub(1).map(|less| u64::try_from(seconds / (u128::from(less) + 1)).unwrap_or(u64::MAX))
}

fn of_disk(free: u64, growth: Option<u64>) -> (State, String) {
    let left = seconds_left(free, growth);
    let state = match left {
        _ if free < FREE_MIN => State::Bad,
        Some(left) if left < DAYS_BAD * DAY => State::Bad,
        Some(left) if left < DAYS_ATTENTION * DAY => State::Attention,
        _ => State::Good,
    };
    let until = match left {
        // Nobody knows what comes in ten years.
        Some(left) if left < 3650 * DAY => format!(", enough for {}", span(left)),
        _ => String::new(),
    };
    (state, format!("{} are free{until}", bytes(free)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const GIB: u64 = 1 << 30;

    #[test]
    fn a_disk_that_is_soon_full_is_named_with_the_time_left() {
        let cases = [
            (Free::Bytes(100 * GIB), Some(GIB), false, State::Good, "100 GiB are free, enough for 3 months"),
            (Free::Bytes(100 * GIB), None, false, State::Good, "100 GiB are free"),
            (Free::Bytes(100 * GIB), Some(0), false, State::Good, "100 GiB are free"),
            (Free::Bytes(20 * GIB), Some(GIB), false, State::Attention, "enough for 20 days"),
            (Free::Bytes(5 * GIB), Some(GIB), false, State::Bad, "enough for 5 days"),
            (Free::Bytes(GIB - 1), Some(1), false, State::Bad, "are free"),
            (Free::Bytes(0), Some(u64::MAX), false, State::Bad, "0 B are free, enough for 0 seconds"),
            (Free::Bytes(u64::MAX), Some(1), false, State::Good, "16.0 EiB are free"),
            (Free::Bytes(100 * GIB), None, true, State::Attention, "are on one disk"),
            (Free::Unlimited, Some(GIB), false, State::Good, "as is paid for"),
            (Free::Unknown, Some(GIB), false, State::Unknown, "unknown"),
            (Free::Unknown, None, true, State::Attention, "are on one disk"),
        ];
        for (free, growth_bytes, is_shared, state, words) in cases {
            let check = check(&RoomFacts { free, growth_bytes, is_shared });
            assert_eq!(check.state, state, "{check:?}");
            assert!(check.sentence.contains(words), "{check:?}");
        }
    }
}
