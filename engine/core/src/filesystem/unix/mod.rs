//! The Unix implementation: system calls relative to open folders.

use std::ffi::OsStr;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use repo_format::entry::{Device, Entry, EntryKind, check_name};
use rustix::fs::{self, AtFlags, CWD, FileType, Mode, OFlags, Stat};
use rustix::io::{Errno, retry_on_intr};

use super::FileStat;

mod create;
mod file;
mod metadata;
mod mount;
mod names;
mod object;
mod owners;
mod remove;
mod space;
mod xattr;

#[cfg(test)]
mod tests;

pub use file::{SourceFile, TargetFile};
pub use owners::Owners;
pub use space::free_space;

use object::Object;

const FOLDER: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);

/// An open folder.
///
/// Every name must be a single name (see [`check_name`]); otherwise the error is `InvalidInput`. The name is looked up
/// in this folder and not followed. Threads may share a `Dir`.
#[derive(Debug)]
pub struct Dir {
    fd: OwnedFd,
}

impl Dir {
    /// Opens the folder `path`. Only here symbolic links are followed: the user named the path.
    ///
    /// # Errors
    /// An error of the operating system; `NotADirectory` if it is something else.
    pub fn open(path: &Path) -> io::Result<Dir> {
        let fd = retry_on_intr(|| fs::openat(CWD, path, FOLDER, Mode::empty()))?;
        Ok(Dir { fd })
    }

    /// Opens the folder `name`.
    ///
    /// # Errors
    /// An error of the operating system; `NotADirectory` if it is anything else, even a symbolic link to a folder.
    pub fn open_dir(&self, name: &[u8]) -> io::Result<Dir> {
        let fd = open_folder(self.fd.as_fd(), checked(name)?)?;
        Ok(Dir { fd })
    }

    /// All names in it, sorted by bytes, without `.` and `..`.
    ///
    /// # Errors
    /// An error of the operating system.
    pub fn names(&self) -> io::Result<Vec<Vec<u8>>> {
        // Opened again, because the position in a listing belongs to the open folder, and threads share this one.
        let own = retry_on_intr(|| fs::openat(&self.fd, c".", FOLDER, Mode::empty()))?;
        Ok(names::read(&own)?)
    }

    /// Looks at `name`.
    ///
    /// # Errors
    /// An error of the operating system; `Unsupported` for a kind of thing that cannot be backed up.
    pub fn stat(&self, name: &[u8]) -> io::Result<FileStat> {
        Object::Name(self.fd.as_fd(), checked(name)?).stat()
    }

    /// Looks at the folder itself. The name in the result is empty.
    ///
    /// # Errors
    /// An error of the operating system.
    pub(crate) fn stat_self(&self) -> io::Result<FileStat> {
        Object::Open(self.fd.as_fd()).stat()
    }
}

/// The path with these bytes.
pub fn path_from_bytes(bytes: &[u8]) -> &Path {
    Path::new(OsStr::from_bytes(bytes))
}

/// The bytes of `path`.
pub fn path_to_bytes(path: &Path) -> &[u8] {
    path.as_os_str().as_bytes()
}

/// `name`, if it is a single name.
fn checked(name: &[u8]) -> io::Result<&[u8]> {
    match check_name(name) {
        Ok(()) => Ok(name),
        Err(error) => Err(io::Error::new(io::ErrorKind::InvalidInput, error)),
    }
}

fn open_folder(parent: BorrowedFd<'_>, name: &[u8]) -> io::Result<OwnedFd> {
    let opened = retry_on_intr(|| fs::openat(parent, name, FOLDER | OFlags::NOFOLLOW, Mode::empty()));
    // Systems return different errors for a symbolic link here.
    Ok(opened.map_err(|error| if error == Errno::LOOP { Errno::NOTDIR } else { error })?)
}

fn stat_at(parent: BorrowedFd<'_>, name: &[u8]) -> Result<Stat, Errno> {
    fs::statat(parent, name, AtFlags::SYMLINK_NOFOLLOW)
}

/// The metadata of `name`. The fields' types differ between systems; only the seconds can be negative.
#[allow(clippy::unnecessary_cast, clippy::useless_conversion)]
fn file_stat(name: &[u8], stat: &Stat) -> io::Result<FileStat> {
    let kind = match FileType::from_raw_mode(stat.st_mode) {
        FileType::RegularFile => EntryKind::File,
        FileType::Directory => EntryKind::Directory,
        FileType::Symlink => EntryKind::Symlink,
        FileType::Fifo => EntryKind::Fifo,
        FileType::Socket => EntryKind::Socket,
        FileType::CharacterDevice => EntryKind::CharDevice,
        FileType::BlockDevice => EntryKind::BlockDevice,
        FileType::Unknown => return Err(io::Error::new(io::ErrorKind::Unsupported, "it is of an unknown kind")),
    };
    let is_device = matches!(kind, EntryKind::CharDevice | EntryKind::BlockDevice);
    let entry = Entry {
        mode: u32::from(stat.st_mode) & 0o7777,
        uid: stat.st_uid,
        gid: stat.st_gid,
        mtime_seconds: stat.st_mtime as i64,
        mtime_nanoseconds: u32::try_from(stat.st_mtime_nsec).unwrap_or(0),
        ctime_seconds: stat.st_ctime as i64,
        ctime_nanoseconds: u32::try_from(stat.st_ctime_nsec).unwrap_or(0),
        inode: stat.st_ino as u64,
        size: if kind == EntryKind::File { stat.st_size as u64 } else { 0 },
        device: is_device.then(|| Device { major: fs::major(stat.st_rdev), minor: fs::minor(stat.st_rdev) }),
        ..Entry::new(name.to_vec(), kind)
    };
    Ok(FileStat { entry, device: stat.st_dev as u64, links: stat.st_nlink as u64, blocks: stat.st_blocks as u64 })
}
