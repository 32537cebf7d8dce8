//! Giving a temporary file the name of an object. Which way works depends on the file system.

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

/// The way for file systems that cannot rename so: NFS, for example. The name in `tmp/` goes when its owner drops it.
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

/// The way for file systems without links either: everyone who places objects so waits for the same lock.
pub(crate) fn place_locked(scratch: &Scratch, temp: &Temp, target: Place<'_>) -> io::Result<()> {
    let _lock = scratch.lock()?;
    match target.dir.look(target.name)? {
        Some(_) => Err(io::ErrorKind::AlreadyExists.into()),
        None => platform::rename(temp.place(), target),
    }
}
