//! Names with dots between them, and those that a definition gives itself.

use super::{Reader, Reference};
use crate::dialect::tokens::{Kind, unquote};

/// Behind these stands a variable of the server.
const OF_VARIABLES: [&str; 5] = ["GLOBAL", "SESSION", "LOCAL", "PERSIST", "PERSIST_ONLY"];

impl Reader<'_> {
    /// Reads names with dots between them, and notes what the first one is.
    pub(super) fn chain(&mut self, at: usize) -> usize {
        let (parts, end) = self.chain_end(at);
        let is_starred = self.is_text(end.saturating_sub(1), b"*") && end > at + 1;
        let is_called = self.tokens.get(end).is_some_and(|next| next.kind == Kind::Open);
        let is_row_type = self.is_text(end, b"%") && self.is(end + 1, "ROWTYPE");
        let expects = std::mem::take(&mut self.expects);
        let first = self.name(at).filter(|_| !self.is_number(at));
        if expects && !is_starred {
            self.note(end - 1);
            self.table_end = end;
            self.note_alias(end);
        } else if parts == 1 && self.scope().lists_tables {
            // An alias behind what else belongs to a table.
            self.note(at);
        }
        if let Some(schema) = first.filter(|_| parts > 1) {
            let is_certain =
                parts > 2 || is_called || expects || is_starred || is_row_type || self.is_statement(at, end);
            if is_certain || !self.is_of_something(at, end) {
                self.found.push(Reference { at: self.tokens[at].at.clone(), schema, is_certain });
            }
        }
        end
    }

    /// Whether names are a whole statement: a call without CALL.
    fn is_statement(&self, at: usize, end: usize) -> bool {
        let begins = at > 0 && self.is_text(at - 1, b";") || self.follows(at, &["BEGIN", "THEN", "ELSE", "LOOP"]);
        begins && self.is_text(end, b";")
    }

    /// Whether two names belong to a row of a trigger, a column whose type is taken, a sequence or a variable of the server.
    pub(super) fn is_of_something(&self, at: usize, end: usize) -> bool {
        let any = |at: usize, words: &[&str]| {
            let name = self.name(at).unwrap_or_default();
            words.iter().any(|word| name.eq_ignore_ascii_case(word))
        };
        let is_type_of = at > 1 && self.is(at - 1, "OF") && self.is(at - 2, "TYPE");
        self.is_trigger && any(at, &["OLD", "NEW"])
            || is_type_of
            || self.is_text(end, b"%") && self.is(end + 1, "TYPE")
            || any(end - 1, &["NEXTVAL", "CURRVAL"])
            || self.follows(at, &OF_VARIABLES)
    }

    /// How many names stand at `at` with dots between them, and where they end. A star behind the last dot belongs to them.
    pub(super) fn chain_end(&self, at: usize) -> (usize, usize) {
        if self.name(at).is_none() {
            return (0, at);
        }
        let (mut parts, mut end) = (1, at + 1);
        while self.is_text(end, b".") {
            if self.name(end + 1).is_some() {
                (parts, end) = (parts + 1, end + 2);
            } else if self.is_text(end + 1, b"*") {
                return (parts, end + 2);
            } else {
                break;
            }
        }
        (parts, end)
    }

    /// Notes what follows the name of a table, with or without AS. If it is a keyword that does no harm.
    pub(super) fn note_alias(&mut self, at: usize) {
        let at = if self.is(at, "AS") { at + 1 } else { at };
        if !self.is_text(at + 1, b".") {
            self.note(at);
        }
    }

    pub(super) fn note(&mut self, at: usize) -> bool {
        let name = self.name(at);
        let is_name = name.is_some();
        self.known.extend(name.map(|name| name.to_lowercase()));
        is_name
    }

    pub(super) fn name(&self, at: usize) -> Option<String> {
        let token = self.tokens.get(at).filter(|token| matches!(token.kind, Kind::Name | Kind::Word))?;
        Some(String::from_utf8_lossy(&unquote(&self.sql[token.at.clone()])).into_owned())
    }

    /// `1.5`, `2e5.`: names that begin with a digit have letters other than an exponent's.
    pub(super) fn is_number(&self, at: usize) -> bool {
        let token = &self.tokens[at];
        token.kind == Kind::Word && self.sql[token.at.clone()].iter().all(|b| b.is_ascii_digit() || *b | 32 == b'e')
    }

    /// Notes labels, aliases behind AS, and what a declaration without DECLARE begins with.
    pub(super) fn named_here(&mut self, at: usize) {
        let is_followed = self.tokens.get(at + 1).is_some_and(|next| matches!(next.kind, Kind::Word | Kind::Name));
        let is_label = self.is_text(at + 1, b":") && !self.is_text(at + 2, b"=")
            || at > 1 && self.is_text(at - 1, b"<") && self.is_text(at - 2, b"<");
        let begins = at > 0 && self.is_text(at - 1, b";") || self.follows(at, &["IS", "DECLARE"]);
        let is_named = is_label || begins && is_followed || self.follows(at, &["AS"]) || self.follows(at, &["CURSOR"]);
        if is_named && !self.is_text(at + 1, b".") {
            self.note(at);
        }
    }
}
