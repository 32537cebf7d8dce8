//! Was it proved that the backups can be brought back?

use super::check::{Check, Question, State, state_of_age};
use super::facts::DrillFacts;
use crate::words::span;

/// A drill a month, and some days for it.
const EXPECTED: u64 = 35 * 86_400;

/// `None` if this program cannot tell.
pub(super) fn check(drill: Option<&DrillFacts>) -> Option<Check> {
    let drill = drill?;
    let (state, sentence) = match (drill.last_failed, drill.good_age_seconds) {
        (true, _) => (State::Bad, "The last trial to bring everything back failed".to_owned()),
        (false, None) => (State::Attention, "It was never tried whether this can be brought back".to_owned()),
        (false, Some(age)) => {
            let time = drill.restore_seconds.map(|time| format!(", within {}", span(time))).unwrap_or_default();
            // A drill that is long ago proves more than none.
            let state = state_of_age(age, EXPECTED).min(State::Attention);
            (state, format!("It was proved {} ago that everything can be brought back{time}", span(age)))
        }
    };
    let check = Check::new(Question::Restorable, state, sentence).aged(drill.good_age_seconds);
    Some(check.helped_by("enamel drill").with("restore_seconds", drill.restore_seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_drill_is_a_month_old_at_most() {
        let day = 86_400;
        let cases = [
            (None, false, State::Attention, "never tried"),
            (Some(3 * day), false, State::Good, "3 days ago that everything can be brought back, within 45 minutes"),
            (Some(35 * day), false, State::Attention, "35 days ago"),
            (Some(900 * day), false, State::Attention, "2 years ago"),
            (Some(day), true, State::Bad, "failed"),
            (None, true, State::Bad, "failed"),
        ];
        for (good_age_seconds, last_failed, state, words) in cases {
            let check =
                check(Some(&DrillFacts { good_age_seconds, last_failed, restore_seconds: Some(2700) })).unwrap();
            assert_eq!(check.state, state, "{check:?}");
            assert!(check.sentence.contains(words), "{check:?}");
        }
        assert_eq!(check(None), None);
    }
}
