//! Rules by which a snapshot is held: what an attack does to files and a person hardly ever.

use repo_format::manifest::{HELD_BEGINNINGS, HELD_GONE, HELD_GROWTH, HELD_NOTES, HELD_TABLES, Signals, Statistics};

use crate::words;

/// Fewer files are not judged by how they begin, or that they are gone.
const FILES_MIN: u64 = 50;
/// Fewer files are not judged by how they grew.
const GROWN_MIN: u64 = 100;
/// A note is in so many folders.
const NOTES_MIN: u64 = 20;
/// Files that begin otherwise or are gone are this part of all.
const PART: u64 = 5;
/// So many times the usual number of files changed.
const TIMES_USUAL: u64 = 10;

/// A rule that a snapshot can be held by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Rule {
    /// Many files do not begin as their names say.
    Beginnings,
    /// Many files grew by the same number of bytes.
    Growth,
    /// Many files are gone.
    Gone,
    /// The same small file is new in many folders.
    Notes,
    /// Tables are gone or have lost many rows.
    Tables,
}

impl Rule {
    /// All of them.
    pub const ALL: [Rule; 5] = [Rule::Beginnings, Rule::Growth, Rule::Gone, Rule::Notes, Rule::Tables];

    /// Its bit in a manifest.
    pub fn bit(self) -> u8 {
        match self {
            Rule::Beginnings => HELD_BEGINNINGS,
            Rule::Growth => HELD_GROWTH,
            Rule::Gone => HELD_GONE,
            Rule::Notes => HELD_NOTES,
            Rule::Tables => HELD_TABLES,
        }
    }

    /// The rules of these bits; bits of later programs are none of them.
    pub fn of_bits(bits: u8) -> Vec<Self> {
        Rule::ALL.into_iter().filter(|rule| bits & rule.bit() != 0).collect()
    }

    /// Its finding, as the end of a sentence.
    pub fn words(self, signals: &Signals) -> String {
        let s = signals;
        match self {
            Rule::Beginnings => {
                format!("{} of {} changed files do not begin as their names say", s.disagreeing_files, s.judged_files)
            }
            Rule::Growth if s.same_growth_bytes == 0 => {
                format!("{} of {} changed files kept their size to the byte", s.same_growth_files, s.different_files)
            }
            Rule::Growth => format!(
                "{} of {} changed files changed their size by the same {} bytes",
                s.same_growth_files, s.different_files, s.same_growth_bytes
            ),
            Rule::Gone => format!("{} files are gone", s.gone_files),
            Rule::Notes => format!("the same small file is new in {} folders", s.note_folders),
            Rule::Tables => {
                format!(
                    "{} are gone or have lost a fifth of their rows",
                    words::counted(s.shrunken_tables.unwrap_or(0), "table")
                )
            }
        }
    }
}

/// The rules that look broken, whatever is usual. Purges have removed `purged` of the files that are gone.
pub fn suspected(statistics: &Statistics, purged: u64) -> Vec<Rule> {
    let Some(s) = &statistics.signals else { return Vec::new() };
    let gone = s.gone_files.saturating_sub(purged);
    let before = statistics.files.saturating_add(s.gone_files).saturating_sub(statistics.new_files);
    let is_broken = |rule: &Rule| match rule {
        Rule::Beginnings => {
            s.disagreeing_files >= FILES_MIN && s.disagreeing_files.saturating_mul(PART) >= s.judged_files
        }
        Rule::Growth => {
            s.same_growth_files >= GROWN_MIN
                && s.same_growth_files.saturating_mul(5) >= s.different_files.saturating_mul(4)
        }
        Rule::Gone => gone >= FILES_MIN && gone.saturating_mul(PART) >= before,
        Rule::Notes => s.note_folders >= NOTES_MIN && s.different_files.saturating_add(s.gone_files) >= s.note_folders,
        Rule::Tables => s.shrunken_tables.is_some(),
    };
    Rule::ALL.into_iter().filter(is_broken).collect()
}

/// The rules among `suspected` that hold a snapshot, where `usual` are the statistics of the source's snapshots in the last 30 days.
pub fn broken(suspected: Vec<Rule>, statistics: &Statistics, usual: &[Statistics]) -> Vec<Rule> {
    let different = |statistics: &Statistics| statistics.signals.map_or(0, |signals| signals.different_files);
    let mut changed: Vec<u64> = usual.iter().map(different).collect();
    changed.sort_unstable();
    let most = changed.get(changed.len().saturating_sub(1 + changed.len() / 100)).copied().unwrap_or(0);
    let is_much = different(statistics) >= most.saturating_mul(TIMES_USUAL);
    suspected.into_iter().filter(|rule| *rule != Rule::Growth || is_much).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn statistics(signals: Signals) -> Statistics {
        Statistics { files: 1232, new_files: 1, signals: Some(signals), ..Statistics::default() }
    }

    fn hour() -> Signals {
        Signals {
            judged_files: 35,
            different_files: 30,
            same_growth_files: 2,
            same_growth_bytes: 9,
            ..Signals::default()
        }
    }

    fn found(signals: Signals) -> Vec<Rule> {
        let now = statistics(signals);
        broken(suspected(&now, 0), &now, &[statistics(hour()); 20])
    }

    #[test]
    fn ordinary_hours_hold_nothing() {
        assert_eq!(found(hour()), []);
        let saved_anew = Signals {
            judged_files: 1061,
            different_files: 1061,
            same_growth_files: 12,
            same_growth_bytes: 3,
            ..hour()
        };
        assert_eq!(found(saved_anew), []);
        let imported = Signals { judged_files: 20_000, different_files: 0, note_folders: 40, ..Signals::default() };
        assert_eq!(found(imported), []);
        assert_eq!(suspected(&Statistics::default(), 0), []);
    }

    #[test]
    fn attacks_are_held() {
        let encrypted = Signals {
            judged_files: 1231,
            disagreeing_files: 1231,
            different_files: 1231,
            same_growth_files: 1231,
            same_growth_bytes: 528,
            ..hour()
        };
        assert_eq!(found(encrypted), [Rule::Beginnings, Rule::Growth]);
        let in_part = Signals {
            judged_files: 1231,
            different_files: 1231,
            same_growth_files: 1231,
            same_growth_bytes: 0,
            ..hour()
        };
        assert_eq!(found(in_part), [Rule::Growth]);
        let renamed = Statistics {
            files: 1232,
            new_files: 1232,
            signals: Some(Signals { gone_files: 1231, ..hour() }),
            ..Statistics::default()
        };
        assert_eq!(suspected(&renamed, 0), [Rule::Gone]);
        assert_eq!(suspected(&renamed, 1200), []);
        let without_rows = Signals { shrunken_tables: Some(1), ..hour() };
        assert_eq!(found(without_rows), [Rule::Tables]);
        let with_notes = Signals { note_folders: 25, different_files: 60, judged_files: 60, ..hour() };
        assert_eq!(found(with_notes), [Rule::Notes]);
    }

    #[test]
    fn equal_growth_counts_only_beyond_what_is_usual() {
        let nightly = statistics(Signals { different_files: 200, same_growth_files: 200, ..Signals::default() });
        assert_eq!(broken(suspected(&nightly, 0), &nightly, &[nightly]), []);
        assert_eq!(broken(suspected(&nightly, 0), &nightly, &[]), [Rule::Growth]);
    }

    #[test]
    fn bits_name_rules() {
        for rule in Rule::ALL {
            assert_eq!(Rule::of_bits(rule.bit() | 0x80), [rule]);
        }
    }
}
