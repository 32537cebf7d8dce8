//! Where a definition names a schema: of tables, views, routines, triggers and events.
//!
//! A name before a dot is a schema where a table or routine stands: behind FROM, JOIN, REFERENCES, ON of a trigger's head and the like, before
//! an opening parenthesis, and where two more names follow. Elsewhere it is a table or its alias, of which a column is named. Where
//! neither is known it may be a schema.

use std::collections::BTreeSet;
use std::ops::Range;

use super::tokens::{Kind, Quoting, Token, is_keyword, tokens_by, unquote};

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
    Some(found.into_iter().filter(|found| found.is_certain || !known.contains(&found.schema)).collect())
}

/// What holds within one pair of parentheses.
#[derive(Debug, Clone, Copy, Default)]
struct Scope {
    /// A statement stands here whose FROM is followed by tables.
    has_query: bool,
    /// After a comma comes another table.
    lists_tables: bool,
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
    found: Vec<Reference>,
    /// Tables, aliases, variables.
    known: BTreeSet<String>,
}

/// Behind these a table or routine is named.
const ONE: [&str; 16] = [
    "INTO",
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
/// Behind these several may be.
const SEVERAL: [&str; 3] = ["TABLE", "USING", "JOIN"];
/// These stand between such a word and the name.
const BETWEEN: [&str; 11] =
    ["IGNORE", "LOW_PRIORITY", "HIGH_PRIORITY", "DELAYED", "QUICK", "IF", "NOT", "EXISTS", "ONLY", "LATERAL", "OJ"];
/// With these the tables of a statement end.
const ENDS: [&str; 22] = [
    "WHERE",
    "SET",
    "GROUP",
    "ORDER",
    "HAVING",
    "LIMIT",
    "VALUES",
    "VALUE",
    "WINDOW",
    "FOR",
    "DO",
    "THEN",
    "BEGIN",
    "END",
    "RETURN",
    "UNION",
    "EXCEPT",
    "INTERSECT",
    "ELSE",
    "IF",
    "DECLARE",
    "WHILE",
];
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
        let is_union = at > 1 && self.is_text(at - 1, b"=") && self.is(at - 2, "UNION");
        let lists_tables = self.expects || is_union;
        self.expects = lists_tables || is_sequence;
        self.scopes.push(Scope { has_query: false, lists_tables });
    }

    fn close(&mut self, at: usize) {
        self.scopes.pop();
        self.expects = false;
        if self.scope().lists_tables {
            self.note_alias(at + 1);
        }
    }

    fn word(&mut self, at: usize) -> usize {
        if self.tokens[at].kind == Kind::Word && !self.is_text(at + 1, b".") && self.keyword(at) {
            return at + 1;
        }
        self.chain(at)
    }

    /// Whether the word is a keyword that says what follows.
    fn keyword(&mut self, at: usize) -> bool {
        let is = |word: &str| self.is(at, word);
        let any = |words: &[&str]| words.iter().any(|word| self.is(at, word));
        let before = |word: &str| at > 0 && self.is(at - 1, word);
        let is_call = self.tokens.get(at + 1).is_some_and(|next| next.kind == Kind::Open);
        let (mut expects, mut scope) = (false, self.scopes.last().copied().unwrap_or_default());
        match () {
            () if is("SELECT") => scope = Scope { has_query: true, lists_tables: false },
            () if is("SHOW") => scope.has_query = true,
            () if is("DELETE") => (expects, scope) = (true, Scope { has_query: true, lists_tables: true }),
            () if is("FROM") && scope.has_query => (expects, scope.lists_tables) = (true, true),
            () if is("UPDATE") => (expects, scope.lists_tables) = (!before("KEY"), !before("KEY")),
            () if is("STRAIGHT_JOIN") && scope.lists_tables => expects = true,
            () if any(&SEVERAL) || is("TABLES") && before("LOCK") => (expects, scope.lists_tables) = (true, true),
            () if any(&ONE) && !is_call => expects = true,
            () if is("ON") && ["INSERT", "UPDATE", "DELETE"].iter().any(|word| before(word)) => expects = true,
            () if is("ON") && at > 1 && self.is(at - 2, "INDEX") => expects = true,
            () if is("FOR") && (before("VALUE")) => expects = true,
            () if is("OF") && before("TYPE") && at > 1 && self.is(at - 2, "ROW") => expects = true,
            () if (is("TO") || is("LIKE")) && self.table_end == at && at > 0 => expects = true,
            () if (is("DATABASE") || is("SCHEMA")) && !is_call => return self.database(at),
            () if self.expects && any(&BETWEEN) => expects = true,
            () if any(&ENDS) => scope.lists_tables = false,
            () => return false,
        }
        if self.is(at, "DECLARE") {
            self.declared(at + 1);
        }
        if self.is(at, "FOR") && self.is(at + 2, "IN") {
            self.note(at + 1);
        }
        self.expects = expects;
        *self.scope() = scope;
        true
    }

    /// `DROP DATABASE name` and the like. Always a keyword.
    fn database(&mut self, at: usize) -> bool {
        let is_statement = at > 0 && ["CREATE", "DROP", "ALTER"].iter().any(|word| self.is(at - 1, word));
        let mut name = at + 1;
        while ["IF", "NOT", "EXISTS"].iter().any(|word| self.is(name, word)) {
            name += 1;
        }
        if is_statement && let Some(schema) = self.name(name) {
            self.found.push(Reference { at: self.tokens[name].at.clone(), schema, is_certain: true });
        }
        true
    }

    /// Names of variables behind DECLARE.
    fn declared(&mut self, mut at: usize) {
        while self.note(at) && self.tokens.get(at + 1).is_some_and(|next| next.kind == Kind::Comma) {
            at += 2;
        }
    }

    /// Reads names with dots between them, and notes what the first one is.
    fn chain(&mut self, at: usize) -> usize {
        let (parts, end) = self.chain_end(at);
        let is_starred = self.is_text(end.saturating_sub(1), b"*") && end > at + 1;
        let is_called = self.tokens.get(end).is_some_and(|next| next.kind == Kind::Open);
        let expects = std::mem::take(&mut self.expects);
        let first = self.name(at).filter(|_| !self.is_number(at));
        let is_row = first.as_ref().is_some_and(|first| ["new", "old"].contains(&first.to_lowercase().as_str()));
        if expects && !is_starred {
            self.note(end - 1);
            self.table_end = end;
            self.note_alias(end);
        }
        if let Some(schema) = first.filter(|_| parts > 1 && !is_row) {
            let is_declared = self.known.contains(&schema) && parts == 2 && !expects && !is_called;
            let is_certain = parts > 2 || is_called || expects || is_starred;
            if !is_declared {
                self.found.push(Reference { at: self.tokens[at].at.clone(), schema, is_certain });
            }
        }
        end
    }

    /// How many names stand at `at` with dots between them, and where they end. A star behind the last dot belongs to them.
    fn chain_end(&self, at: usize) -> (usize, usize) {
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
    fn note_alias(&mut self, at: usize) {
        let at = if self.is(at, "AS") { at + 1 } else { at };
        if !self.is_text(at + 1, b".") {
            self.note(at);
        }
    }

    fn note(&mut self, at: usize) -> bool {
        let name = self.name(at);
        let is_name = name.is_some();
        self.known.extend(name);
        is_name
    }

    fn name(&self, at: usize) -> Option<String> {
        let token = self.tokens.get(at).filter(|token| matches!(token.kind, Kind::Name | Kind::Word))?;
        Some(String::from_utf8_lossy(&unquote(&self.sql[token.at.clone()])).into_owned())
    }

    /// `1.5`, `2e5.`: names that begin with a digit have letters other than an exponent's.
    fn is_number(&self, at: usize) -> bool {
        let token = &self.tokens[at];
        token.kind == Kind::Word && self.sql[token.at.clone()].iter().all(|b| b.is_ascii_digit() || *b | 32 == b'e')
    }

    fn is(&self, at: usize, word: &str) -> bool {
        self.tokens.get(at).is_some_and(|token| is_keyword(self.sql, token, word))
    }

    fn is_text(&self, at: usize, text: &[u8]) -> bool {
        self.tokens.get(at).is_some_and(|token| &self.sql[token.at.clone()] == text)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Schemas that are certain, and those that may be, with a question mark.
    fn found(sql: &str) -> Vec<String> {
        let found = references(sql.as_bytes(), Quoting::default()).unwrap();
        let shown = |r: Reference| if r.is_certain { r.schema } else { format!("{}?", r.schema) };
        found.into_iter().map(shown).collect()
    }

    #[test]
    fn tables_and_routines_have_schemas() {
        for sql in [
            "SELECT 1 FROM od . t",
            "SELECT 1 FROM `od`.`t` `x`",
            "SELECT a FROM (x JOIN (y CROSS JOIN od.t))",
            "SELECT a FROM x, od.t WHERE x.a = t.a",
            "SELECT a FROM x LEFT JOIN y ON x.a = y.b, od.t",
            "SELECT od.f(1)",
            "SELECT `od`.`t`.`a`",
            "SELECT od.t.* FROM x",
            "INSERT IGNORE INTO od.t (a) VALUES (1)",
            "REPLACE od.t VALUES (1)",
            "UPDATE x, od.t SET x.a = 1",
            "DELETE x FROM x JOIN od.t",
            "DELETE od.t FROM x",
            "DELETE FROM a USING od.t JOIN b",
            "CALL od.p",
            "SELECT NEXT VALUE FOR od.s",
            "CREATE TABLE `t` (`a` int DEFAULT nextval(`od`.`s`), KEY `od` (`od`))",
            "CREATE TABLE `t` (`a` int, CONSTRAINT `f` FOREIGN KEY (`a`) REFERENCES `od`.`p` (`a`))",
            "CREATE TABLE `t` (`a` int) ENGINE=MRG_MyISAM UNION=(`b`,`od`.`c`)",
            "CREATE TEMPORARY TABLE x LIKE od.t",
            "CREATE TRIGGER tr AFTER UPDATE ON od.t FOR EACH ROW SET NEW.a = OLD.a",
            "CREATE TRIGGER od.tr BEFORE INSERT ON t FOR EACH ROW SET NEW.a = 1",
            "DROP DATABASE IF EXISTS od",
            "DECLARE r ROW TYPE OF od.t",
            "SELECT 1 FROM od/* . */.t",
            "IF EXISTS (SELECT 1 FROM od.t) THEN SET @a.b = 1; END IF",
        ] {
            assert_eq!(found(sql), ["od"], "{sql}");
        }
    }

    #[test]
    fn columns_have_tables() {
        for sql in [
            "SELECT `staff`.`id`, staff.* FROM `staff` JOIN `room` ON `room`.`staff` = `staff`.`id`",
            "SELECT od.a FROM t AS od WHERE od.b IN (SELECT od.c)",
            "SELECT od.a FROM (SELECT 1 AS a) od",
            "WITH od AS (SELECT 1) SELECT od.a FROM od",
            "SELECT extract(year from od.a), 1.5, 2e5.1 FROM t od",
            "CREATE DEFINER=`od`@`a.b` TRIGGER tr BEFORE INSERT ON t FOR EACH ROW SET NEW.a = @@session.sql_mode",
            "BEGIN DECLARE od ROW TYPE OF t; SET od.a = replace(od.a, 'x.y', 1); END",
            "BEGIN FOR od IN (SELECT 1) DO SET x = od.a; END FOR; END",
            "INSERT INTO od (a) VALUES (1) ON DUPLICATE KEY UPDATE od.a = 1",
        ] {
            assert!(found(sql).is_empty(), "{sql}: {:?}", found(sql));
        }
        assert_eq!(found("SET x = od.a"), ["od?"]);
        assert_eq!(references(b"'od", Quoting::default()), None);
    }

    #[test]
    fn a_table_named_as_its_schema_is_told_from_it() {
        assert_eq!(found("SELECT staff.id, staff.staff.name FROM staff.staff"), ["staff", "staff"]);
    }

    #[test]
    fn quotes_are_read_as_the_mode_says() {
        let of = |modes: &str| references(b"SELECT 1 FROM \"od\".\"t\"", Quoting::of(modes)).unwrap().len();
        assert_eq!((of("ANSI_QUOTES"), of("ORACLE"), of("")), (1, 1, 0));
    }

    proptest! {
        #[test]
        fn nothing_makes_it_panic(sql in "([a-z.`(),;@*'=]|FROM |JOIN |SELECT |ON |DECLARE |FOR |TO ){0,40}") {
            let _ = references(sql.as_bytes(), Quoting::default());
        }
    }
}
