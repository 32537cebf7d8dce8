//! The tables that a definition refers to by its foreign keys.

use super::tokens::{Kind, Token, is_keyword, tokens, unquote};

const REFERENCES: &str = "REFERENCES";

/// A foreign key of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForeignKeyTo {
    /// The schema of the other table, if it is named: otherwise the table's own.
    pub schema: Option<Vec<u8>>,
    /// The other table.
    pub table: Vec<u8>,
    /// Rows of the table change when those of the other one do: CASCADE, SET NULL, SET DEFAULT.
    pub follows: bool,
}

/// The foreign keys of the table that `create` makes; `None` if it cannot be read.
pub fn foreign_keys(create: &[u8]) -> Option<Vec<ForeignKeyTo>> {
    if !create.windows(REFERENCES.len()).any(|part| part.eq_ignore_ascii_case(REFERENCES.as_bytes())) {
        return Some(Vec::new());
    }
    let mut tokens = tokens(create)?;
    tokens.retain(|token| token.kind != Kind::Comment);
    let places = (0..tokens.len()).filter(|at| is_keyword(create, &tokens[*at], REFERENCES));
    places.map(|at| foreign_key(create, &tokens[at + 1..])).collect()
}

/// The foreign key whose other table stands first in `rest`.
fn foreign_key(create: &[u8], rest: &[Token]) -> Option<ForeignKeyTo> {
    let name = |at: usize| {
        let token = rest.get(at).filter(|token| matches!(token.kind, Kind::Name | Kind::Word))?;
        Some(unquote(&create[token.at.clone()]))
    };
    let has_schema = rest.get(1).is_some_and(|token| &create[token.at.clone()] == b".");
    let (schema, table) = if has_schema { (Some(name(0)?), name(2)?) } else { (None, name(0)?) };
    let close = rest.iter().position(|token| token.kind == Kind::Close)?;
    let actions = rest[close + 1..].iter().take_while(|token| token.kind == Kind::Word);
    let follows =
        actions.into_iter().any(|token| ["CASCADE", "SET"].iter().any(|word| is_keyword(create, token, word)));
    Some(ForeignKeyTo { schema, table, follows })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn foreign_keys_are_read_with_what_follows_the_other_table() {
        let create = "CREATE TABLE `c` (\n  `a` int COMMENT 'REFERENCES x',\n  CONSTRAINT `f` FOREIGN KEY (`a`, `b`) REFERENCES `o``d`.`p` (`id`, `x`) \
                      ON DELETE CASCADE,\n  CONSTRAINT `g` FOREIGN KEY (`a`) REFERENCES `q` (`id`) ON DELETE NO ACTION,\n  CONSTRAINT `h` \
                      FOREIGN KEY (`b`) REFERENCES `r` (`id`) ON UPDATE SET NULL\n) ENGINE=InnoDB COMMENT='SET'";
        let text = |name: Vec<u8>| String::from_utf8(name).unwrap();
        let found = foreign_keys(create.as_bytes()).unwrap().into_iter();
        let found: Vec<_> = found.map(|key| (key.schema.map(text), text(key.table), key.follows)).collect();
        let expected = [(Some("o`d"), "p", true), (None, "q", false), (None, "r", true)];
        assert_eq!(
            found,
            expected.map(|(schema, table, follows)| (schema.map(str::to_owned), table.to_owned(), follows))
        );
        assert_eq!(foreign_keys(b"CREATE TABLE `t` (`a` int) COMMENT='it\\'"), Some(Vec::new()), "no key is named");
        for unreadable in
            ["CREATE TABLE `t` (\n  `a` int DEFAULT '\\',\n  REFERENCES `p`", "CREATE TABLE `t` (REFERENCES `p`"]
        {
            assert_eq!(foreign_keys(unreadable.as_bytes()), None);
        }
    }
}
