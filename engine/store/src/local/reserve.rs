//! A reserve of space, so that `forget` and `prune` work even on a full disk. It is a file in `tmp/`, which a change
//! deletes when it needs the space.
//!
//! Backups never use it: a lease is put only if the reserve exists or there is space for it. So the space that it gave
//! to an earlier change stays free for forgetting, even if a backup is tried meanwhile.

use std::io;

use super::LocalStore;
use super::place;
use super::scratch::{Scratch, TMP};
use super::unix::{Dir, Place};
use crate::misplaced::Found;
use crate::{Folder, ObjectName, Result, StoreError, StoreErrorKind};

/// The name of the reserve in `tmp/`.
const RESERVE: &str = "reserve";

/// Enough for a record, a list of condemned packs and the segments of a small sweep.
const SIZE: usize = 256 * 1024;

/// With less space no process makes a reserve: it would take the space that a change has just freed.
const ROOM: u64 = 2 * SIZE as u64;

impl LocalStore {
    /// Makes a change of an object. If there is no space for it, tries once more without the reserve.
    pub(super) fn with_reserve(&self, name: &ObjectName, change: impl Fn() -> Result<()>) -> Result<()> {
        match change() {
            Err(error) if error.kind == StoreErrorKind::NoSpace && is_for(name) && let_go(self.folders.root()) => {
                // Reports the first error: the first attempt itself may have taken the name.
                change().map_err(|_| error)
            }
            done => done,
        }
    }

    /// Fails if there is no space even for the reserve: an operation that needs more must not begin.
    pub(super) fn keep_reserve(&self, name: &ObjectName) -> Result<()> {
        let kept = self.scratch().and_then(|scratch| keep(self.folders.root(), &scratch));
        match kept.map_err(|e| StoreError::io("write", name, e)) {
            Err(error) if error.kind == StoreErrorKind::NoSpace => Err(error),
            // Other errors show in the write itself.
            _ => Ok(()),
        }
    }
}

/// Makes the reserve if it does not exist.
///
/// # Errors
/// [`io::ErrorKind::StorageFull`] if there is no space for it; otherwise the storage's.
pub(super) fn keep(root: &Dir, scratch: &Scratch) -> io::Result<()> {
    let tmp = root.folder(TMP)?;
    if let Some(there) = tmp.look(RESERVE)? {
        let is_whole = there.found != Found::File || there.size >= SIZE as u64;
        if is_whole {
            return Ok(());
        }
        // A power loss cut it short.
        tmp.remove(RESERVE)?;
    }
    if tmp.free_bytes()?.is_some_and(|free| free < ROOM) {
        return Err(io::Error::new(io::ErrorKind::StorageFull, "the little space that is left is kept for forgetting"));
    }
    // Random bytes, because some file systems compress.
    let mut bytes = vec![0; SIZE];
    getrandom::fill(&mut bytes).map_err(io::Error::other)?;
    let temp = scratch.write(&[&bytes], true)?;
    match place::place_new(scratch, &temp, Place { dir: &tmp, name: RESERVE }) {
        Err(e) if e.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        done => done,
    }
}

/// Whether a change of this object may use the reserve. Packs are too large for it, and after a lease more would
/// follow.
fn is_for(name: &ObjectName) -> bool {
    !matches!(name.folder(), Folder::Packs | Folder::Leases)
}

/// Deletes the reserve; returns whether there may be space now. Another process may have deleted it a moment ago.
fn let_go(root: &Dir) -> bool {
    let Ok(tmp) = root.folder(TMP) else { return false };
    match tmp.remove(RESERVE) {
        Ok(()) => {
            // Some file systems free space only when the deletion is durable. If the sync fails, the next attempt shows
            // it.
            let _ = tmp.sync();
            true
        }
        Err(e) => e.kind() == io::ErrorKind::NotFound,
    }
}
