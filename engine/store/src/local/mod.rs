//! A store in a folder of a local disk, or of a mount that behaves like one.
//!
//! Nothing here assumes an operating system; [`platform`] has the differences between them. The storage may be hostile.
//! So the store reaches everything from the open root, one name at a time, follows no link below it, and opens only
//! folders and plain files.

mod folders;
mod handles;
mod leftovers;
pub(super) mod place;
mod processes;
mod reserve;
mod root;
pub(super) mod scratch;
#[cfg(unix)]
pub(super) mod unix;
mod volume;

use std::ffi::OsString;
use std::fs;
use std::io::{self, Read};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use super::misplaced::{Found, Misplaced, Wanted};
use super::{Folder, Holdings, ObjectInfo, ObjectName, Result, Store, StoreError, StoreErrorKind, Tag};

use folders::{Folders, Spot};
use handles::{Handle, Handles};
pub use processes::Attempt;
use scratch::{Scratch, TMP};
use unix::{self as platform, Dir, Info, Place};

/// Longer ranges are read around the page cache, as packs were written: they would only displace other programs' data.
const BYPASS_FROM: usize = 256 * 1024;

/// An entry of a folder of the store.
struct Listed<'d> {
    dir: &'d Dir,
    name: OsString,
    /// The kind of thing, where the folder says it.
    found: Option<Found>,
}

impl Listed<'_> {
    /// Its path below the root.
    fn path(&self) -> String {
        self.dir.below(&self.name.to_string_lossy())
    }

    /// A look at it; `None` if it was deleted since the folder was read.
    fn info(&self) -> Result<Option<Info>> {
        self.dir.look(&self.name).map_err(|e| StoreError::io("list", self.path(), e))
    }

    /// The kind of thing that it is; `None` if it was deleted since the folder was read.
    fn found(&self) -> Result<Option<Found>> {
        if self.found.is_some() { Ok(self.found) } else { Ok(self.info()?.map(|info| info.found)) }
    }
}

/// How many packs are kept open for [`Store::get_range`].
const OPEN_PACKS: usize = 64;

/// No object that can be replaced is longer than this, whatever stands in its place.
const REPLACEABLE_MAX: u64 = 128 * 1024 * 1024;

/// The store makes these folders first, in this order, because on most file systems `cp -a` copies folders in the order
/// in which they were made. So a plain copy that is made during a backup holds the objects that its manifests need:
/// they existed before the manifests.
const COPIED_FIRST: [Folder; 3] = [Folder::Snapshots, Folder::Index, Folder::Packs];

/// A [`Store`] in a folder.
///
/// Many threads can use one handle, and many processes can use handles of their own. A handle that only reads writes
/// nothing, so a repository on a read-only disk can be read. The first write of a handle removes the leftovers of dead
/// processes in `tmp/`.
///
/// New files and folders belong to the owner, or the group, of the store's folder, even if root makes them.
///
/// A pack that another handle deletes may stay readable by [`Store::get_range`]; `get`, `stat` and `list` see that it
/// is gone.
pub struct LocalStore {
    folders: Folders,
    /// Used in messages, and to see whether the folder still exists.
    path: PathBuf,
    /// The caller said that no other process writes; so locks need not exclude others.
    is_alone: bool,
    /// Made by the first write.
    scratch: Mutex<Option<Arc<Scratch>>>,
    packs: Handles,
}

/// Whether the locks of a storage work.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Locks {
    /// They work, as far as one machine can see.
    Hold,
    /// They work on this machine, but other machines do not see them. Names the kind of mount.
    OfThisMachine(String),
    /// Every process gets every lock.
    Nothing,
}

impl LocalStore {
    /// Opens the store in the folder `path`, and makes the folder first if it does not exist. Only the user can read
    /// folders that this makes.
    ///
    /// # Errors
    /// The operating system's; [`StoreErrorKind::NotAFolder`] if something else than a folder is there.
    pub fn create(path: &Path) -> Result<Self> {
        std::path::absolute(path)
            .and_then(|root| root::make(&root))
            .map_err(|e| StoreError::io("create", path.display(), root::not_a_folder(e, path)))?;
        let store = Self::open(path)?;
        for folder in COPIED_FIRST {
            store
                .folders
                .root()
                .make_folder(folder.as_str())
                .map_err(|e| StoreError::io("create", folder.as_str(), e))?;
        }
        Ok(store)
    }

    /// Opens the store in the existing folder `path`.
    ///
    /// # Errors
    /// [`StoreErrorKind::NotFound`] if it does not exist; [`StoreErrorKind::NotAFolder`] if something else is there.
    pub fn open(path: &Path) -> Result<Self> {
        let fail = |e| StoreError::io("open", path.display(), root::not_a_folder(e, path));
        let path = std::path::absolute(path).map_err(fail)?;
        Ok(LocalStore {
            folders: Folders::new(Dir::open_root(&path).map_err(fail)?),
            path,
            is_alone: false,
            scratch: Mutex::new(None),
            packs: Handles::new(OPEN_PACKS),
        })
    }

    /// The same store, for a caller who promises that no other process writes to it meanwhile. Objects can then be
    /// replaced even where locks do not work.
    pub fn exclusively(mut self) -> Self {
        self.is_alone = true;
        self
    }

    /// Whether the locks of this storage exclude others. Makes a scratch folder, as any write does.
    ///
    /// # Errors
    /// The storage's.
    pub fn locks(&self) -> Result<Locks> {
        let scratch = self.scratch().map_err(|e| StoreError::io("lock", self.path.display(), e))?;
        if !scratch.locks_exclude() {
            return Ok(Locks::Nothing);
        }
        Ok(platform::locks_are_of_one_machine(&self.path).map_or(Locks::Hold, Locks::OfThisMachine))
    }

    fn scratch(&self) -> io::Result<Arc<Scratch>> {
        let mut slot = lock(&self.scratch);
        if let Some(scratch) = &*slot {
            return Ok(scratch.clone());
        }
        let scratch = Arc::new(Scratch::new(self.folders.root())?);
        // Without a reserve, the space that it would have taken is still free. The next handle tries again.
        let _ = reserve::keep(self.folders.root(), &scratch);
        *slot = Some(scratch.clone());
        Ok(scratch)
    }

    fn write_new(&self, name: &ObjectName, parts: &[&[u8]], durable: bool) -> Result<()> {
        let write = || {
            let Spot { dir, name: file } = self.folders.prepare(name)?;
            let scratch = self.scratch()?;
            let temp = scratch.write(parts, durable)?;
            let placed = place::place_new(&scratch, &temp, Place { dir: &dir, name: &file });
            let exists = match &placed {
                Ok(()) => true,
                Err(e) => e.kind() == io::ErrorKind::AlreadyExists,
            };
            // Done even if the name was taken: the caller may rely on an object whose writer has not synced it yet.
            if durable && exists {
                dir.sync()?;
            }
            placed
        };
        self.with_reserve(name, || write().map_err(|e| self.not_there(StoreError::io("write", name, e))))
    }

    fn replace(&self, name: &ObjectName, expected: Tag, bytes: &[u8]) -> Result<()> {
        let conflict = || StoreError::new(StoreErrorKind::Conflict, "replace", name);
        let fail = |e| StoreError::io("replace", name, e);
        let scratch = self.scratch().map_err(fail)?;
        let _lock = self.lock_to_replace(name, &scratch)?;
        match self.get(name, REPLACEABLE_MAX) {
            Ok(current) if Tag::of(&current) == expected => {}
            Ok(_) => return Err(conflict()),
            Err(e) if e.kind == StoreErrorKind::NotFound => {
                self.still_there()?;
                return Err(conflict());
            }
            Err(e) => return Err(e),
        }
        let replace = || {
            let Spot { dir, name: file } = self.folders.spot(name)?;
            let temp = scratch.write(&[bytes], true)?;
            platform::rename(temp.place(), Place { dir: &dir, name: &file })?;
            dir.sync()
        };
        replace().map_err(fail)
    }

    /// Asked before the store says that an object does not exist: that must not be the answer when the whole disk has
    /// gone.
    fn still_there(&self) -> Result<()> {
        let fail = |e| StoreError::io("find", self.path.display(), e);
        let has_a_name = self.folders.root().is_there().map_err(fail)?;
        if has_a_name && fs::metadata(&self.path).is_ok_and(|there| there.is_dir()) {
            return Ok(());
        }
        Err(fail(io::Error::other("the repository's folder no longer exists")))
    }

    /// Calls `object` for everything that stands where objects of `folder` belong.
    fn walk(&self, folder: Folder, object: &mut dyn FnMut(&Listed<'_>) -> Result<()>) -> Result<()> {
        match folder {
            Folder::Top => self.entries("", &mut |listed| {
                let is_known = listed.found()? == Some(Found::Folder) && is_top_folder(&listed.path());
                if is_known { Ok(()) } else { object(listed) }
            }),
            Folder::Packs => {
                let mut shards = Vec::new();
                self.entries(folder.as_str(), &mut |listed| {
                    let path = listed.path();
                    if !is_shard(&path) {
                        return object(listed);
                    }
                    // Any other entry counts as a shard: packs belong in there, and must not be taken for missing.
                    shards.push(path);
                    Ok(())
                })?;
                shards.iter().try_for_each(|shard| self.entries(shard, &mut *object))
            }
            _ => self.entries(folder.as_str(), &mut *object),
        }
    }

    /// Calls `visit` for each entry of the folder `path`.
    fn entries(&self, path: &str, visit: &mut dyn FnMut(&Listed<'_>) -> Result<()>) -> Result<()> {
        let fail = |e| StoreError::io("list", if path.is_empty() { "the repository" } else { path }, e);
        let mut folders = path.split('/').filter(|folder| !folder.is_empty());
        let opened = folders.try_fold(self.folders.root().clone(), |dir, folder| dir.folder(folder));
        let dir = match opened {
            // The store makes folders only when it needs them.
            Err(e) if e.kind() == io::ErrorKind::NotFound => return self.still_there(),
            opened => opened.map_err(fail)?,
        };
        let mut failed = Ok(());
        let listed = dir.kinds(|name, found| {
            failed = visit(&Listed { dir: &dir, name, found });
            if failed.is_ok() { Ok(()) } else { Err(io::ErrorKind::Interrupted.into()) }
        });
        failed?;
        listed.map_err(fail)
    }

    fn open_object(&self, name: &ObjectName) -> Result<Handle> {
        let open = || {
            let Spot { dir, name: file } = self.folders.spot(name)?;
            let (file, size) = dir.open(&file)?;
            Ok(Handle { file, size })
        };
        open().map_err(|e| self.not_there(StoreError::io("read", name, e)))
    }

    /// The same error, unless the whole storage has gone: then nothing is known of any object.
    fn not_there(&self, error: StoreError) -> StoreError {
        if error.kind != StoreErrorKind::NotFound {
            return error;
        }
        self.still_there().err().unwrap_or(error)
    }

    /// Why the bytes of an open object could not be read. If the disk can read other bytes, it is a bad sector.
    fn not_read(&self, name: &ObjectName, error: io::Error) -> StoreError {
        let is_of_the_disk = platform::is_bad_place(&error);
        let error = StoreError::io("read", name, error);
        let gives_others =
            || self.folders.root().open("config").is_ok_and(|(file, size)| platform::can_be_read(&file, size));
        if is_of_the_disk && *name != ObjectName::Config && gives_others() {
            return StoreError { kind: StoreErrorKind::Unreadable, ..error };
        }
        error
    }

    /// The lock that a process must hold to replace an object.
    fn lock_to_replace(&self, name: &ObjectName, scratch: &Scratch) -> Result<fs::File> {
        if !self.is_alone && self.locks()? != Locks::Hold {
            return Err(StoreError::new(StoreErrorKind::NoLocks, "replace", name));
        }
        scratch.lock().map_err(|e| StoreError::io("replace", name, e))
    }
}

impl Store for LocalStore {
    fn location(&self) -> String {
        self.path.display().to_string()
    }

    fn place(&self) -> String {
        volume::place(&self.path)
    }

    fn put_new(&self, name: &ObjectName, parts: &[&[u8]]) -> Result<()> {
        if name.folder() != Folder::Leases {
            return self.write_new(name, parts, true);
        }
        self.keep_reserve(name)?;
        self.write_new(name, parts, false)
    }

    fn get(&self, name: &ObjectName, limit: u64) -> Result<Vec<u8>> {
        let Handle { file, size } = self.open_object(name)?;
        if size > limit {
            return Err(StoreError::new(StoreErrorKind::TooLarge, "read", name));
        }
        let read = || {
            // Read, never mapped: if a file is cut short or a disk dies under a mapping, the program dies with it.
            let mut bytes = vec![0; usize::try_from(size).map_err(io::Error::other)?];
            (&file).read_exact(&mut bytes)?;
            Ok(bytes)
        };
        read().map_err(|e| self.not_read(name, e))
    }

    fn get_range(&self, name: &ObjectName, range: Range<u64>) -> Result<Vec<u8>> {
        // Only packs are read in pieces, and a name that can be replaced must not return old bytes.
        let handle = match name.folder() {
            Folder::Packs => self.packs.get(name, || self.open_object(name))?,
            _ => Arc::new(self.open_object(name)?),
        };
        // Checked before a buffer is allocated: the caller may have the range from a damaged object.
        if range.start > range.end || range.end > handle.size {
            return Err(StoreError::new(StoreErrorKind::Truncated, "read", name));
        }
        let read = || {
            let len = usize::try_from(range.end - range.start).map_err(io::Error::other)?;
            if len >= BYPASS_FROM
                && let Ok(own) = self.open_object(name)
                && let Some(bytes) = platform::read_uncached(&own.file, range.start, len)
            {
                return Ok(bytes);
            }
            let mut bytes = vec![0; len];
            platform::read_exact_at(&handle.file, &mut bytes, range.start)?;
            Ok(bytes)
        };
        read().map_err(|e| self.not_read(name, e))
    }

    fn list(
        &self,
        folder: Folder,
        found: &mut dyn FnMut(ObjectInfo) -> Result<()>,
        strange: &mut dyn FnMut(String),
    ) -> Result<()> {
        self.walk(folder, &mut |listed| {
            let Some(info) = listed.info()? else { return Ok(()) };
            let path = listed.path();
            match path.parse() {
                Ok(name) if info.found == Found::File => found(ObjectInfo { name, size: info.size }),
                _ => {
                    strange(path);
                    Ok(())
                }
            }
        })
    }

    fn list_names(&self, folder: Folder, found: &mut dyn FnMut(ObjectName) -> Result<()>) -> Result<()> {
        self.walk(folder, &mut |listed| match listed.path().parse() {
            Ok(name) if listed.found()? == Some(Found::File) => found(name),
            _ => Ok(()),
        })
    }

    fn holdings(&self, folder: Folder) -> Result<Holdings> {
        let mut holdings = Holdings::default();
        self.walk(folder, &mut |listed| {
            let Some(info) = listed.info()? else { return Ok(()) };
            if info.found == Found::File && listed.path().parse::<ObjectName>().is_ok() {
                let written = info.changed.duration_since(SystemTime::UNIX_EPOCH).ok();
                holdings.add(info.size, written.and_then(|since| i64::try_from(since.as_secs()).ok()));
            }
            Ok(())
        })?;
        Ok(holdings)
    }

    fn ensure_durable(&self, name: &ObjectName) -> Result<()> {
        let object = self.open_object(name)?;
        let sync = || {
            object.file.sync_all()?;
            self.folders.prepare(name)?.dir.sync()
        };
        sync().map_err(|e| StoreError::io("make durable", name, e))
    }

    fn delete(&self, name: &ObjectName) -> Result<()> {
        self.packs.forget(name);
        let delete = || {
            let Spot { dir, name: file } = self.folders.spot(name)?;
            let removed = dir.remove(&file);
            // Also if it was gone already: the process that deleted it may not have synced yet.
            dir.sync()?;
            removed
        };
        // A file system that never writes in place needs space for a deletion, too.
        self.with_reserve(name, || match delete() {
            Err(e) if e.kind() == io::ErrorKind::NotFound => self.still_there(),
            done => done.map_err(|e| StoreError::io("delete", name, e)),
        })
    }

    fn set_aside(&self, name: &ObjectName) -> Result<()> {
        let set_aside = || {
            let Spot { dir, name: file } = self.folders.spot(name)?;
            let aside = self.folders.prepare_folder(self.folders.root(), Folder::Aside.as_str())?;
            let number = getrandom::u64().map_err(io::Error::other)?;
            let kept = format!("{}-{number:016x}", name.to_string().replace('/', "-"));
            platform::rename(Place { dir: &dir, name: &file }, Place { dir: &aside, name: &kept })?;
            aside.sync()?;
            dir.sync()
        };
        set_aside().map_err(|e| StoreError::io("move aside", name, e))
    }

    fn stat(&self, name: &ObjectName) -> Result<Option<ObjectInfo>> {
        let look = || {
            let Spot { dir, name: file } = self.folders.spot(name)?;
            match dir.look(&file)? {
                Some(info) if info.found == Found::File => Ok(Some(ObjectInfo { name: *name, size: info.size })),
                Some(info) => Err(Misplaced::error(dir.below(&file), info.found, Wanted::File)),
                None => Ok(None),
            }
        };
        match look() {
            Ok(Some(info)) => Ok(Some(info)),
            Ok(None) => self.still_there().map(|()| None),
            Err(e) if e.kind() == io::ErrorKind::NotFound => self.still_there().map(|()| None),
            Err(e) => Err(StoreError::io("find", name, e)),
        }
    }

    fn replace_if(&self, name: &ObjectName, expected: Option<Tag>, bytes: &[u8]) -> Result<()> {
        match expected {
            Some(expected) => self.with_reserve(name, || self.replace(name, expected, bytes)),
            None => self.write_new(name, &[bytes], true).map_err(|e| match e.kind {
                StoreErrorKind::AlreadyExists => StoreError::new(StoreErrorKind::Conflict, "replace", name),
                _ => e,
            }),
        }
    }
}

fn is_top_folder(path: &str) -> bool {
    path == TMP || Folder::ALL.iter().any(|folder| folder.as_str() == path)
}

fn is_shard(path: &str) -> bool {
    let digits = path.rsplit('/').next().unwrap_or(path).as_bytes();
    digits.len() == 2 && digits.iter().all(|d| matches!(d, b'0'..=b'9' | b'a'..=b'f'))
}

/// The data below these locks is whole at any time, so a thread that panicked has not broken it.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
