//! The free space of a file system.

use std::io;
use std::path::Path;

use rustix::fs::statvfs;
use rustix::io::retry_on_intr;

/// The number of bytes that users without privileges can still write at `path`.
///
/// # Errors
/// An error of the operating system, if `path` cannot be reached.
pub fn free_space(path: &Path) -> io::Result<u64> {
    let space = retry_on_intr(|| statvfs(path))?;
    Ok(space.f_bavail.saturating_mul(space.f_frsize))
}
