//! The ids that a page shows, and those that were printed in their places.

use std::collections::BTreeMap;

use super::shape::is_id;

/// The printed id of each id that the page has shown.
#[derive(Default)]
pub struct Ids(BTreeMap<String, String>);

impl Ids {
    /// Takes the ids of what a command printed for those that the page shows, in their order.
    pub fn learn(&mut self, shown: &str, printed: &str) {
        for (shown, printed) in ids(shown).zip(ids(printed)) {
            self.0.insert(shown.to_owned(), printed.to_owned());
        }
    }

    /// A command with the ids that were printed.
    pub fn real(&self, command: &str) -> String {
        let mut real = command.to_owned();
        for id in ids(command) {
            if let Some(printed) = self.0.get(id) {
                real = real.replace(id, printed);
            }
        }
        real
    }
}

fn ids(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| is_id(word))
}
