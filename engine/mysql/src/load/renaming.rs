//! Schemas with other names, and the definitions that name schemas.
//!
//! A reference to a schema of the same restore follows its new name. A copy that named any other schema would work on a
//! live one. So such a definition is omitted, unless the user keeps it. A definition with a name that may be a schema
//! is omitted, too: one too many is better than one too few.

use std::collections::BTreeSet;
use std::ops::Range;

use super::options::{References, SchemaChoice};
use crate::database::{is_of_the_server_by, quote_name};
use crate::dialect::{Kind, Quoting, Reference, edited, references, tokens_by};

/// Which schemas get which names.
#[derive(Debug, Clone, Default)]
pub struct Renaming {
    /// Each that is restored, with its name in the end.
    pub names: Vec<SchemaChoice>,
    /// All that the snapshot has.
    pub known: Vec<String>,
    /// Names that are packages of the schema at hand: a dot follows these, too.
    pub packages: BTreeSet<String>,
    /// Names that differ only in case are the same, where they were saved or where they come to.
    pub folds: bool,
    /// The reaction to definitions that name any other schema.
    pub references: References,
}

/// A definition, with the schemas that it names by their new names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Renamed {
    /// The definition.
    pub sql: Vec<u8>,
    /// Where it names schemas that the copy must not work on: in the definition as it was.
    pub pointing: Vec<Pointing>,
}

/// A name that leads out of the restore.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pointing {
    /// Where it stands.
    pub at: Range<usize>,
    /// The schema.
    pub schema: String,
}

impl Renaming {
    /// Whether definitions of the schema `own` lose references that lead out of the restore.
    pub fn leaves(&self, own: &str) -> bool {
        self.is_copy(own) && self.references == References::Leave
    }

    /// Whether the schema gets another name.
    pub fn is_copy(&self, schema: &str) -> bool {
        self.new_name(schema).is_some_and(|to| to != schema)
    }

    /// Whether a string in `sql` holds the former name of a schema: SQL that is built of it may work on that one.
    pub fn has_text(&self, sql: &[u8], quoting: Quoting) -> bool {
        let is_word = |c: char| c.is_alphanumeric() || matches!(c, '_' | '$');
        let holds = |text: &str, name: &str| {
            text.match_indices(name).any(|(at, _)| {
                let (before, after) = (text[..at].chars().next_back(), text[at + name.len()..].chars().next());
                !before.is_some_and(is_word) && !after.is_some_and(is_word)
            })
        };
        let former: Vec<String> = self
            .names
            .iter()
            .filter(|choice| choice.from != choice.to)
            .map(|choice| choice.from.to_lowercase())
            .collect();
        let tokens = tokens_by(sql, quoting).unwrap_or_default();
        tokens.iter().filter(|token| token.kind == Kind::Text).any(|token| {
            let text = String::from_utf8_lossy(&sql[token.at.clone()]).to_lowercase();
            former.iter().any(|name| holds(&text, name))
        })
    }

    /// `sql` of the schema `own`, as it is in its copy.
    pub fn apply(&self, own: &str, sql: &[u8], quoting: Quoting) -> Renamed {
        let leaves = self.leaves(own);
        let Some(found) = references(sql, quoting) else {
            return Renamed { sql: sql.to_vec(), pointing: if leaves { self.by_text(sql) } else { Vec::new() } };
        };
        let (mut edits, mut pointing) = (Vec::new(), Vec::new());
        for reference in found {
            match self.of(&reference, sql) {
                Becomes::Same => {}
                Becomes::Named(name) => edits.push((reference.at, quote_name(name))),
                Becomes::Outside if leaves => {
                    pointing.push(Pointing { at: reference.at, schema: reference.schema });
                }
                Becomes::Outside => {}
            }
        }
        Renamed { sql: edited(sql, &edits), pointing }
    }

    /// The name that a schema gets, if it is restored.
    pub fn new_name(&self, schema: &str) -> Option<&str> {
        self.names.iter().find(|choice| self.is_same(&choice.from, schema)).map(|choice| choice.to.as_str())
    }

    fn of(&self, reference: &Reference, sql: &[u8]) -> Becomes<'_> {
        let schema = &reference.schema;
        if self.is_of_the_server(schema) || self.packages.iter().any(|package| package.eq_ignore_ascii_case(schema)) {
            return Becomes::Same;
        }
        match self.new_name(schema) {
            Some(to) if to == schema => Becomes::Same,
            // In another character set the new name would be written otherwise.
            Some(to) if reference.is_certain && (to.is_ascii() || std::str::from_utf8(sql).is_ok()) => {
                Becomes::Named(to)
            }
            Some(_) | None => Becomes::Outside,
        }
    }

    /// Judges an unreadable definition by its text: one finding too many is better than one too few.
    fn by_text(&self, sql: &[u8]) -> Vec<Pointing> {
        let text = String::from_utf8_lossy(sql).to_lowercase();
        let found = self.known.iter().filter(|known| !known.is_empty() && text.contains(&known.to_lowercase()));
        found.map(|known| Pointing { at: 0..sql.len(), schema: known.clone() }).collect()
    }

    /// Whether a schema is the server's own: no copy of it is made.
    pub fn is_of_the_server(&self, schema: &str) -> bool {
        is_of_the_server_by(self.folds, schema)
    }

    fn is_same(&self, a: &str, b: &str) -> bool {
        a == b || self.folds && a.to_lowercase() == b.to_lowercase()
    }
}

/// The replacement of a name.
enum Becomes<'r> {
    Same,
    Named(&'r str),
    Outside,
}

/// The schemas of `pointing`, for a message.
pub fn schemas_of(pointing: &[Pointing]) -> String {
    let names: BTreeSet<String> = pointing.iter().map(|pointing| quote_name(&pointing.schema)).collect();
    names.into_iter().collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn renaming(names: &[(&str, &str)]) -> Renaming {
        let choice = |(from, to): &(&str, &str)| SchemaChoice { from: (*from).to_owned(), to: (*to).to_owned() };
        let known = names.iter().map(|(from, _)| (*from).to_owned()).chain(["third".to_owned()]).collect();
        Renaming { names: names.iter().map(choice).collect(), known, ..Renaming::default() }
    }

    fn applied(renaming: &Renaming, own: &str, sql: &str) -> (String, String) {
        let Renamed { sql, pointing } = renaming.apply(own, sql.as_bytes(), Quoting::default());
        (String::from_utf8(sql).unwrap(), schemas_of(&pointing))
    }

    #[test]
    fn what_is_restored_together_stays_together() {
        let renaming = renaming(&[("od", "new`er"), ("other", "other2"), ("same", "same")]);
        let (sql, pointing) = applied(
            &renaming,
            "od",
            "SELECT `od`.`t`.`a`, 'od.t' FROM od.t JOIN other.u JOIN same.v JOIN information_schema.TABLES",
        );
        let expected = "SELECT `new``er`.`t`.`a`, 'od.t' FROM `new``er`.t JOIN `other2`.u JOIN same.v JOIN information_schema.TABLES";
        assert_eq!((sql.as_str(), pointing.as_str()), (expected, ""));
    }

    #[test]
    fn a_copy_that_would_work_on_another_schema_is_told() {
        let renaming = renaming(&[("od", "copy"), ("same", "same")]);
        let sql = "SELECT third.f(x.a) FROM strange.t x WHERE third.a = 1";
        assert_eq!(applied(&renaming, "od", sql).1, "`strange`, `third`");
        assert_eq!(applied(&renaming, "same", sql).1, "", "it is no copy");
        let kept = Renaming { references: References::Keep, ..renaming.clone() };
        assert_eq!(applied(&kept, "od", sql), (sql.to_owned(), String::new()));
        assert_eq!(applied(&renaming, "od", "SELECT 'third").1, "`third`");
        assert_eq!(applied(&renaming, "od", "SET x = od.a").1, "`od`", "it may be a schema");
        assert_eq!(applied(&renaming, "od", "SET x = strange.a").1, "`strange`", "also if nothing else is known of it");
        assert_eq!(applied(&renaming, "od", "SET x = strange.a; SET y = sys.a, strange.b = 1").1, "`strange`");
        assert_eq!(applied(&renaming, "od", "DECLARE strange ROW TYPE OF t; SET x = strange.a").1, "");
    }

    #[test]
    fn a_former_name_in_a_string_is_seen() {
        let renaming = renaming(&[("od", "copy"), ("same", "same")]);
        let has = |sql: &str| renaming.has_text(sql.as_bytes(), Quoting::default());
        assert!(has("PREPARE s FROM 'DELETE FROM OD.t'") && has("SET x = CONCAT('`od`', '.t')"));
        assert!(!has("SELECT 'good', 'same.t', od.t"));
    }

    #[test]
    fn packages_and_case_are_known() {
        let plain = renaming(&[("od", "copy")]);
        let with = Renaming { packages: ["tools".to_owned()].into(), folds: true, ..plain.clone() };
        let sql = "SELECT tools.f(1) FROM OD.t";
        assert_eq!(applied(&plain, "od", sql).1, "`OD`, `tools`");
        assert_eq!(applied(&with, "od", sql), ("SELECT tools.f(1) FROM `copy`.t".to_owned(), String::new()));
    }
}
