//! Are backups made on time?

use super::check::{Check, Question, State, state_of_age};
use super::facts::SourceFacts;
use crate::words::{counted, span};

/// A backup a day, and two hours for it to be made.
const EXPECTED: u64 = 26 * 3600;

/// Said when somebody has removed the schedule.
const REMOVED: &str = "no schedule is installed any more: the next backup is made when somebody makes it";

pub(super) fn check(sources: &[SourceFacts], is_schedule_removed: bool) -> Check {
    let Some(state) = sources.iter().map(state_of).max() else {
        return Check::new(Question::OnTime, State::Bad, "There is no backup yet").helped_by("enamel backup");
    };
    let check = by_age(sources, state);
    if !is_schedule_removed {
        return check;
    }
    let (state, sentence) = (check.state.max(State::Attention), format!("{}, and {REMOVED}", check.sentence));
    Check { state, sentence, ..check }.helped_by("enamel schedule install")
}

fn by_age(sources: &[SourceFacts], state: State) -> Check {
    let oldest = sources.iter().filter_map(|source| source.age_seconds).max();
    let late = sources.iter().filter(|source| state_of(source) > State::Good).count() as u64;
    Check::new(Question::OnTime, state, sentence(sources, oldest, late))
        .aged(oldest)
        .helped_by("enamel backup")
        .with("sources", sources.len() as u64)
        .with("late_sources", late)
}

/// A source whose newest snapshot is from the future was saved nobody knows when.
fn state_of(source: &SourceFacts) -> State {
    source.age_seconds.map_or(State::Bad, |age| state_of_age(age, expected(source)))
}

fn expected(source: &SourceFacts) -> u64 {
    source.expected_seconds.unwrap_or(EXPECTED)
}

fn sentence(sources: &[SourceFacts], oldest: Option<u64>, late: u64) -> String {
    let all = sources.len() as u64;
    let future = sources.iter().filter(|source| source.age_seconds.is_none()).count() as u64;
    if future > 0 {
        return match all {
            1 => "The newest backup is from the future: a clock is wrong, or was".to_owned(),
            _ => format!("{future} of {all} sources have only backups from the future: a clock is wrong, or was"),
        };
    }
    let age = span(oldest.unwrap_or(0));
    match (all, late) {
        (1, 0) => format!("Backups are made on time: the newest is {age} old"),
        (_, 0) => format!("Backups are made on time: each of {} was saved in the last {age}", counted(all, "source")),
        (1, _) => {
            let expected = span(sources.iter().map(expected).min().unwrap_or(EXPECTED));
            format!("The newest backup is {age} old, and should be younger than {expected}")
        }
        _ => format!("{late} of {all} sources are late: the last backup of one is {age} old"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(age: impl Into<Option<u64>>, expected: impl Into<Option<u64>>) -> SourceFacts {
        SourceFacts { age_seconds: age.into(), expected_seconds: expected.into(), ..SourceFacts::default() }
    }

    #[test]
    fn a_backup_is_late_from_its_expected_age_and_bad_from_three_times_that() {
        let cases: [(&[SourceFacts], State, &str); 8] = [
            (&[], State::Bad, "no backup yet"),
            (&[source(720, 3600)], State::Good, "the newest is 12 minutes old"),
            (&[source(3600, 3600)], State::Attention, "60 minutes old, and should be younger than 60 minutes"),
            (&[source(10_800, 3600)], State::Bad, "3 hours old"),
            (&[source(25 * 3600, None)], State::Good, "25 hours old"),
            (&[source(26 * 3600, None)], State::Attention, "should be younger than 26 hours"),
            (&[source(10, None), source(4 * 3600, 3600)], State::Bad, "1 of 2 sources are late"),
            (&[source(10, None), source(None, None)], State::Bad, "1 of 2 sources have only backups from the future"),
        ];
        for (sources, state, words) in cases {
            let check = check(sources, false);
            assert_eq!(check.state, state, "{check:?}");
            assert!(check.sentence.contains(words), "{check:?}");
            assert_eq!(check.remedy.is_none(), state == State::Good);
        }
    }

    #[test]
    fn a_schedule_that_was_removed_is_named_and_makes_no_late_backup_better() {
        for (age, state) in [(720, State::Attention), (30 * 3600, State::Attention), (90 * 3600, State::Bad)] {
            let check = check(&[source(age, None)], true);
            assert_eq!((check.state, check.remedy), (state, Some("enamel schedule install")));
            assert!(check.sentence.contains("no schedule is installed any more"), "{check:?}");
        }
    }
}
