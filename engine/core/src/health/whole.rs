//! Is everything in the backups, and still there?

use super::check::{Check, Question, State};
use super::facts::{Faults, SourceFacts};
use crate::words::counted;

/// A fault: how many there are, in words; how bad it is; a command that helps.
struct Fault {
    name: &'static str,
    number: u64,
    words: String,
    state: State,
    remedy: &'static str,
}

pub(super) fn check(sources: &[SourceFacts], faults: &Faults) -> Check {
    let found = found(sources, faults);
    let worst = found.iter().filter(|fault| fault.number > 0).max_by_key(|fault| fault.state);
    let check = match worst {
        None if sources.is_empty() => Check::new(Question::Whole, State::Unknown, "Nothing was saved yet"),
        None => Check::new(Question::Whole, State::Good, "Everything was saved whole, and is there"),
        Some(worst) => {
            let words: Vec<_> =
                found.iter().filter(|fault| fault.number > 0).map(|fault| fault.words.as_str()).collect();
            Check::new(Question::Whole, worst.state, format!("Not all is there: {}", words.join(", ")))
                .helped_by(worst.remedy)
        }
    };
    found.iter().fold(check, |check, fault| check.with(fault.name, fault.number))
}

/// All faults, the worst first.
fn found(sources: &[SourceFacts], faults: &Faults) -> [Fault; 7] {
    let sum = |of: fn(&SourceFacts) -> u64| sources.iter().map(of).fold(0, u64::saturating_add);
    let lost = sum(|source| source.lost.into()).saturating_add(faults.lost);
    let (missing, late) = (sum(|source| source.missing), sum(|source| source.late));
    // Files that an application names have a check of their own.
    let named = |source: &SourceFacts| source.named.map_or(0, |named| named.missing);
    let problems = sources.iter().map(|source| source.problems.saturating_sub(named(source)));
    let problems = problems.fold(0, u64::saturating_add);
    let fault = |name, number, words, state, remedy| Fault { name, number, words, state, remedy };
    let snapshots = |number, what: &str| format!("{} {what}", counted(number, "snapshot"));
    [
        fault(
            "disappeared",
            faults.disappeared,
            format!("{} disappeared or older than before", counted(faults.disappeared, "thing")),
            State::Bad,
            "enamel accept --help",
        ),
        fault(
            "unreadable_snapshots",
            faults.unreadable,
            snapshots(faults.unreadable, "unreadable"),
            State::Bad,
            "enamel verify",
        ),
        fault("lost_snapshots", lost, snapshots(lost, "with lost data"), State::Bad, "enamel repair --read-data"),
        fault("missing_tables", missing, format!("{} missing", counted(missing, "table")), State::Attention, DETAILS),
        fault("problems", problems, counted(problems, "problem"), State::Attention, DETAILS),
        fault("late_tables", late, format!("{} of a later moment", counted(late, "table")), State::Attention, DETAILS),
        fault(
            "put_back",
            faults.put_back,
            snapshots(faults.put_back, "put back that had been forgotten"),
            State::Attention,
            "enamel accept --help",
        ),
    ]
}

const DETAILS: &str = "enamel status --verbose";

#[cfg(test)]
mod tests {
    use super::*;

    type Case<'c> = (&'c [SourceFacts], Faults, State, &'c str, Option<&'c str>);

    #[test]
    fn the_worst_fault_decides_and_all_are_counted() {
        let good = SourceFacts::default();
        let cases: [Case<'_>; 8] = [
            (&[], Faults::default(), State::Unknown, "Nothing was saved yet", None),
            (&[good], Faults::default(), State::Good, "Everything was saved whole", None),
            (
                &[SourceFacts { late: 2, ..good }],
                Faults::default(),
                State::Attention,
                "2 tables of a later",
                Some(DETAILS),
            ),
            (
                &[SourceFacts { missing: 1, ..good }],
                Faults::default(),
                State::Attention,
                "1 table missing",
                Some(DETAILS),
            ),
            (
                &[SourceFacts { problems: 3, ..good }],
                Faults { put_back: 1, ..Faults::default() },
                State::Attention,
                "3 problems, 1 snapshot put back",
                Some("enamel accept --help"),
            ),
            (
                &[SourceFacts { problems: 3, lost: true, ..good }],
                Faults::default(),
                State::Bad,
                "1 snapshot with lost data, 3 problems",
                Some("enamel repair --read-data"),
            ),
            (
                &[good],
                Faults { unreadable: 2, ..Faults::default() },
                State::Bad,
                "2 snapshots unreadable",
                Some("enamel verify"),
            ),
            (
                &[good],
                Faults { disappeared: 1, ..Faults::default() },
                State::Bad,
                "1 thing disappeared",
                Some("enamel accept --help"),
            ),
        ];
        for (sources, faults, state, words, remedy) in cases {
            let check = check(sources, &faults);
            assert_eq!((check.state, check.remedy), (state, remedy), "{check:?}");
            assert!(check.sentence.contains(words), "{check:?}");
        }
    }

    #[test]
    fn files_that_an_application_names_are_not_counted_twice() {
        let named = Some(super::super::NamedFiles { all: 10, missing: 3 });
        let source = SourceFacts { problems: 3, named, ..SourceFacts::default() };
        assert_eq!(check(&[source], &Faults::default()).state, State::Good);
    }
}
