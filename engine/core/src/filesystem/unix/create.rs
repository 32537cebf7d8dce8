//! Makes and renames everything but files.

use std::io;

use repo_format::entry::{Entry, EntryKind};
use rustix::fs::{self, AtFlags, FileType, Mode};
use rustix::io::Errno;

use super::{Dir, Object, checked};
use std::os::fd::{AsFd, BorrowedFd};

impl Dir {
    /// Creates the folder `name`, for the current user only, and opens it. Opens an existing folder like
    /// [`Dir::open_closed_dir`].
    ///
    /// # Errors
    /// An error of the operating system; `NotADirectory` if something else has this name, even a symbolic link to a
    /// folder.
    pub fn create_dir(&self, name: &[u8]) -> io::Result<Dir> {
        let name = checked(name)?;
        match fs::mkdirat(&self.fd, name, Mode::RWXU) {
            Ok(()) | Err(Errno::EXIST) => self.open_closed_dir(name),
            Err(error) => Err(error.into()),
        }
    }

    /// Opens the folder `name`. If its mode forbids that to its owner, and the current user is the owner, changes the
    /// mode first.
    ///
    /// # Errors
    /// As [`Dir::open_dir`].
    pub(crate) fn open_closed_dir(&self, name: &[u8]) -> io::Result<Dir> {
        match self.open_dir(name) {
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                let stat = self.stat(name)?;
                if !stat.is_dir() || stat.entry.mode & 0o700 == 0o700 {
                    return Err(error);
                }
                Object::Name(self.fd.as_fd(), checked(name)?).set_mode(stat.entry.mode | 0o700)?;
                self.open_dir(name)
            }
            opened => opened,
        }
    }

    /// Lets the current user list, enter and change this folder, if its mode does not allow that and the user owns it.
    ///
    /// # Errors
    /// An error of the operating system.
    pub fn make_writable(&self) -> io::Result<()> {
        make_writable(&self.fd)
    }

    /// Creates the symbolic link `name` to `target`, which may be any bytes without NUL.
    ///
    /// # Errors
    /// An error of the operating system; `AlreadyExists` if there is anything of this name.
    pub(crate) fn create_symlink(&self, name: &[u8], target: &[u8]) -> io::Result<()> {
        Ok(fs::symlinkat(target, &self.fd, checked(name)?)?)
    }

    /// Gives the file `from_name` in `from` the additional name `name` here.
    ///
    /// # Errors
    /// An error of the operating system; `AlreadyExists` if the name is taken.
    pub(crate) fn create_hard_link(&self, name: &[u8], from: &Dir, from_name: &[u8]) -> io::Result<()> {
        // Without flags, the new name belongs to a symbolic link itself, not to its target.
        Ok(fs::linkat(&from.fd, checked(from_name)?, &self.fd, checked(name)?, AtFlags::empty())?)
    }

    /// Creates the FIFO `name`.
    ///
    /// # Errors
    /// An error of the operating system; `AlreadyExists` if there is anything of this name; `Unsupported` on macOS.
    pub(crate) fn create_fifo(&self, name: &[u8]) -> io::Result<()> {
        self.create_node(name, FileType::Fifo, 0, 0)
    }

    /// Creates the character or block device `name` with the number in `entry`.
    ///
    /// # Errors
    /// An error of the operating system: only root may do this; `AlreadyExists` if the name is taken; `InvalidInput` if
    /// `entry` is not a device; `Unsupported` on macOS.
    pub(crate) fn create_device(&self, name: &[u8], entry: &Entry) -> io::Result<()> {
        let kind = match entry.kind {
            EntryKind::CharDevice => FileType::CharacterDevice,
            EntryKind::BlockDevice => FileType::BlockDevice,
            _ => return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a device")),
        };
        match entry.device {
            Some(device) => self.create_node(name, kind, device.major, device.minor),
            None => Err(io::Error::new(io::ErrorKind::InvalidInput, "it is a device without a number")),
        }
    }

    #[cfg(not(target_vendor = "apple"))]
    fn create_node(&self, name: &[u8], kind: FileType, major: u32, minor: u32) -> io::Result<()> {
        let mode = Mode::RUSR | Mode::WUSR;
        Ok(fs::mknodat(&self.fd, checked(name)?, kind, mode, fs::makedev(major, minor))?)
    }

    #[cfg(target_vendor = "apple")]
    fn create_node(&self, _: &[u8], _: FileType, _: u32, _: u32) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    /// Renames `from` to `to`, and replaces what was there: a file or link replaces a file or link, a folder an empty
    /// folder.
    ///
    /// # Errors
    /// An error of the operating system.
    pub fn rename(&self, from: &[u8], to: &[u8]) -> io::Result<()> {
        Ok(fs::renameat(&self.fd, checked(from)?, &self.fd, checked(to)?)?)
    }

    /// Renames the file `from` to `to`, unless there is anything of this name.
    ///
    /// # Errors
    /// An error of the operating system; `AlreadyExists` if the name is taken.
    pub fn rename_new(&self, from: &[u8], to: &[u8]) -> io::Result<()> {
        let (from, to) = (checked(from)?, checked(to)?);
        match rename_noreplace(self.fd.as_fd(), from, to) {
            // The system or the file system may not support the rename. A hard link replaces nothing either.
            Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => {
                fs::linkat(&self.fd, from, &self.fd, to, AtFlags::empty())?;
                Ok(fs::unlinkat(&self.fd, from, AtFlags::empty())?)
            }
            renamed => Ok(renamed?),
        }
    }
}

#[cfg(any(target_os = "linux", target_os = "android", target_vendor = "apple"))]
fn rename_noreplace(folder: BorrowedFd<'_>, from: &[u8], to: &[u8]) -> Result<(), Errno> {
    fs::renameat_with(folder, from, folder, to, fs::RenameFlags::NOREPLACE)
}

#[cfg(not(any(target_os = "linux", target_os = "android", target_vendor = "apple")))]
fn rename_noreplace(_: BorrowedFd<'_>, _: &[u8], _: &[u8]) -> Result<(), Errno> {
    Err(Errno::NOSYS)
}

pub(super) fn make_writable(folder: impl AsFd) -> io::Result<()> {
    let mode = Mode::from_raw_mode(fs::fstat(&folder)?.st_mode);
    if mode.contains(Mode::RWXU) {
        return Ok(());
    }
    Ok(fs::fchmod(&folder, mode | Mode::RWXU)?)
}
