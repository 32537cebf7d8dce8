//! Folders that are never saved, whatever patterns say: they hold the backups themselves.

use std::path::{Path, PathBuf};

use crate::error::{Error, ErrorKind, Result};
use crate::filesystem::{Dir, FileStat, path_to_bytes};

/// A folder that no backup saves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Protected {
    /// The path that the user gave.
    pub path: PathBuf,
    /// Its description, as in "it is the repository".
    pub what: String,
}

/// Device and inode, which identify a folder under any path.
type Identity = (u64, u64);

/// The protected folders as seen from one root.
#[derive(Debug, Default)]
pub(super) struct Guard {
    folders: Vec<Guarded>,
}

#[derive(Debug)]
struct Guarded {
    what: String,
    /// Its path from the root, if the root contains it.
    beneath: Option<Vec<u8>>,
    /// The folder itself and its subfolders: any of them may be mounted elsewhere.
    identities: Vec<Identity>,
}

impl Guard {
    /// The effect of `protected` on the source `root`.
    ///
    /// # Errors
    /// If the root itself is in a protected folder.
    pub(super) fn new(protected: &[Protected], root: &Path) -> Result<Self> {
        let (real_root, root_identity) =
            (root.canonicalize().ok(), Dir::open(root).and_then(|dir| dir.stat_self()).ok());
        let mut folders = Vec::with_capacity(protected.len());
        for Protected { path, what } in protected {
            // A folder that does not exist yet needs no protection.
            let Ok(real_path) = path.canonicalize() else { continue };
            let identities = Dir::open(&real_path).map(|dir| identities(&dir)).unwrap_or_default();
            let is_in_it = real_root.as_ref().is_some_and(|root| root.starts_with(&real_path));
            if is_in_it || root_identity.as_ref().is_some_and(|stat| identities.contains(&identity(stat))) {
                let message = format!("cannot save {}: it is in {what} itself", root.display());
                return Err(Error::new(ErrorKind::Usage, message)
                    .with_hint("Save another folder, or one above: this one is then left out."));
            }
            let beneath = real_root.as_ref().and_then(|root| real_path.strip_prefix(root).ok());
            let beneath = beneath.map(|path| path_to_bytes(path).to_vec());
            folders.push(Guarded { what: what.clone(), beneath, identities });
        }
        Ok(Guard { folders })
    }

    /// The description of the folder if it is protected; `path` is from the root.
    pub(super) fn find(&self, path: &[u8], stat: &FileStat) -> Option<&str> {
        let is_it =
            |folder: &&Guarded| folder.beneath.as_deref() == Some(path) || folder.identities.contains(&identity(stat));
        let found = self.folders.iter().filter(|_| stat.is_dir()).find(is_it);
        found.map(|folder| folder.what.as_str())
    }
}

fn identity(stat: &FileStat) -> Identity {
    (stat.device, stat.entry.inode)
}

/// The identities of a folder and its subfolders. If they cannot be read, the path alone protects.
fn identities(dir: &Dir) -> Vec<Identity> {
    let below = dir.names().unwrap_or_default().into_iter().filter_map(|name| dir.stat(&name).ok());
    let folders = dir.stat_self().into_iter().chain(below.filter(FileStat::is_dir));
    folders.map(|stat| identity(&stat)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn protected(path: &Path) -> Vec<Protected> {
        vec![Protected { path: path.to_owned(), what: "the repository".to_owned() }]
    }

    #[test]
    fn a_folder_is_known_by_its_path_and_by_what_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let (root, repo) = (folder.path().join("root"), folder.path().join("root/a/repo"));
        std::fs::create_dir_all(repo.join("packs")).unwrap();
        std::fs::create_dir_all(folder.path().join("root/other")).unwrap();
        let guard = Guard::new(&protected(&repo), &root).unwrap();
        let stat = |path: &Path| Dir::open(path).unwrap().stat_self().unwrap();
        let other = stat(&root.join("other"));
        assert_eq!(guard.find(b"somewhere", &stat(&repo)), Some("the repository"));
        assert_eq!(guard.find(b"somewhere", &stat(&repo.join("packs"))), Some("the repository"));
        assert_eq!(guard.find(b"a/repo", &other), Some("the repository"), "where inodes are not stable");
        assert_eq!(guard.find(b"other", &other), None);
        for inside in [repo.clone(), repo.join("packs")] {
            assert_eq!(Guard::new(&protected(&repo), &inside).unwrap_err().kind(), ErrorKind::Usage);
        }
        assert!(Guard::new(&protected(&folder.path().join("not there")), &root).unwrap().folders.is_empty());
    }
}
