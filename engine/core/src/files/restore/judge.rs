//! What may stand in the place of an entry. Pure: a dry run and a restore come to the same.

use repo_format::entry::EntryKind;

use crate::filesystem::FileStat;

/// Something that does not simply give way to an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Obstacle {
    /// A folder, which may have contents, where the snapshot has something else.
    Folder,
    /// A symbolic link where the snapshot has a folder: what it leads to may be the folder, moved.
    Link,
}

/// What stands in the way of an entry of kind `wanted`.
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
