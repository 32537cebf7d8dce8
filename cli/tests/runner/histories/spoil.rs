//! Damage to the files of a cache while processes use it.

use std::fs;
use std::path::Path;

/// Removes a folder, as far as it is there.
pub fn remove(folder: &Path) {
    // Another process may be making files in it just now: then some of it stays, as it would for anybody.
    let _ = fs::remove_dir_all(folder);
}

/// Puts a copy of all files of one folder in the place of another's. Files that come or go meanwhile are passed over.
pub fn copy(from: &Path, to: &Path) {
    let Ok(entries) = fs::read_dir(from) else { return };
    for entry in entries.flatten() {
        let (path, target) = (entry.path(), to.join(entry.file_name()));
        if path.is_dir() {
            copy(&path, &target);
        } else if fs::create_dir_all(to).is_ok() {
            let beside = target.with_extension("copied");
            if fs::copy(&path, &beside).is_ok() {
                let _ = fs::rename(&beside, &target);
            }
        }
    }
}
