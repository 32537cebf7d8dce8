//! Things that a restore never removes, replaces or writes into, whatever a snapshot says: this run itself uses them.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use crate::error::{Error, ErrorKind, Result};
use crate::filesystem::{Dir, FileStat, path_to_bytes};

/// Things in use, by identity: another name or a link makes no difference.
#[derive(Default)]
pub(super) struct Protected {
    identities: HashSet<(u64, u64)>,
}

impl Protected {
    /// The present things at `paths`; missing ones need no protection.
    pub fn new(paths: &[PathBuf]) -> Self {
        // Protects both a link and its target.
        let both = |path: &PathBuf| [identity(path), path.canonicalize().ok().and_then(|path| identity(&path))];
        Protected { identities: paths.iter().flat_map(both).flatten().collect() }
    }

    /// Whether this is one of them.
    pub fn has(&self, stat: &FileStat) -> bool {
        self.identities.contains(&stat.identity())
    }

    /// Refuses a target that is one of them, or is inside one.
    pub fn check_target(&self, target: &Path) -> Result<()> {
        // For a target that does not exist yet, its parent folders count.
        let Some(real) = target.ancestors().find_map(|path| path.canonicalize().ok()) else { return Ok(()) };
        for folder in real.ancestors() {
            if identity(folder).is_some_and(|identity| self.identities.contains(&identity)) {
                let message =
                    format!("cannot restore to {}: it is in {}, which is in use", target.display(), folder.display());
                return Err(
                    Error::new(ErrorKind::Usage, message).with_hint("Name an empty folder elsewhere with --target.")
                );
            }
        }
        Ok(())
    }
}

/// Whether `dir` is the root of the file system.
pub(super) fn is_whole_system(dir: &Dir) -> bool {
    let identities = [Dir::open(Path::new("/")).and_then(|root| root.stat_self()), dir.stat_self()];
    matches!(identities, [Ok(root), Ok(dir)] if root.identity() == dir.identity())
}

/// Device and inode of what `path` names itself.
fn identity(path: &Path) -> Option<(u64, u64)> {
    match (path.parent(), path.file_name()) {
        (Some(parent), Some(name)) => {
            let parent = if parent.as_os_str().is_empty() { Path::new(".") } else { parent };
            Dir::open(parent).ok()?.stat(path_to_bytes(Path::new(name))).ok().map(|stat| stat.identity())
        }
        _ => Dir::open(path).ok()?.stat_self().ok().map(|stat| stat.identity()),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn things_are_known_by_what_they_are() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::create_dir(at("repository")).unwrap();
        fs::write(at("key"), b"key").unwrap();
        std::os::unix::fs::symlink("key", at("link")).unwrap();
        fs::hard_link(at("key"), at("other name")).unwrap();
        fs::write(at("file"), b"key").unwrap();
        let protected = Protected::new(&[at("repository"), at("link"), at("nowhere")]);
        let dir = Dir::open(folder.path()).unwrap();
        for (name, expected) in
            [("repository", true), ("link", true), ("key", true), ("other name", true), ("file", false)]
        {
            assert_eq!(protected.has(&dir.stat(name.as_bytes()).unwrap()), expected, "{name}");
        }
    }

    #[test]
    fn a_target_in_something_protected_is_refused_and_one_around_it_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::create_dir_all(at("repository/packs")).unwrap();
        std::os::unix::fs::symlink("repository", at("link")).unwrap();
        let protected = Protected::new(&[at("repository")]);
        for name in ["repository", "repository/packs", "repository/new/deep", "link/packs"] {
            assert_eq!(protected.check_target(&at(name)).unwrap_err().kind(), ErrorKind::Usage, "{name}");
        }
        for name in ["", "new", "repository2"] {
            assert!(protected.check_target(&at(name)).is_ok(), "{name}");
        }
    }
}
