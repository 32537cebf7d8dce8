//! Reads the definition of a table item by item, and changes it.

use std::ops::Range;

use super::tokens::{Kind, Token, edited, is_keyword, tokens};

/// Types whose defaults are expressions in MySQL.
const LONG_TYPES: [&str; 9] =
    ["TINYTEXT", "TEXT", "MEDIUMTEXT", "LONGTEXT", "TINYBLOB", "BLOB", "MEDIUMBLOB", "LONGBLOB", "JSON"];

/// First words of keys.
const KEYS: [&str; 6] = ["PRIMARY", "UNIQUE", "KEY", "FULLTEXT", "SPATIAL", "VECTOR"];

/// A definition as another server takes it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Translated {
    /// The definition.
    pub sql: Vec<u8>,
    /// Differences, as sentences.
    pub notes: Vec<String>,
    /// Omissions that the user will miss, as sentences.
    pub missed: Vec<String>,
    /// Why the server takes no such table.
    pub refusal: Option<String>,
}

impl Translated {
    /// The definition as it is.
    pub(super) fn new(sql: &[u8]) -> Self {
        Translated { sql: sql.to_vec(), ..Translated::default() }
    }

    /// Makes the changes that `find` finds in the definition.
    pub(super) fn apply(&mut self, find: impl FnOnce(&Reading<'_>) -> Changes) {
        let changes = find(&Reading::of(&self.sql));
        self.sql = edited(&self.sql, &changes.edits);
        self.notes.extend(changes.notes);
        self.missed.extend(changes.missed);
        self.refusal = self.refusal.take().or(changes.refusal);
    }
}

/// Changes of one kind: in order, and apart.
#[derive(Default)]
pub(super) struct Changes {
    pub edits: Vec<(Range<usize>, String)>,
    /// Differences, as sentences.
    pub notes: Vec<String>,
    /// Omissions that the user will miss, as sentences.
    pub missed: Vec<String>,
    /// Why the target takes no such table.
    pub refusal: Option<String>,
}

impl Changes {
    pub fn replace(&mut self, at: Range<usize>, text: &str) {
        // Two parts of one item that is left out as a whole.
        if self.edits.last().is_none_or(|(last, _)| last.end <= at.start) {
            self.edits.push((at, text.to_owned()));
        }
    }

    pub fn leave_out(&mut self, at: Range<usize>, note: String) {
        self.replace(at, "");
        self.notes.push(note);
    }
}

/// A definition with its items: columns, keys and constraints.
pub(super) struct Reading<'s> {
    pub sql: &'s [u8],
    pub tokens: Vec<Token>,
}

impl<'s> Reading<'s> {
    pub fn of(sql: &'s [u8]) -> Self {
        Reading { sql, tokens: tokens(sql).unwrap_or_default() }
    }
}

impl Reading<'_> {
    pub fn is(&self, at: usize, word: &str) -> bool {
        self.tokens.get(at).is_some_and(|token| is_keyword(self.sql, token, word))
    }

    pub fn text(&self, at: usize) -> String {
        let range = self.tokens.get(at).map_or(0..0, |token| token.at.clone());
        String::from_utf8_lossy(&self.sql[range]).into_owned()
    }

    /// The tokens of the item that holds `at`: from behind one comma to before the next.
    pub fn item(&self, at: usize) -> Range<usize> {
        let ends = |token: &Token| match token.kind {
            Kind::Comma => token.depth == 1,
            Kind::Open | Kind::Close => token.depth == 0,
            _ => false,
        };
        let start = self.tokens[..at].iter().rposition(ends).map_or(0, |before| before + 1);
        let end = self.tokens[at..].iter().position(ends).map_or(self.tokens.len(), |length| at + length);
        start..end
    }

    /// The item of a column: its name comes first.
    pub fn is_column(&self, item: &Range<usize>) -> bool {
        self.tokens.get(item.start).is_some_and(|first| first.kind == Kind::Name && first.depth == 1)
    }

    /// The item of a column of which MySQL takes no plain default.
    pub fn is_long(&self, item: &Range<usize>) -> bool {
        self.is_column(item) && LONG_TYPES.iter().any(|name| self.is(item.start + 1, name))
    }

    pub fn has(&self, item: &Range<usize>, word: &str) -> bool {
        item.clone().any(|at| self.tokens[at].depth == 1 && self.is(at, word))
    }

    /// Whether parentheses at `at` hold an expression that a key is of: they begin the key, or one of its parts.
    pub fn is_expression_of_key(&self, at: usize) -> bool {
        let item = self.item(at);
        let begins =
            at.checked_sub(1).and_then(|before| self.tokens.get(before)).is_some_and(|before| match before.kind {
                Kind::Open => before.depth == 1,
                Kind::Comma => before.depth == 2,
                _ => false,
            });
        begins && !self.is_column(&item) && (self.has(&item, "KEY") || self.has(&item, "INDEX"))
    }

    /// The name of what an item defines.
    pub fn name(&self, item: &Range<usize>) -> String {
        let name = item.clone().find(|at| self.tokens[*at].kind == Kind::Name);
        name.map_or_else(String::new, |at| self.text(at))
    }

    /// The bytes of an item and the comma before it.
    pub fn bytes(&self, item: &Range<usize>) -> Range<usize> {
        let before = item.start.saturating_sub(1);
        let start = if self.tokens[before].kind == Kind::Comma { before } else { item.start };
        self.tokens[start].at.start..self.tokens[item.end - 1].at.end
    }

    /// All items.
    pub fn items(&self) -> impl Iterator<Item = Range<usize>> {
        let firsts = (0..self.tokens.len()).filter(|at| self.tokens[*at].depth == 1);
        firsts.map(|at| (at, self.item(at))).filter(|(at, item)| *at == item.start).map(|(_, item)| item)
    }

    /// The items that are columns.
    pub fn columns(&self) -> impl Iterator<Item = Range<usize>> {
        self.items().filter(|item| self.is_column(item))
    }

    /// The items that are keys.
    pub fn keys(&self) -> impl Iterator<Item = Range<usize>> {
        self.items().filter(|item| KEYS.iter().any(|word| self.is(item.start, word)))
    }
}
