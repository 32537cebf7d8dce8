//! Extended attributes, including access control lists.

use rustix::io::Errno;

#[cfg_attr(not(target_vendor = "apple"), path = "linux.rs")]
#[cfg_attr(target_vendor = "apple", path = "apple.rs")]
mod system;

pub(super) use system::{MISSING, Xattrs};

/// The longest attribute value that is read: an entry may not have more.
const LONGEST: usize = 4 << 20;

/// Whether to leave the attribute alone, because it cannot be restored.
///
/// `security.evm` signs the inode number for one machine's key; `com.apple.provenance` is the system's own record.
pub(super) fn is_fixed(name: &[u8]) -> bool {
    matches!(name, b"security.evm" | b"com.apple.provenance")
}

/// Whether the attribute gives rights to a user who runs the file, as set-user-id does.
pub(super) fn gives_rights(name: &[u8]) -> bool {
    name == b"security.capability"
}

/// Whether only root may set the attribute.
pub(super) fn needs_root(name: &[u8]) -> bool {
    name.starts_with(b"security.") || name.starts_with(b"trusted.")
}

/// Whether restore removes the attribute from things that should not have it. Labels and the like come from the system.
pub(super) fn is_removable(name: &[u8]) -> bool {
    name.starts_with(b"user.") || name.starts_with(b"system.posix_acl_")
}

/// The names in a list of the system: a NUL ends each.
fn split(list: &[u8]) -> Vec<Vec<u8>> {
    list.split(|byte| *byte == 0).filter(|name| !name.is_empty()).map(<[u8]>::to_vec).collect()
}

/// The bytes that `ask` puts into a buffer, which grows until they fit.
fn grown(mut ask: impl FnMut(&mut Vec<u8>) -> Result<usize, Errno>) -> Result<Vec<u8>, Errno> {
    let mut buffer = Vec::with_capacity(512);
    loop {
        match ask(&mut buffer) {
            Err(Errno::RANGE) if buffer.capacity() < LONGEST => buffer.reserve(buffer.capacity() * 8),
            Err(error) => return Err(error),
            Ok(_) => return Ok(buffer),
        }
    }
}
