//! A reserve of room, so that a full disk can always forget: a file in `tmp/` that a change lets go of when there is no room left for it.
//!
//! Backups do not touch it: without a reserve, and room for one, no lease is put. So what it gave to an earlier change is still free for
//! forgetting, however often a backup is tried meanwhile.

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

/// With less room nobody makes one: what a change has just let go of must not be taken from it again.
const ROOM: u64 = 2 * SIZE as u64;

impl LocalStore {
    /// Makes a change of an object; where there is no room for it, once more without the reserve.
    pub(super) fn with_reserve(&self, name: &ObjectName, change: impl Fn() -> Result<()>) -> Result<()> {
        match change() {
            Err(error) if error.kind == StoreErrorKind::NoSpace && is_for(name) && let_go(&self.root) => {
                // The first error if it fails again: by then the first attempt itself may have taken the name.
                change().map_err(|_| error)
            }
            done => done,
        }
    }

    /// Fails if there is no room even for the reserve: then nothing that needs more room is to begin.
    pub(super) fn keep_reserve(&self, name: &ObjectName) -> Result<()> {
        let kept = self.scratch().and_then(|scratch| keep(&self.root, &scratch));
        match kept.map_err(|e| StoreError::io("write", name, e)) {
            Err(error) if error.kind == StoreErrorKind::NoSpace => Err(error),
            // The write itself tells what else is wrong.
            _ => Ok(()),
        }
    }
}

/// Makes the reserve if it is not there.
///
/// # Errors
/// [`io::ErrorKind::StorageFull`] if there is no room for it; what the storage says.
pub(super) fn keep(root: &Dir, scratch: &Scratch) -> io::Result<()> {
    let tmp = root.folder(TMP)?;
    if let Some(there) = tmp.look(RESERVE)? {
        let is_whole = there.found != Found::File || there.size >= SIZE as u64;
        if is_whole {
            return Ok(());
        }
        // A power loss has cut it short.
        tmp.remove(RESERVE)?;
    }
    if tmp.free_bytes()?.is_some_and(|free| free < ROOM) {
        return Err(io::Error::new(io::ErrorKind::StorageFull, "the little room that is left is kept for forgetting"));
    }
    // Random, as some file systems compress.
    let mut bytes = vec![0; SIZE];
    getrandom::fill(&mut bytes).map_err(io::Error::other)?;
    let temp = scratch.write(&[&bytes], true)?;
    match place::place_new(scratch, &temp, Place { dir: &tmp, name: RESERVE }) {
        Err(e) if e.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        done => done,
    }
}

/// Whether a change of this object may use the reserve: packs are too large for it, and leases begin what needs more.
fn is_for(name: &ObjectName) -> bool {
    !matches!(name.folder(), Folder::Packs | Folder::Leases)
}

/// Lets go of the reserve; whether there may be room now. Another process may have done it a moment ago.
fn let_go(root: &Dir) -> bool {
    let Ok(tmp) = root.folder(TMP) else { return false };
    match tmp.remove(RESERVE) {
        Ok(()) => {
            // Some file systems give room away only when the removal is durable; where that cannot be had, trying tells.
            let _ = tmp.sync();
            true
        }
        Err(e) => e.kind() == io::ErrorKind::NotFound,
    }
}
