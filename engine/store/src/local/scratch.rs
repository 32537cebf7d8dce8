//! Temporary files. Each handle has a folder of its own, `tmp/<random>/`. A locked file in it shows that the handle's
//! process is alive, and names the process.

use std::fs::{File, TryLockError};
use std::io::{self, Write};
use std::sync::atomic::{AtomicU64, Ordering};

use super::leftovers::{self, ALIVE, MARK};
use super::unix::{self as platform, Dir, Place};

/// The folder of temporary files and of the lock; not part of the format.
pub(super) const TMP: &str = "tmp";

/// A process holds this lock while it makes a scratch folder, removes others' folders, or changes an object that can be
/// replaced. The file is never deleted: otherwise two processes could hold two files of that name.
pub(super) const LOCK: &str = "lock";

/// Larger objects are written around the page cache: they are synced at once, and are rarely read soon.
const BYPASS_FROM: usize = 1024 * 1024;

/// A folder for temporary files. Dropping it removes the folder.
pub(crate) struct Scratch {
    tmp: Dir,
    dir: Dir,
    name: String,
    next: AtomicU64,
    locks_exclude: bool,
    _alive: File,
}

/// A file in a [`Scratch`]. Dropping it removes its name there, unless it was moved before.
pub(crate) struct Temp {
    dir: Dir,
    name: String,
}

impl Scratch {
    /// Makes a scratch folder in `tmp/` of the store in `root`. Removes the folders of dead processes.
    pub(crate) fn new(root: &Dir) -> io::Result<Self> {
        let tmp = root.make_folder(TMP)?;
        let name = format!("{:016x}", getrandom::u64().map_err(io::Error::other)?);
        // So no process that respects locks sees a folder before its owner shows life.
        let _lock = lock(&tmp)?;
        let locks_exclude = excludes(&tmp)?;
        let dir = tmp.make_folder(&name)?;
        let alive = show_life(&dir).inspect_err(|_| leftovers::clear(&tmp, &name, &dir))?;
        let now = dir.info()?.changed;
        leftovers::remove(&tmp, &name, now);
        Ok(Scratch { tmp, dir, name, next: AtomicU64::new(0), locks_exclude, _alive: alive })
    }

    /// Waits for the lock of the whole store, which excludes other threads and processes until the result is dropped.
    pub(crate) fn lock(&self) -> io::Result<File> {
        lock(&self.tmp)
    }

    /// Whether a lock that is held excludes others: on some shares every process gets every lock.
    pub(super) fn locks_exclude(&self) -> bool {
        self.locks_exclude
    }

    /// A new file of these parts. If `durable`, it is on disk when this returns.
    pub(crate) fn write(&self, parts: &[&[u8]], durable: bool) -> io::Result<Temp> {
        let name = self.next.fetch_add(1, Ordering::Relaxed).to_string();
        let mut file = self.dir.create(&name)?;
        let temp = Temp { dir: self.dir.clone(), name };
        let size: usize = parts.iter().map(|part| part.len()).sum();
        if durable && size >= BYPASS_FROM {
            platform::write_uncached(&file, parts)?;
        } else {
            parts.iter().try_for_each(|part| file.write_all(part))?;
        }
        if durable {
            file.sync_all()?;
        }
        Ok(temp)
    }

    #[cfg(test)]
    pub(crate) fn name(&self) -> &str {
        &self.name
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // If it fails, the next process that writes removes the folder.
        leftovers::clear(&self.tmp, &self.name, &self.dir);
    }
}

impl Temp {
    pub(crate) fn place(&self) -> Place<'_> {
        Place { dir: &self.dir, name: &self.name }
    }
}

impl Drop for Temp {
    fn drop(&mut self) {
        // Usually it was moved already. If it was not and cannot be removed, it goes with its folder.
        let _ = self.dir.remove(&self.name);
    }
}

/// Makes the file that shows that the folder's owner lives.
fn show_life(dir: &Dir) -> io::Result<File> {
    let mut alive = dir.create(ALIVE)?;
    alive.lock()?;
    writeln!(alive, "{MARK}{}", platform::own_identity())?;
    Ok(alive)
}

fn lock(tmp: &Dir) -> io::Result<File> {
    let file = match tmp.create(LOCK) {
        Err(e) if e.kind() == io::ErrorKind::AlreadyExists => tmp.open_to_lock(LOCK)?,
        file => file?,
    };
    file.lock()?;
    Ok(file)
}

/// Whether a lock excludes others. The caller must hold the lock.
fn excludes(tmp: &Dir) -> io::Result<bool> {
    match tmp.open_to_lock(LOCK)?.try_lock() {
        Ok(()) => Ok(false),
        Err(TryLockError::WouldBlock) => Ok(true),
        Err(TryLockError::Error(error)) => Err(error),
    }
}
