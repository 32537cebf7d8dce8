//! New files of a repository can be used by everybody who may use its folder.

use std::io;
use std::os::fd::BorrowedFd;

use rustix::fs::{Gid, Mode, Stat, Uid, fchmod, fchown, fstat};
use rustix::io::Errno;

/// As the folder of the repository says it. Made by hand with `chmod g+ws`, it belongs to a group, and so does all that is made in it.
/// Else all belongs to one user. Both hold for a run as root, too: else its files would lock out the user whose repository it is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sharing {
    owner: Uid,
    group: Gid,
    is_of_a_group: bool,
}

impl Sharing {
    /// As the root of a store says it.
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

    /// Gives a folder that was just made to those who may use the repository.
    pub(super) fn give_folder(&self, fd: BorrowedFd<'_>) -> io::Result<()> {
        self.give(fd, self.folder_mode())
    }

    /// Gives a file that was just made to those who may use the repository.
    pub(super) fn give_file(&self, fd: BorrowedFd<'_>) -> io::Result<()> {
        self.give(fd, self.file_mode())
    }

    /// Whether what this process makes is given to that user.
    pub(super) fn gives_to(&self, owner: u32) -> bool {
        rustix::process::geteuid().is_root() && owner == self.owner.as_raw()
    }

    fn give(&self, fd: BorrowedFd<'_>, mode: Mode) -> io::Result<()> {
        let made = fstat(fd)?;
        let for_another = rustix::process::geteuid().is_root() && made.st_uid != self.owner.as_raw();
        let to_the_group = (self.is_of_a_group || for_another) && made.st_gid != self.group.as_raw();
        // What was made is root's own: a folder that somebody put in its place is not given away.
        if for_another && made.st_uid == rustix::process::geteuid().as_raw() || to_the_group {
            let owner = for_another.then_some(self.owner);
            match fchown(fd, owner, to_the_group.then_some(self.group)) {
                // Some shares have owners of their own, and let nobody else decide.
                Err(Errno::PERM | Errno::INVAL | Errno::OPNOTSUPP | Errno::NOSYS) => {}
                done => done?,
            }
        }
        // The umask may have taken away what the group is to have.
        if self.is_of_a_group && !Mode::from_raw_mode(made.st_mode).contains(mode) {
            match fchmod(fd, mode) {
                Err(Errno::PERM | Errno::INVAL | Errno::OPNOTSUPP | Errno::NOSYS) => {}
                done => done?,
            }
        }
        Ok(())
    }
}
