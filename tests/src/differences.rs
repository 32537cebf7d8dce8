//! The differences of two descriptions of a schema, in few words.

use std::collections::BTreeMap;

/// Letters of a line that are shown.
const SHOWN: usize = 300;

/// For each name what is in one description only, or the first line that differs.
pub fn differences(was: &BTreeMap<String, String>, is: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for (name, text) in was {
        match is.get(name) {
            None => drop(found.insert(name.clone(), "is missing".to_owned())),
            Some(other) if other != text => drop(found.insert(name.clone(), first_line(text, other))),
            Some(_) => {}
        }
    }
    let added = is.keys().filter(|name| !was.contains_key(*name));
    found.extend(added.map(|name| (name.clone(), "was not there".to_owned())));
    found
}

fn first_line(was: &str, is: &str) -> String {
    let (mut was, mut is) = (was.lines(), is.lines());
    loop {
        match (was.next(), is.next()) {
            (Some(old), Some(new)) if old == new => {}
            (old, new) => return format!("was {}\n  is  {}", shown(old), shown(new)),
        }
    }
}

fn shown(line: Option<&str>) -> String {
    line.map_or_else(|| "nothing".to_owned(), |line| line.chars().take(SHOWN).collect())
}
