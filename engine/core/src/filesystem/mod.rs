//! Files as they are: looked at, read and written through open folders, one name at a time.
//!
//! Everything goes through a [`Dir`]. A name is checked to be a single name and is never followed when it is a symbolic link,
//! so nothing that a repository says, and nothing that another process puts in the way, leads out of the folder that was
//! opened. It also makes the length of a path and the depth of a tree irrelevant. Names are bytes: UTF-8 is not needed.
//!
//! The types here mean the same on every platform; Unix is the only one implemented so far, and nothing of it shows through.

use repo_format::entry::{Entry, EntryKind};

mod branch;
#[cfg(unix)]
mod unix;

pub use branch::Branch;
pub(crate) use branch::OPEN_LEVELS;

#[cfg(unix)]
pub use unix::{Dir, Owners, SourceFile, TargetFile, free_space, path_from_bytes, path_to_bytes};

/// What one look at a file, folder or other thing says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileStat {
    /// Name, kind, mode, ids, times, inode, size (of files only; else 0) and number (of devices only). [`Dir::complete`] fills
    /// in owners' names, link target, extended attributes and hard link identity; content is the caller's.
    pub entry: Entry,
    /// Number of the file system it is in.
    pub device: u64,
    /// How many names it has.
    pub links: u64,
    /// How many blocks of 512 bytes it takes.
    pub blocks: u64,
}

impl FileStat {
    /// Whether it is a folder.
    pub fn is_dir(&self) -> bool {
        self.entry.kind == EntryKind::Directory
    }

    /// Device and inode: what it is, whatever its name.
    pub fn identity(&self) -> (u64, u64) {
        (self.device, self.entry.inode)
    }

    /// Whether it is a file that takes less space than it is long: it may have holes. So may a compressed one.
    pub(crate) fn may_have_holes(&self) -> bool {
        self.entry.kind == EntryKind::File && self.blocks.saturating_mul(512) < self.entry.size
    }
}

/// Something that a sweep through a folder meets.
pub struct Met<'a> {
    /// The folder that it is in.
    pub folder: &'a Dir,
    /// Its path beneath the folder in which the sweep began.
    pub path: &'a [u8],
    /// What a look says.
    pub stat: &'a FileStat,
    /// Whether something is mounted there.
    pub is_mount: bool,
}

/// What becomes of something that a sweep meets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It goes; of a folder, when all in it has gone.
    Remove,
    /// It stays, with all that is in it and the folders around it.
    Keep,
}

/// What a sweep did, or would do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Swept {
    /// Things removed.
    pub removed: u64,
    /// Bytes of the files among them.
    pub bytes: u64,
    /// Things that were judged to stay.
    pub kept: u64,
}

/// Which attributes to restore, besides mode, modification time and extended attributes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attributes {
    /// User and group.
    pub owner: bool,
    /// Look for the user and group by their recorded names first; the recorded ids are for names unknown here.
    pub by_name: bool,
    /// None at all: neither these nor mode, time and extended attributes.
    pub contents_only: bool,
}
