//! The names that a page shows, and those on the machine of the test.

use crate::harness::ENAMEL;

/// Folders of the page that are below the machine's folder.
const PLACES: [&str; 5] = ["/srv", "/mnt", "/etc/enamel", "/tmp", "/run/mysqld"];
/// The machine that examples are about.
const HOST: &str = "server";

/// The text of a page, with paths below `folder`.
pub fn real(text: &str, folder: &str) -> String {
    let mut real = String::new();
    for (at, character) in text.char_indices() {
        let before = text[..at].chars().next_back();
        let begins = before.is_none_or(|before| before.is_whitespace() || "'\">=(".contains(before));
        if begins && PLACES.iter().any(|place| names(&text[at..], place)) {
            real.push_str(folder);
        }
        real.push(character);
    }
    real
}

/// Whether a text begins with a path in `place`.
fn names(text: &str, place: &str) -> bool {
    let rest = text.strip_prefix(place);
    rest.is_some_and(|rest| !rest.starts_with(|c: char| c.is_alphanumeric() || c == '-'))
}

/// The output of a command, with the paths of the page, and without names that only the machine of the test has.
pub fn shown(text: &str, folder: &str, host: &str) -> String {
    let text =
        text.replace(&format!("{folder}/home"), "~").replace(folder, "").replace(ENAMEL, "/usr/local/bin/enamel");
    let mut shown = String::new();
    for word in text.split_inclusive(|c: char| !c.is_alphanumeric() && c != '-') {
        let name = word.trim_end_matches(|c: char| !c.is_alphanumeric());
        shown.push_str(&if name == host { word.replacen(host, HOST, 1) } else { word.to_owned() });
    }
    // The column of a table is as wide as the name that stands in it.
    let wider = HOST.len().saturating_sub(host.len().max("HOST".len()));
    shown.replace("  HOST  ", &format!("  HOST{:wider$}  ", ""))
}
