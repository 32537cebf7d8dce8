//! Things whose contents are not saved: devices and the like, and mounts in a source.

use repo_format::entry::{EntryKind, STATE_MOUNT};

use crate::filesystem::FileStat;

/// Notes in a folder's entry whether its file system differs from its parent's.
pub(super) fn mark_mount(stat: &mut FileStat, above: Option<u64>) {
    if above.is_some_and(|above| above != stat.device) {
        stat.entry.state = Some(STATE_MOUNT);
    }
}

/// The name for a kind of thing of which only name and numbers are saved.
pub(super) fn special(kind: EntryKind) -> Option<&'static str> {
    match kind {
        EntryKind::Fifo => Some("FIFO"),
        EntryKind::Socket => Some("socket"),
        EntryKind::CharDevice => Some("character device"),
        EntryKind::BlockDevice => Some("block device"),
        EntryKind::File | EntryKind::Directory | EntryKind::Symlink => None,
    }
}

/// A list of paths that names the first ones and counts the others.
#[derive(Default)]
pub(super) struct Noted {
    first: Vec<Vec<u8>>,
    more: u64,
}

impl Noted {
    /// The number of paths that are named.
    const NAMED: usize = 5;

    /// Adds one.
    pub fn add(&mut self, path: &[u8]) {
        if self.first.len() < Self::NAMED {
            self.first.push(path.to_vec());
        } else {
            self.more += 1;
        }
    }

    /// All of them, in words; `None` if there are none.
    pub fn named(&self) -> Option<String> {
        let first: Vec<_> = self.first.iter().map(|path| String::from_utf8_lossy(path)).collect();
        let more = if self.more > 0 { format!(", and {} more", self.more) } else { String::new() };
        (!first.is_empty()).then(|| format!("{}{more}", first.join(", ")))
    }
}
