//! Mount points.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};

use super::{Dir, FileStat, checked};

impl Dir {
    /// Whether something is mounted at the folder `name`, whose metadata is `stat`: another file system, or another
    /// part of this one.
    ///
    /// # Errors
    /// An error of the operating system.
    pub(crate) fn is_mount(&self, name: &[u8], stat: &FileStat) -> io::Result<bool> {
        if !stat.is_dir() {
            return Ok(false);
        }
        if stat.device != self.stat_self()?.device {
            return Ok(true);
        }
        let (here, there) = (mount_of(self.fd.as_fd(), b""), mount_of(self.fd.as_fd(), checked(name)?));
        Ok(here.is_some() && there.is_some() && here != there)
    }
}

/// The number of the mount that contains `name` in `folder`, or the folder itself; `None` if the system does not say.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn mount_of(folder: BorrowedFd<'_>, name: &[u8]) -> Option<u64> {
    use rustix::fs::{AtFlags, StatxFlags, statx};

    let flags = AtFlags::SYMLINK_NOFOLLOW | AtFlags::NO_AUTOMOUNT | AtFlags::EMPTY_PATH;
    let found = statx(folder, name, flags, StatxFlags::MNT_ID).ok()?;
    let knows = StatxFlags::from_bits_retain(found.stx_mask).contains(StatxFlags::MNT_ID);
    knows.then_some(found.stx_mnt_id)
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn mount_of(_: BorrowedFd<'_>, _: &[u8]) -> Option<u64> {
    None
}
