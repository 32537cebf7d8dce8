//! Takes the definition of a table apart: the parts that rows need, and the keys that are faster to build after the
//! rows.

use crate::dialect::{Kind, Token, edited, is_keyword, tokens};

/// A table's definition in the order in which it is carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Definition {
    /// Makes the table, with everything that its rows need.
    pub create: Vec<u8>,
    /// Add the other keys, once the rows are there.
    pub keys: Vec<Vec<u8>>,
    /// Adds the foreign keys, once all tables are there.
    pub foreign_keys: Option<Vec<u8>>,
}

/// When keys are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keys {
    /// With the table.
    AtOnce,
    /// After the rows, but for those that the rows need.
    Later,
}

/// The kind of an item in the parentheses of CREATE TABLE.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Item {
    /// A column, a check, a period.
    Other,
    Primary,
    Unique,
    Key,
    /// A key that is added by a statement of its own.
    Special,
    Foreign,
}

/// Takes the statement of SHOW CREATE TABLE apart; `table` is the full quoted name under which it is made.
///
/// Leaves odd items whole. `None` if the statement is not `CREATE TABLE name (…) …` at all.
pub fn take_apart(create: &[u8], table: &str, keys: Keys) -> Option<Definition> {
    let tokens = tokens(create)?;
    let (first, last) = body(create, &tokens)?;
    let items = items(&tokens[first + 1..last]);
    let body_at = tokens[first].at.start;
    let whole = || Definition { create: renamed(&create[body_at..], table), keys: Vec::new(), foreign_keys: None };
    let known: Option<Vec<Item>> = items.iter().map(|item| classify(create, item)).collect();
    let has_comment = tokens.iter().any(|t| t.kind == Kind::Comment && is_plain_comment(&create[t.at.clone()]));
    let Some(known) = known.filter(|_| !has_comment) else { return Some(whole()) };
    let counting = items.iter().find_map(|item| counting_column(create, item));
    let has_primary = known.contains(&Item::Primary);
    let (mut kept, mut later, mut special, mut foreign) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for (item, kind) in items.iter().zip(known) {
        let text = text(create, item);
        let is_needed = || counting.is_some_and(|column| first_part(create, item) == Some(column));
        match kind {
            Item::Foreign => foreign.push(text),
            _ if keys == Keys::AtOnce => kept.push(text),
            // Without a primary key InnoDB orders the table by a unique one.
            Item::Unique if !has_primary => kept.push(text),
            Item::Unique | Item::Key if is_needed() => kept.push(text),
            Item::Unique | Item::Key => later.push(text),
            Item::Special => special.push(text),
            Item::Other | Item::Primary => kept.push(text),
        }
    }
    let mut rest = b"(\n  ".to_vec();
    rest.extend(kept.join(&b",\n  "[..]));
    rest.extend_from_slice(b"\n");
    rest.extend_from_slice(&create[tokens[last].at.start..]);
    let mut alters = Vec::new();
    if !later.is_empty() {
        alters.push(alter(table, &later));
    }
    alters.extend(special.iter().map(|key| alter(table, &[key])));
    let foreign_keys = (!foreign.is_empty()).then(|| alter(table, &foreign));
    Some(Definition { create: renamed(&rest, table), keys: alters, foreign_keys })
}

/// `create` without the next number of AUTO_INCREMENT. An engine that only appends refuses rows below that number, and
/// continues by itself from the last row.
pub fn without_counter(create: &[u8]) -> Vec<u8> {
    let tokens = tokens(create).unwrap_or_default();
    let found = tokens.windows(3).find(|three| three[0].depth == 0 && is_keyword(create, &three[0], "AUTO_INCREMENT"));
    match found {
        Some([option, _, number]) => edited(create, &[(option.at.start..number.at.end, String::new())]),
        _ => create.to_vec(),
    }
}

/// `create` of an InnoDB table with the row format that holds all that tables hold which name none; as it is if it names one.
pub fn with_row_format(create: &[u8]) -> Vec<u8> {
    let tokens = tokens(create).unwrap_or_default();
    let is = |token: &Token, keyword: &str| token.depth == 0 && is_keyword(create, token, keyword);
    let engine = tokens.windows(3).find(|three| is(&three[0], "ENGINE"));
    match engine {
        Some([.., name]) if !tokens.iter().any(|token| is(token, "ROW_FORMAT")) => {
            edited(create, &[(name.at.end..name.at.end, " ROW_FORMAT=DYNAMIC".to_owned())])
        }
        _ => create.to_vec(),
    }
}

/// Places of the parentheses that hold columns and keys.
pub fn body(create: &[u8], tokens: &[Token]) -> Option<(usize, usize)> {
    let [a, b, name, open, ..] = tokens else { return None };
    let is_head = is_keyword(create, a, "CREATE") && is_keyword(create, b, "TABLE");
    let is_name = matches!(name.kind, Kind::Name | Kind::Word) && open.kind == Kind::Open;
    let last = tokens.iter().position(|token| token.kind == Kind::Close && token.depth == 0)?;
    (is_head && is_name).then_some((3, last))
}

fn is_plain_comment(comment: &[u8]) -> bool {
    !(comment == b"*/" || comment.starts_with(b"/*!") || comment.starts_with(b"/*M!"))
}

fn renamed(rest: &[u8], table: &str) -> Vec<u8> {
    let mut sql = format!("CREATE TABLE {table} ").into_bytes();
    sql.extend_from_slice(rest);
    sql
}

/// The tokens of each item: they are parted by commas.
pub fn items(tokens: &[Token]) -> Vec<&[Token]> {
    tokens.split(|token| token.kind == Kind::Comma && token.depth == 1).collect()
}

fn text<'s>(create: &'s [u8], item: &[Token]) -> &'s [u8] {
    match (item.first(), item.last()) {
        (Some(first), Some(last)) => &create[first.at.start..last.at.end],
        _ => &[],
    }
}

fn classify(create: &[u8], item: &[Token]) -> Option<Item> {
    let first = item.first()?;
    let is = |at: usize, word| item.get(at).is_some_and(|token| is_keyword(create, token, word));
    if first.kind == Kind::Name {
        return Some(Item::Other);
    }
    match () {
        () if is(0, "PRIMARY") => Some(Item::Primary),
        () if is(0, "UNIQUE") => Some(Item::Unique),
        () if is(0, "KEY") => Some(Item::Key),
        () if is(0, "FULLTEXT") || is(0, "SPATIAL") || is(0, "VECTOR") => Some(Item::Special),
        () if is(0, "CONSTRAINT") && is(2, "FOREIGN") => Some(Item::Foreign),
        () if is(0, "CONSTRAINT") && is(2, "CHECK") || is(0, "CHECK") || is(0, "PERIOD") => Some(Item::Other),
        () => None,
    }
}

/// The name of the column that counts up by itself, if `item` is it.
fn counting_column<'s>(create: &'s [u8], item: &[Token]) -> Option<&'s [u8]> {
    let first = item.first().filter(|token| token.kind == Kind::Name)?;
    let counts = item.iter().any(|token| token.depth == 1 && is_keyword(create, token, "AUTO_INCREMENT"));
    counts.then(|| &create[first.at.clone()])
}

/// The first column of a key.
fn first_part<'s>(create: &'s [u8], item: &[Token]) -> Option<&'s [u8]> {
    let open = item.iter().position(|token| token.kind == Kind::Open)?;
    item.get(open + 1).map(|token| &create[token.at.clone()])
}

fn alter(table: &str, keys: &[&[u8]]) -> Vec<u8> {
    let mut sql = format!("ALTER TABLE {table}").into_bytes();
    for (at, key) in keys.iter().enumerate() {
        sql.extend_from_slice(if at == 0 { b" ADD " } else { b", ADD " });
        sql.extend_from_slice(key);
    }
    sql
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = "`s`.`t`";

    fn apart(create: &str, keys: Keys) -> (String, Vec<String>, Option<String>) {
        let text = |sql: Vec<u8>| String::from_utf8(sql).unwrap();
        let d = take_apart(create.as_bytes(), TABLE, keys).unwrap();
        (text(d.create), d.keys.into_iter().map(text).collect(), d.foreign_keys.map(text))
    }

    #[test]
    fn a_row_format_is_added_where_none_is_named() {
        let with = |create: &str| String::from_utf8(with_row_format(create.as_bytes())).unwrap();
        let plain = "CREATE TABLE `t` (\n  `engine` int COMMENT 'ROW_FORMAT'\n) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4";
        assert_eq!(with(plain), plain.replace("=InnoDB", "=InnoDB ROW_FORMAT=DYNAMIC"));
        let named = "CREATE TABLE `t` (\n  `a` int\n) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 ROW_FORMAT=COMPRESSED";
        assert_eq!(with(named), named);
        assert_eq!(with("CREATE TABLE `t` (a int)"), "CREATE TABLE `t` (a int)");
    }

    #[test]
    fn what_only_appends_counts_by_itself() {
        let create = b"CREATE TABLE `AUTO_INCREMENT=1` (`a` int AUTO_INCREMENT) ENGINE=ARCHIVE AUTO_INCREMENT=51 COMMENT='AUTO_INCREMENT=2'";
        let expected =
            b"CREATE TABLE `AUTO_INCREMENT=1` (`a` int AUTO_INCREMENT) ENGINE=ARCHIVE  COMMENT='AUTO_INCREMENT=2'";
        assert_eq!(without_counter(create), expected);
        assert_eq!(without_counter(expected), expected);
    }

    #[test]
    fn keys_come_after_rows_and_foreign_keys_last() {
        let create = "CREATE TABLE `a` (\n  `id` int(11) NOT NULL AUTO_INCREMENT,\n  `b` varchar(9) DEFAULT 'x,(',\n  PRIMARY KEY (`id`),\n  \
                      UNIQUE KEY `u` (`b`),\n  KEY `k` (`b`(3)) USING BTREE COMMENT 'it''s, \\' ok',\n  FULLTEXT KEY `f` (`b`),\n  \
                      CONSTRAINT `fk` FOREIGN KEY (`b`) REFERENCES `p` (`x`) ON DELETE CASCADE,\n  \
                      CONSTRAINT `c` CHECK (`b` <> ',')\n) ENGINE=InnoDB AUTO_INCREMENT=7 DEFAULT CHARSET=latin1";
        let (made, keys, foreign) = apart(create, Keys::Later);
        assert_eq!(
            made,
            "CREATE TABLE `s`.`t` (\n  `id` int(11) NOT NULL AUTO_INCREMENT,\n  `b` varchar(9) DEFAULT 'x,(',\n  PRIMARY KEY (`id`),\n  \
             CONSTRAINT `c` CHECK (`b` <> ',')\n) ENGINE=InnoDB AUTO_INCREMENT=7 DEFAULT CHARSET=latin1"
        );
        assert_eq!(
            keys,
            [
                "ALTER TABLE `s`.`t` ADD UNIQUE KEY `u` (`b`), ADD KEY `k` (`b`(3)) USING BTREE COMMENT 'it''s, \\' ok'",
                "ALTER TABLE `s`.`t` ADD FULLTEXT KEY `f` (`b`)"
            ]
        );
        assert_eq!(
            foreign.unwrap(),
            "ALTER TABLE `s`.`t` ADD CONSTRAINT `fk` FOREIGN KEY (`b`) REFERENCES `p` (`x`) ON DELETE CASCADE"
        );
    }

    #[test]
    fn a_key_that_rows_need_is_made_with_the_table() {
        let (made, keys, _) = apart(
            "CREATE TABLE `a` (`id` int NOT NULL AUTO_INCREMENT, `b` int, PRIMARY KEY (`b`), KEY `x` (`id`,`b`), KEY `y` (`b`,`id`))",
            Keys::Later,
        );
        assert!(made.contains("KEY `x` (`id`,`b`)") && !made.contains("`y`"), "{made}");
        assert_eq!(keys, ["ALTER TABLE `s`.`t` ADD KEY `y` (`b`,`id`)"]);
        // Without a primary key a unique one orders the table.
        let (made, keys, _) =
            apart("CREATE TABLE `a` (`b` int NOT NULL, UNIQUE KEY `u` (`b`), KEY `k` (`b`))", Keys::Later);
        assert!(made.contains("UNIQUE KEY `u`") && keys.len() == 1, "{made}");
    }

    #[test]
    fn names_and_expressions_may_hold_anything() {
        let create = "CREATE TABLE `odd ``(,` (\n  `KEY `` (,` int DEFAULT (1+(2)),\n  \
                      `g` varchar(5) GENERATED ALWAYS AS (concat('(',`KEY `` (,`,')','\n')) VIRTUAL COMMENT 'KEY `a` (`b`),\nCONSTRAINT',\n  \
                      KEY `k``,` (`KEY `` (,`)\n) COMMENT='), KEY'\n/*!50100 PARTITION BY RANGE (`x`) (PARTITION p VALUES LESS THAN (1)) */";
        let (made, keys, _) = apart(create, Keys::Later);
        assert!(made.contains("`g` varchar(5) GENERATED") && made.ends_with("LESS THAN (1)) */"), "{made}");
        assert!(!made.contains("`k``,`"), "{made}");
        assert_eq!(keys, ["ALTER TABLE `s`.`t` ADD KEY `k``,` (`KEY `` (,`)"]);
    }

    #[test]
    fn what_is_odd_stays_whole() {
        for odd in ["STRANGE THING (`a`)", "/* why */ KEY `a` (`a`)"] {
            let (made, keys, foreign) = apart(&format!("CREATE TABLE `a` (`a` int, {odd}) X=1"), Keys::Later);
            assert_eq!(made, format!("CREATE TABLE `s`.`t` (`a` int, {odd}) X=1"));
            assert!(keys.is_empty() && foreign.is_none());
        }
        assert_eq!(take_apart(b"CREATE VIEW `a` AS (SELECT 1)", TABLE, Keys::Later), None);
        assert_eq!(take_apart(b"CREATE TABLE `a` (`b", TABLE, Keys::Later), None);
    }

    #[test]
    fn keys_at_once_leave_only_foreign_keys_for_later() {
        let (made, keys, foreign) = apart(
            "CREATE TABLE `a` (`b` int, KEY `k` (`b`), CONSTRAINT `f` FOREIGN KEY (`b`) REFERENCES `p` (`b`))",
            Keys::AtOnce,
        );
        assert!(made.contains("KEY `k`") && keys.is_empty() && foreign.is_some());
    }
}
