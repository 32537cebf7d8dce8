//! Where a definition names a schema: of tables, views, routines, triggers and events.
//!
//! A name before a dot is a schema where a table or routine stands: behind FROM, JOIN, REFERENCES, ON of a trigger's head and the like, before
//! an opening parenthesis, and where two more names follow. Elsewhere it is a table, alias, variable, cursor, label or row of a trigger
//! that the definition names somewhere. A name that is none of these may be a schema.

mod keywords;
mod names;
mod statements;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::ops::Range;

use super::tokens::{Kind, Quoting, Token, is_keyword, tokens_by};

/// A name that is, or may be, a schema.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// Where it stands.
    pub at: Range<usize>,
    /// The schema.
    pub schema: String,
    /// It can be nothing else.
    pub is_certain: bool,
}

/// The schemas that `sql` names, in their order; `None` when it cannot be read.
pub fn references(sql: &[u8], quoting: Quoting) -> Option<Vec<Reference>> {
    let mut tokens = tokens_by(sql, quoting)?;
    tokens.retain(|token| token.kind != Kind::Comment);
    let mut reader = Reader { sql, tokens: &tokens, scopes: vec![Scope::default()], ..Reader::default() };
    let mut at = 0;
    while at < tokens.len() {
        at = reader.step(at);
    }
    let Reader { found, known, .. } = reader;
    Some(found.into_iter().filter(|found| found.is_certain || !known.contains(&found.schema.to_lowercase())).collect())
}

/// The state within one pair of parentheses.
#[derive(Debug, Clone, Copy, Default)]
struct Scope {
    /// A statement stands here whose FROM is followed by tables.
    has_query: bool,
    /// After a comma comes another table.
    lists_tables: bool,
    /// Open CASEs among the tables: these are values.
    cases: usize,
}

#[derive(Default)]
struct Reader<'s> {
    sql: &'s [u8],
    tokens: &'s [Token],
    scopes: Vec<Scope>,
    /// The next name is one of a table or routine.
    expects: bool,
    /// Where the last name of a table ended.
    table_end: usize,
    /// The head of a trigger is being read, as far as FOR EACH ROW.
    in_head: bool,
    /// OLD and NEW are rows.
    is_trigger: bool,
    found: Vec<Reference>,
    /// Tables, aliases, variables and the like, in lower case.
    known: BTreeSet<String>,
}

/// Functions of the first argument, which is a sequence.
const OF_SEQUENCES: [&str; 3] = ["NEXTVAL", "LASTVAL", "SETVAL"];

impl Reader<'_> {
    /// Reads on from the token `at`; gives where to go on.
    fn step(&mut self, at: usize) -> usize {
        let token = &self.tokens[at];
        match token.kind {
            Kind::Open => self.open(at),
            Kind::Close => self.close(at),
            Kind::Comma => self.expects = self.scope().lists_tables,
            Kind::Word | Kind::Name => return self.word(at),
            Kind::Other if self.is_text(at, b";") => {
                *self.scope() = Scope::default();
                self.expects = false;
            }
            // A variable, or the host of an account.
            Kind::Other if self.is_text(at, b"@") => return self.chain_end(at + 1).1,
            Kind::Other if self.is_text(at, b"{") => {}
            _ => self.expects = false,
        }
        at + 1
    }

    fn scope(&mut self) -> &mut Scope {
        if self.scopes.is_empty() {
            self.scopes.push(Scope::default());
        }
        let last = self.scopes.len() - 1;
        &mut self.scopes[last]
    }

    fn open(&mut self, at: usize) {
        let is_sequence = at > 0 && OF_SEQUENCES.iter().any(|name| self.is(at - 1, name));
        let lists_tables = self.expects || self.unites_tables(at);
        self.expects = lists_tables || is_sequence;
        self.scopes.push(Scope { lists_tables, ..Scope::default() });
    }

    /// Whether the tables of a MERGE table stand in the parenthesis, and no query that is united with another.
    fn unites_tables(&self, at: usize) -> bool {
        let is_named = self.tokens.get(at + 2).is_some_and(|next| matches!(next.kind, Kind::Comma | Kind::Close));
        self.is_text(at.saturating_sub(1), b"=") && self.follows_second(at, &["UNION"])
            || self.follows(at, &["UNION"]) && (is_named || self.is_text(at + 2, b"."))
    }

    fn close(&mut self, at: usize) {
        self.scopes.pop();
        self.expects = false;
        if self.scope().lists_tables {
            self.note_alias(at + 1);
        }
    }

    fn word(&mut self, at: usize) -> usize {
        self.named_here(at);
        if self.tokens[at].kind == Kind::Word
            && !self.is_text(at + 1, b".")
            && let Some(next) = self.statement(at).or_else(|| self.keyword(at))
        {
            return next;
        }
        self.chain(at)
    }

    fn is(&self, at: usize, word: &str) -> bool {
        self.tokens.get(at).is_some_and(|token| is_keyword(self.sql, token, word))
    }

    fn is_any(&self, at: usize, words: &[&str]) -> bool {
        words.iter().any(|word| self.is(at, word))
    }

    /// Whether one of the words stands before the token.
    fn follows(&self, at: usize, words: &[&str]) -> bool {
        at > 0 && self.is_any(at - 1, words)
    }

    /// Whether one of the words stands before the one before the token.
    fn follows_second(&self, at: usize, words: &[&str]) -> bool {
        at > 1 && self.is_any(at - 2, words)
    }

    fn is_text(&self, at: usize, text: &[u8]) -> bool {
        self.tokens.get(at).is_some_and(|token| &self.sql[token.at.clone()] == text)
    }
}
