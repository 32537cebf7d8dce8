//! Translates collations in the definitions of tables for the target.
//!
//! A character set without a collation means the source server's compiled-in default, so this writes that out. A
//! collation that the target lacks is replaced by the nearest one that it has, and reported.

use std::collections::{BTreeMap, BTreeSet};

use repo_format::database::SchemaRecord;

use super::tokens::{Kind, Quoting, Token, edited, is_keyword, tokens, tokens_by};
use crate::database::{Connection, Server};
use engine_core::error::Result;

/// Character sets whose default collation is another one on some servers. Where SHOW CREATE names none, it is `general_ci`.
const MOVED_DEFAULTS: [&str; 6] = ["utf8", "utf8mb3", "utf8mb4", "ucs2", "utf16", "utf32"];

/// Collations of MariaDB alone, without their character sets.
const OF_MARIADB: [&str; 3] = ["myanmar_ci", "thai_520_w2", "croatian_mysql561_ci"];

/// Languages of the newer collations of MySQL that MariaDB has under no other name.
const NO_ALIAS: [&str; 10] = ["bg_", "bs_", "gl_", "ja_", "mn_", "nb_", "nn_", "ru_", "sr_", "zh_"];

/// The collations of a server.
#[derive(Debug, Clone, Default)]
pub struct Collations {
    known: BTreeSet<String>,
    sets: BTreeSet<String>,
    /// The server, if it cannot be asked: its version decides.
    by_version: Option<Server>,
}

/// Collations that were replaced: the definition's, and what stands in its place.
pub type Replaced = BTreeMap<String, String>;

impl Collations {
    /// Asks the server.
    ///
    /// # Errors
    /// If it does not answer.
    pub fn read(connection: &mut Connection) -> Result<Self> {
        let mut names = |sql: &str| -> Result<BTreeSet<String>> {
            let names = connection.rows(sql)?.into_iter().filter_map(|row| row.into_iter().next().flatten());
            Ok(names.map(|name| String::from_utf8_lossy(&name).into_owned()).collect())
        };
        Ok(Collations {
            known: names("SELECT COLLATION_NAME FROM information_schema.COLLATIONS")?,
            sets: names("SELECT CHARACTER_SET_NAME FROM information_schema.CHARACTER_SETS")?,
            by_version: None,
        })
    }

    /// The collations of a server that cannot be asked, by its version.
    pub fn of(server: &Server) -> Self {
        Collations { by_version: Some(server.clone()), ..Collations::default() }
    }

    /// The name of a character set on this server: one has two names, of which some servers know only one.
    pub fn character_set<'n>(&self, name: &'n str) -> &'n str {
        let other = match name {
            "utf8" => "utf8mb3",
            "utf8mb3" => "utf8",
            _ => return name,
        };
        let has = |set: &str| match &self.by_version {
            Some(server) => set == name_of_utf8(server),
            None => self.sets.contains(set),
        };
        if !has(name) && has(other) { other } else { name }
    }

    /// The character sets and collations of a schema and its objects, as this server has them. Gives the schema's own collation, if another
    /// stands in its place.
    pub fn adapt_record(&self, record: &mut SchemaRecord) -> Replaced {
        let collation = |name: &mut String| {
            if let Some(nearest) = self.nearest(name) {
                *name = nearest;
            }
        };
        let was = record.collation.clone();
        record.character_set = self.character_set(&record.character_set).to_owned();
        collation(&mut record.collation);
        if !self.has(&record.collation) {
            // New tables of the schema can hold all texts in it.
            record.character_set = "utf8mb4".to_owned();
            record.collation = "utf8mb4_general_ci".to_owned();
        }
        for object in &mut record.objects {
            object.connection_collation.as_mut().into_iter().for_each(collation);
            object.database_collation.as_mut().into_iter().for_each(collation);
            if let Some(client) = &mut object.client_character_set {
                *client = self.character_set(client).to_owned();
            }
        }
        let is_other = was != record.collation && !is_same_set(&was, &record.collation);
        is_other.then(|| (was, record.collation.clone())).into_iter().collect()
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
        if let Some(server) = &self.by_version {
            return is_known_to(server, name);
        }
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
        let mut rests = vec![rest.to_owned()];
        match rest {
            "0900_bin" => rests.extend(["nopad_bin", "bin"].map(str::to_owned)),
            "nopad_bin" => rests.extend(["0900_bin", "bin"].map(str::to_owned)),
            // MySQL: `0900_ai_ci`, `de_pb_0900_as_cs`; MariaDB: `uca1400_ai_ci`. To those of MySQL spaces at the end matter, so keys
            // may hold values that differ in nothing else.
            rest if rest.contains("0900_") => {
                rests.extend([
                    format!("uca1400_nopad_{sensitive}_{case}"),
                    "unicode_520_nopad_ci".to_owned(),
                    "unicode_520_ci".to_owned(),
                    "unicode_ci".to_owned(),
                ]);
            }
            rest if rest.contains("uca1400_") => {
                rests.extend([
                    format!("0900_{sensitive}_{case}"),
                    "unicode_520_ci".to_owned(),
                    "unicode_ci".to_owned(),
                ]);
            }
            // To the newer ones of MySQL spaces at the end matter as well.
            "unicode_nopad_ci" | "unicode_520_nopad_ci" => {
                rests.extend(["0900_ai_ci".to_owned(), rest.replace("_nopad", "")]);
            }
            rest => {
                rests.extend(rest.strip_suffix("_nopad_ci").map(|rest| format!("{rest}_ci")));
                rests.push("unicode_520_ci".to_owned());
                rests.push("unicode_ci".to_owned());
            }
        }
        let both = |rest: String| [format!("{set}_{rest}"), format!("{other_set}_{rest}")];
        rests.into_iter().flat_map(both).collect()
    }

    /// The definition of a table for this server; what was replaced is added to `replaced`.
    pub fn adapt(&self, create: &[u8], replaced: &mut Replaced) -> Vec<u8> {
        let Some(tokens) = tokens(create) else { return create.to_vec() };
        self.adapt_tokens(create, &tokens, Alone::MeansItsDefault, replaced)
    }

    /// The definition of a view, routine, trigger or event for this server; what was replaced is added to `replaced`.
    pub fn adapt_object(&self, create: &[u8], quoting: Quoting, replaced: &mut Replaced) -> Vec<u8> {
        let Some(tokens) = tokens_by(create, quoting) else { return create.to_vec() };
        self.adapt_tokens(create, &tokens, Alone::Stays, replaced)
    }

    fn adapt_tokens(&self, create: &[u8], tokens: &[Token], alone: Alone, replaced: &mut Replaced) -> Vec<u8> {
        let mut edits = Vec::new();
        for (at, token) in tokens.iter().enumerate() {
            let Some(value) = named_value(create, tokens, at) else { continue };
            let named = &tokens[value];
            let name = String::from_utf8_lossy(&create[named.at.clone()]).into_owned();
            if !is_keyword(create, token, "COLLATE") {
                let has_collation = tokens.get(value + 1).is_some_and(|next| is_keyword(create, next, "COLLATE"));
                let is_definition = alone == Alone::MeansItsDefault && token.depth < 2 && !has_collation;
                edits.extend(self.with_default(&name, is_definition).map(|text| (named.at.clone(), text)));
                continue;
            }
            let Some(nearest) = self.nearest(&name).filter(|nearest| *nearest != name) else { continue };
            edits.push((named.at.clone(), nearest.clone()));
            if !is_same_set(&name, &nearest) {
                replaced.insert(name, nearest);
            }
        }
        edited(create, &edits)
    }

    /// A character set as this server calls it, with the collation that it means where that should be said; `None` if it stays as it is.
    fn with_default(&self, name: &str, is_definition: bool) -> Option<String> {
        let set = self.character_set(name);
        let has_moved = is_definition && MOVED_DEFAULTS.contains(&name);
        match has_moved.then(|| self.nearest(&format!("{set}_general_ci"))).flatten() {
            Some(default) => Some(format!("{set} COLLATE {default}")),
            None => (set != name).then(|| set.to_owned()),
        }
    }
}

/// The name of UTF-8 of three bytes.
fn name_of_utf8(server: &Server) -> &'static str {
    if server.is_mariadb_from((10, 6, 0)) || server.is_mysql_from((8, 0, 30)) { "utf8mb3" } else { "utf8" }
}

/// Whether the server has the collation: those that all have are not listed.
fn is_known_to(server: &Server, name: &str) -> bool {
    let Some((set, rest)) = name.split_once('_') else { return true };
    match rest {
        _ if ["utf8", "utf8mb3"].contains(&set) && set != name_of_utf8(server) => false,
        rest if rest.contains("0900_") => {
            let has_language = || !NO_ALIAS.iter().any(|language| rest.starts_with(language));
            set == "utf8mb4"
                && (server.is_mysql_from((8, 0, 1)) || server.is_mariadb_from((11, 4, 5)) && has_language())
        }
        rest if rest.contains("uca1400_") => server.is_mariadb_from((10, 10, 1)),
        rest if rest.contains("nopad_") || OF_MARIADB.iter().any(|name| rest.starts_with(name)) => {
            server.is_mariadb_from((10, 2, 2))
        }
        _ => set != "gb18030" || !server.is_mariadb(),
    }
}

/// The meaning of a character set without a collation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Alone {
    /// The default that it had at the source, which is written out.
    MeansItsDefault,
    /// As it is.
    Stays,
}

/// The message about a replaced collation.
pub fn said_of_collation(from: &str, to: &str) -> String {
    let first = format!(
        "the server does not know the collation {from}; {to} stands in its place, which may sort and compare otherwise"
    );
    if counts_spaces(from) && !counts_spaces(to) {
        format!("{first}: to it texts are the same that differ only in spaces at their ends")
    } else {
        first
    }
}

/// Whether spaces at the end of a text matter to a collation.
fn counts_spaces(collation: &str) -> bool {
    collation.contains("nopad") || collation.contains("_0900_")
}

/// Only the name of the character set differs: `utf8` and `utf8mb3` are the same one.
fn is_same_set(a: &str, b: &str) -> bool {
    a.replacen("utf8mb3_", "utf8_", 1) == b.replacen("utf8mb3_", "utf8_", 1)
}

/// The place of the value that follows `COLLATE`, `CHARACTER SET` or `CHARSET` at `at`, with or without `=`.
fn named_value(create: &[u8], tokens: &[Token], at: usize) -> Option<usize> {
    let token = tokens.get(at)?;
    let next = match () {
        () if is_keyword(create, token, "COLLATE") || is_keyword(create, token, "CHARSET") => at + 1,
        () if is_keyword(create, token, "CHARACTER") && is_keyword(create, tokens.get(at + 1)?, "SET") => at + 2,
        () => return None,
    };
    let has_equals = tokens.get(next).is_some_and(|token| &create[token.at.clone()] == b"=");
    let value = next + usize::from(has_equals);
    (tokens.get(value)?.kind == Kind::Word).then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn adapted(known: &[&str], create: &str) -> (String, Replaced) {
        let collations =
            Collations { known: known.iter().map(|name| (*name).to_owned()).collect(), ..Collations::default() };
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
        assert!(
            text.contains("latin1, `c` int AS (cast(x as char charset utf8mb4)) COMMENT 'CHARSET utf8')"),
            "{text}"
        );
        assert!(text.ends_with("CHARSET=utf8mb3 COLLATE utf8_general_ci"), "{text}");
        assert!(replaced.is_empty());
    }

    #[test]
    fn both_names_of_a_character_set_are_tried() {
        let (text, replaced) =
            adapted(&["utf8_unicode_520_ci"], "CREATE TABLE `t` (`a` text COLLATE utf8mb3_uca1400_ai_ci)");
        assert!(text.contains("utf8_unicode_520_ci") && replaced.len() == 1, "{text}");
        let (text, _) = adapted(&["utf8mb3_unicode_ci"], "CREATE TABLE `t` (`a` text COLLATE utf8_uca1400_ai_ci)");
        assert!(text.contains("utf8mb3_unicode_ci"), "{text}");
    }

    #[test]
    fn a_server_that_cannot_be_asked_is_known_by_its_version() {
        let nearest = |version: &str, name: &str| Collations::of(&Server::from_version(version)).nearest(name).unwrap();
        for (version, name, expected) in [
            ("9.7.0", "utf8mb4_uca1400_ai_ci", "utf8mb4_0900_ai_ci"),
            ("9.7.0", "utf8_general_ci", "utf8mb3_general_ci"),
            ("5.7.0", "utf8mb3_uca1400_ai_ci", "utf8_unicode_520_ci"),
            ("10.5.0-MariaDB", "utf8mb4_0900_ai_ci", "utf8mb4_unicode_520_nopad_ci"),
            ("10.11.0-MariaDB", "utf8mb4_0900_as_cs", "utf8mb4_uca1400_nopad_as_cs"),
            ("11.8.0-MariaDB", "utf8mb4_ja_0900_as_cs_ks", "utf8mb4_uca1400_nopad_as_cs"),
            ("11.8.0-MariaDB", "utf8mb4_de_pb_0900_as_cs", "utf8mb4_de_pb_0900_as_cs"),
            ("9.7.0", "utf8mb4_unicode_nopad_ci", "utf8mb4_0900_ai_ci"),
            ("9.7.0", "utf8mb3_unicode_520_nopad_ci", "utf8mb3_unicode_520_ci"),
            ("9.7.0", "latin1_swedish_nopad_ci", "latin1_swedish_ci"),
            ("9.7.0", "utf8mb4_thai_520_w2", "utf8mb4_unicode_520_ci"),
            ("10.5.0-MariaDB", "utf8mb4_0900_bin", "utf8mb4_nopad_bin"),
            ("9.7.0", "utf8mb4_nopad_bin", "utf8mb4_0900_bin"),
            ("10.5.0-MariaDB", "utf8mb3_bin", "utf8_bin"),
            ("10.11.0-MariaDB", "latin1_german1_ci", "latin1_german1_ci"),
        ] {
            assert_eq!(nearest(version, name), expected, "{name} for {version}");
        }
    }

    #[test]
    fn a_collation_to_which_spaces_at_the_end_do_not_matter_is_named() {
        let says = |from: &str, to: &str| said_of_collation(from, to).contains("spaces at their ends");
        assert!(says("utf8mb4_general_nopad_ci", "utf8mb4_general_ci") && says("utf8mb4_0900_bin", "utf8mb4_bin"));
        assert!(
            !says("utf8mb4_unicode_nopad_ci", "utf8mb4_0900_ai_ci")
                && !says("utf8mb4_thai_520_w2", "utf8mb4_unicode_ci")
        );
    }

    #[test]
    fn a_schema_in_a_character_set_that_is_not_there_is_in_one_that_holds_all() {
        let mut record = SchemaRecord {
            name: "s".to_owned(),
            character_set: "gb18030".to_owned(),
            collation: "gb18030_chinese_ci".to_owned(),
            objects: Vec::new(),
            comment: None,
        };
        let replaced = Collations::of(&Server::from_version("11.8.0-MariaDB")).adapt_record(&mut record);
        assert_eq!(
            (&record.character_set[..], &record.collation[..], replaced.len()),
            ("utf8mb4", "utf8mb4_general_ci", 1)
        );
    }

    #[test]
    fn routines_keep_what_they_do_not_name() {
        let known = ["utf8mb4_0900_ai_ci", "utf8mb4_general_ci"].map(str::to_owned).into();
        let collations = Collations { known, ..Collations::default() };
        let create = "CREATE FUNCTION \"f\"() RETURNS varchar(9) CHARSET utf8mb4 COLLATE utf8mb4_uca1400_ai_ci RETURN cast(1 as char charset utf8mb4)";
        let adapted = collations.adapt_object(create.as_bytes(), Quoting::of("ANSI_QUOTES"), &mut Replaced::new());
        assert_eq!(String::from_utf8(adapted).unwrap(), create.replace("uca1400", "0900"));
    }

    #[test]
    fn what_is_named_stays_when_it_is_known() {
        let create = "CREATE TABLE `t` (`a` text CHARACTER SET utf8mb4 COLLATE utf8mb4_bin) DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin";
        assert_eq!(adapted(&["utf8mb4_bin", "utf8mb4_general_ci"], create).0, create);
    }

    #[test]
    fn unknown_collations_become_the_nearest_known_one() {
        let create =
            "CREATE TABLE `t` (`a` text COLLATE utf8mb4_0900_as_cs) CHARSET=utf8mb4 COLLATE=utf8mb4_0900_ai_ci";
        let (text, replaced) = adapted(&["uca1400_nopad_as_cs", "utf8mb4_unicode_520_ci"], create);
        assert!(
            text.contains("COLLATE utf8mb4_uca1400_nopad_as_cs)") && text.ends_with("=utf8mb4_unicode_520_ci"),
            "{text}"
        );
        assert_eq!(replaced.len(), 2);
        let (text, replaced) = adapted(&["utf8_bin"], "CREATE TABLE `t` (`a` text COLLATE utf8mb3_bin)");
        assert!(text.contains("utf8_bin") && replaced.is_empty(), "{text}");
        let (text, _) = adapted(&["utf8mb4_bin"], create);
        assert_eq!(text, create, "the server says that it does not know it");
    }
}
