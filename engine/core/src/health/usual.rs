//! Does nothing look like an attack?

use super::check::{Check, Question, State};
use super::facts::UnusualFacts;
use crate::words::counted;

/// `None` if nobody looked.
pub(super) fn check(unusual: Option<&UnusualFacts>) -> Option<Check> {
    let unanswered = unusual?.unanswered;
    let check = match unanswered {
        0 => Check::new(Question::Usual, State::Good, "Nothing looks like an attack"),
        snapshots => {
            let snapshots = counted(snapshots, "snapshot");
            let sentence = format!("{snapshots} looked like after an attack, and nobody has answered");
            Check::new(Question::Usual, State::Bad, sentence).helped_by("enamel hold list")
        }
    };
    Some(check.with("unanswered", unanswered))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_unanswered_change_is_bad() {
        let state = |unanswered| check(Some(&UnusualFacts { unanswered })).map(|check| check.state);
        assert_eq!((check(None), state(0), state(1)), (None, Some(State::Good), Some(State::Bad)));
    }
}
