//! Collations in the definitions of tables, as the target knows them.
//!
//! A character set without a collation means the default that the source's server had compiled in: it is written out. A collation that
//! the target does not have is replaced by the nearest that it has, and that is said.

use std::collections::{BTreeMap, BTreeSet};

use super::tokens::{Kind, Token, is_keyword, tokens};
use crate::database::Connection;
use crate::error::Result;

/// Character sets whose default collation is another one on some servers. Where SHOW CREATE names none, it is `general_ci`.
const MOVED_DEFAULTS: [&str; 6] = ["utf8", "utf8mb3", "utf8mb4", "ucs2", "utf16", "utf32"];

/// The collations of a server.
#[derive(Debug, Clone, Default)]
pub struct Collations {
    known: BTreeSet<String>,
}

/// Collations that were replaced: the definition's, and what stands in its place.
pub type Replaced = BTreeMap<String, String>;

impl Collations {
    /// Asks the server.
    ///
    /// # Errors
    /// If it does not answer.
    pub fn read(connection: &mut Connection) -> Result<Self> {
        let rows = connection.rows("SELECT COLLATION_NAME FROM information_schema.COLLATIONS")?;
        let name = |row: Vec<Option<Vec<u8>>>| row.into_iter().next().flatten();
        let names = rows.into_iter().filter_map(name).map(|name| String::from_utf8_lossy(&name).into_owned());
        Ok(Collations { known: names.collect() })
    }

    /// The collation in place of `name`; `None` when the server has nothing like it, and says so itself.
    pub fn nearest(&self, name: &str) -> Option<String> {
        if self.has(name) {
            return Some(name.to_owned());
        }
        self.candidates(name).into_iter().find(|candidate| self.has(candidate))
    }

    /// MariaDB lists those of Unicode 14 without their character set.
    fn has(&self, name: &str) -> bool {
        let bare = name.split_once('_').filter(|(_, rest)| rest.starts_with("uca1400")).map(|(_, rest)| rest);
        self.known.contains(name) || bare.is_some_and(|bare| self.known.contains(bare))
    }

    fn candidates(&self, name: &str) -> Vec<String> {
        let Some((set, rest)) = name.split_once('_') else { return Vec::new() };
        let other_set = match set {
            "utf8" => "utf8mb3",
            "utf8mb3" => "utf8",
            set => set,
        };
        let sensitive = if rest.contains("_as") { "as" } else { "ai" };
        let case = if rest.contains("_cs") { "cs" } else { "ci" };
        let mut candidates = vec![format!("{other_set}_{rest}")];
        match rest {
            "0900_bin" => candidates.push(format!("{set}_bin")),
            // MySQL: `0900_ai_ci`, `de_pb_0900_as_cs`; MariaDB: `uca1400_ai_ci`.
            rest if rest.contains("0900_") => {
                candidates.push(format!("{set}_uca1400_{sensitive}_{case}"));
                candidates.push(format!("{set}_unicode_520_ci"));
            }
            rest if rest.contains("uca1400_") => {
                candidates.push(format!("{set}_0900_{sensitive}_{case}"));
                candidates.push(format!("{set}_unicode_520_ci"));
            }
            rest => candidates.extend(rest.strip_suffix("_nopad_ci").map(|rest| format!("{set}_{rest}_ci"))),
        }
        candidates.extend((rest == "nopad_bin").then(|| format!("{set}_bin")));
        candidates
    }

    /// The definition of a table for this server; what was replaced is added to `replaced`.
    pub fn adapt(&self, create: &[u8], replaced: &mut Replaced) -> Vec<u8> {
        let Some(tokens) = tokens(create) else { return create.to_vec() };
        let mut adapted = Vec::with_capacity(create.len() + 64);
        let mut copied = 0;
        for (at, token) in tokens.iter().enumerate() {
            let Some(named) = named_value(create, &tokens, at) else { continue };
            let name = String::from_utf8_lossy(&create[named.at.clone()]).into_owned();
            if is_keyword(create, token, "COLLATE") {
                let nearest = self.nearest(&name).filter(|nearest| *nearest != name);
                let Some(nearest) = nearest else { continue };
                adapted.extend_from_slice(&create[copied..named.at.start]);
                adapted.extend_from_slice(nearest.as_bytes());
                copied = named.at.end;
                if !is_same_set(&name, &nearest) {
                    replaced.insert(name, nearest);
                }
                continue;
            }
            let has_collation = after(&tokens, named).is_some_and(|next| is_keyword(create, next, "COLLATE"));
            let default = MOVED_DEFAULTS.contains(&name.as_str()).then(|| self.nearest(&format!("{name}_general_ci")));
            let Some(default) = default.flatten().filter(|_| !has_collation && token.depth < 2) else { continue };
            adapted.extend_from_slice(&create[copied..named.at.end]);
            adapted.extend_from_slice(format!(" COLLATE {default}").as_bytes());
            copied = named.at.end;
        }
        adapted.extend_from_slice(&create[copied..]);
        adapted
    }
}

/// Only the name of the character set differs: `utf8` and `utf8mb3` are the same one.
fn is_same_set(a: &str, b: &str) -> bool {
    a.replacen("utf8mb3_", "utf8_", 1) == b.replacen("utf8mb3_", "utf8_", 1)
}

/// The value that follows `COLLATE`, `CHARACTER SET` or `CHARSET` at `at`, with or without `=`.
fn named_value<'t>(create: &[u8], tokens: &'t [Token], at: usize) -> Option<&'t Token> {
    let token = tokens.get(at)?;
    let next = match () {
        () if is_keyword(create, token, "COLLATE") || is_keyword(create, token, "CHARSET") => at + 1,
        () if is_keyword(create, token, "CHARACTER") && is_keyword(create, tokens.get(at + 1)?, "SET") => at + 2,
        () => return None,
    };
    let is_equals = |token: &&Token| token.kind == Kind::Other && &create[token.at.clone()] == b"=";
    let value = tokens.get(next).filter(is_equals).map_or(next, |_| next + 1);
    tokens.get(value).filter(|token| token.kind == Kind::Word)
}

fn after<'t>(tokens: &'t [Token], token: &Token) -> Option<&'t Token> {
    let at = tokens.partition_point(|other| other.at.start <= token.at.start);
    tokens.get(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn adapted(known: &[&str], create: &str) -> (String, Replaced) {
        let collations = Collations { known: known.iter().map(|name| (*name).to_owned()).collect() };
        let mut replaced = Replaced::new();
        let text = String::from_utf8(collations.adapt(create.as_bytes(), &mut replaced)).unwrap();
        (text, replaced)
    }

    #[test]
    fn a_character_set_alone_gets_the_collation_that_it_meant() {
        let known = ["utf8mb4_general_ci", "utf8_general_ci"];
        let create = "CREATE TABLE `t` (`a` text CHARACTER SET utf8mb4, `b` text CHARACTER SET latin1, `c` int AS (cast(x as char charset utf8mb4)) \
                      COMMENT 'CHARSET utf8') DEFAULT CHARSET=utf8mb3";
        let (text, replaced) = adapted(&known, create);
        assert!(text.contains("`a` text CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci,"), "{text}");
        assert!(text.contains("latin1, `c` int AS (cast(x as char charset utf8mb4)) COMMENT 'CHARSET utf8')"), "{text}");
        assert!(text.ends_with("CHARSET=utf8mb3 COLLATE utf8_general_ci"), "{text}");
        assert!(replaced.is_empty());
    }

    #[test]
    fn what_is_named_stays_when_it_is_known() {
        let create = "CREATE TABLE `t` (`a` text CHARACTER SET utf8mb4 COLLATE utf8mb4_bin) DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin";
        assert_eq!(adapted(&["utf8mb4_bin", "utf8mb4_general_ci"], create).0, create);
    }

    #[test]
    fn unknown_collations_become_the_nearest_known_one() {
        let create = "CREATE TABLE `t` (`a` text COLLATE utf8mb4_0900_as_cs) CHARSET=utf8mb4 COLLATE=utf8mb4_0900_ai_ci";
        let (text, replaced) = adapted(&["uca1400_as_cs", "utf8mb4_unicode_520_ci"], create);
        assert!(text.contains("COLLATE utf8mb4_uca1400_as_cs)") && text.ends_with("=utf8mb4_unicode_520_ci"), "{text}");
        assert_eq!(replaced.len(), 2);
        let (text, replaced) = adapted(&["utf8_bin"], "CREATE TABLE `t` (`a` text COLLATE utf8mb3_bin)");
        assert!(text.contains("utf8_bin") && replaced.is_empty(), "{text}");
        let (text, _) = adapted(&["utf8mb4_bin"], create);
        assert_eq!(text, create, "the server says that it does not know it");
    }
}
