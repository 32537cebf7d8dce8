//! Files on disk: looks at them, reads and writes them through open folders, one name at a time.
//!
//! Everything goes through a [`Dir`]. Each name must be a single name, and is never followed if it is a symbolic link.
//! So nothing leads out of the opened folder: neither the contents of a repository, nor anything that another process
//! puts in the way. A path may have any length. Names are bytes; they need not be UTF-8.
//!
//! These types mean the same on every platform. Unix is the only implementation so far, and callers do not depend on
//! it.
//! The types here mean the same on every platform; Unix is the only one implemented so far, and nothing of it shows through.

use repo_format::entry::{Entry, EntryKind};

mod branch;
#[cfg(unix)]
mod unix;

pub use branch::Branch;
pub(crate) use branch::OPEN_LEVELS;

#[cfg(unix)]
pub use unix::{Dir, Owners, SourceFile, TargetFile, free_space, path_from_bytes, path_to_bytes};

/// The metadata of a file, folder or other thing, from one look.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileStat {
    /// Name, kind, mode, ids, times, inode, size (0 unless it is a file) and device number (devices only).
    /// [`Dir::complete`] adds the owners' names, link target, extended attributes and hard link identity; the caller
    /// adds the content.
    pub entry: Entry,
    /// The number of its file system.
    pub device: u64,
    /// The number of its names.
    pub links: u64,
    /// The space that it takes, in blocks of 512 bytes.
    pub blocks: u64,
}

impl FileStat {
    /// Whether this is a folder.
    pub fn is_dir(&self) -> bool {
        self.entry.kind == EntryKind::Directory
    }

    /// Device and inode, which identify it under any name.
    pub fn identity(&self) -> (u64, u64) {
        (self.device, self.entry.inode)
    }

    /// Whether it is a file that takes less space than its length: it may have holes, or be compressed.
    pub(crate) fn may_have_holes(&self) -> bool {
        self.entry.kind == EntryKind::File && self.blocks.saturating_mul(512) < self.entry.size
    }
}

/// Something that a sweep meets in a folder.
pub struct Met<'a> {
    /// The folder that contains it.
    pub folder: &'a Dir,
    /// Its path below the folder in which the sweep began.
    pub path: &'a [u8],
    /// Its metadata.
    pub stat: &'a FileStat,
    /// Whether something is mounted there.
    pub is_mount: bool,
}

/// The sweep's decision about something that it meets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// Remove it; a folder goes only after everything in it.
    Remove,
    /// Keep it, everything in it, and the folders around it.
    Keep,
}

/// The result of a sweep, real or simulated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Swept {
    /// The number of removed things.
    pub removed: u64,
    /// The total size of the removed files in bytes.
    pub bytes: u64,
    /// The number of things that were kept.
    pub kept: u64,
}

/// The attributes to restore, besides mode, modification time and extended attributes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attributes {
    /// User and group.
    pub owner: bool,
    /// Look for the user and group by their recorded names first. The recorded ids then serve only for unknown names.
    pub by_name: bool,
    /// Restore contents only: neither these nor mode, time and extended attributes.
    pub contents_only: bool,
}
