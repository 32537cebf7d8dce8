//! Is every file there that the application names?

use super::check::{Check, Question, State};
use super::facts::{NamedFiles, SourceFacts};
use crate::words::{count, counted};

/// `None` if no application's files were looked up.
pub(super) fn check(sources: &[SourceFacts]) -> Option<Check> {
    let known: Vec<NamedFiles> = sources.iter().filter_map(|source| source.named).collect();
    if known.is_empty() {
        return None;
    }
    let all = known.iter().map(|named| named.all).fold(0, u64::saturating_add);
    let missing = known.iter().map(|named| named.missing).fold(0, u64::saturating_add);
    let check = if missing == 0 {
        let sentence = format!("Every file that the application names is there: {} looked up", count(all));
        Check::new(Question::NamedFiles, State::Good, sentence)
    } else {
        let sentence = format!("Of {} that the application names, {} missing", counted(all, "file"), are(missing));
        Check::new(Question::NamedFiles, State::Attention, sentence).helped_by("enamel status --verbose")
    };
    Some(check.with("named_files", all).with("missing_files", missing))
}

fn are(number: u64) -> String {
    format!("{} {}", count(number), if number == 1 { "is" } else { "are" })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(all: u64, missing: u64) -> SourceFacts {
        SourceFacts { named: Some(NamedFiles { all, missing }), ..SourceFacts::default() }
    }

    #[test]
    fn one_missing_file_needs_attention() {
        assert_eq!(check(&[]), None);
        assert_eq!(check(&[SourceFacts::default()]), None);
        let good = check(&[source(281_977, 0), SourceFacts::default()]).unwrap();
        assert_eq!((good.state, good.remedy), (State::Good, None));
        assert!(good.sentence.ends_with("281,977 looked up"), "{good:?}");
        let one = check(&[source(5, 0), source(5, 1)]).unwrap();
        assert_eq!(one.state, State::Attention);
        assert_eq!(one.sentence, "Of 10 files that the application names, 1 is missing");
    }
}
