//! Sources that hold much less than they did: a disk that is not mounted looks like an empty folder.

use repo_format::entry::{Entry, EntryKind, STATE_MOUNT};

use super::parent::Parent;

/// A root with at most a tenth of its files left is named,
const SHARE: u64 = 10;
/// if it had more than so many; one without any is named in any case.
const MANY: u64 = 100;
/// Entries of the parent snapshot that are looked at in search of files.
const LOOKED_AT: u64 = 1_000_000;

/// What is wrong with a root in which `files` files were found, if they are much fewer than in the snapshot it is compared with.
pub(super) fn much_less(parent: &Parent<'_>, files: u64) -> Option<String> {
    let (manifest, _) = parent.origin()?;
    let enough = if files == 0 { 1 } else { files.saturating_mul(SHARE).max(MANY + 1) };
    // The files of all roots: fewer of them spare a look at those of this one.
    if manifest.statistics.files < enough {
        return None;
    }
    let before = parent.count_files(parent.root()?.tree, enough, LOOKED_AT);
    if before < enough {
        return None;
    }
    let id: String = manifest.id.to_string().chars().take(8).collect();
    Some(match files {
        0 => format!("it held files in snapshot {id} and holds none now: is a disk not mounted?"),
        _ => format!("it held {before} files or more in snapshot {id} and holds {files} now: is a disk not mounted?"),
    })
}

/// Whether the folder was a mount point that held something, and is not one any more.
pub(super) fn was_mounted(before: &Entry, has_contents: bool, now: &Entry) -> bool {
    let is_folder = before.kind == EntryKind::Directory && now.kind == EntryKind::Directory;
    is_folder && has_contents && before.has_state(STATE_MOUNT) && !now.has_state(STATE_MOUNT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mount_point_that_held_something_is_missed() {
        let folder = |state| Entry { state, ..Entry::new(b"x".to_vec(), EntryKind::Directory) };
        let (mount, plain) = (folder(Some(STATE_MOUNT)), folder(None));
        assert!(was_mounted(&mount, true, &plain));
        assert!(!was_mounted(&mount, false, &plain), "there was nothing in it");
        assert!(
            !was_mounted(&mount, true, &mount)
                && !was_mounted(&plain, true, &mount)
                && !was_mounted(&plain, true, &plain)
        );
    }
}
