//! Extended attributes on macOS, which has no calls relative to a folder. So this opens the thing itself.

use std::os::fd::OwnedFd;

use rustix::buffer::spare_capacity;
use rustix::fs::{self, Mode, OFlags, XattrFlags};
use rustix::io::{self, Errno};

use super::super::Object;
use super::{grown, split};

/// `O_SYMLINK`, for which rustix has no name: opens a symbolic link itself.
const LINK_ITSELF: OFlags = OFlags::from_bits_retain(0x20_0000);

/// The error for a missing attribute.
pub(in super::super) const MISSING: Errno = Errno::NOATTR;

/// The extended attributes of one thing.
pub(in super::super) struct Xattrs(OwnedFd);

impl Xattrs {
    pub(in super::super) fn of(object: Object<'_>) -> Result<Self, Errno> {
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC | LINK_ITSELF;
        Ok(Xattrs(match object {
            Object::Open(fd) => io::fcntl_dupfd_cloexec(fd, 0)?,
            Object::Name(folder, name) => fs::openat(folder, name, flags, Mode::empty())?,
        }))
    }

    pub(in super::super) fn names(&self) -> Result<Vec<Vec<u8>>, Errno> {
        Ok(split(&grown(|buffer| fs::flistxattr(&self.0, spare_capacity(buffer)))?))
    }

    pub(in super::super) fn get(&self, name: &[u8]) -> Result<Vec<u8>, Errno> {
        grown(|buffer| fs::fgetxattr(&self.0, name, spare_capacity(buffer)))
    }

    pub(in super::super) fn set(&self, name: &[u8], value: &[u8]) -> Result<(), Errno> {
        fs::fsetxattr(&self.0, name, value, XattrFlags::empty())
    }

    pub(in super::super) fn remove(&self, name: &[u8]) -> Result<(), Errno> {
        fs::fremovexattr(&self.0, name)
    }
}
