//! Functions of times whose values depend on the language or the week of a session. MySQL keeps their values in generated columns. MariaDB
//! does so only where the call itself says the language, or the kind of week.

use std::ops::Range;

use super::reading::{Changes, Reading};
use super::tokens::Kind;

/// Functions, how many arguments they have, what stands in their place, and further arguments: as of a session that loads.
const FUNCTIONS: [(&str, usize, &str, &str); 4] = [
    ("date_format", 2, "date_format", ",'en_US'"),
    ("monthname", 1, "date_format", ",'%M','en_US'"),
    ("dayname", 1, "date_format", ",'%W','en_US'"),
    ("week", 1, "week", ",0"),
];

/// Such calls in the generated columns that a MariaDB is to keep.
pub(super) fn of_sessions(reading: &Reading<'_>) -> Changes {
    let mut changes = Changes::default();
    for item in reading.columns() {
        let is_kept = reading.has(&item, "STORED") || reading.has(&item, "PERSISTENT");
        let mut edits: Vec<(Range<usize>, String)> = Vec::new();
        for at in item.clone().filter(|_| is_kept && reading.has(&item, "GENERATED")) {
            edits.extend(call(reading, at).into_iter().flatten());
        }
        if !edits.is_empty() {
            edits.sort_by_key(|(range, _)| range.start);
            edits.iter().for_each(|(range, text)| changes.replace(range.clone(), text));
            let name = reading.name(&item);
            changes.notes.push(format!(
                "its column {name} is computed in English and with weeks of mode 0: the server keeps no values that depend on a session"
            ));
        }
    }
    changes
}

/// The changes to the call of such a function at `at`.
fn call(reading: &Reading<'_>, at: usize) -> Option<[(Range<usize>, String); 2]> {
    let (_, count, name, more) = FUNCTIONS.iter().find(|(name, ..)| reading.is(at, name))?;
    let open = reading.tokens.get(at + 1).filter(|open| open.kind == Kind::Open)?;
    let inside = &reading.tokens[at + 2..];
    let length = inside.iter().position(|token| token.kind == Kind::Close && token.depth == open.depth)?;
    let commas = inside[..length].iter().filter(|token| token.kind == Kind::Comma && token.depth == open.depth + 1);
    let end = inside[length].at.start;
    let edits = [(reading.tokens[at].at.clone(), (*name).to_owned()), (end..end, (*more).to_owned())];
    (commas.count() + 1 == *count).then_some(edits)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialect::edited;

    #[test]
    fn calls_say_the_language_and_the_week_where_their_values_are_kept() {
        let create = "CREATE TABLE `t` (`d` date, `a` varchar(9) GENERATED ALWAYS AS (date_format(`d`,_utf8mb4'%M')) STORED COMMENT 'week(`d`)', \
                      `b` varchar(9) GENERATED ALWAYS AS (concat(monthname(`d`),date_format(`d`,dayname(`d`)),week(`d`),week(`d`,3))) STORED, \
                      `week` int DEFAULT NULL, `v` int GENERATED ALWAYS AS (week(`d`)) VIRTUAL, `i` int GENERATED ALWAYS AS (`week` + 1) STORED)";
        let Changes { edits, notes, .. } = of_sessions(&Reading::of(create.as_bytes()));
        let expected = create
            .replace("_utf8mb4'%M')", "_utf8mb4'%M','en_US')")
            .replace("monthname(`d`)", "date_format(`d`,'%M','en_US')")
            .replace("dayname(`d`))", "date_format(`d`,'%W','en_US'),'en_US')")
            .replace("week(`d`),week", "week(`d`,0),week");
        assert_eq!(String::from_utf8(edited(create.as_bytes(), &edits)).unwrap(), expected);
        assert_eq!(notes.len(), 2, "{notes:?}");
    }
}
