//! A store in a folder of a local disk (or of a mount that behaves like one).
//!
//! Nothing here assumes an operating system; what differs between them is in [`platform`].

mod handles;
pub(super) mod scratch;
#[cfg(unix)]
mod unix;

use std::collections::HashSet;
use std::fs::{self, File, Metadata};
use std::io::{self, Read};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{Bytes, Folder, ObjectInfo, ObjectName, Result, Store, StoreError, StoreErrorKind, Tag};

use handles::{Handle, Handles};
use scratch::Scratch;
use unix as platform;

/// The folder of temporary files and of the lock; not part of the format.
const TMP: &str = "tmp";

/// Below this, reading is cheaper than mapping.
const MAP_FROM: u64 = 256 * 1024;

/// A longer range is read around the page cache, as packs were written: they would only push other programs' data out of it.
const BYPASS_FROM: usize = 256 * 1024;

/// How many packs are kept open for [`Store::get_range`].
const OPEN_PACKS: usize = 64;

/// A [`Store`] in a folder.
///
/// Safe to use from many threads and, with handles of their own, from many processes. A handle that only reads writes nothing,
/// so a repository on a read-only disk can be read. The first write of a handle removes what dead processes left in `tmp/`.
///
/// A pack that another handle deletes may still be readable by [`Store::get_range`] here; `get`, `stat` and `list` tell the truth.
pub struct LocalStore {
    root: PathBuf,
    /// Made by the first write.
    scratch: Mutex<Option<Arc<Scratch>>>,
    /// Folders that this handle knows to be durable.
    prepared: Mutex<HashSet<PathBuf>>,
    packs: Handles,
}

impl LocalStore {
    /// Opens the store in the folder `path`, which is made first if there is none; folders that are made are readable by nobody
    /// else.
    ///
    /// # Errors
    /// Whatever the operating system says; [`StoreErrorKind::Io`] if there is something that is not a folder.
    pub fn create(path: &Path) -> Result<Self> {
        std::path::absolute(path)
            .and_then(|root| make_folders(&root))
            .map_err(|e| StoreError::io("create", path.display(), e))?;
        Self::open(path)
    }

    /// Opens the store in the existing folder `path`.
    ///
    /// # Errors
    /// [`StoreErrorKind::NotFound`] if there is none; [`StoreErrorKind::Io`] if there is something that is not a folder.
    pub fn open(path: &Path) -> Result<Self> {
        let fail = |e| StoreError::io("open", path.display(), e);
        let root = std::path::absolute(path).map_err(fail)?;
        if !fs::metadata(&root).map_err(fail)?.is_dir() {
            return Err(fail(io::ErrorKind::NotADirectory.into()));
        }
        Ok(LocalStore {
            root,
            scratch: Mutex::new(None),
            prepared: Mutex::new(HashSet::new()),
            packs: Handles::new(OPEN_PACKS),
        })
    }

    fn path(&self, name: &ObjectName) -> PathBuf {
        self.root.join(name.to_string())
    }

    fn scratch(&self) -> io::Result<Arc<Scratch>> {
        let mut slot = lock(&self.scratch);
        if let Some(scratch) = &*slot {
            return Ok(scratch.clone());
        }
        let scratch = Arc::new(Scratch::new(&self.root.join(TMP))?);
        *slot = Some(scratch.clone());
        Ok(scratch)
    }

    /// Makes a folder of the repository and its parents, and makes them durable. This is done once per handle even for those
    /// that exist: another process may have made them, but not got as far as to sync them.
    fn prepare(&self, folder: &Path) -> io::Result<()> {
        if folder == self.root || lock(&self.prepared).contains(folder) {
            return Ok(());
        }
        let parent = folder.parent().unwrap_or(&self.root);
        self.prepare(parent)?;
        platform::make_folder(folder)?;
        platform::sync_folder(parent)?;
        lock(&self.prepared).insert(folder.to_path_buf());
        Ok(())
    }

    fn write_new(&self, name: &ObjectName, parts: &[&[u8]], durable: bool) -> Result<()> {
        let write = || {
            let target = self.path(name);
            let folder = target.parent().unwrap_or(&self.root);
            self.prepare(folder)?;
            let scratch = self.scratch()?;
            let temp = scratch.write(parts, durable)?;
            let placed = place_new(&scratch, temp.path(), &target);
            let exists = match &placed {
                Ok(()) => true,
                Err(e) => e.kind() == io::ErrorKind::AlreadyExists,
            };
            // Also when the name was taken: the caller may rely on an object whose writer has not got as far as to sync it.
            if durable && exists {
                platform::sync_folder(folder)?;
            }
            placed
        };
        write().map_err(|e| StoreError::io("write", name, e))
    }

    /// To be asked before "not there" is said of anything: that must not be the answer when the whole disk went away.
    fn still_there(&self) -> Result<()> {
        fs::metadata(&self.root).map_err(|e| StoreError::io("find", self.root.display(), e)).map(drop)
    }

    /// Calls `visit` with the path and metadata of all that is in the folder `path`, relative to the root.
    fn entries(&self, path: &str, visit: &mut dyn FnMut(String, &Metadata) -> Result<()>) -> Result<()> {
        let full = self.root.join(path);
        let fail = |e| StoreError::io("list", full.display(), e);
        let entries = match fs::read_dir(&full) {
            // Folders are made when they are needed.
            Err(e) if e.kind() == io::ErrorKind::NotFound => return self.still_there(),
            entries => entries.map_err(fail)?,
        };
        for entry in entries {
            let entry = entry.map_err(fail)?;
            let name = entry.file_name();
            let name = name.to_string_lossy();
            let relative = if path.is_empty() { name.into_owned() } else { format!("{path}/{name}") };
            // Follows links, as opening does: what can be read is listed.
            match fs::metadata(entry.path()) {
                Ok(metadata) => visit(relative, &metadata)?,
                // Deleted since.
                Err(e) if e.kind() == io::ErrorKind::NotFound => {}
                Err(e) => return Err(StoreError::io("list", relative, e)),
            }
        }
        Ok(())
    }

    fn open_object(&self, name: &ObjectName) -> Result<Handle> {
        let open = || {
            let file = File::open(self.path(name))?;
            let size = object_size(&file.metadata()?)?;
            Ok(Handle { file, size })
        };
        open().map_err(|e| StoreError::io("read", name, e))
    }
}

impl Store for LocalStore {
    fn location(&self) -> String {
        self.root.display().to_string()
    }

    fn put_new(&self, name: &ObjectName, parts: &[&[u8]]) -> Result<()> {
        self.write_new(name, parts, name.folder() != Folder::Leases)
    }

    fn get(&self, name: &ObjectName, limit: u64) -> Result<Bytes> {
        let Handle { file, size } = self.open_object(name)?;
        if size > limit {
            return Err(StoreError::new(StoreErrorKind::TooLarge, "read", name));
        }
        let read = || {
            if size >= MAP_FROM {
                return Ok(Bytes::Mapped(map(&file)?));
            }
            let mut bytes = Vec::with_capacity(usize::try_from(size).map_err(io::Error::other)?);
            (&file).take(size).read_to_end(&mut bytes)?;
            Ok(Bytes::Owned(bytes))
        };
        read().map_err(|e| StoreError::io("read", name, e))
    }

    fn get_range(&self, name: &ObjectName, range: Range<u64>) -> Result<Vec<u8>> {
        // Only packs: they are what is read in pieces, and a name that can be replaced must not give old bytes.
        let handle = match name.folder() {
            Folder::Packs => self.packs.get(name, || self.open_object(name))?,
            _ => Arc::new(self.open_object(name)?),
        };
        // Before there is a buffer: what asks for the range may be damaged.
        if range.start > range.end || range.end > handle.size {
            return Err(StoreError::new(StoreErrorKind::Truncated, "read", name));
        }
        let read = || {
            let len = usize::try_from(range.end - range.start).map_err(io::Error::other)?;
            if len >= BYPASS_FROM
                && let Some(bytes) = platform::read_uncached(&self.path(name), range.start, len)
            {
                return Ok(bytes);
            }
            let mut bytes = vec![0; len];
            platform::read_exact_at(&handle.file, &mut bytes, range.start)?;
            Ok(bytes)
        };
        read().map_err(|e: io::Error| match e.kind() {
            io::ErrorKind::UnexpectedEof => StoreError::new(StoreErrorKind::Truncated, "read", name),
            _ => StoreError::io("read", name, e),
        })
    }

    fn list(
        &self,
        folder: Folder,
        found: &mut dyn FnMut(ObjectInfo) -> Result<()>,
        strange: &mut dyn FnMut(String),
    ) -> Result<()> {
        let mut object = |path: String, metadata: &Metadata| match path.parse() {
            Ok(name) if metadata.is_file() => found(ObjectInfo { name, size: metadata.len() }),
            _ => {
                strange(path);
                Ok(())
            }
        };
        match folder {
            Folder::Top => self.entries("", &mut |path, metadata| match metadata.is_dir() && is_top_folder(&path) {
                true => Ok(()),
                false => object(path, metadata),
            }),
            Folder::Packs => {
                let mut shards = Vec::new();
                self.entries(folder.as_str(), &mut |path, metadata| {
                    if metadata.is_dir() && is_shard(&path) {
                        shards.push(path);
                        return Ok(());
                    }
                    object(path, metadata)
                })?;
                shards.iter().try_for_each(|shard| self.entries(shard, &mut object))
            }
            _ => self.entries(folder.as_str(), &mut object),
        }
    }

    fn ensure_durable(&self, name: &ObjectName) -> Result<()> {
        let object = self.open_object(name)?;
        let sync = || {
            object.file.sync_all()?;
            let path = self.path(name);
            let folder = path.parent().unwrap_or(&self.root);
            self.prepare(folder)?;
            platform::sync_folder(folder)
        };
        sync().map_err(|e| StoreError::io("make durable", name, e))
    }

    fn delete(&self, name: &ObjectName) -> Result<()> {
        self.packs.forget(name);
        let path = self.path(name);
        let fail = |e| StoreError::io("delete", name, e);
        match fs::remove_file(&path) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => self.still_there()?,
            done => done.map_err(fail)?,
        }
        // Also when it was gone: whoever deleted it may not have got as far.
        match platform::sync_folder(path.parent().unwrap_or(&self.root)) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => self.still_there(),
            done => done.map_err(fail),
        }
    }

    fn stat(&self, name: &ObjectName) -> Result<Option<ObjectInfo>> {
        match fs::metadata(self.path(name)).and_then(|metadata| object_size(&metadata)) {
            Ok(size) => Ok(Some(ObjectInfo { name: *name, size })),
            Err(e) if e.kind() == io::ErrorKind::NotFound => self.still_there().map(|()| None),
            Err(e) => Err(StoreError::io("find", name, e)),
        }
    }

    fn replace_if(&self, name: &ObjectName, expected: Option<Tag>, bytes: &[u8]) -> Result<()> {
        let conflict = || StoreError::new(StoreErrorKind::Conflict, "replace", name);
        let Some(expected) = expected else {
            return self.write_new(name, &[bytes], true).map_err(|e| match e.kind {
                StoreErrorKind::AlreadyExists => conflict(),
                _ => e,
            });
        };
        let fail = |e| StoreError::io("replace", name, e);
        let target = self.path(name);
        let scratch = self.scratch().map_err(fail)?;
        let _lock = scratch.lock().map_err(fail)?;
        match fs::read(&target) {
            Ok(current) if Tag::of(&current) == expected => {}
            Ok(_) => return Err(conflict()),
            Err(e) if e.kind() == io::ErrorKind::NotFound => {
                self.still_there()?;
                return Err(conflict());
            }
            Err(e) => return Err(fail(e)),
        }
        let temp = scratch.write(&[bytes], true).map_err(fail)?;
        fs::rename(temp.path(), &target).map_err(fail)?;
        platform::sync_folder(target.parent().unwrap_or(&self.root)).map_err(fail)
    }
}

/// Gives the file `temp` the name `target` unless that is taken. Which way works depends on the file system.
fn place_new(scratch: &Scratch, temp: &Path, target: &Path) -> io::Result<()> {
    match platform::rename_new(temp, target) {
        Err(e) if cannot(&e) => place_linked(scratch, temp, target),
        done => done,
    }
}

/// The way for file systems that cannot rename so: NFS, for example. The name in `tmp/` goes when its owner drops it.
pub(in crate::store) fn place_linked(scratch: &Scratch, temp: &Path, target: &Path) -> io::Result<()> {
    match fs::hard_link(temp, target) {
        Err(e) if cannot(&e) || e.kind() == io::ErrorKind::PermissionDenied => place_locked(scratch, temp, target),
        done => done,
    }
}

/// Whether the error means that this file system has no such operation.
fn cannot(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::Unsupported | io::ErrorKind::InvalidInput | io::ErrorKind::TooManyLinks)
}

/// The way for file systems without links either: everyone who places objects so waits for the same lock.
pub(in crate::store) fn place_locked(scratch: &Scratch, temp: &Path, target: &Path) -> io::Result<()> {
    let _lock = scratch.lock()?;
    match fs::symlink_metadata(target) {
        Ok(_) => Err(io::ErrorKind::AlreadyExists.into()),
        Err(e) if e.kind() == io::ErrorKind::NotFound => fs::rename(temp, target),
        Err(e) => Err(e),
    }
}

/// Makes a folder and those above it, durably.
fn make_folders(path: &Path) -> io::Result<()> {
    let Some(parent) = path.parent() else { return Ok(()) };
    if path.is_dir() {
        return Ok(());
    }
    make_folders(parent)?;
    platform::make_folder(path)?;
    platform::sync_folder(parent)
}

fn object_size(metadata: &Metadata) -> io::Result<u64> {
    if metadata.is_file() { Ok(metadata.len()) } else { Err(io::Error::other("it is not a file")) }
}

#[allow(unsafe_code)]
fn map(file: &File) -> io::Result<memmap2::Mmap> {
    // SAFETY: no process changes or shortens an object: one that is replaced or deleted is another file, or none, under that
    // name, and the mapping keeps the file that it was made from.
    unsafe { memmap2::Mmap::map(file) }
}

fn is_top_folder(path: &str) -> bool {
    path == TMP || Folder::ALL.iter().any(|folder| folder.as_str() == path)
}

fn is_shard(path: &str) -> bool {
    let digits = path.rsplit('/').next().unwrap_or(path).as_bytes();
    digits.len() == 2 && digits.iter().all(|d| matches!(d, b'0'..=b'9' | b'a'..=b'f'))
}

/// What these locks protect is whole at any time, so a thread that panicked has not broken it.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
