//! Keys, periods and partitions that one family of servers has, and another refuses.
//!
//! A table without one of its keys is better than no table. Still, the user will miss a key that keeps rows unique or
//! makes look-ups fast, so it is reported.

use super::reading::{Changes, Reading, Translated};
use super::tokens::{Kind, unquote};
use crate::database::Server;

/// Brings keys, periods and partitions to the server `target`.
pub(super) fn translate_keys(translated: &mut Translated, target: &Server) {
    if target.is_mariadb() {
        translated.apply(parsers);
        translated.apply(computed_primary_key);
        translated.apply(collections);
    } else {
        translated.apply(keys_without_overlaps);
        translated.apply(periods);
        translated.apply(keys_of_whole_texts);
        translated.apply(partitions);
    }
    if !target.is_mariadb_from((11, 7, 0)) {
        translated.apply(keys_of_vectors);
    }
}

/// The plugins of MySQL that split texts into words for a key.
fn parsers(reading: &Reading<'_>) -> Changes {
    let mut changes = Changes::default();
    for item in reading.keys() {
        let comment = item.clone().find(|at| {
            reading.tokens[*at].kind == Kind::Comment && reading.is(at + 1, "WITH") && reading.is(at + 2, "PARSER")
        });
        let Some(comment) = comment else { continue };
        let Some(end) = item.clone().find(|at| *at > comment && reading.tokens[*at].kind == Kind::Comment) else {
            continue;
        };
        let name = reading.name(&item);
        changes.replace(reading.tokens[comment].at.start..reading.tokens[end].at.end, "");
        changes.missed.push(format!(
            "its key {name} is made without its parser {}, which the server does not have",
            reading.text(comment + 3)
        ));
    }
    changes
}

/// A primary key of a column that is computed, which MariaDB refuses, while it takes a unique one.
fn computed_primary_key(reading: &Reading<'_>) -> Changes {
    let mut changes = Changes::default();
    let Some(primary) = reading.keys().find(|item| reading.is(item.start, "PRIMARY")) else { return changes };
    let names: Vec<String> =
        primary.clone().filter(|at| reading.tokens[*at].kind == Kind::Name).map(|at| reading.text(at)).collect();
    // The begin and end of a row's period are not expressions.
    let is_computed = |item: &std::ops::Range<usize>| reading.has(item, "GENERATED") && !reading.has(item, "ROW");
    if reading.columns().any(|item| is_computed(&item) && names.contains(&reading.text(item.start))) {
        changes.replace(reading.tokens[primary.start].at.start..reading.tokens[primary.start + 1].at.end, "UNIQUE KEY");
        changes.notes.push(
            "its primary key is a unique key, as the server takes no computed column in a primary one".to_owned(),
        );
    }
    changes
}

/// The newer name of a type.
fn collections(reading: &Reading<'_>) -> Changes {
    let mut changes = Changes::default();
    for item in reading.columns().filter(|item| reading.is(item.start + 1, "geomcollection")) {
        changes.replace(reading.tokens[item.start + 1].at.clone(), "geometrycollection");
    }
    changes
}

/// Names of the two columns of the period that has this name.
fn columns_of_period(reading: &Reading<'_>, name: &[u8]) -> Option<(String, String)> {
    let at = (0..reading.tokens.len()).find(|at| {
        reading.is(*at, "PERIOD") && reading.is(at + 1, "FOR") && unquote(reading.text(at + 2).as_bytes()) == name
    })?;
    Some((reading.text(at + 4), reading.text(at + 6)))
}

/// Keys under which no two periods overlap: their columns still keep rows apart that are alike.
fn keys_without_overlaps(reading: &Reading<'_>) -> Changes {
    let mut changes = Changes::default();
    for item in reading.keys() {
        let Some(without) = item.clone().find(|at| reading.is(*at, "WITHOUT") && reading.is(at + 1, "OVERLAPS")) else {
            continue;
        };
        let period = unquote(reading.text(without - 1).as_bytes());
        let Some((from, to)) = columns_of_period(reading, &period) else { continue };
        let at = reading.tokens[without - 1].at.start..reading.tokens[without + 1].at.end;
        changes.replace(at, &format!("{from},{to}"));
        let name = if reading.is(item.start, "PRIMARY") {
            "its primary key".to_owned()
        } else {
            format!("its key {}", reading.name(&item))
        };
        changes.missed.push(format!("{name} takes periods that overlap: the server has no such keys"));
    }
    changes
}

/// Periods of time of the application: that they end after they begin is kept.
fn periods(reading: &Reading<'_>) -> Changes {
    let mut changes = Changes::default();
    for at in 0..reading.tokens.len() {
        let is_period = reading.tokens[at].depth == 1 && reading.is(at, "PERIOD") && reading.is(at + 1, "FOR");
        if !is_period || reading.is(at + 2, "SYSTEM_TIME") {
            continue;
        }
        let item = reading.item(at);
        let at = reading.tokens[item.start].at.start..reading.tokens[item.end - 1].at.end;
        let (name, from, to) = (reading.name(&item), reading.text(item.start + 4), reading.text(item.start + 6));
        changes.replace(at, &format!("CHECK ({from} < {to})"));
        changes.notes.push(format!("its period {name} is two ordinary columns, as the server has no periods"));
    }
    changes
}

/// Unique keys by the digests of whole texts.
fn keys_of_whole_texts(reading: &Reading<'_>) -> Changes {
    let mut changes = Changes::default();
    let is_in_memory = (0..reading.tokens.len()).any(|at| reading.is(at, "ENGINE") && reading.is(at + 2, "MEMORY"));
    for item in reading.keys().filter(|_| !is_in_memory) {
        let is_by_digest = item.clone().any(|at| reading.is(at, "USING") && reading.is(at + 1, "HASH"));
        if is_by_digest && reading.is(item.start, "UNIQUE") {
            let name = reading.name(&item);
            changes.replace(reading.bytes(&item), "");
            changes
                .missed
                .push(format!("its unique key {name} is not made: the server has none of texts of any length"));
        }
    }
    changes
}

/// Keys that find what is near.
fn keys_of_vectors(reading: &Reading<'_>) -> Changes {
    let mut changes = Changes::default();
    for item in reading.keys().filter(|item| reading.is(item.start, "VECTOR")) {
        let name = reading.name(&item);
        changes.replace(reading.bytes(&item), "");
        changes.missed.push(format!("its key {name} is not made: the server has no keys of vectors"));
    }
    changes
}

/// Partitions that MySQL does not have: for all other values, and of engines other than InnoDB.
fn partitions(reading: &Reading<'_>) -> Changes {
    let mut changes = Changes::default();
    let is_at = |at: &usize| reading.tokens[*at].depth == 0 && reading.is(*at, "PARTITION") && reading.is(at + 1, "BY");
    let Some(start) = (0..reading.tokens.len()).find(is_at) else { return changes };
    let mut rest = start..reading.tokens.len();
    // The name of the partition comes before.
    let is_for_others =
        |at: usize| at > start && reading.is(at, "DEFAULT") && reading.tokens[at - 1].kind == Kind::Name;
    let has_default = rest.any(is_for_others);
    let is_of_innodb = (0..start).any(|at| reading.is(at, "ENGINE") && reading.is(at + 2, "InnoDB"));
    if has_default || !is_of_innodb {
        changes.replace(reading.tokens[start].at.start..reading.sql.len(), "");
        changes.notes.push("it is not in partitions, as the server does not have them of this kind".to_owned());
    }
    changes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(create: &str, target: &str) -> (String, usize, usize) {
        let mut translated = Translated::new(create.as_bytes());
        translate_keys(&mut translated, &Server::from_version(target));
        (String::from_utf8(translated.sql).unwrap(), translated.notes.len(), translated.missed.len())
    }

    #[test]
    fn keys_that_mariadb_does_not_have_are_missed() {
        let create = "CREATE TABLE `t` (`a` int, `b` int GENERATED ALWAYS AS ((`a` + 1)) STORED, `g` geomcollection, \
                      PRIMARY KEY (`b`), KEY `p` (`a`(3),`b` DESC), FULLTEXT KEY `f` (`a`) /*!50100 WITH PARSER `ngram` */ )";
        let expected = "CREATE TABLE `t` (`a` int, `b` int GENERATED ALWAYS AS ((`a` + 1)) STORED, `g` geometrycollection, \
                        UNIQUE KEY (`b`), KEY `p` (`a`(3),`b` DESC), FULLTEXT KEY `f` (`a`)  )";
        assert_eq!(of(create, "10.5.2-MariaDB"), (expected.to_owned(), 1, 1));
        assert_eq!(of(create, "9.7.0"), (create.to_owned(), 0, 0));
    }

    #[test]
    fn keys_and_periods_that_mysql_does_not_have_are_missed() {
        let create = "CREATE TABLE `t` (`a` int, `s` date NOT NULL, `e` date NOT NULL, `v` vector(3), `l` text, PERIOD FOR `p` (`s`, `e`), \
                      UNIQUE KEY `u` (`a`,`p` WITHOUT OVERLAPS), UNIQUE KEY `h` (`l`) USING HASH, VECTOR KEY `v` (`v`) `M`=6) ENGINE=InnoDB";
        let expected = "CREATE TABLE `t` (`a` int, `s` date NOT NULL, `e` date NOT NULL, `v` vector(3), `l` text, CHECK (`s` < `e`), \
                        UNIQUE KEY `u` (`a`,`s`,`e`)) ENGINE=InnoDB";
        assert_eq!(of(create, "9.7.0"), (expected.to_owned(), 1, 3));
        assert_eq!(of(create, "11.8.0-MariaDB"), (create.to_owned(), 0, 0));
    }

    #[test]
    fn partitions_that_mysql_does_not_have_are_not_made() {
        let of_values = "CREATE TABLE `t` (`a` int DEFAULT 1) ENGINE=InnoDB\n PARTITION BY LIST (`a`)\n(PARTITION `a` VALUES IN (1) ENGINE = InnoDB";
        let with = |rest: &str| of(&format!("{of_values}{rest})"), "9.7.0");
        assert_eq!(
            with(", PARTITION `b` DEFAULT ENGINE = InnoDB").0,
            "CREATE TABLE `t` (`a` int DEFAULT 1) ENGINE=InnoDB\n "
        );
        assert_eq!(with(", PARTITION `b` VALUES IN (DEFAULT)").1, 0);
        assert_eq!(of("CREATE TABLE `t` (`a` int) ENGINE=MyISAM PARTITION BY HASH (`a`)", "9.7.0").1, 1);
    }
}
