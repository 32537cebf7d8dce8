//! Is there a second copy in another place?

use super::check::{Check, Question, State, state_of_age};
use super::facts::{CopyFact, CopyFacts};
use crate::words::{counted, span};

/// A copy a week, and a day for it.
const EXPECTED: u64 = 8 * 86_400;
/// One missed copy needs nobody: a night without network.
const MISSED_MAX: u64 = 1;

pub(super) fn check(copies: &CopyFacts) -> Check {
    let expected = copies.expected_seconds.unwrap_or(EXPECTED);
    let best = copies.known.iter().min_by_key(|copy| rank(copy));
    let (state, sentence) = match best {
        None => (State::Attention, "There is no copy in another place".to_owned()),
        Some(copy) => described(copy, copies.known.len() as u64, expected),
    };
    let missed = match copies.missed {
        0..=MISSED_MAX => State::Good,
        _ => State::Attention,
    };
    let late = if missed == State::Good {
        String::new()
    } else {
        format!(", and {} of the database have no supplemental copy", counted(copies.missed, "snapshot"))
    };
    let remedy = if missed > state { "enamel supplemental run" } else { "enamel copy --help" };
    Check::new(Question::SecondCopy, state.max(missed), format!("{sentence}{late}"))
        .aged(best.and_then(|copy| copy.age_seconds))
        .helped_by(remedy)
        .with("copies", copies.known.len() as u64)
        .with("missed", copies.missed)
        .with("checked_seconds", best.map(|copy| copy.checked_seconds))
}

/// The copy with the newest data counts.
fn rank(copy: &CopyFact) -> u64 {
    copy.age_seconds.unwrap_or(u64::MAX)
}

fn described(copy: &CopyFact, number: u64, expected: u64) -> (State, String) {
    let copies = if number == 1 { "A second copy is".to_owned() } else { format!("The newest of {number} copies is") };
    match copy.age_seconds {
        Some(age) => {
            let sentence =
                format!("{copies} {} old; somebody looked at it {} ago", span(age), span(copy.checked_seconds));
            // An old copy is better than none.
            (state_of_age(age, expected).min(State::Attention), sentence)
        }
        None => (State::Attention, format!("{copies} of a snapshot that is not here any more")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: u64 = 86_400;

    fn copies(ages: &[Option<u64>], missed: u64) -> Check {
        let known = ages.iter().map(|age| CopyFact { age_seconds: *age, checked_seconds: DAY }).collect();
        check(&CopyFacts { known, expected_seconds: None, missed })
    }

    #[test]
    fn the_newest_copy_counts() {
        let cases = [
            (copies(&[], 0), State::Attention, "There is no copy in another place"),
            (copies(&[Some(DAY)], 0), State::Good, "A second copy is 24 hours old; somebody looked at it 24 hours ago"),
            (copies(&[Some(100 * DAY), Some(2 * DAY)], 1), State::Good, "The newest of 2 copies is 2 days old"),
            (copies(&[Some(8 * DAY)], 0), State::Attention, "8 days old"),
            (copies(&[None], 0), State::Attention, "not here any more"),
            (copies(&[Some(DAY)], 2), State::Attention, "and 2 snapshots of the database have no supplemental copy"),
        ];
        for (check, state, words) in cases {
            assert_eq!(check.state, state, "{check:?}");
            assert!(check.sentence.contains(words), "{check:?}");
        }
        assert_eq!(copies(&[Some(DAY)], 2).remedy, Some("enamel supplemental run"));
        assert_eq!(copies(&[], 5).remedy, Some("enamel copy --help"));
    }
}
