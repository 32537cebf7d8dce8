//! Detects sources that hold much less than before: a disk that is not mounted looks like an empty folder.

use repo_format::entry::{Entry, EntryKind, STATE_MOUNT};

use super::parent::Parent;
use crate::error::Result;
use crate::words;

/// A root with at most a tenth of its files left is reported.
const SHARE: u64 = 10;
/// A root is reported only if it had more files than this; an empty root always is.
const MANY: u64 = 100;
/// The number of entries of the parent snapshot that are examined for files.
const LOOKED_AT: u64 = 1_000_000;

/// The warning for a root in which `files` files were found, if they are far fewer than in the parent snapshot.
///
/// # Errors
/// As [`Parent::root`].
pub(super) fn much_less(parent: &Parent<'_>, files: u64) -> Result<Option<String>> {
    let Some((manifest, _)) = parent.origin() else { return Ok(None) };
    let enough = if files == 0 { 1 } else { files.saturating_mul(SHARE).max(MANY + 1) };
    // The snapshot's total is an upper bound: often it makes counting this root unnecessary.
    if manifest.statistics.files < enough {
        return Ok(None);
    }
    let before = parent.root()?.map_or(0, |root| parent.count_files(root.tree, enough, LOOKED_AT));
    if before < enough {
        return Ok(None);
    }
    let id = words::short(manifest.id);
    Ok(Some(match files {
        0 => format!("it held files in snapshot {id} and holds none now: is a disk not mounted?"),
        _ => format!("it held {before} files or more in snapshot {id} and holds {files} now: is a disk not mounted?"),
    }))
}

/// Whether the folder was a mount point with contents, and no longer is a mount point.
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
