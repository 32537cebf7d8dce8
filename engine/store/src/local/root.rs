//! The folder of a store: making it, and errors about other things that stand there.

use std::fs;
use std::io;
use std::path::Path;

use super::unix as platform;
use crate::misplaced::{Found, Misplaced, Wanted};

/// Makes a folder and its parents, durably.
pub(super) fn make(path: &Path) -> io::Result<()> {
    let Some(parent) = path.parent() else { return Ok(()) };
    if path.is_dir() {
        return Ok(());
    }
    make(parent)?;
    platform::make_private_folder(path)?;
    platform::sync_folder(parent)
}

/// The same error, or a clearer one if a file, or a link that leads nowhere, stands where the root should be.
pub(super) fn not_a_folder(error: io::Error, path: &Path) -> io::Error {
    let found = match fs::symlink_metadata(path) {
        Ok(metadata) if metadata.is_symlink() && fs::metadata(path).is_err() => Found::Dangling,
        Ok(metadata) if metadata.is_file() => Found::File,
        Ok(metadata) if !metadata.is_dir() && !metadata.is_symlink() => Found::Other,
        _ if error.kind() == io::ErrorKind::NotADirectory => Found::Other,
        _ => return error,
    };
    Misplaced::error(path.display().to_string(), found, Wanted::Folder)
}
