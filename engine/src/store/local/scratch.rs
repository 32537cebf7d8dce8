//! Temporary files: each handle has a folder of its own, `tmp/<random>/`, and shows by a lock on a file in it that it is alive.

use std::fs::{self, File, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use super::unix as platform;

/// Held by whoever makes a scratch folder, removes others', or changes an object that can be replaced. Never deleted: two
/// processes could hold two files of that name.
const LOCK: &str = "lock";

/// In each scratch folder; locked as long as the folder's owner lives.
const ALIVE: &str = "alive";

/// Larger objects are written around the page cache: they are synced at once anyway, and nobody will read them soon.
const BYPASS_FROM: usize = 1024 * 1024;

/// A folder for temporary files, gone when this is dropped.
pub(in crate::store) struct Scratch {
    tmp: PathBuf,
    folder: PathBuf,
    next: AtomicU64,
    _alive: File,
}

/// A file in a [`Scratch`]; its name there is gone when this is dropped, if it was not moved before.
pub(in crate::store) struct Temp(PathBuf);

impl Scratch {
    /// A new scratch folder in the folder `tmp`. Removes those whose owners are dead.
    pub(in crate::store) fn new(tmp: &Path) -> io::Result<Self> {
        platform::make_folder(tmp)?;
        let folder = tmp.join(format!("{:016x}", getrandom::u64().map_err(io::Error::other)?));
        // Nobody sees a folder that is not yet known to be alive.
        let _lock = lock(tmp)?;
        remove_leftovers(tmp);
        platform::make_folder(&folder)?;
        let alive = platform::create_file(&folder.join(ALIVE))?;
        alive.lock()?;
        Ok(Scratch { tmp: tmp.to_path_buf(), folder, next: AtomicU64::new(0), _alive: alive })
    }

    /// Waits for the lock of the whole store, which excludes other threads and processes until the result is dropped.
    pub(in crate::store) fn lock(&self) -> io::Result<File> {
        lock(&self.tmp)
    }

    /// A new file of these parts; on disk when this returns, if it is to be `durable`.
    pub(in crate::store) fn write(&self, parts: &[&[u8]], durable: bool) -> io::Result<Temp> {
        let path = self.folder.join(self.next.fetch_add(1, Ordering::Relaxed).to_string());
        let mut file = platform::create_file(&path)?;
        let temp = Temp(path);
        let size: usize = parts.iter().map(|part| part.len()).sum();
        match durable && size >= BYPASS_FROM {
            true => platform::write_uncached(&file, parts)?,
            false => parts.iter().try_for_each(|part| file.write_all(part))?,
        }
        if durable {
            file.sync_all()?;
        }
        Ok(temp)
    }

    #[cfg(test)]
    pub(in crate::store) fn folder(&self) -> &Path {
        &self.folder
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // If it fails, the next process that writes removes the folder.
        let _ = fs::remove_dir_all(&self.folder);
    }
}

impl Temp {
    pub(in crate::store) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Temp {
    fn drop(&mut self) {
        // Mostly it has been moved; if not, and it cannot be removed, it goes with its folder.
        let _ = fs::remove_file(&self.0);
    }
}

fn lock(tmp: &Path) -> io::Result<File> {
    let path = tmp.join(LOCK);
    let file = match platform::create_file(&path) {
        Err(e) if e.kind() == io::ErrorKind::AlreadyExists => open_to_lock(&path)?,
        file => file?,
    };
    file.lock()?;
    Ok(file)
}

/// Some network file systems lock only files that are open for writing.
fn open_to_lock(path: &Path) -> io::Result<File> {
    File::options().read(true).write(true).open(path)
}

/// Removes the scratch folders of dead processes. To be called under the lock: then a folder whose file nobody has locked has
/// no living owner, since owners take both under the same lock.
fn remove_leftovers(tmp: &Path) {
    let Ok(entries) = fs::read_dir(tmp) else { return };
    for entry in entries.flatten() {
        let folder = entry.path();
        let ours = entry.file_name().to_str().is_some_and(is_scratch_name);
        if ours && folder.is_dir() {
            // What cannot be removed, for example because it is another user's, does not keep us from writing.
            let _ = remove_if_dead(&folder);
        }
    }
}

fn remove_if_dead(folder: &Path) -> io::Result<()> {
    let alive = match open_to_lock(&folder.join(ALIVE)) {
        Ok(file) => Some(file),
        // Its owner died before it made the file, or while it removed the folder.
        Err(e) if e.kind() == io::ErrorKind::NotFound => None,
        Err(e) => return Err(e),
    };
    match alive.as_ref().map(File::try_lock) {
        Some(Err(TryLockError::WouldBlock)) => Ok(()),
        Some(Err(TryLockError::Error(e))) => Err(e),
        Some(Ok(())) | None => fs::remove_dir_all(folder),
    }
}

fn is_scratch_name(name: &str) -> bool {
    name.len() == 16 && name.bytes().all(|d| d.is_ascii_hexdigit())
}
