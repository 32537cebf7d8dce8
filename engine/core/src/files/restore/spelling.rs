//! Targets that do not tell names apart that differ in case only.

use std::collections::HashMap;

use crate::filesystem::Dir;

/// A file that is made for a moment, to see under which names it is found.
const PROBE: &[u8] = b".enamel-probe-aB";

/// The names of one folder, where the target does not tell all of them apart.
#[derive(Default)]
pub(super) struct Spellings {
    /// Those of the snapshot that came before.
    met: HashMap<Vec<u8>, Vec<u8>>,
    /// Those that the target lists.
    listed: HashMap<Vec<u8>, Vec<u8>>,
}

impl Spellings {
    /// Those of a folder in which the target lists `names`.
    pub fn new(names: Vec<Vec<u8>>) -> Self {
        let listed = names.into_iter().map(|name| (fold(&name), name)).collect();
        Spellings { met: HashMap::new(), listed }
    }

    /// How the target spells `name`. Only this spelling is asked for: some file systems remember each one that they are asked for as a
    /// thing of its own, and give old content under it.
    pub fn in_target<'n>(&'n self, name: &'n [u8]) -> &'n [u8] {
        self.listed.get(&fold(name)).map_or(name, Vec::as_slice)
    }

    /// The name that came before and that the target would take `name` for. Else `name` is noted.
    pub fn clash(&mut self, name: &[u8]) -> Option<&[u8]> {
        let folded = fold(name);
        if self.met.contains_key(&folded) {
            return self.met.get(&folded).map(Vec::as_slice);
        }
        self.met.insert(folded, name.to_vec());
        None
    }
}

/// `name` without its case.
pub(super) fn fold(name: &[u8]) -> Vec<u8> {
    match std::str::from_utf8(name) {
        Ok(text) => text.to_uppercase().to_lowercase().into_bytes(),
        Err(_) => name.to_ascii_lowercase(),
    }
}

/// Whether `dir` finds what is in it under names in another case: seen from what is there, without changing anything.
pub(super) fn is_seen_to_fold(dir: &Dir) -> Option<bool> {
    let names = dir.names().ok()?;
    let name = names.iter().find(|name| other_case(name) != **name && !names.contains(&other_case(name)))?;
    // It is not listed: if it is found, it is another spelling.
    Some(dir.stat(&other_case(name)).is_ok())
}

/// As [`is_seen_to_fold`]; where nothing tells, a file is made and removed.
pub(super) fn folds(dir: &Dir) -> bool {
    if let Some(seen) = is_seen_to_fold(dir) {
        return seen;
    }
    // Where no file can be made, none is restored.
    if dir.create_file(PROBE).is_err() {
        return false;
    }
    let folds = dir.stat(&other_case(PROBE)).is_ok();
    // If it cannot be removed now, it is empty and says whose it is.
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
