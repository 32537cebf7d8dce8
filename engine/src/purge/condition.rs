//! Conditions that a user writes: one expression about the row, from which nothing leads to other rows or tables.

use crate::error::{Error, ErrorKind, Result};

/// Words of queries: a condition that had one could bring in rows of its own.
const WORDS: [&str; 7] = ["select", "union", "into", "table", "values", "with", "handler"];

/// Looks whether `condition` stays within parentheses that are put around it.
///
/// # Errors
/// [`ErrorKind::Refused`] with the reason if not.
pub(super) fn check_condition(condition: &str) -> Result<()> {
    match trouble(condition) {
        None => Ok(()),
        Some(why) => Err(Error::new(ErrorKind::Refused, format!("the condition `{condition}` {why}"))),
    }
}

fn trouble(condition: &str) -> Option<String> {
    let mut rest = condition.chars().peekable();
    let (mut depth, mut word) = (0_u32, String::new());
    while let Some(c) = rest.next() {
        if c.is_alphanumeric() || matches!(c, '_' | '$') {
            word.push(c);
            continue;
        }
        if let Some(why) = forbidden(&std::mem::take(&mut word)) {
            return Some(why);
        }
        match c {
            '\'' | '"' | '`' if !skip_quoted(&mut rest, c) => return Some(format!("has a {c} without its end")),
            '(' => depth += 1,
            ')' if depth == 0 => return Some("closes a parenthesis that it has not opened".to_owned()),
            ')' => depth -= 1,
            ';' | '#' | '?' => return Some(format!("has a {c}")),
            '-' if rest.peek() == Some(&'-') => return Some("has a comment".to_owned()),
            '/' if rest.peek() == Some(&'*') => return Some("has a comment".to_owned()),
            _ => {}
        }
    }
    match (forbidden(&word), depth) {
        (None, 0) => condition.trim().is_empty().then(|| "is empty".to_owned()),
        (None, _) => Some("opens a parenthesis that it does not close".to_owned()),
        (why, _) => why,
    }
}

fn forbidden(word: &str) -> Option<String> {
    WORDS.iter().any(|w| word.eq_ignore_ascii_case(w)).then(|| format!("is not about the row alone: it has `{word}`"))
}

/// Goes behind the end of a text or name in quotes; whether there is one. A quote that is doubled is no end.
fn skip_quoted(rest: &mut std::iter::Peekable<std::str::Chars<'_>>, quote: char) -> bool {
    while let Some(c) = rest.next() {
        match c {
            '\\' if quote != '`' => drop(rest.next()),
            c if c == quote && rest.next_if_eq(&quote).is_none() => return true,
            _ => {}
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_expression_is_let_through() {
        for good in [
            "PermType = 5",
            "(a OR b) AND `select` <> 'x'';--'",
            r"note LIKE '%\'%' AND n - -1 > 0",
            "SubSelect(1)",
            "selected = 'union'",
        ] {
            assert_eq!(trouble(good), None, "{good}");
        }
    }

    #[test]
    fn what_would_leave_its_parentheses_is_refused() {
        for bad in [
            "",
            " ",
            "1) OR (1",
            "1), id FROM t UNION ALL SELECT (1",
            "(1",
            "a = 'x",
            r"a = 'x\'",
            "a = `x",
            "1; DROP TABLE t",
            "1 -- more",
            "1 # more",
            "1 /* more",
            "id IN (select id from other)",
            "a = ?",
        ] {
            assert!(trouble(bad).is_some(), "{bad}");
        }
    }
}
