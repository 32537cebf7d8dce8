//! Temporary files: each handle has a folder of its own, `tmp/<random>/`, and shows by a file in it, which it has locked and in which it
//! says what process it is, that it is alive.

use std::fs::{File, TryLockError};
use std::io::{self, Write};
use std::sync::atomic::{AtomicU64, Ordering};

use super::leftovers;
use super::unix::{self as platform, Dir, Place};

/// The folder of temporary files and of the lock; not part of the format.
pub(super) const TMP: &str = "tmp";

/// Held by whoever makes a scratch folder, removes others', or changes an object that can be replaced. Never deleted: two
/// processes could hold two files of that name.
pub(super) const LOCK: &str = "lock";

/// In each scratch folder; locked as long as the folder's owner lives.
pub(super) const ALIVE: &str = "alive";

/// The beginning of the file [`ALIVE`]: a folder with another one is not ours.
pub(super) const MARK: &str = "enamel scratch ";

/// Larger objects are written around the page cache: they are synced at once anyway, and nobody will read them soon.
const BYPASS_FROM: usize = 1024 * 1024;

/// A folder for temporary files, gone when this is dropped.
pub(crate) struct Scratch {
    tmp: Dir,
    dir: Dir,
    name: String,
    next: AtomicU64,
    locks_exclude: bool,
    _alive: File,
}

/// A file in a [`Scratch`]; its name there is gone when this is dropped, if it was not moved before.
pub(crate) struct Temp {
    dir: Dir,
    name: String,
}

impl Scratch {
    /// A new scratch folder in `tmp/` of the store in `root`. Removes those whose owners are dead.
    pub(crate) fn new(root: &Dir) -> io::Result<Self> {
        let tmp = root.make_folder(TMP)?;
        let name = format!("{:016x}", getrandom::u64().map_err(io::Error::other)?);
        // Nobody who heeds locks sees a folder that is not yet known to be alive.
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

    /// Whether a lock that is held keeps others out: on some shares anybody gets any lock.
    pub(super) fn locks_exclude(&self) -> bool {
        self.locks_exclude
    }

    /// A new file of these parts; on disk when this returns, if it is to be `durable`.
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
        // Mostly it has been moved; if not, and it cannot be removed, it goes with its folder.
        let _ = self.dir.remove(&self.name);
    }
}

/// Makes the file that shows that the owner of a folder lives.
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

/// Whether a lock keeps out who has not got it. To be asked by the one who holds the lock.
fn excludes(tmp: &Dir) -> io::Result<bool> {
    match tmp.open_to_lock(LOCK)?.try_lock() {
        Ok(()) => Ok(false),
        Err(TryLockError::WouldBlock) => Ok(true),
        Err(TryLockError::Error(error)) => Err(error),
    }
}
