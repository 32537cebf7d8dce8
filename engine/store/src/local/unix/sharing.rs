//! Everybody who may use a repository's folder can use the new files in it.

use std::io;
use std::os::fd::BorrowedFd;

use rustix::fs::{Gid, Mode, Stat, Uid, fchmod, fchown, fstat};
use rustix::io::Errno;

/// The users of new files, taken from the repository's folder. After `chmod g+ws` the folder belongs to a group, and so
/// does everything made in it. Otherwise everything belongs to one user. This holds for root, too: otherwise root's
/// files would lock out the repository's user.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sharing {
    owner: Uid,
    group: Gid,
    is_of_a_group: bool,
}

impl Sharing {
    /// Reads it from the root of a store.
    pub(super) fn of(root: &Stat) -> Self {
        let mode = Mode::from_raw_mode(root.st_mode);
        Sharing {
            owner: Uid::from_raw(root.st_uid),
            group: Gid::from_raw(root.st_gid),
            is_of_a_group: mode.contains(Mode::WGRP | Mode::SGID),
        }
    }

    /// The mode that a folder is made with.
    pub(super) fn folder_mode(&self) -> Mode {
        if self.is_of_a_group { Mode::RWXU | Mode::RWXG | Mode::SGID } else { Mode::RWXU }
    }

    /// The mode that a file is made with.
    pub(super) fn file_mode(&self) -> Mode {
        let own = Mode::RUSR | Mode::WUSR;
        if self.is_of_a_group { own | Mode::RGRP | Mode::WGRP } else { own }
    }

    /// Gives a new folder to the users of the repository.
    pub(super) fn give_folder(&self, fd: BorrowedFd<'_>) -> io::Result<()> {
        self.give(fd, self.folder_mode())
    }

    /// Gives a new file to the users of the repository.
    pub(super) fn give_file(&self, fd: BorrowedFd<'_>) -> io::Result<()> {
        self.give(fd, self.file_mode())
    }

    /// Whether new files of this process go to that user.
    pub(super) fn gives_to(&self, owner: u32) -> bool {
        rustix::process::geteuid().is_root() && owner == self.owner.as_raw()
    }

    fn give(&self, fd: BorrowedFd<'_>, mode: Mode) -> io::Result<()> {
        let made = fstat(fd)?;
        let for_another = rustix::process::geteuid().is_root() && made.st_uid != self.owner.as_raw();
        let to_the_group = (self.is_of_a_group || for_another) && made.st_gid != self.group.as_raw();
        // Root owns what it has just made. So a folder that somebody put in its place is not given away.
        if for_another && made.st_uid == rustix::process::geteuid().as_raw() || to_the_group {
            let owner = for_another.then_some(self.owner);
            match fchown(fd, owner, to_the_group.then_some(self.group)) {
                // Some shares have owners of their own, and refuse a change.
                Err(Errno::PERM | Errno::INVAL | Errno::OPNOTSUPP | Errno::NOSYS) => {}
                done => done?,
            }
        }
        // The umask may have removed the group's permissions.
        if self.is_of_a_group && !Mode::from_raw_mode(made.st_mode).contains(mode) {
            match fchmod(fd, mode) {
                Err(Errno::PERM | Errno::INVAL | Errno::OPNOTSUPP | Errno::NOSYS) => {}
                done => done?,
            }
        }
        Ok(())
    }
}
