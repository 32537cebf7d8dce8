//! Gives a temporary file the name of an object. The right way depends on the file system.

use std::io;

use super::scratch::{Scratch, Temp};
use super::unix::{self as platform, Place};

/// Gives the file `temp` the name `target` unless that is taken.
pub(super) fn place_new(scratch: &Scratch, temp: &Temp, target: Place<'_>) -> io::Result<()> {
    match platform::rename_new(temp.place(), target) {
        Err(e) if cannot(&e) => place_linked(scratch, temp, target),
        done => done,
    }
}

/// For file systems that have no such rename, for example NFS. The name in `tmp/` goes when its owner drops it.
pub(crate) fn place_linked(scratch: &Scratch, temp: &Temp, target: Place<'_>) -> io::Result<()> {
    match platform::link(temp.place(), target) {
        Err(e) if cannot(&e) || e.kind() == io::ErrorKind::PermissionDenied => place_locked(scratch, temp, target),
        done => done,
    }
}

/// Whether the error means that this file system has no such operation.
fn cannot(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::Unsupported | io::ErrorKind::InvalidInput | io::ErrorKind::TooManyLinks)
}

/// For file systems without links, too: every process that places objects this way waits for the same lock.
pub(crate) fn place_locked(scratch: &Scratch, temp: &Temp, target: Place<'_>) -> io::Result<()> {
    let _lock = scratch.lock()?;
    match target.dir.look(target.name)? {
        Some(_) => Err(io::ErrorKind::AlreadyExists.into()),
        None => platform::rename(temp.place(), target),
    }
}
