//! One thing to look at or change: a name in an open folder, or the open thing itself.

use std::io;
use std::os::fd::BorrowedFd;

use repo_format::entry::Time;
use rustix::fs::{self, AtFlags, Gid, Mode, Timespec, Timestamps, UTIME_OMIT, Uid};
use rustix::io::Errno;

use super::{FileStat, file_stat, stat_at};

/// A thing in the file system. A name is never followed.
#[derive(Clone, Copy)]
pub(super) enum Object<'a> {
    /// The thing of this name in this folder.
    Name(BorrowedFd<'a>, &'a [u8]),
    /// The open file or folder.
    Open(BorrowedFd<'a>),
}

impl Object<'_> {
    pub(super) fn stat(&self) -> io::Result<FileStat> {
        match self {
            Object::Name(folder, name) => file_stat(name, &stat_at(*folder, name)?),
            Object::Open(fd) => file_stat(b"", &fs::fstat(fd)?),
        }
    }

    pub(super) fn set_owner(&self, uid: Option<u32>, gid: Option<u32>) -> Result<(), Errno> {
        // -1 means "leave it" to the system, so it is not a valid id.
        if uid == Some(u32::MAX) || gid == Some(u32::MAX) {
            return Err(Errno::INVAL);
        }
        let (uid, gid) = (uid.map(Uid::from_raw), gid.map(Gid::from_raw));
        match self {
            Object::Name(folder, name) => fs::chownat(folder, *name, uid, gid, AtFlags::SYMLINK_NOFOLLOW),
            Object::Open(fd) => fs::fchown(fd, uid, gid),
        }
    }

    pub(super) fn set_mode(&self, mode: u32) -> Result<(), Errno> {
        let mode = file_mode(mode);
        match self {
            Object::Name(folder, name) => set_mode_at(*folder, name, mode),
            Object::Open(fd) => fs::fchmod(fd, mode),
        }
    }

    pub(super) fn set_mtime(&self, time: Time) -> Result<(), Errno> {
        let times = Timestamps {
            last_access: Timespec { tv_sec: 0, tv_nsec: UTIME_OMIT },
            last_modification: Timespec { tv_sec: time.seconds, tv_nsec: time.nanoseconds.into() },
        };
        match self {
            Object::Name(folder, name) => fs::utimensat(folder, *name, &times, AtFlags::SYMLINK_NOFOLLOW),
            Object::Open(fd) => fs::futimens(fd, &times),
        }
    }
}

#[allow(clippy::cast_possible_truncation, clippy::unnecessary_cast)] // 12 bits
fn file_mode(mode: u32) -> Mode {
    Mode::from_raw_mode((mode & 0o7777) as rustix::fs::RawMode)
}

/// Linux before 6.6 can only change the mode of a name's target. So this opens the thing itself, whatever it is and
/// without permission to read, and changes it through its path in `/proc`. There a symbolic link is refused.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn set_mode_at(folder: BorrowedFd<'_>, name: &[u8], mode: Mode) -> Result<(), Errno> {
    use std::os::fd::AsRawFd;

    let flags = fs::OFlags::PATH | fs::OFlags::NOFOLLOW | fs::OFlags::CLOEXEC;
    let thing = fs::openat(folder, name, flags, Mode::empty())?;
    fs::chmod(format!("/proc/self/fd/{}", thing.as_raw_fd()), mode)
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn set_mode_at(folder: BorrowedFd<'_>, name: &[u8], mode: Mode) -> Result<(), Errno> {
    fs::chmodat(folder, name, mode, AtFlags::SYMLINK_NOFOLLOW)
}
