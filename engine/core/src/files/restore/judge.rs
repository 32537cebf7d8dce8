//! Decides what may replace an existing thing. It is pure, so a dry run and a restore agree.

use repo_format::entry::EntryKind;

use crate::filesystem::FileStat;

/// A thing that an entry does not replace without asking.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Obstacle {
    /// A folder, possibly with contents, where the snapshot has something else.
    Folder,
    /// A symbolic link where the snapshot has a folder: its target may be the folder, moved.
    Link,
}

/// The obstacle for an entry of kind `wanted`.
pub(super) fn obstacle(wanted: EntryKind, there: Option<&FileStat>) -> Option<Obstacle> {
    let there = there?.entry.kind;
    match (wanted, there) {
        (EntryKind::Directory, EntryKind::Symlink) => Some(Obstacle::Link),
        (EntryKind::Directory, _) => None,
        (_, EntryKind::Directory) => Some(Obstacle::Folder),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use repo_format::entry::Entry;

    use super::*;

    #[test]
    fn only_folders_and_links_to_them_do_not_give_way() {
        use EntryKind::*;
        let there = |kind| FileStat { entry: Entry::new(b"x".to_vec(), kind), device: 1, links: 1, blocks: 0 };
        for wanted in [File, Symlink, Fifo, CharDevice] {
            assert_eq!(obstacle(wanted, Some(&there(Directory))), Some(Obstacle::Folder));
            assert_eq!(obstacle(wanted, Some(&there(Symlink))), None);
            assert_eq!(obstacle(wanted, Some(&there(File))), None);
        }
        assert_eq!(obstacle(Directory, Some(&there(Symlink))), Some(Obstacle::Link));
        assert_eq!(obstacle(Directory, Some(&there(Directory))), None);
        assert_eq!(obstacle(Directory, Some(&there(File))), None);
        assert_eq!(obstacle(Directory, None), None);
    }
}
