//! The volume that a folder is on: two disks may be mounted in one place in turn.

use std::path::Path;

/// The folder's path, and the volume if its identity can be known.
pub(super) fn place(path: &Path) -> String {
    let path = std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    match volume(&path) {
        Some(volume) => format!("{} on volume {volume}", path.display()),
        None => path.display().to_string(),
    }
}

/// The identity of a folder's file system, which stays the same when it is mounted again. Network shares and file
/// systems on several disks have none.
#[cfg(target_os = "linux")]
fn volume(path: &Path) -> Option<String> {
    use std::os::unix::fs::MetadataExt;
    let device = std::fs::metadata(path).ok()?.dev();
    let mut names = std::fs::read_dir("/dev/disk/by-uuid").ok()?.flatten();
    let is_it = |entry: &std::fs::DirEntry| entry.path().metadata().is_ok_and(|node| node.rdev() == device);
    names.find(is_it).map(|entry| entry.file_name().to_string_lossy().into_owned())
}

#[cfg(not(target_os = "linux"))]
fn volume(_: &Path) -> Option<String> {
    None
}
