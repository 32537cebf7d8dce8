//! Which notices are due: a pure function of the causes that are there, the notices that went out, and the time.
//!
//! One cause is one notice. It comes again each day, or each week if it can wait, and ends with a good word. A time in the future says nothing, so a
//! clock that was wrong silences nobody.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::cause::{Cause, Condition};

/// A cause that stays is told again after so much time.
const AGAIN: SignedDuration = SignedDuration::from_hours(24);
/// The same for a cause that costs no data if it stays for some days.
const AGAIN_LATER: SignedDuration = SignedDuration::from_hours(7 * 24);

/// So many marks of things are kept for a cause; if there are more, only those that are there now.
const ITEMS_KEPT: usize = 10_000;

/// A cause that somebody was told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    /// Since when it was there.
    pub since: Timestamp,
    /// When it was told last.
    pub last: Timestamp,
    /// Marks of all things that it was told for.
    #[serde(default)]
    pub items: BTreeSet<u64>,
}

/// The word of a notice about its cause.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Word {
    /// It is there.
    New(Condition),
    /// It is still there.
    Again(Condition),
    /// It is over; it had begun then.
    Well(Timestamp),
}

/// A notice that is due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// The cause.
    pub cause: Cause,
    /// The word about it.
    pub word: Word,
}

/// The notices that are due at `now`, the worst first.
pub fn due(conditions: &BTreeMap<Cause, Condition>, told: &BTreeMap<Cause, Told>, now: Timestamp) -> Vec<Notice> {
    let there = conditions.iter().filter_map(|(cause, condition)| {
        let word = match told.get(cause) {
            None => Word::New(condition.clone()),
            Some(told) => again(*cause, condition, told, conditions, now)?,
        };
        Some(Notice { cause: *cause, word })
    });
    let over = told.iter().filter(|(cause, _)| !conditions.contains_key(cause));
    let over = over.map(|(cause, told)| Notice { cause: *cause, word: Word::Well(told.since) });
    there.chain(over).collect()
}

/// The notice of a cause that was told before, if it is due.
fn again(
    cause: Cause,
    condition: &Condition,
    told: &Told,
    conditions: &BTreeMap<Cause, Condition>,
    now: Timestamp,
) -> Option<Word> {
    let rest = if cause.is_warning() && cause != Cause::LeftOut { AGAIN_LATER } else { AGAIN };
    if told.last <= now && now.duration_since(told.last) < rest {
        return None;
    }
    let condition = Condition { since: told.since.min(condition.since), ..condition.clone() };
    match cause {
        // The same things are in the summary: files that are always open would fill a mailbox.
        Cause::LeftOut => (!condition.items.is_subset(&told.items)).then_some(Word::New(condition)),
        // It says the same, and more.
        Cause::Failed(_) | Cause::Closed if conditions.contains_key(&Cause::Nothing) && is_of_backup(cause) => None,
        _ => Some(Word::Again(condition)),
    }
}

fn is_of_backup(cause: Cause) -> bool {
    matches!(cause, Cause::Closed | Cause::Failed(crate::schedule::Job::Backup))
}

/// Notes that these notices went out.
pub fn note(told: &mut BTreeMap<Cause, Told>, notices: &[Notice], now: Timestamp) {
    for Notice { cause, word } in notices {
        match word {
            Word::Well(_) => drop(told.remove(cause)),
            Word::New(condition) | Word::Again(condition) => {
                let before = told.entry(*cause);
                let entry =
                    before.or_insert_with(|| Told { since: condition.since, last: now, items: BTreeSet::new() });
                entry.last = now;
                if entry.items.len() > ITEMS_KEPT {
                    entry.items.clear();
                }
                entry.items.extend(&condition.items);
            }
        }
    }
}
