//! Translates the rights of accounts, for schemas with other names and for servers of another family.

use super::options::References;
use super::renaming::Renaming;
use crate::database::{Server, quote_name};
use crate::dialect::{Kind, Token, edited, is_keyword, tokens, unquote};

/// Rights that only MariaDB has, and MySQL's names for them if it has them.
const OF_MARIADB: [(&str, &str); 12] = [
    ("BINLOG MONITOR", "REPLICATION CLIENT"),
    ("SLAVE MONITOR", "REPLICATION CLIENT"),
    ("REPLICA MONITOR", "REPLICATION CLIENT"),
    ("DELETE HISTORY", ""),
    ("BINLOG ADMIN", ""),
    ("BINLOG REPLAY", ""),
    ("CONNECTION ADMIN", ""),
    ("FEDERATED ADMIN", ""),
    ("READ_ONLY ADMIN", ""),
    ("REPLICATION MASTER ADMIN", ""),
    ("REPLICATION SLAVE ADMIN", ""),
    ("SET USER", ""),
];
/// Static rights that MySQL alone has. Its dynamic ones have an underscore each, or are these.
const OF_MYSQL: [&str; 2] = ["CREATE ROLE", "DROP ROLE"];

/// The result for a grant.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Granted {
    /// The statement; `None` if nothing of it is left.
    pub sql: Option<String>,
    /// The rights that are not granted, as a sentence.
    pub left_out: Option<String>,
}

/// The statement `grant` with the schema names of `renaming`. A copy grants no rights on schemas outside the restore.
pub fn renamed(grant: &str, renaming: &Renaming) -> Granted {
    let same = Granted { sql: Some(grant.to_owned()), left_out: None };
    let bytes = grant.as_bytes();
    let tokens = tokens(bytes).unwrap_or_default();
    let Some(place) = scope(bytes, &tokens) else { return same };
    let name = String::from_utf8_lossy(&unquote(&bytes[tokens[place].at.clone()])).into_owned();
    let is_pattern = &bytes[tokens[place + 2].at.clone()] == b"*";
    let plain = if is_pattern { name.replace("\\_", "_").replace("\\%", "%") } else { name.clone() };
    let copies = renaming.names.iter().any(|choice| choice.from != choice.to);
    match renaming.new_name(&plain) {
        _ if !copies || renaming.is_of_the_server(&plain) => same,
        Some(to) if to == plain => same,
        Some(to) => {
            let to = if is_pattern { to.replace('_', "\\_").replace('%', "\\%") } else { to.to_owned() };
            let sql = edited(bytes, &[(tokens[place].at.clone(), quote_name(&to))]);
            Granted { sql: Some(String::from_utf8_lossy(&sql).into_owned()), left_out: None }
        }
        None if renaming.references == References::Keep => same,
        None => {
            let left_out = format!("it gets no rights on {}, which is not part of this restore", quote_name(&plain));
            Granted { sql: None, left_out: Some(left_out) }
        }
    }
}

/// The place of the schema in `GRANT … ON schema.object`.
fn scope(sql: &[u8], tokens: &[Token]) -> Option<usize> {
    let on = tokens.iter().position(|token| token.depth == 0 && is_keyword(sql, token, "ON"))?;
    let is_dot = |at: usize| tokens.get(at).is_some_and(|token| &sql[token.at.clone()] == b".");
    let place = (on + 1..tokens.len().min(on + 4)).find(|at| is_dot(at + 1))?;
    let is_name = matches!(tokens[place].kind, Kind::Name | Kind::Word) && tokens.get(place + 2).is_some();
    is_name.then_some(place)
}

/// The statement `grant` of a server of the other family for `target`.
pub fn translated(grant: &str, target: &Server) -> Granted {
    let bytes = grant.as_bytes();
    let tokens = tokens(bytes).unwrap_or_default();
    let on = tokens.iter().position(|token| token.depth == 0 && is_keyword(bytes, token, "ON"));
    let (true, Some(on)) = (grant.starts_with("GRANT "), on) else {
        return Granted { sql: Some(grant.to_owned()), left_out: None };
    };
    let end = tokens[on].at.start;
    let (mut kept, mut left_out) = (Vec::<String>::new(), Vec::new());
    for right in rights(grant, &tokens[1..on]) {
        match right_for(right, target) {
            Some(name) if kept.contains(&name) => {}
            Some(name) => kept.push(name),
            None => left_out.push(right),
        }
    }
    let left_out = (!left_out.is_empty()).then(|| format!("the server has no right {}", left_out.join(", ")));
    let rest = if target.is_mariadb() { grant[end..].to_owned() } else { without_identity(&grant[end..]) };
    let sql = (!kept.is_empty()).then(|| format!("GRANT {} {rest}", kept.join(", ")));
    Granted { sql, left_out }
}

fn rights<'g>(grant: &'g str, tokens: &[Token]) -> Vec<&'g str> {
    let parts = tokens.split(|token| token.kind == Kind::Comma && token.depth == 0);
    parts.filter_map(|part| grant.get(part.first()?.at.start..part.last()?.at.end)).collect()
}

/// A right as `target` calls it.
fn right_for(right: &str, target: &Server) -> Option<String> {
    if target.is_mariadb() {
        let is_dynamic = right.contains('_') && !right.contains('(') && !right.contains(' ');
        return (!is_dynamic && !OF_MYSQL.contains(&right)).then(|| right.to_owned());
    }
    match OF_MARIADB.iter().find(|(name, _)| *name == right) {
        Some((_, "")) => None,
        Some((_, name)) => Some((*name).to_owned()),
        None if right == "SHOW CREATE ROUTINE" => None,
        None => Some(right.to_owned()),
    }
}

/// A grant of MariaDB repeats how its account logs in, and under which limits.
fn without_identity(grant: &str) -> String {
    let bytes = grant.as_bytes();
    let tokens = tokens(bytes).unwrap_or_default();
    let Some(to) = tokens.iter().position(|token| is_keyword(bytes, token, "TO")) else { return grant.to_owned() };
    let ends = |token: &Token| ["IDENTIFIED", "REQUIRE", "WITH"].iter().any(|word| is_keyword(bytes, token, word));
    let Some(cut) = tokens[to..].iter().find(|token| ends(token)) else { return grant.to_owned() };
    let option =
        if grant.ends_with("WITH GRANT OPTION") || grant.contains(" GRANT OPTION") { " WITH GRANT OPTION" } else { "" };
    format!("{}{option}", grant[..cut.at.start].trim_end())
}

#[cfg(test)]
mod tests {
    use super::super::options::SchemaChoice;
    use super::*;

    fn copy() -> Renaming {
        let names = vec![SchemaChoice { from: "a_b".to_owned(), to: "c_d".to_owned() }];
        Renaming { names, ..Renaming::default() }
    }

    #[test]
    fn rights_follow_the_copy_and_reach_no_other_schema() {
        let of = |grant: &str| renamed(grant, &copy());
        for (grant, expected) in [
            ("GRANT SELECT ON `a\\_b`.* TO `x`@`%`", "GRANT SELECT ON `c\\_d`.* TO `x`@`%`"),
            ("GRANT SELECT ON `a_b`.* TO `x`@`%`", "GRANT SELECT ON `c\\_d`.* TO `x`@`%`"),
            ("GRANT SELECT (`on`) ON `a_b`.`t` TO `x`@`%`", "GRANT SELECT (`on`) ON `c_d`.`t` TO `x`@`%`"),
            ("GRANT EXECUTE ON FUNCTION `a_b`.`f` TO `x`@`%`", "GRANT EXECUTE ON FUNCTION `c_d`.`f` TO `x`@`%`"),
            ("GRANT USAGE ON *.* TO `x`@`%`", "GRANT USAGE ON *.* TO `x`@`%`"),
            ("GRANT SELECT ON `mysql`.* TO `x`@`%`", "GRANT SELECT ON `mysql`.* TO `x`@`%`"),
            ("GRANT `r` TO `x`@`%`", "GRANT `r` TO `x`@`%`"),
        ] {
            assert_eq!(of(grant), Granted { sql: Some(expected.to_owned()), left_out: None });
        }
        for grant in ["GRANT SELECT ON `other`.* TO `x`@`%`", "GRANT SELECT ON `%`.* TO `x`@`%`"] {
            assert!(of(grant).sql.is_none() && of(grant).left_out.is_some(), "{grant}");
        }
        let kept = Renaming { references: References::Keep, ..copy() };
        assert!(renamed("GRANT SELECT ON `other`.* TO `x`@`%`", &kept).sql.is_some());
        assert!(renamed("GRANT SELECT ON `other`.* TO `x`@`%`", &Renaming::default()).sql.is_some());
    }

    #[test]
    fn rights_are_called_as_the_family_does() {
        let of = |grant: &str, version: &str| translated(grant, &Server::from_version(version));
        let granted = of(
            "GRANT SELECT, BINLOG MONITOR, SLAVE MONITOR, SET USER ON *.* TO `x`@`%` IDENTIFIED BY PASSWORD '*1' REQUIRE SSL WITH GRANT OPTION",
            "9.7.0",
        );
        assert_eq!(granted.sql.unwrap(), "GRANT SELECT, REPLICATION CLIENT ON *.* TO `x`@`%` WITH GRANT OPTION");
        assert!(granted.left_out.unwrap().contains("SET USER"));
        let granted = of("GRANT SELECT (`a_b`, `c`), DROP ROLE ON `s`.`t` TO `x`@`%`", "11.8.0-MariaDB");
        assert_eq!(granted.sql.unwrap(), "GRANT SELECT (`a_b`, `c`) ON `s`.`t` TO `x`@`%`");
        assert_eq!(of("GRANT BACKUP_ADMIN,CLONE_ADMIN ON *.* TO `x`@`%`", "11.8.0-MariaDB").sql, None);
    }
}
