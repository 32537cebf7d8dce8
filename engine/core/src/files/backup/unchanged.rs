//! Decides whether a file is the same as in the parent snapshot.

use repo_format::entry::{Entry, EntryKind, HardLink, STATE_CHANGED, STATE_RACY, Time};

use super::Trust;
use crate::tree::TreeEntry;

/// A file that changed this shortly before it was read may change again without a new time: FAT stores times in steps
/// of two seconds.
const RACY_NANOSECONDS: i128 = 2_000_000_000;

/// Whether the parent's entry can stand for the file whose metadata is `now`.
pub(super) fn is_unchanged(before: &Entry, now: &Entry, trust: Trust) -> bool {
    let same_file = match trust {
        Trust::Inode => before.inode == now.inode && before.ctime() == now.ctime(),
        Trust::SizeAndTime => true,
    };
    same_file
        && before.kind == EntryKind::File
        && before.size == now.size
        && before.mtime() == now.mtime()
        && !before.has_state(STATE_RACY)
        && !before.has_state(STATE_CHANGED)
}

/// Whether the parent's extended attributes, owner names and link target still hold: they cannot change without the
/// change time. If change times mean nothing, they are read again, which takes a call or two. `started` is the start of
/// the parent's run: a file that changed close to it may have changed again with the same time.
pub(super) fn attributes_hold(before: &Entry, now: &Entry, trust: Trust, started: Option<Time>) -> bool {
    let same_owner = before.uid == now.uid && before.gid == now.gid;
    let same = before.kind == now.kind && before.inode == now.inode && before.ctime() == now.ctime();
    let is_settled =
        started.is_some_and(|started| nanoseconds(before.ctime()) + RACY_NANOSECONDS < nanoseconds(started));
    trust == Trust::Inode && same && same_owner && is_settled && !before.has_state(STATE_RACY)
}

/// The parent's entry for an unchanged file, with its present metadata. Its old identity may belong to another file by
/// now.
pub(super) fn carried_over(mut before: TreeEntry, now: &Entry, identity: Option<HardLink>) -> TreeEntry {
    before.meta.mode = now.mode;
    before.meta.uid = now.uid;
    before.meta.gid = now.gid;
    before.meta.user.clone_from(&now.user);
    before.meta.group.clone_from(&now.group);
    before.meta.xattrs.clone_from(&now.xattrs);
    before.meta.hard_link = identity;
    before
}

/// Whether a file that was read at `now` had changed so shortly before that another change could go unnoticed.
pub(super) fn is_racy(meta: &Entry, now: Time) -> bool {
    let near = |time: Time| (nanoseconds(now) - nanoseconds(time)).abs() <= RACY_NANOSECONDS;
    near(meta.mtime()) || near(meta.ctime())
}

fn nanoseconds(time: Time) -> i128 {
    i128::from(time.seconds) * 1_000_000_000 + i128::from(time.nanoseconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file() -> Entry {
        let mut entry = Entry::new(b"x".to_vec(), EntryKind::File);
        (entry.size, entry.inode, entry.mtime_seconds, entry.ctime_seconds) = (10, 7, 100, 200);
        entry
    }

    #[test]
    fn any_difference_makes_a_file_changed() {
        let changes: [fn(&mut Entry); 5] = [
            |e| e.size += 1,
            |e| e.inode += 1,
            |e| e.mtime_nanoseconds += 1,
            |e| e.ctime_nanoseconds += 1,
            |e| e.mtime_seconds -= 1,
        ];
        assert!(is_unchanged(&file(), &file(), Trust::Inode));
        for change in changes {
            let mut now = file();
            change(&mut now);
            assert!(!is_unchanged(&file(), &now, Trust::Inode));
        }
    }

    #[test]
    fn a_share_is_not_asked_for_inode_and_change_time() {
        let mut now = file();
        (now.inode, now.ctime_seconds) = (8, 300);
        assert!(is_unchanged(&file(), &now, Trust::SizeAndTime));
        now.size += 1;
        assert!(!is_unchanged(&file(), &now, Trust::SizeAndTime));
    }

    #[test]
    fn attributes_hold_only_by_a_change_time_that_means_something() {
        let started = |seconds| Some(Time { seconds, nanoseconds: 0 });
        assert!(attributes_hold(&file(), &file(), Trust::Inode, started(203)));
        assert!(!attributes_hold(&file(), &file(), Trust::Inode, started(201)), "too near to the snapshot");
        assert!(!attributes_hold(&file(), &file(), Trust::Inode, None));
        assert!(!attributes_hold(&file(), &file(), Trust::SizeAndTime, started(203)));
    }

    #[test]
    fn the_identity_of_a_file_is_always_the_present_one() {
        let identity = |inode| HardLink { device: 1, inode };
        let mut before = TreeEntry::new(file());
        before.meta.hard_link = Some(identity(7));
        let now = carried_over(before, &file(), Some(identity(8)));
        assert_eq!(now.meta.hard_link, Some(identity(8)));
    }

    #[test]
    fn what_was_read_while_it_changed_is_read_again() {
        for state in [STATE_RACY, STATE_CHANGED] {
            let mut before = file();
            before.state = Some(state);
            assert!(!is_unchanged(&before, &file(), Trust::Inode));
        }
    }

    #[test]
    fn a_file_is_racy_when_it_changed_within_two_seconds() {
        let at = |seconds| Time { seconds, nanoseconds: 0 };
        assert!(is_racy(&file(), at(202)));
        assert!(is_racy(&file(), at(98)));
        assert!(!is_racy(&file(), Time { seconds: 202, nanoseconds: 1 }));
    }
}
