//! Translates checks of MariaDB for MySQL. In MySQL their names are unique in a schema, while each table of MariaDB has
//! a CONSTRAINT_1. And MySQL refuses rows that bypassed a check of MariaDB.

use crate::database::{Server, quote_name};

use super::reading::{Changes, Reading};
use super::tokens::{Kind, edited};

/// Whether rows of the server `source` may break checks that `target` enforces.
pub fn enforces_more(target: &Server, source: &Server) -> bool {
    source.is_mariadb() && target.is_mysql_from((8, 0, 16))
}

/// A check as it is made: enforced once the rows are there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// The server names it by its number among those of the table, from 1.
    pub number: usize,
    /// The condition on each row.
    pub expression: Vec<u8>,
}

impl Check {
    /// The name that the server gives it in `table`.
    pub fn name(&self, table: &str) -> String {
        format!("{table}_chk_{}", self.number)
    }

    /// The part of an ALTER TABLE of `table` that has it enforced.
    pub fn enforcing(&self, table: &str) -> String {
        format!("ALTER CHECK {} ENFORCED", quote_name(&self.name(table)))
    }
}

/// Checks get names of the server's own.
pub(super) fn unnamed(reading: &Reading<'_>) -> Changes {
    let mut changes = Changes::default();
    for item in reading.items() {
        if !reading.is(item.start, "CONSTRAINT") || !reading.is(item.start + 2, "CHECK") {
            continue;
        }
        let name = reading.name(&item);
        changes.replace(reading.tokens[item.start].at.start..reading.tokens[item.start + 2].at.start, "");
        if !name.starts_with("`CONSTRAINT_") {
            changes.notes.push(format!(
                "its check {name} has a name of the server's own, as these are names of a whole schema there"
            ));
        }
    }
    changes
}

/// The definition with checks that are not enforced, and what they are.
pub fn enforced_later(create: &[u8]) -> (Vec<u8>, Vec<Check>) {
    let reading = Reading::of(create);
    let (mut edits, mut checks, mut number) = (Vec::new(), Vec::new(), 0);
    for at in 0..reading.tokens.len().saturating_sub(1) {
        let open = &reading.tokens[at + 1];
        if reading.tokens[at].depth != 1 || !reading.is(at, "CHECK") || open.kind != Kind::Open {
            continue;
        }
        let is_close = |place: &usize| reading.tokens[*place].kind == Kind::Close && reading.tokens[*place].depth == 1;
        let Some(close) = (at + 2..reading.tokens.len()).find(is_close) else { continue };
        number += 1;
        // A check that was not enforced stays so.
        if reading.is(close + 1, "NOT") && reading.is(close + 2, "ENFORCED") {
            continue;
        }
        let close = &reading.tokens[close];
        edits.push((close.at.end..close.at.end, " NOT ENFORCED".to_owned()));
        checks.push(Check { number, expression: create[open.at.end..close.at.start].to_vec() });
    }
    (edited(create, &edits), checks)
}

#[cfg(test)]
mod tests {
    use super::super::reading::Translated;
    use super::*;

    const CREATE: &str = "CREATE TABLE `t` (`j` longtext CHECK (json_valid(`j`)), `x` int COMMENT 'CHECK (1)', CONSTRAINT `CONSTRAINT_1` CHECK (`x` > (1)), \
                          CONSTRAINT `named` CHECK (`x` < 5), CONSTRAINT `f` FOREIGN KEY (`x`) REFERENCES `p` (`x`))";

    #[test]
    fn checks_lose_their_names_and_foreign_keys_do_not() {
        let mut translated = Translated::new(CREATE.as_bytes());
        translated.apply(unnamed);
        let expected =
            CREATE.replace("CONSTRAINT `CONSTRAINT_1` CHECK", "CHECK").replace("CONSTRAINT `named` CHECK", "CHECK");
        assert_eq!((String::from_utf8(translated.sql).unwrap(), translated.notes.len()), (expected, 1));
    }

    #[test]
    fn checks_are_enforced_when_the_rows_are_there() {
        let (sql, checks) = enforced_later(CREATE.as_bytes());
        let sql = String::from_utf8(sql).unwrap();
        assert!(
            sql.contains("CHECK (json_valid(`j`)) NOT ENFORCED,") && sql.contains("(`x` > (1)) NOT ENFORCED,"),
            "{sql}"
        );
        let shown: Vec<_> =
            checks.iter().map(|check| (check.number, String::from_utf8_lossy(&check.expression))).collect();
        assert_eq!(shown, [(1, "json_valid(`j`)".into()), (2, "`x` > (1)".into()), (3, "`x` < 5".into())]);
    }
}
