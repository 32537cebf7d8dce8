//! Targets whose names ignore case.

use std::collections::HashMap;

use crate::filesystem::Dir;

/// A temporary file, which shows whether names ignore case.
const PROBE: &[u8] = b".enamel-probe-aB";

/// The names of one folder, if the target ignores case.
#[derive(Default)]
pub(super) struct Spellings {
    /// The earlier names of the snapshot.
    met: HashMap<Vec<u8>, Vec<u8>>,
    /// The names that the target lists.
    listed: HashMap<Vec<u8>, Vec<u8>>,
}

impl Spellings {
    /// Starts with the `names` that the target lists in a folder.
    pub fn new(names: Vec<Vec<u8>>) -> Self {
        let listed = names.into_iter().map(|name| (fold(&name), name)).collect();
        Spellings { met: HashMap::new(), listed }
    }

    /// The target's spelling of `name`. Only this spelling is looked up: some file systems remember each looked-up
    /// spelling as a separate thing, and return old content for it.
    pub fn in_target<'n>(&'n self, name: &'n [u8]) -> &'n [u8] {
        self.listed.get(&fold(name)).map_or(name, Vec::as_slice)
    }

    /// The earlier name that the target would confuse with `name`. If there is none, notes `name`.
    pub fn clash(&mut self, name: &[u8]) -> Option<&[u8]> {
        let folded = fold(name);
        if self.met.contains_key(&folded) {
            return self.met.get(&folded).map(Vec::as_slice);
        }
        self.met.insert(folded, name.to_vec());
        None
    }
}

/// `name` in lower case.
pub(super) fn fold(name: &[u8]) -> Vec<u8> {
    match std::str::from_utf8(name) {
        Ok(text) => text.to_uppercase().to_lowercase().into_bytes(),
        Err(_) => name.to_ascii_lowercase(),
    }
}

/// Whether `dir` finds its contents under names in another case. Uses existing names, and changes nothing.
pub(super) fn is_seen_to_fold(dir: &Dir) -> Option<bool> {
    let names = dir.names().ok()?;
    let name = names.iter().find(|name| other_case(name) != **name && !names.contains(&other_case(name)))?;
    // This spelling is not listed. If it is found, names ignore case.
    Some(dir.stat(&other_case(name)).is_ok())
}

/// As [`is_seen_to_fold`]. If existing names do not tell, makes a file and removes it.
pub(super) fn folds(dir: &Dir) -> bool {
    if let Some(seen) = is_seen_to_fold(dir) {
        return seen;
    }
    // If no file can be made, none is restored.
    if dir.create_file(PROBE).is_err() {
        return false;
    }
    let folds = dir.stat(&other_case(PROBE)).is_ok();
    // If it cannot be removed now, it is empty, and its name says whose it is.
    let _ = dir.remove_file(PROBE);
    folds
}

fn other_case(name: &[u8]) -> Vec<u8> {
    let swap =
        |byte: &u8| if byte.is_ascii_lowercase() { byte.to_ascii_uppercase() } else { byte.to_ascii_lowercase() };
    name.iter().map(swap).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_differ_in_case_clash_and_the_first_stays() {
        let mut spellings = Spellings::default();
        assert_eq!(spellings.clash(b"File.txt"), None);
        assert_eq!(spellings.clash(b"other"), None);
        assert_eq!(spellings.clash(b"file.TXT"), Some(&b"File.txt"[..]));
        assert_eq!(spellings.clash(b"FILE.txt"), Some(&b"File.txt"[..]));
        assert_eq!(spellings.clash("Ä".as_bytes()), None);
        assert_eq!(spellings.clash("ä".as_bytes()), Some("Ä".as_bytes()));
        assert_eq!(spellings.clash(b"\xffA"), None);
        assert_eq!(spellings.clash(b"\xffa"), Some(&b"\xffA"[..]));
    }

    #[test]
    fn a_name_is_asked_for_as_the_target_spells_it() {
        let spellings = Spellings::new(vec![b"readme.txt".to_vec(), "Ä".as_bytes().to_vec()]);
        assert_eq!(spellings.in_target(b"README.TXT"), b"readme.txt");
        assert_eq!(spellings.in_target("ä".as_bytes()), "Ä".as_bytes());
        assert_eq!(spellings.in_target(b"New"), b"New");
    }

    #[test]
    fn a_folder_that_tells_names_apart_is_seen_to() {
        let folder = tempfile::tempdir().unwrap();
        let dir = Dir::open(folder.path()).unwrap();
        assert_eq!(is_seen_to_fold(&dir), None);
        assert!(!folds(&dir));
        assert!(dir.names().unwrap().is_empty(), "the probe has gone");
        std::fs::write(folder.path().join("x"), b"").unwrap();
        assert_eq!(is_seen_to_fold(&dir), Some(false));
    }
}
