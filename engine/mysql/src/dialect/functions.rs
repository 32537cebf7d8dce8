//! Functions that one family or version of servers has, and another does not.
//!
//! A server refuses a table or view that calls an unknown function. So a default or a check that does is omitted, and
//! reported as missed.

use std::ops::Range;

use super::reading::{Changes, Reading};
use super::tokens::{Kind, Token, is_keyword, tokens};
use crate::database::{Server, Version};

/// The version from which a family has a function.
#[derive(Clone, Copy)]
enum Since {
    Always,
    Version(Version),
    Never,
}

use Since::{Always, Never};

const fn from(major: u32, minor: u32) -> Since {
    Since::Version((major, minor, 0))
}

/// Functions, MariaDB, and MySQL. A function that a program may add to the server is not among them.
const FUNCTIONS: &[(&str, Since, Since)] = &[
    ("ANY_VALUE", Never, Always),
    ("BIN_TO_UUID", Never, from(8, 0)),
    ("GROUPING", Never, from(8, 0)),
    ("GTID_SUBSET", Never, Always),
    ("GTID_SUBTRACT", Never, Always),
    ("ICU_VERSION", Never, from(8, 0)),
    ("IS_UUID", Never, from(8, 0)),
    ("JSON_SCHEMA_VALID", from(11, 1), from(8, 0)),
    ("JSON_SCHEMA_VALIDATION_REPORT", Never, from(8, 0)),
    ("JSON_STORAGE_FREE", Never, from(8, 0)),
    ("JSON_STORAGE_SIZE", Never, Always),
    ("JSON_TABLE", from(10, 6), from(8, 0)),
    ("JSON_OVERLAPS", from(10, 9), from(8, 0)),
    ("MBRCOVEREDBY", Never, Always),
    ("MBRCOVERS", Never, Always),
    ("RANDOM_BYTES", from(10, 10), Always),
    ("REGEXP_LIKE", Never, from(8, 0)),
    ("ROLES_GRAPHML", Never, from(8, 0)),
    ("STATEMENT_DIGEST", Never, from(8, 0)),
    ("STATEMENT_DIGEST_TEXT", Never, from(8, 0)),
    ("ST_LATITUDE", Never, from(8, 0)),
    ("ST_LONGITUDE", Never, from(8, 0)),
    ("ST_SWAPXY", Never, from(8, 0)),
    ("ST_TRANSFORM", Never, from(8, 0)),
    ("ST_MAKEENVELOPE", Never, Always),
    ("STRING_TO_VECTOR", Never, from(9, 0)),
    ("TO_VECTOR", Never, from(9, 0)),
    ("UUID_TO_BIN", Never, from(8, 0)),
    ("VALIDATE_PASSWORD_STRENGTH", Never, Always),
    ("VECTOR_DIM", Never, from(9, 0)),
    ("VECTOR_TO_STRING", Never, from(9, 0)),
    ("ADD_MONTHS", from(10, 6), Never),
    ("CHR", Always, Never),
    ("COLUMN_CHECK", Always, Never),
    ("COLUMN_EXISTS", Always, Never),
    ("COLUMN_GET", Always, Never),
    ("COLUMN_CREATE", Always, Never),
    ("COLUMN_JSON", Always, Never),
    ("COLUMN_LIST", Always, Never),
    ("CRC32C", from(10, 8), Never),
    ("JSON_ARRAY_INTERSECT", from(11, 2), Never),
    ("JSON_COMPACT", Always, Never),
    ("JSON_DETAILED", Always, Never),
    ("JSON_EQUALS", from(10, 7), Never),
    ("JSON_EXISTS", Always, Never),
    ("JSON_KEY_VALUE", from(11, 2), Never),
    ("JSON_LOOSE", Always, Never),
    ("JSON_NORMALIZE", from(10, 7), Never),
    ("JSON_OBJECT_FILTER_KEYS", from(11, 2), Never),
    ("JSON_OBJECT_TO_ARRAY", from(11, 2), Never),
    ("JSON_QUERY", Always, Never),
    ("KDF", from(11, 3), Never),
    ("LASTVAL", Always, Never),
    ("LENGTHB", Always, Never),
    ("MEDIAN", Always, Never),
    ("NATURAL_SORT_KEY", from(10, 7), Never),
    ("NEXTVAL", Always, Never),
    ("NVL", Always, Never),
    ("NVL2", Always, Never),
    ("PERCENTILE_CONT", Always, Never),
    ("PERCENTILE_DISC", Always, Never),
    ("SFORMAT", from(10, 7), Never),
    ("SYS_GUID", from(10, 6), Never),
    ("TO_CHAR", from(10, 6), Never),
    ("UUID_V4", from(11, 7), Never),
    ("UUID_V7", from(11, 7), Never),
    ("VEC_DISTANCE", from(11, 7), Never),
    ("VEC_DISTANCE_COSINE", from(11, 7), Never),
    ("VEC_DISTANCE_EUCLIDEAN", from(11, 7), Never),
    ("VEC_FROMTEXT", from(11, 7), Never),
    ("VEC_TOTEXT", from(11, 7), Never),
];

/// The function of a view's definition that `target` does not have.
pub fn lacking_function(create: &[u8], target: &Server) -> Option<String> {
    lacking(create, &tokens(create)?, target)
}

/// Defaults, checks and computed columns with functions that `target` does not have.
pub(super) fn calls(reading: &Reading<'_>, target: &Server) -> Changes {
    let mut changes = Changes::default();
    for item in reading.items() {
        let is_column = reading.is_column(&item);
        let name = reading.name(&item);
        for at in item.clone().filter(|at| reading.tokens[*at].depth == 1) {
            let Some(end) = expression(reading, at, item.end) else { continue };
            let Some(function) = lacking(reading.sql, &reading.tokens[at..end], target) else { continue };
            let range = reading.tokens[at].at.start..reading.tokens[end - 1].at.end;
            if reading.is(at, "DEFAULT") {
                changes.replace(range, "");
                changes.missed.push(format!("its column {name} has no default any more: the server has no {function}"));
            } else if reading.is(at, "CHECK") {
                changes.replace(if is_column { range } else { reading.bytes(&item) }, "");
                changes.missed.push(format!("the check of {name} is not made: the server has no {function}"));
            } else if is_column {
                changes.refusal =
                    Some(format!("its column {name} is computed by {function}, which the server does not have"));
            }
        }
    }
    changes
}

/// The end of the expression that the keyword at `at` begins, if it begins one.
fn expression(reading: &Reading<'_>, at: usize, end: usize) -> Option<usize> {
    let opens = |at: usize| reading.tokens.get(at).is_some_and(|token| token.kind == Kind::Open && token.depth == 1);
    let begins = ["DEFAULT", "CHECK", "AS"].iter().any(|word| reading.is(at, word)) && opens(at + 1)
        || reading.is(at, "DEFAULT") && opens(at + 2);
    let is_close = |place: &usize| reading.tokens[*place].kind == Kind::Close && reading.tokens[*place].depth == 1;
    (at + 1..end).find(is_close).filter(|_| begins).map(|close| close + 1)
}

/// The first function among `tokens` that `target` does not have.
fn lacking(sql: &[u8], tokens: &[Token], target: &Server) -> Option<String> {
    tokens.iter().enumerate().find_map(|(at, token)| {
        let next = tokens.get(at + 1)?;
        let is_returning = |range: Range<usize>| {
            tokens[range]
                .iter()
                .take_while(|other| other.depth > token.depth)
                .any(|other| is_keyword(sql, other, "RETURNING"))
        };
        if target.is_mariadb() && is_keyword(sql, token, "MEMBER") && is_keyword(sql, next, "OF") {
            return Some("MEMBER OF".to_owned());
        }
        let is_call = token.kind == Kind::Word && next.kind == Kind::Open && next.at.start == token.at.end;
        let is_of_schema = at > 0 && &sql[tokens[at - 1].at.clone()] == b".";
        if !is_call || is_of_schema {
            return None;
        }
        if target.is_mariadb() && is_keyword(sql, token, "JSON_VALUE") && is_returning(at + 2..tokens.len()) {
            return Some("JSON_VALUE with RETURNING".to_owned());
        }
        let (name, mariadb, mysql) = FUNCTIONS.iter().find(|(name, ..)| is_keyword(sql, token, name))?;
        let since = if target.is_mariadb() { mariadb } else { mysql };
        let is_there = match since {
            Since::Always => true,
            Since::Version(version) => target.version >= *version,
            Since::Never => false,
        };
        (!is_there).then(|| (*name).to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::super::reading::Translated;
    use super::*;

    fn of(create: &str, target: &str) -> (String, usize, Option<String>) {
        let mut translated = Translated::new(create.as_bytes());
        translated.apply(|reading| calls(reading, &Server::from_version(target)));
        (String::from_utf8(translated.sql).unwrap(), translated.missed.len(), translated.refusal)
    }

    #[test]
    fn defaults_and_checks_of_unknown_functions_are_missed() {
        let create = "CREATE TABLE `t` (`a` binary(16) DEFAULT (uuid_to_bin(uuid())) COMMENT 'x', `b` varchar(9) DEFAULT (lower('A')), \
                      CONSTRAINT `c` CHECK (regexp_like(`b`,'x')), CONSTRAINT `d` CHECK ((`b` <> 'uuid_to_bin(')))";
        let expected = "CREATE TABLE `t` (`a` binary(16)  COMMENT 'x', `b` varchar(9) DEFAULT (lower('A')), CONSTRAINT `d` CHECK ((`b` <> 'uuid_to_bin(')))";
        assert_eq!(of(create, "11.8.0-MariaDB"), (expected.to_owned(), 2, None));
        assert_eq!(of(create, "9.7.0"), (create.to_owned(), 0, None));
    }

    #[test]
    fn columns_computed_by_unknown_functions_refuse_the_table() {
        let create = "CREATE TABLE `t` (`j` json, `x` int GENERATED ALWAYS AS (json_value(`j`, '$.a' returning signed null on error)) VIRTUAL)";
        assert!(of(create, "11.8.0-MariaDB").2.unwrap().contains("`x` is computed by JSON_VALUE with RETURNING"));
        let create = "CREATE TABLE `t` (`j` text, `x` int GENERATED ALWAYS AS (json_value(`j`,'$.a')) VIRTUAL CHECK (json_exists(`j`,'$')))";
        let (sql, missed, refusal) = of(create, "9.7.0");
        assert_eq!((sql.contains("CHECK"), missed, refusal), (false, 1, None));
    }

    #[test]
    fn a_view_is_known_by_what_it_calls() {
        let lacks = |create: &str, target: &str| lacking_function(create.as_bytes(), &Server::from_version(target));
        assert_eq!(lacks("CREATE VIEW `v` AS select json_table(1)", "10.5.9-MariaDB").unwrap(), "JSON_TABLE");
        assert_eq!(lacks("CREATE VIEW `v` AS select json_table(1)", "10.6.0-MariaDB"), None);
        assert_eq!(lacks("CREATE VIEW `v` AS select 1 member of ('[1]')", "11.8.0-MariaDB").unwrap(), "MEMBER OF");
        assert_eq!(lacks("CREATE VIEW `v` AS select `s`.nvl(1), `nvl`, 'nvl('", "9.7.0"), None);
    }
}
