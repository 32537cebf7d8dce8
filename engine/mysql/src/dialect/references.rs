//! Where a definition names a schema: of tables, views, routines, triggers and events.
//!
//! A name before a dot is a schema where a table or routine stands: behind FROM, JOIN, REFERENCES, ON of a trigger's head and the like, before
//! an opening parenthesis, and where two more names follow. Elsewhere it is a table, alias, variable, cursor, label or row of a trigger
//! that the definition names somewhere. A name that is none of these may be a schema.

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
/// Functions of the first argument, which is a sequence.
const OF_SEQUENCES: [&str; 3] = ["NEXTVAL", "LASTVAL", "SETVAL"];
/// SHOW of these names a table before the schema.
const SHOWN_OF_TABLES: [&str; 5] = ["COLUMNS", "FIELDS", "INDEX", "INDEXES", "KEYS"];
/// Behind these stands a variable of the server.
const OF_VARIABLES: [&str; 5] = ["GLOBAL", "SESSION", "LOCAL", "PERSIST", "PERSIST_ONLY"];

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
        self.scopes.push(Scope { lists_tables, ..Scope::default() });
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

    /// Notes labels, aliases behind AS, and what a declaration without DECLARE begins with.
    fn named_here(&mut self, at: usize) {
        let is_followed = self.tokens.get(at + 1).is_some_and(|next| matches!(next.kind, Kind::Word | Kind::Name));
        let is_label = self.is_text(at + 1, b":") && !self.is_text(at + 2, b"=")
            || at > 1 && self.is_text(at - 1, b"<") && self.is_text(at - 2, b"<");
        let begins = at > 0 && self.is_text(at - 1, b";") || self.follows(at, &["IS", "DECLARE"]);
        let is_named = is_label || begins && is_followed || self.follows(at, &["AS"]) || self.follows(at, &["CURSOR"]);
        if is_named && !self.is_text(at + 1, b".") {
            self.note(at);
        }
    }

    /// Reads a statement whose names follow a rule of its own; gives where to go on.
    fn statement(&mut self, at: usize) -> Option<usize> {
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

    /// Reads a keyword that says what follows; gives where to go on.
    fn keyword(&mut self, at: usize) -> Option<usize> {
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
    fn names_one(&self, at: usize) -> bool {
        let is = |word: &str| self.is(at, word);
        let previous = at.checked_sub(1).map(|previous| self.tokens[previous].kind);
        let is_call = self.tokens.get(at + 1).is_some_and(|next| next.kind == Kind::Open);
        let is_listed = self.follows(at, &["DROP"]) && (is("VIEW") || is("SEQUENCE"));
        self.is_any(at, &ONE) && !is_call && !is_listed
            || is("INTO") && self.follows(at, &OF_INTO)
            || is("ON") && (self.in_head || self.follows_second(at, &["INDEX", "EXISTS"]))
            || is("OF") && self.follows(at, &["TYPE"]) && self.follows_second(at, &["ROW"])
            || is("LIKE") && previous == Some(Kind::Open)
            || (is("TO") || is("LIKE")) && self.table_end == at && at > 0
            || self.expects && self.is_any(at, &BETWEEN)
    }

    /// Whether tables are named behind the keyword, with commas between them.
    fn names_several(&self, at: usize, scope: &mut Scope) -> bool {
        let is = |word: &str| self.is(at, word);
        let is_period = is("FROM") && (self.follows(at, &["SYSTEM_TIME"]) || self.follows_second(at, &["OF"]));
        let names = is("DELETE")
            || is("FROM") && scope.has_query && !is_period
            || is("UPDATE") && !self.follows(at, &["KEY"])
            || self.is_any(at, &["STRAIGHT_JOIN", "USING"]) && scope.lists_tables
            || self.is_any(at, &["TABLE", "JOIN"])
            || is("TABLES") && self.follows(at, &OF_TABLES)
            || self.is_any(at, &["VIEW", "SEQUENCE"]) && self.follows(at, &["DROP"])
            || is("OF") && self.follows(at, &["UPDATE", "SHARE"]) && self.follows_second(at, &["FOR"]);
        if names {
            *scope = Scope { has_query: scope.has_query || is("DELETE"), lists_tables: true, cases: 0 };
        }
        names
    }

    /// Whether the keyword goes on with something else than tables, or with values among these.
    fn goes_on(&self, at: usize, scope: &mut Scope) -> bool {
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

    /// FOR of a loop, a lock, a sequence, a trigger's head, an index or a period. Behind the last two more tables may come.
    fn for_what(&mut self, at: usize) -> usize {
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
    fn database(&mut self, at: usize) -> usize {
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
    fn show(&mut self, mut at: usize) -> usize {
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
    fn grant(&mut self, mut at: usize) -> usize {
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

    fn found(&mut self, at: usize) {
        if let Some(schema) = self.name(at) {
            self.found.push(Reference { at: self.tokens[at].at.clone(), schema, is_certain: true });
        }
    }

    /// Names of the parameters of a routine, of which a record may be one.
    fn parameters(&mut self, mut at: usize) {
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
            let is_certain = parts > 2 || is_called || expects || is_starred || is_row_type;
            if is_certain || !self.is_of_something(at, end) {
                self.found.push(Reference { at: self.tokens[at].at.clone(), schema, is_certain });
            }
        }
        end
    }

    /// Whether two names belong to a row of a trigger, a column whose type is taken, a sequence or a variable of the server.
    fn is_of_something(&self, at: usize, end: usize) -> bool {
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
        self.known.extend(name.map(|name| name.to_lowercase()));
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
    fn statements_that_define_and_administer_have_schemas() {
        for sql in [
            "ALTER TABLE t RENAME TO od.u",
            "ALTER TABLE t RENAME od.u",
            "ALTER TABLE t RENAME = od.u",
            "ALTER TABLE t ADD a INT, RENAME AS od.u",
            "ALTER TABLE t RENAME COLUMN a TO b, RENAME INDEX c TO d, RENAME TO od.u",
            "ALTER EVENT e RENAME TO od.e",
            "ALTER TABLE t EXCHANGE PARTITION p WITH TABLE od.u",
            "ALTER DATABASE od CHARACTER SET latin1",
            "RENAME TABLE a TO b, c TO od.d",
            "DROP VIEW IF EXISTS a, od.b",
            "DROP TABLES a, od.b",
            "DROP TEMPORARY TABLE a, od.b",
            "DROP SEQUENCE a, od.b",
            "DROP TRIGGER IF EXISTS od.tr",
            "DROP INDEX i ON od.t",
            "GRANT SELECT (a), UPDATE ON od.* TO `x`@y.z WITH GRANT OPTION",
            "GRANT ALL ON TABLE od.t TO x",
            "REVOKE EXECUTE ON FUNCTION od.f FROM x",
            "SHOW FULL TABLES FROM od LIKE 'a'",
            "SHOW TRIGGERS IN od",
            "SHOW COLUMNS FROM t FROM od",
            "SHOW INDEX FROM od.t",
            "SHOW CREATE TRIGGER od.tr",
            "SHOW CREATE DATABASE od",
            "USE od",
            "CALL od.p",
            "LOCK TABLES a READ, od.b WRITE",
            "ANALYZE TABLE a, od.b",
            "OPTIMIZE LOCAL TABLES a, od.b",
            "TRUNCATE od.t",
            "TRUNCATE TABLE od.t",
            "CREATE TABLE x LIKE od.t",
            "CREATE TABLE x (LIKE od.t)",
            "HANDLER od.t OPEN",
            "LOAD DATA INFILE 'f' IGNORE INTO TABLE od.t FIELDS TERMINATED BY ','",
            "r od.t%ROWTYPE;",
        ] {
            assert_eq!(found(sql), ["od"], "{sql}");
        }
    }

    #[test]
    fn tables_follow_whatever_stands_between_them() {
        for sql in [
            "SELECT 1 FROM t LEFT JOIN u ON IF(t.a, 1, 0), od.v x",
            "UPDATE t LEFT JOIN u ON IF(t.a, 1, 0), od.v y SET y.a = 1",
            "DELETE a FROM t USE INDEX FOR ORDER BY (PRIMARY), od.v AS a",
            "SELECT 1 FROM t IGNORE KEY FOR GROUP BY (i) FORCE INDEX FOR JOIN (j), od.v",
            "SELECT x.a FROM t FOR SYSTEM_TIME AS OF NOW() x, od.v",
            "SELECT 1 FROM t FOR SYSTEM_TIME FROM '2020-01-01' TO '2021-01-01', od.v",
            "INSERT INTO t SELECT 1 FROM t JOIN u ON VALUES(a) = u.a, od.v ON DUPLICATE KEY UPDATE a = 1",
            "SELECT 1 FROM t JOIN u ON u.value = VALUE(t.a), od.v",
            "SELECT 1 FROM t JOIN u ON CASE WHEN t.a THEN 1 ELSE 2 END, od.v",
            "SELECT 1 FROM t JOIN u ON INSERT(t.a, 1, 1, 'x') = REPLACE(u.a, 'y', ''), od.v",
            "SELECT 1 FROM t JOIN u USING (a, b), od.v",
            "SELECT 1 FROM t FOR UPDATE OF t, od.v",
        ] {
            assert_eq!(found(sql), ["od"], "{sql}");
        }
    }

    #[test]
    fn old_and_new_are_rows_only_of_a_trigger_and_only_where_a_column_stands() {
        let head = "CREATE TRIGGER tr BEFORE UPDATE ON t FOR EACH ROW";
        for body in [
            "SET NEW.a = OLD.a + 1",
            "IF new.a <> old.a THEN INSERT INTO log (event, body) VALUES (NEW.a, old.b); END IF",
            "UPDATE u JOIN v ON IF(NEW.a, 1, 0) SET u.a = OLD.a WHERE u.b IN (NEW.b, `OLD`.b)",
            "BEGIN SELECT MAX(u.a) INTO NEW.a FROM u WHERE u.b = OLD.b; END",
            "INSERT INTO u SET u.a = CASE WHEN NEW.a THEN OLD.a END ON DUPLICATE KEY UPDATE u.a = NEW.a",
        ] {
            assert!(found(&format!("{head} {body}")).is_empty(), "{body}: {:?}", found(&format!("{head} {body}")));
        }
        for body in [
            "INSERT INTO OLD.u VALUES (NEW.a)",
            "DELETE FROM OLD.u WHERE u.a = OLD.a",
            "DELETE OLD.u FROM OLD.u",
            "UPDATE v, OLD.u SET v.a = NEW.a",
            "UPDATE v LEFT JOIN w ON IF(NEW.a, 1, 0), OLD.u SET v.a = 1",
            "SET NEW.a = (SELECT OLD.u.a FROM OLD.u)",
            "CALL OLD.u",
            "TRUNCATE TABLE OLD.u",
            "SET NEW.a = OLD.u(1)",
        ] {
            let found = found(&format!("{head} {body}"));
            assert!(!found.is_empty() && found.iter().all(|name| name == "OLD"), "{body}: {found:?}");
        }
        assert_eq!(found("CREATE TRIGGER old.tr AFTER DELETE ON new.t FOR EACH ROW SET @a = OLD.a"), ["old", "new"]);
        assert_eq!(found("CREATE PROCEDURE p() SET @a = old.a"), ["old?"]);
        assert!(found("INSERT INTO t VALUES (1) AS new (a) ON DUPLICATE KEY UPDATE b = new.a").is_empty());
    }

    #[test]
    fn whatever_a_definition_names_itself_is_no_schema() {
        for sql in [
            "CREATE PROCEDURE p(INOUT r ROW(a INT, b INT), n INT) BEGIN SET r.a = n; END",
            "CREATE FUNCTION IF NOT EXISTS f(r t%ROWTYPE) RETURN INT AS s t%ROWTYPE; CURSOR c IS SELECT 1; BEGIN s.a := r.a; RETURN c.a; END",
            "BEGIN DECLARE a TYPE OF t.a; DECLARE b TYPE OF t.b; END",
            "AS a t.a%TYPE; BEGIN NULL; END",
            "outer_block: BEGIN SET outer_block.a = 1; END",
            "<<outer_block>> DECLARE a INT; BEGIN outer_block.a := 1; END",
            "BEGIN DECLARE c CURSOR FOR SELECT 1; DECLARE r ROW TYPE OF c; FETCH c INTO r; SELECT 1, 2 INTO r.a, r.b; END",
            "BEGIN FOR r IN c DO SET @x = r.a; END FOR; FOR i IN 1..10 DO SET @x = 1.5; END FOR; END",
            "SELECT J.a FROM JSON_TABLE('[]', '$[*]' COLUMNS (n FOR ORDINALITY, a INT PATH '$.a')) AS j",
            "SELECT x.a FROM t PARTITION (p0, p1) x JOIN (SELECT 1 AS a) y ON x.a = y.a",
            "SELECT x.a FROM t FOR SYSTEM_TIME ALL x",
            "WITH RECURSIVE w (a) AS (SELECT 1 UNION SELECT w.a + 1 FROM w) SELECT w.a FROM w",
            "UPDATE t FOR PORTION OF p FROM '2020-01-01' TO '2021-01-01' SET t.a = 1",
            "SET GLOBAL plugin.limit = 1, SESSION plugin.limit = 2, @@global.x = 1, @@session.y = 2",
            "SELECT s.nextval, s.currval",
            "CREATE TABLE t (a INT, CHECK (t.a > 0.5), FOREIGN KEY (a) REFERENCES u (a) ON DELETE CASCADE ON UPDATE SET NULL)",
            "ALTER DATABASE CHARACTER SET utf8mb4",
            "SHOW COLUMNS FROM t WHERE field = 'a'",
            "SHOW BINLOG EVENTS IN 'log' FROM 4",
            "GRANT SELECT ON t TO x@localhost",
            "REVOKE ALL PRIVILEGES, GRANT OPTION FROM x@localhost",
            "SELECT 1 FROM t USE INDEX (i) WHERE t.a = 1",
            "INSERT INTO t (a) SELECT x.a FROM (VALUES (1), (2)) AS x (a)",
        ] {
            assert!(found(sql).is_empty(), "{sql}: {:?}", found(sql));
        }
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
