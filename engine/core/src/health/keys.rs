//! Is there a second key?

use super::check::{Check, Question, State};
use super::facts::KeyFacts;
use crate::words::{counted, span};

/// Somebody should try the key in the safe four times a year.
const EXPECTED: u64 = 100 * 86_400;

pub(super) fn check(keys: &KeyFacts) -> Check {
    let (state, sentence) = match (keys.active, keys.tried_seconds) {
        (0..=1, _) => (State::Attention, "One key alone opens the backups: without it everything is lost".to_owned()),
        (keys, None) => {
            (State::Unknown, format!("{} open the backups; nobody has tried another one yet", counted(keys, "key")))
        }
        (keys, Some(age)) => {
            let state = if age < EXPECTED { State::Good } else { State::Attention };
            (state, format!("{} open the backups; somebody tried another one {} ago", counted(keys, "key"), span(age)))
        }
    };
    let (state, sentence) = match keys.unreadable {
        0 => (state, sentence),
        unreadable => (State::Bad, format!("{sentence}; {} unreadable", counted(unreadable, "key"))),
    };
    let remedy = match (keys.unreadable, keys.active) {
        (1.., _) => "enamel repair",
        (0, 0..=1) => "enamel key add",
        (0, _) => "enamel key list --password-file FILE",
    };
    Check::new(Question::Keys, state, sentence)
        .aged(keys.tried_seconds)
        .helped_by(remedy)
        .with("keys", keys.active)
        .with("unreadable_keys", keys.unreadable)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_keys_are_needed_and_one_is_tried() {
        let cases = [
            (1, 0, None, State::Attention, "One key alone", "enamel key add"),
            (1, 0, Some(10), State::Attention, "One key alone", "enamel key add"),
            (
                2,
                0,
                None,
                State::Unknown,
                "2 keys open the backups; nobody has tried",
                "enamel key list --password-file FILE",
            ),
            (3, 0, Some(86_400 * 5), State::Good, "3 keys open the backups; somebody tried another one 5 days ago", ""),
            (3, 0, Some(86_400 * 100), State::Attention, "3 months ago", "enamel key list --password-file FILE"),
            (3, 1, Some(10), State::Bad, "; 1 key unreadable", "enamel repair"),
        ];
        for (active, unreadable, tried_seconds, state, words, remedy) in cases {
            let check = check(&KeyFacts { active, unreadable, tried_seconds });
            assert_eq!((check.state, check.remedy.unwrap_or("")), (state, remedy), "{check:?}");
            assert!(check.sentence.contains(words), "{check:?}");
        }
    }
}
