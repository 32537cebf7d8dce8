//! Statements whose names follow a rule of their own.

use super::{Reader, Reference};
use crate::dialect::tokens::Kind;

/// SHOW of these names a table before the schema.
const SHOWN_OF_TABLES: [&str; 5] = ["COLUMNS", "FIELDS", "INDEX", "INDEXES", "KEYS"];

impl Reader<'_> {
    /// Reads a statement whose names follow a rule of its own; gives where to go on.
    pub(super) fn statement(&mut self, at: usize) -> Option<usize> {
        let is_call = self.tokens.get(at + 1).is_some_and(|next| next.kind == Kind::Open);
        if (self.is(at, "DATABASE") || self.is(at, "SCHEMA")) && !is_call {
            return Some(self.database(at));
        } else if self.is(at, "SHOW") && !self.is_any(at + 1, &["CREATE"]) {
            return Some(self.show(at));
        } else if (self.is(at, "GRANT") || self.is(at, "REVOKE")) && !self.is_any(at + 1, &["OPTION"]) {
            return Some(self.grant(at));
        } else if self.is(at, "USE") && !self.is_any(at + 1, &["INDEX", "KEY"]) && self.name(at + 1).is_some() {
            self.found(at + 1);
            return Some(at + 2);
        } else if self.is(at, "RENAME") && !self.is_any(at + 1, &["TABLE", "TABLES", "COLUMN", "INDEX", "KEY", "USER"])
        {
            self.expects = true;
            return Some(at + if self.is_any(at + 1, &["TO", "AS"]) || self.is_text(at + 1, b"=") { 2 } else { 1 });
        } else if self.is(at, "FOR") {
            return Some(self.for_what(at));
        }
        if (self.is(at, "PROCEDURE") || self.is(at, "FUNCTION")) && !is_call {
            self.parameters(at + 1);
        }
        None
    }

    /// FOR of a loop, a lock, a sequence, a trigger's head, an index or a period. Behind the last two more tables may come.
    pub(super) fn for_what(&mut self, at: usize) -> usize {
        self.expects = self.follows(at, &["VALUE"]);
        if self.follows(at, &["INDEX", "KEY"]) {
            return at + if self.is_any(at + 1, &["ORDER", "GROUP", "JOIN"]) { 2 } else { 1 };
        }
        if !self.expects && !self.is_any(at + 1, &["SYSTEM_TIME", "PORTION"]) {
            self.in_head = false;
            self.scope().lists_tables = false;
        }
        if self.is(at + 2, "IN") {
            self.note(at + 1);
        }
        at + 1
    }

    /// `DROP DATABASE name` and the like.
    pub(super) fn database(&mut self, at: usize) -> usize {
        let is_statement = at > 0 && self.is_any(at - 1, &["CREATE", "DROP", "ALTER", "REPLACE"]);
        let mut name = at + 1;
        while self.is_any(name, &["IF", "NOT", "EXISTS"]) {
            name += 1;
        }
        self.expects = false;
        if is_statement && !self.is_any(name, &["CHARACTER", "DEFAULT", "COLLATE"]) && self.name(name).is_some() {
            self.found(name);
            return name + 1;
        }
        at + 1
    }

    /// `SHOW TABLES FROM schema`, `SHOW COLUMNS FROM table FROM schema` and the like.
    pub(super) fn show(&mut self, mut at: usize) -> usize {
        let (start, mut names_table) = (at, false);
        while at < self.tokens.len() && !self.is_text(at, b";") && !self.is(at, "WHERE") && !self.is(at, "LIKE") {
            let is_from = at > start + 1 && (self.is(at, "FROM") || self.is(at, "IN"));
            names_table |= self.is_any(at, &SHOWN_OF_TABLES);
            at += 1;
            if is_from && self.name(at).is_some() && !self.is_number(at) {
                let (parts, end) = self.chain_end(at);
                if parts > 1 || !std::mem::take(&mut names_table) {
                    self.found(at);
                }
                (names_table, at) = (false, end);
            }
        }
        at
    }

    /// `GRANT rights ON schema.*`: goes on behind it.
    pub(super) fn grant(&mut self, mut at: usize) -> usize {
        while at < self.tokens.len() && !self.is_text(at, b";") && !self.is_any(at, &["ON", "TO", "FROM"]) {
            at += 1;
        }
        if !self.is(at, "ON") {
            return at;
        }
        at += 1;
        while self.is_any(at, &["TABLE", "FUNCTION", "PROCEDURE", "PACKAGE", "BODY"]) && !self.is_text(at + 1, b".") {
            at += 1;
        }
        let (parts, end) = self.chain_end(at);
        if parts > 0 && end > at + 1 {
            self.found(at);
        }
        end
    }

    pub(super) fn found(&mut self, at: usize) {
        if let Some(schema) = self.name(at) {
            self.found.push(Reference { at: self.tokens[at].at.clone(), schema, is_certain: true });
        }
    }

    /// Names of the parameters of a routine, of which a record may be one.
    pub(super) fn parameters(&mut self, mut at: usize) {
        while self.is_any(at, &["IF", "NOT", "EXISTS"]) {
            at += 1;
        }
        let (_, open) = self.chain_end(at);
        let Some(depth) = self.tokens.get(open).filter(|token| token.kind == Kind::Open).map(|token| token.depth)
        else {
            return;
        };
        for at in open + 1..self.tokens.len() {
            let token = &self.tokens[at];
            if token.kind == Kind::Close && token.depth == depth {
                return;
            }
            if at == open + 1 || self.tokens[at - 1].kind == Kind::Comma && self.tokens[at - 1].depth == depth + 1 {
                self.note(at);
                self.note(at + 1);
            }
        }
    }

    /// Names of variables behind DECLARE.
    pub(super) fn declared(&mut self, mut at: usize) {
        while self.note(at) && self.tokens.get(at + 1).is_some_and(|next| next.kind == Kind::Comma) {
            at += 2;
        }
    }
}
