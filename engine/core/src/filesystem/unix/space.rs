//! How much room a file system has.

use std::io;
use std::path::Path;

use rustix::fs::statvfs;
use rustix::io::retry_on_intr;

/// Bytes that users without privileges can still write where `path` is.
///
/// # Errors
/// What the system says, if `path` cannot be reached.
pub fn free_space(path: &Path) -> io::Result<u64> {
    let space = retry_on_intr(|| statvfs(path))?;
    Ok(space.f_bavail.saturating_mul(space.f_frsize))
}
