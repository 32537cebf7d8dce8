//! Tables of a copy that would lead out of it: to a live schema, another server, or another folder.

use super::definition::{body, items};
use super::renaming::{Pointing, Renaming, schemas_of};
use crate::database::quote_name;
use crate::dialect::{Kind, Quoting, Token, edited, is_keyword, tokens};

/// Engines whose rows are always elsewhere.
const ELSEWHERE: [&str; 2] = ["FEDERATED", "SPIDER"];
/// Options of CONNECT that may name something other than the table's own file.
const OF_CONNECT: [&str; 7] = ["CONNECTION", "DBNAME", "TABNAME", "TABLE_LIST", "SRCDEF", "FILE_NAME", "OPTION_LIST"];

/// A table's definition as its copy has it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Fitted {
    /// The definition, in which schemas still have their former names.
    pub create: Vec<u8>,
    /// Omissions, as sentences.
    pub left_out: Vec<String>,
    /// Why the whole table is left out.
    pub refusal: Option<String>,
}

/// The definition `create` of a table of `schema`, without parts that lead out of a copy. Unchanged if the schema keeps
/// its name.
pub fn fit(create: &[u8], schema: &str, engine: &str, renaming: &Renaming) -> Fitted {
    let pointing = renaming.apply(schema, create, Quoting::default()).pointing;
    let mut fitted = Fitted { create: create.to_vec(), ..Fitted::default() };
    if renaming.leaves(schema) && leads_elsewhere(create, engine) {
        let message =
            "its rows are elsewhere, and the copy would work on these: it is not made, unless references are kept";
        fitted.refusal = Some(message.to_owned());
        return fitted;
    }
    if pointing.is_empty() {
        return fitted;
    }
    let mut cuts = Vec::new();
    for one in &pointing {
        match cut(create, one) {
            Some(cut) => cuts.push(cut),
            None => {
                fitted.refusal = Some(format!("{}: it is not made, unless references are kept", names(&pointing)));
                return fitted;
            }
        }
    }
    cuts.dedup_by(|a, b| a.at == b.at);
    fitted.create = edited(create, &cuts.iter().map(|cut| (cut.at.clone(), String::new())).collect::<Vec<_>>());
    fitted.left_out = cuts.into_iter().map(|cut| cut.sentence).collect();
    fitted
}

/// Says which schemas a definition names.
pub fn names(pointing: &[Pointing]) -> String {
    format!("it names {}, on which it would work, and which is not part of this restore", schemas_of(pointing))
}

/// A part of a definition that a table can do without.
struct Cut {
    at: std::ops::Range<usize>,
    sentence: String,
}

/// The foreign key or default that holds `pointing`; `None` if it is neither.
fn cut(create: &[u8], pointing: &Pointing) -> Option<Cut> {
    let tokens = tokens(create)?;
    let (first, last) = body(create, &tokens)?;
    let within = |item: &&[Token]| {
        let (from, to) = (item.first().map(|t| t.at.start), item.last().map(|t| t.at.end));
        from.is_some_and(|from| from <= pointing.at.start) && to.is_some_and(|to| pointing.at.end <= to)
    };
    let items = items(&tokens[first + 1..last]);
    let place = items.iter().position(within)?;
    let item = items[place];
    let schema = quote_name(&pointing.schema);
    let shown = |token: &Token| String::from_utf8_lossy(&create[token.at.clone()]).into_owned();
    let (start, end) = (item.first()?.at.start, item.last()?.at.end);
    if item.iter().any(|token| token.depth == 1 && is_keyword(create, token, "FOREIGN")) {
        let name = item.get(1).map(shown).unwrap_or_default();
        let sentence = format!(
            "its foreign key {name} leads to {schema}, which is not part of this restore: it is not made, unless references are kept"
        );
        // With the comma before it: a table has a column first.
        let before = items.get(place.checked_sub(1)?)?.last()?.at.end;
        return Some(Cut { at: before..end, sentence });
    }
    let default = item.iter().position(|token| token.depth == 1 && is_keyword(create, token, "DEFAULT"))?;
    let value = item.get(default + 1..)?;
    let close = value.iter().position(|token| token.kind == Kind::Close && token.depth == 1)?;
    let at = item[default].at.start..value[close].at.end;
    let is_in = at.start <= pointing.at.start && pointing.at.end <= at.end;
    let name = String::from_utf8_lossy(&create[start..item[0].at.end]).into_owned();
    let sentence = format!(
        "the default of its column {name} is of {schema}, which is not part of this restore: it has none, unless references are kept"
    );
    is_in.then_some(Cut { at, sentence })
}

fn leads_elsewhere(create: &[u8], engine: &str) -> bool {
    if ELSEWHERE.iter().any(|name| name.eq_ignore_ascii_case(engine)) {
        return true;
    }
    let tokens = tokens(create).unwrap_or_default();
    let has = |word: &str| tokens.iter().any(|token| token.depth == 0 && names_option(create, token, word));
    engine.eq_ignore_ascii_case("CONNECT") && OF_CONNECT.iter().any(|option| has(option))
}

/// Servers write options of engines in backquotes.
fn names_option(create: &[u8], token: &Token, word: &str) -> bool {
    matches!(token.kind, Kind::Word | Kind::Name)
        && crate::dialect::unquote(&create[token.at.clone()]).eq_ignore_ascii_case(word.as_bytes())
}

/// The definition without the folders that it names for its files: those of a copy stand in the server's own. `None` if it names none.
pub fn without_folders(create: &[u8]) -> Option<Vec<u8>> {
    let tokens = tokens(create)?;
    let mut cuts = Vec::new();
    for (at, token) in tokens.iter().enumerate() {
        let is_option = is_keyword(create, token, "DATA") || is_keyword(create, token, "INDEX");
        if !is_option || !tokens.get(at + 1).is_some_and(|next| is_keyword(create, next, "DIRECTORY")) {
            continue;
        }
        let value = tokens.get(at + 2..).and_then(|rest| rest.iter().take(2).find(|token| token.kind == Kind::Text));
        cuts.extend(value.map(|value| (token.at.start..value.at.end, String::new())));
    }
    (!cuts.is_empty()).then(|| edited(create, &cuts))
}

#[cfg(test)]
mod tests {
    use super::super::options::SchemaChoice;
    use super::*;

    fn fitted(create: &str, engine: &str, to: &str) -> Fitted {
        let names = vec![SchemaChoice { from: "od".to_owned(), to: to.to_owned() }];
        fit(create.as_bytes(), "od", engine, &Renaming { names, ..Renaming::default() })
    }

    #[test]
    fn foreign_keys_and_defaults_of_other_schemas_are_left_out() {
        let create = "CREATE TABLE `t` (\n  `a` int DEFAULT nextval(`third`.`s`),\n  `b` int,\n  KEY `b` (`b`),\n  \
                      CONSTRAINT `f` FOREIGN KEY (`b`) REFERENCES `third`.`p` (`x`),\n  \
                      CONSTRAINT `g` FOREIGN KEY (`b`) REFERENCES `q` (`x`)\n) ENGINE=InnoDB";
        let copy = fitted(create, "InnoDB", "copy");
        assert_eq!(
            String::from_utf8(copy.create).unwrap(),
            "CREATE TABLE `t` (\n  `a` int ,\n  `b` int,\n  KEY `b` (`b`),\n  CONSTRAINT `g` FOREIGN KEY (`b`) REFERENCES `q` (`x`)\n) ENGINE=InnoDB"
        );
        assert!(copy.left_out[0].contains("column `a` is of `third`") && copy.left_out[1].contains("key `f` leads to"));
        assert_eq!((copy.left_out.len(), copy.refusal), (2, None));
        assert_eq!(fitted(create, "InnoDB", "od"), Fitted { create: create.into(), ..Fitted::default() });
    }

    #[test]
    fn tables_whose_rows_are_elsewhere_are_left_out() {
        let merge = "CREATE TABLE `m` (`a` int) ENGINE=MRG_MyISAM UNION=(`a`,`third`.`b`)";
        assert!(fitted(merge, "MRG_MyISAM", "copy").refusal.unwrap().contains("`third`"));
        let own = "CREATE TABLE `m` (`a` int) ENGINE=MRG_MyISAM UNION=(`a`,`od`.`b`)";
        assert_eq!(fitted(own, "MRG_MyISAM", "copy").refusal, None);
        let federated = "CREATE TABLE `m` (`a` int) ENGINE=FEDERATED CONNECTION='mysql://h/od/m'";
        assert!(fitted(federated, "FEDERATED", "copy").refusal.is_some());
        assert!(fitted(federated, "FEDERATED", "od").refusal.is_none());
        let connect = |options| format!("CREATE TABLE `m` (`a` int) ENGINE=CONNECT {options}");
        assert!(fitted(&connect("`TABLE_TYPE`=mysql `DBNAME`='od'"), "CONNECT", "copy").refusal.is_some());
        assert!(fitted(&connect("`TABLE_TYPE`=DBF"), "CONNECT", "copy").refusal.is_none());
    }

    #[test]
    fn folders_are_those_of_the_server() {
        let create = "CREATE TABLE `t` (`data` int COMMENT 'DATA DIRECTORY=''x''') DATA DIRECTORY='/a/' INDEX DIRECTORY = '/b/' X=1";
        let expected = "CREATE TABLE `t` (`data` int COMMENT 'DATA DIRECTORY=''x''')   X=1";
        assert_eq!(without_folders(create.as_bytes()).unwrap(), expected.as_bytes());
        assert_eq!(without_folders(b"CREATE TABLE `t` (`a` int)"), None);
    }
}
