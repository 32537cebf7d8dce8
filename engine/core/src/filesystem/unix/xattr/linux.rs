//! Extended attributes on Linux, which has no calls relative to a folder. But an open folder has a path in `/proc`.
//! That path is short, however long the folder's own is. Only its last name comes from the caller, and these calls do
//! not follow it.
//!
//! A rescue system may have no `/proc`. Then this opens files and folders; the attributes of other things are not
//! available.

use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};
use std::sync::LazyLock;

use rustix::buffer::spare_capacity;
use rustix::fs::{self, AtFlags, FileType, Mode, OFlags, XattrFlags};
use rustix::io::Errno;

use super::super::Object;
use super::{grown, split};

/// The error for a missing attribute.
pub(in super::super) const MISSING: Errno = Errno::NODATA;

/// Whether open folders have paths in `/proc`.
static HAS_PATHS: LazyLock<bool> = LazyLock::new(|| fs::stat(OPEN_FILES).is_ok());
const OPEN_FILES: &str = "/proc/self/fd";

/// The extended attributes of one thing.
pub(in super::super) enum Xattrs<'a> {
    Open(BorrowedFd<'a>),
    Owned(OwnedFd),
    Path(Vec<u8>),
}

impl<'a> Xattrs<'a> {
    pub(in super::super) fn of(object: Object<'a>) -> Result<Self, Errno> {
        Ok(match object {
            Object::Open(fd) => Xattrs::Open(fd),
            Object::Name(folder, name) if !*HAS_PATHS => Xattrs::Owned(open(folder, name)?),
            Object::Name(folder, name) => {
                let mut path = format!("{OPEN_FILES}/{}/", folder.as_raw_fd()).into_bytes();
                path.extend_from_slice(name);
                Xattrs::Path(path)
            }
        })
    }

    pub(in super::super) fn names(&self) -> Result<Vec<Vec<u8>>, Errno> {
        let list = grown(|buffer| match self {
            Xattrs::Open(fd) => fs::flistxattr(fd, spare_capacity(buffer)),
            Xattrs::Owned(fd) => fs::flistxattr(fd, spare_capacity(buffer)),
            Xattrs::Path(path) => fs::llistxattr(path, spare_capacity(buffer)),
        })?;
        Ok(split(&list))
    }

    pub(in super::super) fn get(&self, name: &[u8]) -> Result<Vec<u8>, Errno> {
        grown(|buffer| match self {
            Xattrs::Open(fd) => fs::fgetxattr(fd, name, spare_capacity(buffer)),
            Xattrs::Owned(fd) => fs::fgetxattr(fd, name, spare_capacity(buffer)),
            Xattrs::Path(path) => fs::lgetxattr(path, name, spare_capacity(buffer)),
        })
    }

    pub(in super::super) fn set(&self, name: &[u8], value: &[u8]) -> Result<(), Errno> {
        match self {
            Xattrs::Open(fd) => fs::fsetxattr(fd, name, value, XattrFlags::empty()),
            Xattrs::Owned(fd) => fs::fsetxattr(fd, name, value, XattrFlags::empty()),
            Xattrs::Path(path) => fs::lsetxattr(path, name, value, XattrFlags::empty()),
        }
    }

    pub(in super::super) fn remove(&self, name: &[u8]) -> Result<(), Errno> {
        match self {
            Xattrs::Open(fd) => fs::fremovexattr(fd, name),
            Xattrs::Owned(fd) => fs::fremovexattr(fd, name),
            Xattrs::Path(path) => fs::lremovexattr(path, name),
        }
    }
}

/// Opens a file or folder for its attributes. Opening anything else could wait, or have an effect.
fn open(folder: BorrowedFd<'_>, name: &[u8]) -> Result<OwnedFd, Errno> {
    let stat = fs::statat(folder, name, AtFlags::SYMLINK_NOFOLLOW)?;
    match FileType::from_raw_mode(stat.st_mode) {
        FileType::RegularFile | FileType::Directory => {
            let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
            fs::openat(folder, name, flags, Mode::empty())
        }
        _ => Err(Errno::NOTSUP),
    }
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsFd;

    use super::*;

    #[test]
    fn attributes_are_read_without_the_path_of_the_folder() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("file"), "x").unwrap();
        rustix::fs::symlink("file", folder.path().join("link")).unwrap();
        let dir = std::fs::File::open(folder.path()).unwrap();
        let by_path = Xattrs::of(Object::Name(dir.as_fd(), b"file")).unwrap();
        let by_file = Xattrs::Owned(open(dir.as_fd(), b"file").unwrap());
        if by_path.set(b"user.test", b"value").is_ok() {
            assert_eq!(by_file.get(b"user.test").unwrap(), b"value");
            assert_eq!(by_file.names(), by_path.names());
        }
        assert_eq!(open(dir.as_fd(), b"link").unwrap_err(), Errno::NOTSUP);
    }
}
