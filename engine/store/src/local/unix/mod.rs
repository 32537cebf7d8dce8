//! The parts of a Unix system that [`LocalStore`](super::LocalStore) needs: open folders. The store reaches everything
//! below them one name at a time, without following links.

use std::ffi::{OsStr, OsString};
use std::fs::{DirBuilder, File};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::{DirBuilderExt, FileExt};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, Stat};
use rustix::io::{Errno, retry_on_intr};

use crate::misplaced::{Found, Misplaced, Wanted};

mod direct;
mod mount;
mod process;
mod sharing;

pub(super) use direct::{read_uncached, write_uncached};
pub(super) use mount::locks_are_of_one_machine;
pub(super) use process::{Life, own_identity, state_of};
use sharing::Sharing;

const FOLDER: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);

/// A file is opened with these flags, and looked at before and after. Between the two looks it may have become a pipe,
/// for which nobody should wait, or a link.
const FILE: OFlags = OFlags::NOFOLLOW.union(OFlags::NONBLOCK).union(OFlags::NOCTTY).union(OFlags::CLOEXEC);

/// An open folder of a store. A clone is the same folder.
#[derive(Clone)]
pub(crate) struct Dir {
    fd: Arc<OwnedFd>,
    /// The path below the root, for messages; empty for the root.
    path: String,
    sharing: Sharing,
}

/// A look at a name in a folder.
pub(super) struct Info {
    pub(super) found: Found,
    pub(super) size: u64,
    /// The user who owns it.
    pub(super) owner: u32,
    /// The time of the last change of its contents (of a folder: its names), by the clock of the storage.
    pub(super) changed: SystemTime,
}

impl Dir {
    /// Opens the folder `path`, the root of a store. Only here links are followed: the user named the path.
    pub(crate) fn open_root(path: &Path) -> io::Result<Dir> {
        let fd = retry_on_intr(|| rustix::fs::openat(CWD, path, FOLDER, Mode::empty()))?;
        let sharing = Sharing::of(&rustix::fs::fstat(&fd)?);
        Ok(Dir { fd: Arc::new(fd), path: String::new(), sharing })
    }

    /// Opens the folder `name` in it.
    pub(super) fn folder(&self, name: &str) -> io::Result<Dir> {
        let open = || rustix::fs::openat(&self.fd, name, FOLDER | OFlags::NOFOLLOW, Mode::empty());
        match retry_on_intr(open) {
            Ok(fd) => Ok(Dir { fd: Arc::new(fd), path: self.below(name), sharing: self.sharing }),
            // The caller needs to know what stands there; for a link, systems return either of these errors.
            Err(error @ (Errno::NOTDIR | Errno::LOOP)) => {
                let found = self.look(name)?.map(|info| info.found);
                Err(found.map_or(error.into(), |found| Misplaced::error(self.below(name), found, Wanted::Folder)))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Opens the folder `name`, and makes it first if it does not exist.
    pub(super) fn make_folder(&self, name: &str) -> io::Result<Dir> {
        match rustix::fs::mkdirat(&self.fd, name, self.sharing.folder_mode()) {
            Err(Errno::EXIST) => self.folder(name),
            done => {
                done?;
                let made = self.folder(name)?;
                self.sharing.give_folder(made.fd.as_fd())?;
                Ok(made)
            }
        }
    }

    /// Opens the file `name` for reading, and returns its size with it.
    pub(super) fn open(&self, name: &str) -> io::Result<(File, u64)> {
        self.open_as(name, OFlags::RDONLY)
    }

    /// Opens the file `name` to lock it. Some network file systems lock only files that are open for writing.
    pub(super) fn open_to_lock(&self, name: &str) -> io::Result<File> {
        self.open_as(name, OFlags::RDWR).map(|(file, _)| file)
    }

    fn open_as(&self, name: &str, access: OFlags) -> io::Result<(File, u64)> {
        let misplaced = |found| Misplaced::error(self.below(name), found, Wanted::File);
        // Looks first: opening a device may have an effect.
        let stat = retry_on_intr(|| rustix::fs::statat(&self.fd, name, AtFlags::SYMLINK_NOFOLLOW))?;
        if found(kind(&stat)) != Found::File {
            return Err(misplaced(found(kind(&stat))));
        }
        let fd = match retry_on_intr(|| rustix::fs::openat(&self.fd, name, access | FILE, Mode::empty())) {
            Err(Errno::LOOP) => return Err(misplaced(Found::Link)),
            fd => fd?,
        };
        let stat = rustix::fs::fstat(&fd)?;
        if found(kind(&stat)) != Found::File {
            return Err(misplaced(found(kind(&stat))));
        }
        Ok((File::from(fd), size(&stat)))
    }

    /// Makes the new file `name`, to read and write.
    pub(super) fn create(&self, name: &str) -> io::Result<File> {
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | FILE;
        let fd = retry_on_intr(|| rustix::fs::openat(&self.fd, name, flags, self.sharing.file_mode()))?;
        self.sharing.give_file(fd.as_fd())?;
        Ok(File::from(fd))
    }

    /// The kind of thing that `name` is, without following a link; `None` if it does not exist.
    pub(super) fn look(&self, name: impl AsRef<OsStr>) -> io::Result<Option<Info>> {
        match retry_on_intr(|| rustix::fs::statat(&self.fd, name.as_ref(), AtFlags::SYMLINK_NOFOLLOW)) {
            Ok(stat) => Ok(Some(info(&stat))),
            Err(Errno::NOENT) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// The current state of this folder itself.
    pub(super) fn info(&self) -> io::Result<Info> {
        Ok(info(&rustix::fs::fstat(&self.fd)?))
    }

    /// Whether the folder still has a name somewhere.
    pub(super) fn is_there(&self) -> io::Result<bool> {
        Ok(rustix::fs::fstat(&self.fd)?.st_nlink > 0)
    }

    /// Calls `visit` with each name in it, without `.` and `..`.
    pub(super) fn names(&self, mut visit: impl FnMut(OsString) -> io::Result<()>) -> io::Result<()> {
        self.kinds(|name, _| visit(name))
    }

    /// As [`Dir::names`], with the kind of thing where the folder itself says it.
    pub(super) fn kinds(&self, mut visit: impl FnMut(OsString, Option<Found>) -> io::Result<()>) -> io::Result<()> {
        for entry in rustix::fs::Dir::read_from(&self.fd)? {
            let entry = entry?;
            let (name, kind) = (entry.file_name().to_bytes(), entry.file_type());
            if name != b"." && name != b".." {
                visit(OsString::from_vec(name.to_vec()), (kind != FileType::Unknown).then(|| found(kind)))?;
            }
        }
        Ok(())
    }

    /// Removes the file `name`, or a link of that name.
    pub(super) fn remove(&self, name: impl AsRef<OsStr>) -> io::Result<()> {
        Ok(retry_on_intr(|| rustix::fs::unlinkat(&self.fd, name.as_ref(), AtFlags::empty()))?)
    }

    /// Removes the folder `name`, which must be empty.
    pub(super) fn remove_folder(&self, name: &str) -> io::Result<()> {
        Ok(retry_on_intr(|| rustix::fs::unlinkat(&self.fd, name, AtFlags::REMOVEDIR))?)
    }

    /// An upper bound of the free bytes on this file system; `None` if the storage does not say.
    pub(super) fn free_bytes(&self) -> io::Result<Option<u64>> {
        let space = retry_on_intr(|| rustix::fs::fstatvfs(&self.fd))?;
        Ok((space.f_blocks > 0).then(|| space.f_bfree.saturating_mul(space.f_frsize)))
    }

    /// Makes the names in it durable.
    pub(super) fn sync(&self) -> io::Result<()> {
        match retry_on_intr(|| rustix::fs::fsync(&self.fd)) {
            // Some network file systems cannot sync folders, because their servers do it themselves.
            Err(Errno::INVAL | Errno::OPNOTSUPP | Errno::NOSYS) => Ok(()),
            done => Ok(done?),
        }
    }

    /// The path of `name` below the root.
    pub(super) fn below(&self, name: &str) -> String {
        if self.path.is_empty() { name.to_owned() } else { format!("{}/{name}", self.path) }
    }
}

/// A name in a folder.
#[derive(Clone, Copy)]
pub(crate) struct Place<'a> {
    pub(crate) dir: &'a Dir,
    pub(crate) name: &'a str,
}

/// Renames a file, and replaces the file that has the new name.
pub(super) fn rename(from: Place<'_>, to: Place<'_>) -> io::Result<()> {
    Ok(retry_on_intr(|| rustix::fs::renameat(&from.dir.fd, from.name, &to.dir.fd, to.name))?)
}

/// Gives a file one more name, unless the name is taken.
pub(super) fn link(from: Place<'_>, to: Place<'_>) -> io::Result<()> {
    Ok(retry_on_intr(|| rustix::fs::linkat(&from.dir.fd, from.name, &to.dir.fd, to.name, AtFlags::empty()))?)
}

/// Renames a file unless the new name is taken. Fails with [`io::ErrorKind::Unsupported`] or
/// [`io::ErrorKind::InvalidInput`] if the system or the file system cannot do that.
#[cfg(any(target_os = "linux", target_os = "android", target_vendor = "apple"))]
pub(super) fn rename_new(from: Place<'_>, to: Place<'_>) -> io::Result<()> {
    use rustix::fs::{RenameFlags, renameat_with};
    Ok(retry_on_intr(|| renameat_with(&from.dir.fd, from.name, &to.dir.fd, to.name, RenameFlags::NOREPLACE))?)
}

/// This system has no such rename.
#[cfg(not(any(target_os = "linux", target_os = "android", target_vendor = "apple")))]
pub(super) fn rename_new(_from: Place<'_>, _to: Place<'_>) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Makes a folder above a store, or its root, that only its owner can use. Leaves an existing folder as it is.
pub(super) fn make_private_folder(path: &Path) -> io::Result<()> {
    match DirBuilder::new().mode(0o700).create(path) {
        Err(e) if e.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => Ok(()),
        Err(e) if e.kind() == io::ErrorKind::AlreadyExists => Err(io::ErrorKind::NotADirectory.into()),
        done => done,
    }
}

/// Makes the names in a folder above a store durable.
pub(super) fn sync_folder(path: &Path) -> io::Result<()> {
    Dir::open_root(path)?.sync()
}

/// Fills `bytes` from the position `offset`.
pub(super) fn read_exact_at(file: &File, bytes: &mut [u8], offset: u64) -> io::Result<()> {
    file.read_exact_at(bytes, offset)
}

/// Whether an error says that the medium cannot return some bytes.
pub(super) fn is_bad_place(error: &io::Error) -> bool {
    error.raw_os_error() == Some(Errno::IO.raw_os_error())
}

/// Whether a file's first bytes come from the medium: bytes in the cache prove nothing.
pub(super) fn can_be_read(file: &File, size: u64) -> bool {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    if rustix::fs::fadvise(file, 0, None, rustix::fs::Advice::DontNeed).is_err() {
        return false;
    }
    let mut first = [0; 64];
    let len = usize::try_from(size).map_or(first.len(), |size| size.min(first.len()));
    len > 0 && file.read_exact_at(&mut first[..len], 0).is_ok()
}

/// Whether this process, or an earlier one like it, may have made a file of this owner here.
pub(super) fn may_be_ours(owner: u32, dir: &Dir) -> bool {
    owner == rustix::process::geteuid().as_raw() || dir.sharing.gives_to(owner)
}

fn info(stat: &Stat) -> Info {
    let seconds = Duration::from_secs(u64::try_from(stat.st_mtime).unwrap_or(0));
    Info {
        found: found(kind(stat)),
        size: size(stat),
        owner: stat.st_uid,
        changed: SystemTime::UNIX_EPOCH.checked_add(seconds).unwrap_or(SystemTime::UNIX_EPOCH),
    }
}

fn found(kind: FileType) -> Found {
    match kind {
        FileType::RegularFile => Found::File,
        FileType::Directory => Found::Folder,
        FileType::Symlink => Found::Link,
        FileType::Fifo => Found::Pipe,
        FileType::CharacterDevice | FileType::BlockDevice => Found::Device,
        FileType::Socket => Found::Socket,
        FileType::Unknown => Found::Other,
    }
}

fn kind(stat: &Stat) -> FileType {
    FileType::from_raw_mode(stat.st_mode)
}

fn size(stat: &Stat) -> u64 {
    u64::try_from(stat.st_size).unwrap_or(0)
}
