//! Who waits for tables, and for which: by what the server says of the sessions, and by the names in their statements.

use std::time::Duration;

use super::locked::TableName;
use crate::database::{Connection, Row, Server, texts};
use crate::error::Result;

/// What a session that waits for a table is said to do.
const STATES: &str = "('Waiting for table level lock', 'Waiting for table metadata lock', 'Waiting for table flush', 'Locked', \
                      'System lock')";

/// A session that waits for a table.
pub(super) struct Waiter {
    /// For how long.
    pub wait: Duration,
    /// Names in its statement: with a schema, or of the schema that it works in.
    names: Vec<TableName>,
}

impl Waiter {
    /// Whether its statement names the table. A name in another case may be the same table: which, depends on the server.
    pub fn names(&self, (schema, table): &TableName) -> bool {
        self.names.iter().any(|(s, t)| s.eq_ignore_ascii_case(schema) && t.eq_ignore_ascii_case(table))
    }
}

/// Sessions that wait for tables now.
///
/// # Errors
/// If the server does not answer.
pub(super) fn waiters(connection: &mut Connection, server: &Server) -> Result<Vec<Waiter>> {
    let time = if server.is_mariadb() { "TIME_MS / 1000" } else { "TIME" };
    let rows = connection.rows(&format!(
        "SELECT {time}, DB, INFO FROM information_schema.PROCESSLIST WHERE STATE IN {STATES} AND ID <> CONNECTION_ID()"
    ))?;
    Ok(rows.into_iter().map(waiter).collect())
}

fn waiter(row: Row) -> Waiter {
    let mut cells = texts(row).into_iter().map(Option::unwrap_or_default);
    let mut next = || cells.next().unwrap_or_default();
    let (seconds, schema, statement) = (next(), next(), next());
    let wait = seconds.parse().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    Waiter { wait: wait.unwrap_or_default(), names: names(&statement, &schema) }
}

/// Names in `statement` that may be tables: `a.b`, and `a` in `schema`. Words of SQL are among them.
fn names(statement: &str, schema: &str) -> Vec<TableName> {
    let mut found = Vec::new();
    let mut before: Option<String> = None;
    let mut rest = statement;
    while let Some(c) = rest.chars().next() {
        let (name, len) = match c {
            '`' => quoted(rest),
            '\'' | '"' => (None, text_len(rest, c)),
            c if is_of_name(c) => {
                let len = rest.find(|c: char| !is_of_name(c)).unwrap_or(rest.len());
                (Some(rest[..len].to_owned()), len)
            }
            c => (None, c.len_utf8()),
        };
        rest = &rest[len..];
        let Some(name) = name else { continue };
        let of = before.take();
        found.push((of.unwrap_or_else(|| schema.to_owned()), name.clone()));
        let behind = rest.trim_start();
        if let Some(behind) = behind.strip_prefix('.') {
            before = Some(name);
            rest = behind;
        }
    }
    found
}

fn is_of_name(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '$')
}

/// The name in backquotes that `text` begins with, and its length there.
fn quoted(text: &str) -> (Option<String>, usize) {
    let mut name = String::new();
    let mut chars = text.char_indices().skip(1).peekable();
    while let Some((at, c)) = chars.next() {
        match c {
            '`' if chars.next_if(|(_, next)| *next == '`').is_some() => name.push('`'),
            '`' => return (Some(name), at + 1),
            c => name.push(c),
        }
    }
    // A statement that was cut short.
    (None, text.len())
}

/// The length of the text in quotes that `text` begins with.
fn text_len(text: &str, quote: char) -> usize {
    let mut chars = text.char_indices().skip(1);
    while let Some((at, c)) = chars.next() {
        match c {
            '\\' => drop(chars.next()),
            c if c == quote => return at + 1,
            _ => {}
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waits_for(statement: &str, schema: &str, table: &str) -> bool {
        let waiter = Waiter { wait: Duration::ZERO, names: names(statement, "shop") };
        waiter.names(&(schema.to_owned(), table.to_owned()))
    }

    #[test]
    fn a_table_is_waited_for_if_the_statement_names_it_and_no_other_whose_name_holds_its_name() {
        let statement = "UPDATE patientnote SET note = 'patient, it''s \\' x' WHERE `the patient` = 1";
        assert!(waits_for(statement, "shop", "patientnote"));
        assert!(!waits_for(statement, "shop", "patient"));
        assert!(!waits_for(statement, "other", "patientnote"));
        let joined = "INSERT INTO other . `a``b` SELECT * FROM patient p JOIN shop.visit";
        assert!(waits_for(joined, "other", "a`b") && !waits_for(joined, "shop", "a`b"));
        assert!(waits_for(joined, "shop", "PATIENT") && waits_for(joined, "shop", "visit"));
        assert!(!waits_for("SELECT 1 FROM `cut", "shop", "cut"));
    }
}
