//! The folder that a store is in: making it, and what stands there instead.

use std::fs;
use std::io;
use std::path::Path;

use super::unix as platform;
use crate::misplaced::{Found, Misplaced, Wanted};

/// Makes a folder and those above it, durably.
pub(super) fn make(path: &Path) -> io::Result<()> {
    let Some(parent) = path.parent() else { return Ok(()) };
    if path.is_dir() {
        return Ok(());
    }
    make(parent)?;
    platform::make_private_folder(path)?;
    platform::sync_folder(parent)
}

/// The same error, but for one that says that a file, or a link that leads nowhere, stands where the root of a store is to be.
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
