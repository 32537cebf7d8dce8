//! The purpose of a logged statement, as far as a replay must know it: read from its words, never executed.

use crate::dialect::{Kind, Quoting, Token, tokens_by, unquote};

/// `sql_mode`: double quotes hold names.
const ANSI_QUOTES: u64 = 1 << 2;
/// `sql_mode`: a backslash is a character like others.
const NO_BACKSLASH_ESCAPES: u64 = 1 << 20;
/// Functions whose result is another one each time, or of another session.
const UNSAFE: [&str; 17] = [
    "UUID",
    "UUID_SHORT",
    "SYSDATE",
    "LOAD_FILE",
    "FOUND_ROWS",
    "ROW_COUNT",
    "GET_LOCK",
    "RELEASE_LOCK",
    "IS_FREE_LOCK",
    "IS_USED_LOCK",
    "CONNECTION_ID",
    "USER",
    "SESSION_USER",
    "SYSTEM_USER",
    "CURRENT_USER",
    "CURRENT_ROLE",
    "SYS_GUID",
];
/// Words that stand between a verb and what it makes.
const BETWEEN: [&str; 10] =
    ["OR", "REPLACE", "IF", "NOT", "EXISTS", "TEMPORARY", "AGGREGATE", "ALGORITHM", "ONLINE", "IGNORE"];

/// The part that a statement plays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// `BEGIN`.
    Begin,
    /// `COMMIT`.
    Commit,
    /// `ROLLBACK` of all.
    Rollback,
    /// `SAVEPOINT`, `RELEASE SAVEPOINT` and `ROLLBACK TO`.
    Savepoint,
    /// `XA START`.
    XaStart,
    /// `XA END`.
    XaEnd,
    /// `XA COMMIT` and `XA ROLLBACK`.
    XaDecide,
    /// It is about accounts and their rights.
    Accounts,
    /// It is about the server: its settings, plugins, other servers, places of files.
    Server,
    /// It changes nothing that is kept.
    Nothing,
    /// It makes, drops or changes a schema.
    Schema,
    /// It changes definitions in a schema.
    Definition,
    /// It changes rows.
    Rows,
}

/// A statement with its words.
#[derive(Debug)]
pub struct Statement<'s> {
    text: &'s [u8],
    /// None if it cannot be told apart: quotes that do not end.
    tokens: Option<Vec<Token>>,
    pub part: Part,
}

impl<'s> Statement<'s> {
    /// Reads `text`, which was written under `sql_mode`.
    pub fn read(text: &'s [u8], sql_mode: u64) -> Self {
        let quoting = Quoting {
            quotes_names: sql_mode & ANSI_QUOTES != 0,
            keeps_backslashes: sql_mode & NO_BACKSLASH_ESCAPES != 0,
        };
        let tokens = tokens_by(text, quoting);
        let tokens = tokens.map(|all| all.into_iter().filter(|token| token.kind != Kind::Comment).collect::<Vec<_>>());
        let mut statement = Statement { text, tokens, part: Part::Rows };
        statement.part = statement.find_part();
        statement
    }

    fn tokens(&self) -> &[Token] {
        self.tokens.as_deref().unwrap_or_default()
    }

    /// A word in capitals; nothing for what is no word.
    fn word(&self, at: usize) -> String {
        let token = self.tokens().get(at).filter(|token| token.kind == Kind::Word);
        token.map(|token| String::from_utf8_lossy(&self.text[token.at.clone()]).to_uppercase()).unwrap_or_default()
    }

    fn find_part(&self) -> Part {
        let second = self.word(1);
        match self.word(0).as_str() {
            "BEGIN" => Part::Begin,
            "START" if second == "TRANSACTION" => Part::Begin,
            "COMMIT" => Part::Commit,
            "ROLLBACK" if self.tokens().len() == 1 => Part::Rollback,
            "ROLLBACK" | "SAVEPOINT" | "RELEASE" => Part::Savepoint,
            "XA" => match second.as_str() {
                "START" | "BEGIN" => Part::XaStart,
                "END" => Part::XaEnd,
                _ => Part::XaDecide,
            },
            "GRANT" | "REVOKE" => Part::Accounts,
            "SET" => self.part_of_set(),
            // MariaDB does what it analyzes, unless that is a table.
            "ANALYZE" if !matches!(second.as_str(), "TABLE" | "TABLES" | "LOCAL" | "NO_WRITE_TO_BINLOG") => Part::Rows,
            "FLUSH" | "KILL" | "RESET" | "PURGE" | "CACHE" | "ANALYZE" | "CHECK" | "CHECKSUM" => Part::Nothing,
            "INSTALL" | "UNINSTALL" | "CHANGE" => Part::Server,
            "CREATE" | "ALTER" | "DROP" | "RENAME" => self.part_of_object(),
            "TRUNCATE" | "OPTIMIZE" | "REPAIR" => Part::Definition,
            _ => Part::Rows,
        }
    }

    fn part_of_set(&self) -> Part {
        match self.word(1).as_str() {
            "PASSWORD" | "DEFAULT" | "ROLE" => Part::Accounts,
            "GLOBAL" | "PERSIST" | "PERSIST_ONLY" | "RESOURCE" => Part::Server,
            _ => Part::Rows,
        }
    }

    /// The purpose of a CREATE, ALTER, DROP or RENAME.
    fn part_of_object(&self) -> Part {
        let mut at = 1;
        while BETWEEN.contains(&self.word(at).as_str()) {
            at += 1;
        }
        match self.word(at).as_str() {
            "USER" | "ROLE" | "ROLES" => Part::Accounts,
            "DATABASE" | "SCHEMA" => Part::Schema,
            "SERVER" | "TABLESPACE" | "LOGFILE" | "RESOURCE" | "INSTANCE" | "UNDO" | "SPATIAL"
                if !self.has_word("ON") =>
            {
                Part::Server
            }
            "FUNCTION" if self.has_word("SONAME") => Part::Server,
            _ => Part::Definition,
        }
    }

    fn has_word(&self, wanted: &str) -> bool {
        (0..self.tokens().len()).any(|at| self.word(at) == wanted)
    }

    /// Its first two words, in capitals.
    pub fn first_words(&self) -> String {
        let words = [self.word(0), self.word(1)];
        words.join(" ").trim_end().to_owned()
    }

    /// Whether its words can be told apart.
    pub fn is_clear(&self) -> bool {
        self.tokens.is_some()
    }

    /// Whether `name` stands in it as a word or a quoted name.
    pub fn names(&self, name: &[u8]) -> bool {
        self.name_tokens().any(|(_, found)| found.eq_ignore_ascii_case(name))
    }

    /// The names before a dot: schemas, tables and variables of rows.
    pub fn qualifiers(&self) -> impl Iterator<Item = Vec<u8>> + '_ {
        self.name_tokens().filter(|(at, _)| self.is_dot(at + 1)).map(|(_, name)| name)
    }

    /// Names of tables that it may mean: with the schema before the dot, if there is one.
    pub fn mentions(&self) -> impl Iterator<Item = (Option<Vec<u8>>, Vec<u8>)> + '_ {
        self.name_tokens().map(|(at, name)| {
            let schema = at.checked_sub(2).filter(|_| self.is_dot(at - 1)).map(|before| self.plain(before));
            (schema, name)
        })
    }

    /// The schema that it makes, drops or changes.
    pub fn schema(&self) -> Option<Vec<u8>> {
        let at = (0..self.tokens().len()).find(|at| matches!(self.word(*at).as_str(), "DATABASE" | "SCHEMA"))? + 1;
        let mut at = at;
        while matches!(self.word(at).as_str(), "IF" | "NOT" | "EXISTS") {
            at += 1;
        }
        let token = self.tokens().get(at)?;
        matches!(token.kind, Kind::Word | Kind::Name).then(|| self.plain(at))
    }

    /// Whether it drops what it is about.
    pub fn is_drop(&self) -> bool {
        self.word(0) == "DROP"
    }

    /// The account that its object runs as, if it names one: user, and host unless it is a role.
    pub fn definer(&self) -> Option<(Vec<u8>, Option<Vec<u8>>)> {
        let at = (0..self.tokens().len()).find(|at| self.word(*at) == "DEFINER")?;
        if !self.is_sign(at + 1, b'=') || self.word(at + 2) == "CURRENT_USER" {
            return None;
        }
        self.tokens().get(at + 2)?;
        let host = self.is_sign(at + 3, b'@').then(|| self.tokens().get(at + 4).map(|_| self.plain(at + 4))).flatten();
        Some((self.plain(at + 2), host))
    }

    /// Why a statement that changes rows may do something else when it is done again.
    pub fn doubt(&self) -> Option<&'static str> {
        if self.part != Part::Rows {
            return None;
        }
        let is_call = |at: usize| self.tokens().get(at + 1).is_some_and(|next| next.kind == Kind::Open);
        let is_unsafe = |at: usize| {
            let word = self.word(at);
            UNSAFE.contains(&word.as_str()) && (is_call(at) || word.starts_with("CURRENT_"))
        };
        if (0..self.tokens().len()).any(is_unsafe) {
            return Some("it calls a function whose result is another one each time");
        }
        if self.converts_zones() {
            return Some("it converts between time zones, whose rules are now those of this machine");
        }
        if self.has_word("LIMIT") && !self.has_word("ORDER") {
            return Some("it changes some of the rows (LIMIT), and which of them depends on their place on disk");
        }
        None
    }

    /// Whether it converts between time zones.
    pub fn converts_zones(&self) -> bool {
        self.has_word("CONVERT_TZ")
    }

    /// Whether it inserts rows.
    pub fn inserts(&self) -> bool {
        matches!(self.word(0).as_str(), "INSERT" | "REPLACE")
    }

    /// Whether it inserts rows that it selects.
    pub fn inserts_selected(&self) -> bool {
        self.inserts() && self.has_word("SELECT")
    }

    fn name_tokens(&self) -> impl Iterator<Item = (usize, Vec<u8>)> + '_ {
        let is_name = |token: &Token| matches!(token.kind, Kind::Word | Kind::Name);
        self.tokens().iter().enumerate().filter(move |(_, token)| is_name(token)).map(|(at, _)| (at, self.plain(at)))
    }

    /// A token without quotes.
    fn plain(&self, at: usize) -> Vec<u8> {
        let token = &self.tokens()[at];
        let text = &self.text[token.at.clone()];
        match text {
            [b'\'', inner @ .., b'\''] => inner.to_vec(),
            _ => unquote(text),
        }
    }

    fn is_dot(&self, at: usize) -> bool {
        self.is_sign(at, b'.')
    }

    fn is_sign(&self, at: usize, sign: u8) -> bool {
        self.tokens().get(at).is_some_and(|token| self.text[token.at.clone()] == [sign])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(text: &str) -> Part {
        Statement::read(text.as_bytes(), 0).part
    }

    #[test]
    fn statements_are_known_by_their_first_words() {
        for (text, expected) in [
            ("BEGIN", Part::Begin),
            ("COMMIT", Part::Commit),
            ("ROLLBACK", Part::Rollback),
            ("ROLLBACK TO `a`", Part::Savepoint),
            ("SAVEPOINT `a`", Part::Savepoint),
            ("XA START X'61',X'',1", Part::XaStart),
            ("XA COMMIT X'61',X'',1", Part::XaDecide),
            ("CREATE OR REPLACE USER a", Part::Accounts),
            ("create user if not exists a@b", Part::Accounts),
            ("SET PASSWORD FOR a = 'x'", Part::Accounts),
            ("SET DEFAULT ROLE r TO a", Part::Accounts),
            ("GRANT ALL ON *.* TO a", Part::Accounts),
            ("DROP ROLE r", Part::Accounts),
            ("SET GLOBAL x = 1", Part::Server),
            ("CREATE FUNCTION f RETURNS STRING SONAME 'x.so'", Part::Server),
            ("INSTALL PLUGIN p SONAME 'x'", Part::Server),
            ("CREATE SERVER s FOREIGN DATA WRAPPER mysql OPTIONS (x 'y')", Part::Server),
            ("CREATE SPATIAL INDEX i ON t (g)", Part::Definition),
            ("FLUSH PRIVILEGES", Part::Nothing),
            ("ANALYZE TABLE t", Part::Nothing),
            ("analyze no_write_to_binlog table t", Part::Nothing),
            ("ANALYZE UPDATE t SET a = 1", Part::Rows),
            ("ANALYZE FORMAT=JSON DELETE FROM t", Part::Rows),
            ("/* x */ CREATE DATABASE d", Part::Schema),
            ("DROP /*!40005 TEMPORARY */ TABLE IF EXISTS `t`", Part::Definition),
            ("CREATE DEFINER=`a`@`b` TRIGGER t BEFORE INSERT ON x FOR EACH ROW SET @a = 1", Part::Definition),
            ("TRUNCATE t", Part::Definition),
            ("update t set a = 'DROP USER'", Part::Rows),
            ("WITH x AS (SELECT 1) INSERT INTO t SELECT * FROM x", Part::Rows),
        ] {
            assert_eq!(part(text), expected, "{text}");
        }
    }

    #[test]
    fn names_are_found_outside_of_texts_and_comments_only() {
        let statement =
            Statement::read(b"UPDATE `shop`.t SET a = 'other.x' /* secret.y */ WHERE fn.b = \"third.z\"", 0);
        assert_eq!(statement.qualifiers().collect::<Vec<_>>(), [b"shop".to_vec(), b"fn".to_vec()]);
        assert!(statement.names(b"SHOP") && statement.names(b"t") && !statement.names(b"other"));
        assert!(statement.mentions().any(|mention| mention == (Some(b"shop".to_vec()), b"t".to_vec())));
        let quoted = Statement::read(b"UPDATE \"shop\".t SET a = 1", ANSI_QUOTES);
        assert_eq!(quoted.qualifiers().collect::<Vec<_>>(), [b"shop".to_vec()]);
        assert!(!Statement::read(b"SELECT 'a", 0).is_clear());
    }

    #[test]
    fn schemas_and_definers_are_read() {
        let schema =
            |text: &str| Statement::read(text.as_bytes(), 0).schema().map(|name| String::from_utf8(name).unwrap());
        assert_eq!(schema("CREATE DATABASE IF NOT EXISTS `a b` CHARACTER SET x").as_deref(), Some("a b"));
        assert_eq!(schema("drop schema x").as_deref(), Some("x"));
        let definer = |text: &str| Statement::read(text.as_bytes(), 0).definer();
        let account = Some((b"a".to_vec(), Some(b"%".to_vec())));
        assert_eq!(definer("CREATE DEFINER=`a`@`%` VIEW v AS SELECT 1"), account);
        assert_eq!(definer("CREATE DEFINER='a'@'%' PROCEDURE p() SELECT 1"), account);
        assert_eq!(definer("CREATE DEFINER=`r` PROCEDURE p() SELECT 1"), Some((b"r".to_vec(), None)));
        assert_eq!(definer("CREATE DEFINER=CURRENT_USER PROCEDURE p() SELECT 1"), None);
        assert_eq!(definer("SELECT 1"), None);
    }

    #[test]
    fn statements_that_may_do_something_else_are_named() {
        let has_doubt = |text: &str| Statement::read(text.as_bytes(), 0).doubt().is_some();
        assert!(has_doubt("UPDATE t SET a = 1 LIMIT 3") && !has_doubt("UPDATE t SET a = 1 ORDER BY id LIMIT 3"));
        assert!(has_doubt("INSERT INTO t VALUES (uuid())") && !has_doubt("INSERT INTO t (uuid) VALUES ('uuid()')"));
        assert!(has_doubt("INSERT INTO t VALUES (CURRENT_USER)") && !has_doubt("INSERT INTO t VALUES (RAND())"));
        assert!(!has_doubt("CREATE FUNCTION f() RETURNS INT RETURN (SELECT 1 LIMIT 1)"));
        assert!(Statement::read(b"INSERT INTO t SELECT * FROM u", 0).inserts_selected());
    }
}
