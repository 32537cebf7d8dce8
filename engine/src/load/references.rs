//! Definitions that name a schema explicitly: what they name when the schema gets another name.

use super::tokens::{Kind, Token, edited, tokens, unquote};
use crate::database::quote_name;

/// Whether `sql` names `schema` before a dot: `schema`.`object`.
pub fn names(sql: &[u8], schema: &str) -> bool {
    match tokens(sql) {
        Some(tokens) => qualifiers(sql, &tokens, schema).next().is_some(),
        // What cannot be read is taken by its text: rather one too many.
        None => !schema.is_empty() && sql.windows(schema.len()).any(|window| window == schema.as_bytes()),
    }
}

/// The definition of a table with `to` where it names the schema `from`, as defaults from sequences do.
pub fn renamed(create: &[u8], from: &str, to: &str) -> Vec<u8> {
    let Some(tokens) = tokens(create).filter(|_| from != to) else { return create.to_vec() };
    let edits: Vec<_> = qualifiers(create, &tokens, from).map(|token| (token.at.clone(), quote_name(to))).collect();
    edited(create, &edits)
}

/// The tokens that name `schema`: a name before a dot, and not after one.
fn qualifiers<'t>(sql: &'t [u8], tokens: &'t [Token], schema: &'t str) -> impl Iterator<Item = &'t Token> {
    let is_dot = move |token: &Token| token.kind == Kind::Other && &sql[token.at.clone()] == b".";
    let is_name = move |token: &Token| {
        matches!(token.kind, Kind::Name | Kind::Word) && unquote(&sql[token.at.clone()]) == schema.as_bytes()
    };
    tokens.windows(2).enumerate().filter_map(move |(at, two)| {
        let is_second = at > 0 && is_dot(&tokens[at - 1]);
        (is_name(&two[0]) && is_dot(&two[1]) && !is_second).then_some(&two[0])
    })
}

/// The definition with whoever runs it as its definer. It stands before the body, in quotes or as a name.
pub fn with_current_definer(create: &[u8]) -> Vec<u8> {
    const DEFINER: &[u8] = b"DEFINER=";
    /// CREATE OR REPLACE ALGORITHM=UNDEFINED comes before it at most.
    const WITHIN: usize = 80;
    let head = &create[..create.len().min(WITHIN)];
    let Some(start) = head.windows(DEFINER.len()).position(|window| window == DEFINER) else { return create.to_vec() };
    let start = start + DEFINER.len();
    let user = start + name_len(&create[start..]);
    let end = match create.get(user) {
        Some(b'@') => user + 1 + name_len(&create[user + 1..]),
        _ => user,
    };
    [&create[..start], b"CURRENT_USER", &create[end..]].concat()
}

/// The length of a name that may be quoted.
fn name_len(text: &[u8]) -> usize {
    let Some(quote) = text.first().copied().filter(|byte| matches!(byte, b'`' | b'\'' | b'"')) else {
        return text.iter().take_while(|byte| !byte.is_ascii_whitespace() && **byte != b'@').count();
    };
    let mut at = 1;
    while let Some(byte) = text.get(at) {
        match (*byte == quote, text.get(at + 1) == Some(&quote)) {
            (true, true) => at += 2,
            (true, false) => return at + 1,
            _ => at += 1,
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schemas_are_found_where_they_qualify_a_name() {
        let names = |sql: &str| names(sql.as_bytes(), "od");
        assert!(names("SELECT `od`.`t`.`a` FROM x") && names("SELECT 1 FROM od . t") && names("'od"));
        assert!(!names("SELECT `t`.`od`, 'od.t', od FROM `x`.`od`.`y`"));
    }

    #[test]
    fn sequences_of_a_table_follow_its_schema() {
        let create = b"CREATE TABLE `t` (`id` int DEFAULT nextval(`od`.`s`) COMMENT '`od`.`s`')";
        let renamed = renamed(create, "od", "new`er");
        assert_eq!(
            String::from_utf8(renamed).unwrap(),
            "CREATE TABLE `t` (`id` int DEFAULT nextval(`new``er`.`s`) COMMENT '`od`.`s`')"
        );
    }

    #[test]
    fn definers_become_the_current_user() {
        let of = |create: &str| String::from_utf8(with_current_definer(create.as_bytes())).unwrap();
        assert_eq!(
            of("CREATE ALGORITHM=UNDEFINED DEFINER=`a``@ b`@`%` SQL SECURITY DEFINER VIEW `v` AS select 1"),
            "CREATE ALGORITHM=UNDEFINED DEFINER=CURRENT_USER SQL SECURITY DEFINER VIEW `v` AS select 1"
        );
        assert_eq!(of("CREATE DEFINER=`r` FUNCTION f()"), "CREATE DEFINER=CURRENT_USER FUNCTION f()");
        assert_eq!(of("CREATE FUNCTION f()"), "CREATE FUNCTION f()");
    }
}
