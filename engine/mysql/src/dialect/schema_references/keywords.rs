//! Keywords that say what follows them.

use super::{Reader, Scope};
use crate::dialect::tokens::Kind;

/// Behind these a table or routine is named.
const ONE: [&str; 15] = [
    "REFERENCES",
    "PROCEDURE",
    "FUNCTION",
    "TRIGGER",
    "EVENT",
    "SEQUENCE",
    "PACKAGE",
    "BODY",
    "CALL",
    "TRUNCATE",
    "HANDLER",
    "DESCRIBE",
    "VIEW",
    "INSERT",
    "REPLACE",
];
/// Behind these TABLES is no name of a column.
const OF_TABLES: [&str; 12] = [
    "LOCK",
    "FLUSH",
    "RENAME",
    "DROP",
    "TEMPORARY",
    "CHECK",
    "OPTIMIZE",
    "ANALYZE",
    "REPAIR",
    "CHECKSUM",
    "LOCAL",
    "NO_WRITE_TO_BINLOG",
];
/// Behind these INTO is followed by a table, and else by variables.
const OF_INTO: [&str; 6] = ["INSERT", "REPLACE", "IGNORE", "LOW_PRIORITY", "HIGH_PRIORITY", "DELAYED"];
/// These stand between such a word and the name.
const BETWEEN: [&str; 11] =
    ["IGNORE", "LOW_PRIORITY", "HIGH_PRIORITY", "DELAYED", "QUICK", "IF", "NOT", "EXISTS", "ONLY", "LATERAL", "OJ"];
/// With these the tables of a statement end.
const ENDS: [&str; 20] = [
    "INTO",
    "UPDATE",
    "WHERE",
    "SET",
    "GROUP",
    "ORDER",
    "HAVING",
    "LIMIT",
    "WINDOW",
    "DO",
    "THEN",
    "BEGIN",
    "END",
    "RETURN",
    "UNION",
    "EXCEPT",
    "INTERSECT",
    "ELSE",
    "DECLARE",
    "WHILE",
];

impl Reader<'_> {
    /// Reads a keyword that says what follows; gives where to go on.
    pub(super) fn keyword(&mut self, at: usize) -> Option<usize> {
        let is_event =
            self.is_any(at, &["INSERT", "UPDATE", "DELETE"]) && (self.in_head || self.follows(at, &["ON", "FOR"]));
        let mut scope = *self.scope();
        let expects = match () {
            () if is_event => false,
            () if self.names_one(at) => true,
            () if self.names_several(at, &mut scope) => true,
            () if self.goes_on(at, &mut scope) => false,
            () => return None,
        };
        if self.is(at, "TRIGGER") && !self.follows(at, &["DROP"]) && !self.follows_second(at, &["SHOW"]) {
            (self.in_head, self.is_trigger) = (true, true);
        }
        if self.is(at, "DECLARE") || self.is(at, "INTO") && !expects {
            self.declared(at + 1);
        }
        self.expects = expects;
        *self.scope() = scope;
        Some(at + 1)
    }

    /// Whether one table or routine is named behind the keyword.
    pub(super) fn names_one(&self, at: usize) -> bool {
        let is = |word: &str| self.is(at, word);
        let previous = at.checked_sub(1).map(|previous| self.tokens[previous].kind);
        let is_call = self.tokens.get(at + 1).is_some_and(|next| next.kind == Kind::Open);
        let is_listed = self.follows(at, &["DROP"]) && (is("VIEW") || is("SEQUENCE"));
        self.is_any(at, &ONE) && !is_call && !is_listed
            || is("INTO") && self.follows(at, &OF_INTO)
            || is("ON") && (self.in_head || self.follows_second(at, &["INDEX", "EXISTS"]))
            || self.is_any(at, &["DESC", "EXPLAIN"]) && self.chain_end(at + 1).0 > 1
            || is("OF") && self.follows(at, &["TYPE"]) && self.follows_second(at, &["ROW"])
            || is("LIKE") && previous == Some(Kind::Open)
            || (is("TO") || is("LIKE")) && self.table_end == at && at > 0
            || self.expects && self.is_any(at, &BETWEEN)
    }

    /// Whether tables are named behind the keyword, with commas between them.
    pub(super) fn names_several(&self, at: usize, scope: &mut Scope) -> bool {
        let is = |word: &str| self.is(at, word);
        let is_period = is("FROM") && (self.follows(at, &["SYSTEM_TIME"]) || self.follows_second(at, &["OF"]));
        let names = is("DELETE")
            || is("FROM") && scope.has_query && !is_period
            || is("UPDATE") && !self.follows(at, &["KEY"])
            || self.is_any(at, &["STRAIGHT_JOIN", "USING"]) && scope.lists_tables
            || self.is_any(at, &["TABLE", "JOIN"])
            || is("INDEX") && self.follows(at, &["CACHE"])
            || is("CACHE") && self.follows(at, &["INTO"]) && self.follows_second(at, &["INDEX"])
            || is("TABLES") && self.follows(at, &OF_TABLES)
            || self.is_any(at, &["VIEW", "SEQUENCE"]) && self.follows(at, &["DROP"])
            || is("OF") && self.follows(at, &["UPDATE", "SHARE"]) && self.follows_second(at, &["FOR"]);
        if names {
            *scope = Scope { has_query: scope.has_query || is("DELETE"), lists_tables: true, cases: 0 };
        }
        names
    }

    /// Whether the keyword goes on with something else than tables, or with values among these.
    pub(super) fn goes_on(&self, at: usize, scope: &mut Scope) -> bool {
        let is = |word: &str| self.is(at, word);
        let previous = at.checked_sub(1).map(|previous| self.tokens[previous].kind);
        if is("SELECT") {
            *scope = Scope { has_query: true, ..Scope::default() };
        } else if is("CASE") && scope.lists_tables {
            scope.cases += 1;
        } else if scope.cases > 0 && self.is_any(at, &["THEN", "ELSE", "END"]) {
            scope.cases -= usize::from(is("END"));
        } else if self.is_any(at, &ENDS) || is("VALUES") && previous == Some(Kind::Open) {
            scope.lists_tables = false;
        } else {
            return false;
        }
        true
    }
}
