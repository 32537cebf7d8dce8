//! Disks: a backup on the disk of what it saves goes with it.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Where disks of people are mounted.
const MOUNTS: [&str; 4] = ["/mnt", "/media", "/run/media", "/Volumes"];
/// Disks that are named.
const SHOWN: usize = 5;

/// The first of `sources` that lies on the disk that `place` is on, or would be made on.
pub fn shared_with<'s>(place: &Path, sources: impl IntoIterator<Item = &'s PathBuf>) -> Option<&'s PathBuf> {
    let disk = device(place)?;
    sources.into_iter().find(|source| device(source) == Some(disk))
}

/// The device of the nearest folder that is there.
fn device(path: &Path) -> Option<u64> {
    path.ancestors().find_map(|folder| folder.metadata().ok()).map(|found| found.dev())
}

/// Folders in which another disk seems to be mounted.
pub fn others() -> Vec<PathBuf> {
    let root = device(Path::new("/"));
    let below = |folder: PathBuf| std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let first: Vec<PathBuf> = MOUNTS.iter().flat_map(|mount| below(mount.into())).collect();
    // Desktops mount below a folder of the user.
    let second = first.clone().into_iter().flat_map(below);
    let mut found: Vec<PathBuf> =
        first.iter().cloned().chain(second).filter(|folder| folder.is_dir() && device(folder) != root).collect();
    found.dedup_by_key(|folder| device(folder));
    found.truncate(SHOWN);
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_that_is_not_there_yet_is_on_the_disk_of_the_folder_that_is_to_hold_it() {
        let folder = tempfile::tempdir().unwrap();
        let source = folder.path().join("images");
        std::fs::create_dir(&source).unwrap();
        assert_eq!(shared_with(&folder.path().join("not/yet"), [&source]), Some(&source));
        assert_eq!(shared_with(Path::new("/proc/self"), [&source]), None);
    }
}
