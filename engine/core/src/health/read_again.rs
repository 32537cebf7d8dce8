//! Was all saved data read again?

use super::check::{Check, Question, State, state_of_age};
use super::facts::ReadingFacts;
use crate::words::{bytes, span};

/// A twentieth a day reads everything in 20 days; some of them may fail. `gather` counts bytes as new for as long.
pub(super) const EXPECTED: u64 = 35 * 86_400;

pub(super) fn check(reading: &ReadingFacts) -> Check {
    if reading.all_bytes == 0 {
        return Check::new(Question::ReadAgain, State::Unknown, "Nothing is stored yet");
    }
    let never = reading.never_bytes > 0;
    // Bytes that nobody has read are at most as old as the oldest snapshot. If there are no more of them than were
    // stored lately, they are these.
    let oldest_snapshot = reading.oldest_snapshot_seconds.unwrap_or(u64::MAX);
    let is_new = reading.never_bytes <= reading.new_bytes;
    let unread = match (never, is_new) {
        (false, _) => 0,
        (true, true) => oldest_snapshot.min(EXPECTED - 1),
        (true, false) => oldest_snapshot,
    };
    let age = unread.max(reading.oldest_seconds.unwrap_or(0));
    let aged = state_of_age(age, EXPECTED);
    // Data that was just stored need not have been read again; but nobody knows yet that the disk gives it back.
    let state = if reading.oldest_seconds.is_none() && never { aged.max(State::Unknown) } else { aged };
    let known = (age < u64::MAX).then_some(age);
    Check::new(Question::ReadAgain, state, sentence(reading, known))
        .aged(known)
        .helped_by("enamel verify --read-data")
        .with("all_bytes", reading.all_bytes)
        .with("never_read_bytes", reading.never_bytes)
}

fn sentence(reading: &ReadingFacts, age: Option<u64>) -> String {
    let within = age.map_or_else(String::new, |age| format!(" within {}", span(age)));
    match (reading.oldest_seconds, reading.never_bytes) {
        (None, 1..) => {
            let age = age.map_or_else(String::new, |age| format!("; it is up to {} old", span(age)));
            format!("No saved data was read again yet{age}")
        }
        (_, 0) => format!("All saved data was read again{within}"),
        (_, never) => format!("{} were not read again yet, the rest{within}", bytes(never)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: u64 = 86_400;

    fn reading(never: u64, new: u64, oldest: Option<u64>, snapshot: u64) -> Check {
        check(&ReadingFacts {
            all_bytes: 1000,
            never_bytes: never,
            oldest_seconds: oldest,
            new_bytes: new,
            oldest_snapshot_seconds: Some(snapshot),
        })
    }

    #[test]
    fn the_oldest_byte_that_nobody_read_decides() {
        let cases = [
            (reading(1000, 1000, None, DAY), State::Unknown, "No saved data was read again"),
            (reading(1000, 10, None, 40 * DAY), State::Attention, "up to 40 days old"),
            (reading(1000, 10, None, 200 * DAY), State::Bad, "up to 6 months old"),
            (reading(0, 0, Some(19 * DAY), 400 * DAY), State::Good, "read again within 19 days"),
            (reading(0, 0, Some(36 * DAY), 400 * DAY), State::Attention, "within 36 days"),
            (reading(50, 60, Some(19 * DAY), 400 * DAY), State::Good, "50 B were not read again yet"),
            (reading(50, 40, Some(19 * DAY), 400 * DAY), State::Bad, "50 B were not read again yet"),
            (check(&ReadingFacts::default()), State::Unknown, "Nothing is stored yet"),
        ];
        for (check, state, words) in cases {
            assert_eq!(check.state, state, "{check:?}");
            assert!(check.sentence.contains(words), "{check:?}");
        }
    }
}
