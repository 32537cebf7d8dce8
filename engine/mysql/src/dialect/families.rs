//! Translates syntax in the definition of a table that one family or version has, and another ignores or refuses.
//!
//! MySQL puts features newer than 5.7 into comments that only newer servers execute. MariaDB ignores these comments. So
//! it would enforce a constraint that was not enforced, and show a hidden column. This writes features of the target in
//! the target's words. It omits other features and reports them.

use std::ops::Range;

use super::expressions::refused_by_mariadb;
use super::functions::calls;
use super::keys::translate_keys;
use super::language::of_sessions;
use super::literals::with_plain_literals;
use super::reading::{Changes, Reading, Translated};
use super::tokens::{Kind, Quoting};
use super::unstorable::translate_types;
use crate::database::Server;

/// Versions in comments that MariaDB passes over.
const PASSED_OVER: Range<u32> = 50_700..100_000;
/// Options of Aria that are written without backquotes.
const OF_ARIA: [&str; 2] = ["PAGE_CHECKSUM", "TRANSACTIONAL"];
/// Functions without parentheses around them that are defaults everywhere.
const PLAIN_DEFAULTS: [&str; 4] = ["CURRENT_TIMESTAMP", "NOW", "LOCALTIME", "LOCALTIMESTAMP"];

/// The definition of a table for the server `target`.
pub(super) fn translated(create: &[u8], target: &Server) -> Translated {
    let mut translated = Translated::new(&with_plain_literals(create, target, Quoting::default()));
    if target.is_mariadb() {
        translated.apply(|reading| passed_over(reading, target));
        translated.apply(refused_by_mariadb);
        translated.apply(of_sessions);
        translated.apply(misread);
        translated.apply(|reading| calls(reading, target));
    } else {
        translated.apply(foreign_options);
        translated.apply(foreign_defaults);
        translated.apply(|reading| calls(reading, target));
        if target.is_mysql_from((8, 0, 13)) {
            translated.apply(bare_defaults);
        }
    }
    translated.apply(|reading| hidden(reading, target));
    translate_types(&mut translated, target);
    translate_keys(&mut translated, target);
    translated
}

/// Comments of MySQL that MariaDB passes over.
fn passed_over(reading: &Reading<'_>, target: &Server) -> Changes {
    let mut changes = Changes::default();
    for (at, token) in reading.tokens.iter().enumerate() {
        let is_passed_over =
            version(&reading.sql[token.at.clone()]).is_some_and(|version| PASSED_OVER.contains(&version));
        let length = reading.tokens[at..].iter().position(|token| &reading.sql[token.at.clone()] == b"*/");
        let (true, Some(length)) = (is_passed_over, length) else { continue };
        let item = reading.item(at);
        let (first, last) = (at + 1, at + length);
        let whole = token.at.start..reading.tokens[last].at.end;
        let name = reading.name(&item);
        if reading.is(first, "NOT") && reading.is(first + 1, "ENFORCED") {
            let note = format!("its constraint {name} was not enforced, and is left out: the server enforces all");
            // The constraint of a column stands within the column's item.
            let within = (item.start..at).rev().find(|place| reading.is(*place, "CHECK")).unwrap_or(item.start);
            let start = reading.tokens[within].at.start;
            let at = if reading.is_column(&item) { start..whole.end } else { reading.bytes(&item) };
            changes.leave_out(at, note);
        } else if reading.is(first, "INVISIBLE") && reading.is_column(&item) {
            let needs_value = reading.has(&item, "NOT")
                && !["DEFAULT", "AUTO_INCREMENT", "GENERATED"].iter().any(|word| reading.has(&item, word));
            if needs_value || !hides_columns(target) {
                changes.leave_out(whole, format!("its column {name} was invisible, which the server does not take"))
            } else {
                changes.replace(whole, "INVISIBLE")
            }
        } else if reading.is(first, "INVISIBLE") {
            // The second step writes it as the server does.
            changes.replace(whole, "INVISIBLE");
        } else {
            let text =
                String::from_utf8_lossy(&reading.sql[reading.tokens[first].at.start..reading.tokens[last - 1].at.end]);
            let of = if reading.is_column(&item) { format!(" of its column {name}") } else { String::new() };
            let text = text.into_owned();
            changes.leave_out(whole, format!("{text}{of} is left out, as the server has none"));
        }
    }
    changes
}

/// The version in the beginning of a comment, `/*!80016`.
fn version(comment: &[u8]) -> Option<u32> {
    std::str::from_utf8(comment.strip_prefix(b"/*!")?).ok()?.parse().ok()
}

/// Hidden columns and keys, in the words of the target.
fn hidden(reading: &Reading<'_>, target: &Server) -> Changes {
    let mut changes = Changes::default();
    for (at, token) in reading.tokens.iter().enumerate() {
        let is_word = reading.is(at, "INVISIBLE") || reading.is(at, "IGNORED");
        if !is_word || token.depth != 1 || is_in_comment(reading, at) {
            continue;
        }
        let item = reading.item(at);
        let name = reading.name(&item);
        if reading.is_column(&item) {
            if !hides_columns(target) {
                changes.leave_out(
                    token.at.clone(),
                    format!("its column {name} was invisible, which the server does not have"),
                );
            }
        } else if target.is_mariadb_from((10, 6, 0)) {
            changes.replace(token.at.clone(), "IGNORED");
        } else if target.is_mysql_from((8, 0, 0)) {
            changes.replace(token.at.clone(), "INVISIBLE");
        } else {
            let note = format!("its key {name} was not used by queries: the server uses all");
            changes.leave_out(token.at.clone(), note);
        }
    }
    changes
}

/// Whether `at` stands in a comment that newer servers run.
fn is_in_comment(reading: &Reading<'_>, at: usize) -> bool {
    let last = reading.tokens[..at].iter().rev().find(|token| token.kind == Kind::Comment);
    last.is_some_and(|token| &reading.sql[token.at.clone()] != b"*/")
}

fn hides_columns(target: &Server) -> bool {
    target.is_mariadb_from((10, 3, 3)) || target.is_mysql_from((8, 0, 23))
}

/// The definitions of MySQL that MariaDB refuses or misreads.
fn misread(reading: &Reading<'_>) -> Changes {
    let mut changes = Changes::default();
    for (at, token) in reading.tokens.iter().enumerate() {
        let next = reading.tokens.get(at + 1).map_or(0..0, |next| next.at.clone());
        let is_text =
            reading.tokens.get(at + 1).is_some_and(|next| next.kind == Kind::Text && next.at.start == token.at.end);
        if is_text && reading.is(at, "_utf8mb4") && reading.sql[next].contains(&b'\\') {
            // It keeps such an expression without the escapes, and cannot read it again. The connection has the same character set.
            changes.replace(token.at.clone(), "");
        } else if token.depth == 0 && reading.is(at, "COMPRESSION") && reading.text(at + 1) == "=" {
            let value = reading.tokens.get(at + 2).map_or(token.at.end, |value| value.at.end);
            changes.leave_out(
                token.at.start..value,
                "its option COMPRESSION is left out, as the server has none".to_owned(),
            );
        }
    }
    changes
}

/// Options that MariaDB writes in backquotes: of its engines.
fn foreign_options(reading: &Reading<'_>) -> Changes {
    let mut changes = Changes::default();
    let table_end = reading.tokens.iter().position(|token| token.kind == Kind::Close && token.depth == 0);
    for at in table_end.map_or(0..0, |end| end + 1..reading.tokens.len().saturating_sub(2)) {
        let (name, value) = (&reading.tokens[at], &reading.tokens[at + 2]);
        let has_value = name.depth == 0 && reading.text(at + 1) == "=";
        if has_value && reading.is(at, "ENGINE") && reading.is(at + 2, "Aria") {
            changes.replace(value.at.clone(), "InnoDB");
            changes.notes.push("its engine is InnoDB, as the server has no Aria".to_owned());
        } else if has_value && (name.kind == Kind::Name || OF_ARIA.iter().any(|option| reading.is(at, option))) {
            let note = format!("its option {} is left out, as the server has none", reading.text(at));
            changes.leave_out(name.at.start..value.at.end, note);
        }
    }
    changes
}

/// Defaults from sequences, which MySQL does not have.
fn foreign_defaults(reading: &Reading<'_>) -> Changes {
    let mut changes = Changes::default();
    for (at, token) in reading.tokens.iter().enumerate() {
        let is_next = token.depth == 1 && reading.is(at, "DEFAULT") && reading.is(at + 1, "nextval");
        let rest = reading.tokens.get(at + 2..).unwrap_or_default();
        let Some(close) = rest.iter().find(|token| token.kind == Kind::Close && token.depth == 1).filter(|_| is_next)
        else {
            continue;
        };
        let name = reading.name(&reading.item(at));
        let note = format!("its column {name} has no default any more: the server has no sequences");
        changes.leave_out(token.at.start..close.at.end, note);
    }
    changes
}

/// Defaults that are calls, and all of long columns, stand in parentheses for MySQL.
fn bare_defaults(reading: &Reading<'_>) -> Changes {
    let mut changes = Changes::default();
    for (at, token) in reading.tokens.iter().enumerate() {
        let Some(value) = reading.tokens.get(at + 1).filter(|_| token.depth == 1 && reading.is(at, "DEFAULT")) else {
            continue;
        };
        let is_plain = PLAIN_DEFAULTS.iter().any(|name| reading.is(at + 1, name));
        let is_call =
            value.kind == Kind::Word && reading.tokens.get(at + 2).is_some_and(|open| open.kind == Kind::Open);
        let end = if is_call && !is_plain {
            let rest = &reading.tokens[at + 3..];
            rest.iter().find(|token| token.kind == Kind::Close && token.depth == 1).map(|close| close.at.end)
        } else {
            (value.kind == Kind::Text && reading.is_long(&reading.item(at))).then_some(value.at.end)
        };
        let Some(end) = end else { continue };
        changes.replace(value.at.start..value.at.start, "(");
        changes.replace(end..end, ")");
    }
    changes
}

/// The definition of a table for a server that gives each TIMESTAMP a default, and updates the first one with every
/// change of its row.
pub fn with_times(create: &[u8]) -> Translated {
    let mut translated = Translated::new(create);
    translated.apply(with_defaults_of_times);
    translated
}

fn with_defaults_of_times(reading: &Reading<'_>) -> Changes {
    let mut changes = Changes::default();
    for (at, token) in reading.tokens.iter().enumerate() {
        if token.depth != 1 || !reading.is(at, "NOT") || !reading.is(at + 1, "NULL") {
            continue;
        }
        let item = reading.item(at);
        let is_time = reading.is_column(&item) && reading.is(item.start + 1, "timestamp");
        if is_time && !["DEFAULT", "GENERATED", "AS"].iter().any(|word| reading.has(&item, word)) {
            let end = reading.tokens[at + 1].at.end;
            changes.replace(end..end, " DEFAULT '0000-00-00 00:00:00'");
            let name = reading.name(&item);
            changes.notes.push(format!("its column {name} has a default, as the server has no time without one"));
        }
    }
    changes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(create: &str, target: &str) -> (String, Vec<String>) {
        let Translated { sql, notes, .. } = translated(create.as_bytes(), &Server::from_version(target));
        (String::from_utf8(sql).unwrap(), notes)
    }

    const MYSQL: &str = "CREATE TABLE `t` (\n  `id` int NOT NULL,\n  `b` int DEFAULT '5' /*!80023 INVISIBLE */,\n  `n` int NOT NULL /*!80023 INVISIBLE */,\n  \
                         `g` point NOT NULL /*!80003 SRID 4326 */,\n  PRIMARY KEY (`id`),\n  KEY `k` (`b`) /*!80000 INVISIBLE */,\n  \
                         CONSTRAINT `c` CHECK ((`b` < 10)) /*!80016 NOT ENFORCED */,\n  CONSTRAINT `d` CHECK ((`b` < 11))\n) ENGINE=InnoDB /*!80023 AUTOEXTEND_SIZE=4194304 */\n/*!50100 PARTITION BY HASH (`id`) */";

    #[test]
    fn what_mariadb_passes_over_is_written_in_its_words_or_said() {
        let (sql, notes) = of(MYSQL, "11.8.2-MariaDB");
        assert_eq!(
            sql,
            "CREATE TABLE `t` (\n  `id` int NOT NULL,\n  `b` int DEFAULT '5' INVISIBLE,\n  `n` int NOT NULL ,\n  `g` point NOT NULL ,\n  \
             PRIMARY KEY (`id`),\n  KEY `k` (`b`) IGNORED,\n  CONSTRAINT `d` CHECK ((`b` < 11))\n) ENGINE=InnoDB \n/*!50100 PARTITION BY HASH (`id`) */"
        );
        assert_eq!(notes.len(), 4, "{notes:?}");
        assert!(notes.iter().any(|note| note.contains("constraint `c` was not enforced")), "{notes:?}");
        let (sql, notes) = of(MYSQL, "10.5.2-MariaDB");
        assert!(sql.contains("KEY `k` (`b`) ,") && notes.iter().any(|note| note.contains("`k`")), "{sql} {notes:?}");
        assert_eq!(of(MYSQL, "8.4.0"), (MYSQL.to_owned(), vec![]));
    }

    #[test]
    fn engines_and_sequences_of_mariadb_are_replaced() {
        let create = "CREATE TABLE `t` (\n  `id` int DEFAULT nextval(`s`.`n`),\n  `b` int\n) ENGINE=Aria DEFAULT CHARSET=latin1 PAGE_CHECKSUM=1";
        let (sql, notes) = of(create, "9.7.0");
        assert_eq!(sql, "CREATE TABLE `t` (\n  `id` int ,\n  `b` int\n) ENGINE=InnoDB DEFAULT CHARSET=latin1 ");
        assert_eq!(notes.len(), 3, "{notes:?}");
    }

    #[test]
    fn what_mysql_does_not_have_is_written_in_its_words_or_said() {
        let create = "CREATE TABLE `t` (\n  `id` uuid DEFAULT uuid(),\n  `m` int DEFAULT NULL INVISIBLE,\n  `c` datetime DEFAULT current_timestamp(),\n  \
                      `l` int DEFAULT (1 + 2),\n  KEY `k` (`m`) IGNORED\n) ENGINE=InnoDB `PAGE_COMPRESSED`=1 COMMENT='IGNORED'";
        let (sql, notes) = of(create, "9.7.0");
        assert_eq!(
            sql,
            "CREATE TABLE `t` (\n  `id` char(36) CHARACTER SET ascii COLLATE ascii_general_ci DEFAULT (uuid()),\n  `m` int DEFAULT NULL INVISIBLE,\n  `c` datetime DEFAULT current_timestamp(),\n  \
             `l` int DEFAULT (1 + 2),\n  KEY `k` (`m`) INVISIBLE\n) ENGINE=InnoDB  COMMENT='IGNORED'"
        );
        assert_eq!(
            notes,
            [
                "its option `PAGE_COMPRESSED` is left out, as the server has none",
                "its column `id` is char(36), as the server has no uuid: it holds the texts"
            ]
        );
        assert_eq!(of(create, "10.11.2-MariaDB"), (create.to_owned(), vec![]));
    }

    #[test]
    fn plain_defaults_of_long_columns_stand_in_parentheses_for_mysql() {
        let create = "CREATE TABLE `t` (`j` longtext NOT NULL DEFAULT '{}' CHECK (json_valid(`j`)), `n` text DEFAULT NULL, `v` varchar(9) DEFAULT 'x')";
        let (sql, notes) = of(create, "9.7.0");
        assert_eq!((sql, notes), (create.replace("'{}'", "('{}')"), vec![]));
    }

    #[test]
    fn what_mariadb_misreads_of_mysql_is_written_otherwise() {
        let create = r"CREATE TABLE `t` (`a` int AS (concat(`b`,_utf8mb4' \\ \'x\'',_utf8mb4'y'))) ENGINE=InnoDB COMPRESSION='zlib' COMMENT='c'";
        let (sql, notes) = of(create, "10.11.2-MariaDB");
        assert_eq!(sql, create.replacen("_utf8mb4", "", 1).replace("COMPRESSION='zlib'", ""));
        assert_eq!(notes, ["its option COMPRESSION is left out, as the server has none"]);
    }

    #[test]
    fn a_time_without_a_default_does_not_follow_the_changes_of_its_row() {
        let create = "CREATE TABLE `t` (`a` timestamp(6) NOT NULL, `b` timestamp NOT NULL DEFAULT current_timestamp(), `c` timestamp NULL, `d` int NOT NULL)";
        let Translated { sql, notes, .. } = with_times(create.as_bytes());
        let expected = create.replace("(6) NOT NULL", "(6) NOT NULL DEFAULT '0000-00-00 00:00:00'");
        assert_eq!(String::from_utf8(sql).unwrap(), expected);
        assert_eq!(notes, ["its column `a` has a default, as the server has no time without one"]);
    }
}
