//! Linux: there are no calls relative to a folder, but the open folder has a path in `/proc`. It is short, whatever the folder's
//! own is, and only the last name in it is ours, which these calls do not follow.

use std::os::fd::{AsRawFd, BorrowedFd};

use rustix::buffer::spare_capacity;
use rustix::fs::{self, XattrFlags};
use rustix::io::Errno;

use super::super::Object;
use super::{grown, split};

/// The error for an attribute that is not there.
pub(in super::super) const MISSING: Errno = Errno::NODATA;

/// The extended attributes of one thing.
pub(in super::super) enum Xattrs<'a> {
    Open(BorrowedFd<'a>),
    Path(Vec<u8>),
}

impl<'a> Xattrs<'a> {
    pub(in super::super) fn of(object: Object<'a>) -> Result<Self, Errno> {
        Ok(match object {
            Object::Open(fd) => Xattrs::Open(fd),
            Object::Name(folder, name) => {
                let mut path = format!("/proc/self/fd/{}/", folder.as_raw_fd()).into_bytes();
                path.extend_from_slice(name);
                Xattrs::Path(path)
            }
        })
    }

    pub(in super::super) fn names(&self) -> Result<Vec<Vec<u8>>, Errno> {
        let list = grown(|buffer| match self {
            Xattrs::Open(fd) => fs::flistxattr(fd, spare_capacity(buffer)),
            Xattrs::Path(path) => fs::llistxattr(path, spare_capacity(buffer)),
        })?;
        Ok(split(&list))
    }

    pub(in super::super) fn get(&self, name: &[u8]) -> Result<Vec<u8>, Errno> {
        grown(|buffer| match self {
            Xattrs::Open(fd) => fs::fgetxattr(fd, name, spare_capacity(buffer)),
            Xattrs::Path(path) => fs::lgetxattr(path, name, spare_capacity(buffer)),
        })
    }

    pub(in super::super) fn set(&self, name: &[u8], value: &[u8]) -> Result<(), Errno> {
        match self {
            Xattrs::Open(fd) => fs::fsetxattr(fd, name, value, XattrFlags::empty()),
            Xattrs::Path(path) => fs::lsetxattr(path, name, value, XattrFlags::empty()),
        }
    }

    pub(in super::super) fn remove(&self, name: &[u8]) -> Result<(), Errno> {
        match self {
            Xattrs::Open(fd) => fs::fremovexattr(fd, name),
            Xattrs::Path(path) => fs::lremovexattr(path, name),
        }
    }
}
