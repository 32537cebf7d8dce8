//! Named bytes in a place: the engine reaches storage only through this crate.
//!
//! A store knows nothing of packs, keys or snapshots. [`conformance`] tests every promise below on every store.

use std::ops::Range;

#[macro_use]
mod forward;

mod append_only;
pub mod conformance;
mod error;
#[cfg(any(test, feature = "test-support"))]
pub mod faulty;
mod intact;
mod local;
mod memory;
mod misplaced;
mod name;
#[cfg(feature = "s3")]
pub mod s3;
#[cfg(test)]
mod tests;
mod unconditional;

pub use append_only::AppendOnlyStore;
pub use error::{Result, StoreError, StoreErrorKind};
pub use local::{Attempt, LocalStore, Locks};
pub use memory::{Leases, MemoryStore, PowerLoss};
pub use name::{Folder, ObjectName, Original};
pub use unconditional::UnconditionalStore;

/// One object, as a listing shows it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ObjectInfo {
    /// The object's name.
    pub name: ObjectName,
    /// The object's length in bytes.
    pub size: u64,
}

/// The objects of a folder of a store, as its storage counts them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Holdings {
    /// The number of objects.
    pub objects: u64,
    /// Their bytes together.
    pub bytes: u64,
    /// When the newest was written, in seconds since 1970 by the clock of the storage; `None` if there is none, or the
    /// storage does not say.
    pub newest: Option<i64>,
}

impl Holdings {
    fn add(&mut self, size: u64, written: Option<i64>) {
        self.objects += 1;
        self.bytes += size;
        self.newest = self.newest.max(written);
    }
}

/// Identifies one content of an object, for [`Store::replace_if`]. Equal tags mean equal bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tag(pub [u8; 32]);

impl Tag {
    /// The tag of these bytes: their BLAKE3.
    pub fn of(bytes: &[u8]) -> Self {
        Tag(*blake3::hash(bytes).as_bytes())
    }
}

/// How a storage is reached. Callers work otherwise over a network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Medium {
    /// Puts of packs that are worth running at once.
    pub puts_at_once: usize,
    /// Reads that are worth running at once; more than one where each request costs a way there and back.
    pub gets_at_once: usize,
    /// Whether a put or a deletion that had no answer may be carried out at any later time.
    pub is_late: bool,
}

impl Medium {
    /// A disk of this machine, or one that is used like it.
    pub const DISK: Medium = Medium { puts_at_once: 1, gets_at_once: 1, is_late: false };
    /// A server behind a network.
    pub const NETWORK: Medium = Medium { puts_at_once: 4, gets_at_once: 8, is_late: true };
}

/// A set of named objects. All methods may be called from many threads at once.
///
/// An error that a method's documentation does not list comes from the storage. After such an error the change may have
/// been made or not, as after a power loss: only reading can tell.
pub trait Store: Send + Sync {
    /// The place of this store, in words for messages.
    fn location(&self) -> String;

    /// A text that distinguishes this place from others on this machine and never changes: the path, and the volume if
    /// it is known.
    fn place(&self) -> String {
        self.location()
    }

    /// How this storage is reached. A store in front of another passes this on.
    fn medium(&self) -> Medium {
        Medium::DISK
    }

    /// Writes a new object from the concatenation of `parts`.
    ///
    /// Atomic: readers see nothing or all of it. Durable when it returns, except in [`Folder::Leases`]: after a power
    /// loss a lease may be missing or empty. If two calls for one name run at once, exactly one succeeds.
    ///
    /// # Errors
    /// [`StoreErrorKind::AlreadyExists`] if the name is taken. The existing object is unchanged, and as durable as if
    /// this call had put it.
    fn put_new(&self, name: &ObjectName, parts: &[&[u8]]) -> Result<()>;

    /// As [`Store::put_new`], with parts that the caller does not need any more. A store that must own what it sends then
    /// needs no second copy of them.
    ///
    /// # Errors
    /// As [`Store::put_new`].
    fn put_owned(&self, name: &ObjectName, parts: Vec<Vec<u8>>) -> Result<()> {
        self.put_new(name, &parts.iter().map(Vec::as_slice).collect::<Vec<_>>())
    }

    /// Writes an object from the concatenation of `parts`, whatever stands under its name. Atomic and durable when it
    /// returns. Only [`UnconditionalStore`] calls it: storage without conditions has nothing else.
    ///
    /// # Errors
    /// [`StoreErrorKind::Unsupported`] if this store always has conditions. [`StoreErrorKind::Unavailable`] if an answer
    /// was missing; the object may then be written at any later time, over a newer one.
    fn overwrite(&self, name: &ObjectName, _parts: &[&[u8]]) -> Result<()> {
        Err(StoreError::new(StoreErrorKind::Unsupported, "write without a condition", name))
    }

    /// Reads a whole object.
    ///
    /// # Errors
    /// [`StoreErrorKind::NotFound`]. [`StoreErrorKind::TooLarge`] if it is longer than `limit` bytes; nothing is read
    /// then.
    fn get(&self, name: &ObjectName, limit: u64) -> Result<Vec<u8>>;

    /// Reads `range` of an object; the result is exactly as long as the range. A pack that another process deletes may
    /// stay readable this way for a while.
    ///
    /// # Errors
    /// [`StoreErrorKind::NotFound`]; [`StoreErrorKind::Truncated`] if the object ends before the range does.
    fn get_range(&self, name: &ObjectName, range: Range<u64>) -> Result<Vec<u8>>;

    /// Calls `found` once for each object of `folder`, in any order, and stops with the first error that `found`
    /// returns. It may or may not see objects that are put or deleted meanwhile. It passes paths that are not names of
    /// objects to `strange`.
    fn list(
        &self,
        folder: Folder,
        found: &mut dyn FnMut(ObjectInfo) -> Result<()>,
        strange: &mut dyn FnMut(String),
    ) -> Result<()>;

    /// As [`Store::list`], without sizes, which cost a local disk most of the time.
    fn list_names(&self, folder: Folder, found: &mut dyn FnMut(ObjectName) -> Result<()>) -> Result<()> {
        self.list(folder, &mut |info| found(info.name), &mut |_| {})
    }

    /// Counts the objects of a folder.
    ///
    /// # Errors
    /// As [`Store::list`].
    fn holdings(&self, folder: Folder) -> Result<Holdings> {
        let mut holdings = Holdings::default();
        let mut found = |info: ObjectInfo| {
            holdings.add(info.size, None);
            Ok(())
        };
        self.list(folder, &mut found, &mut |_| {})?;
        Ok(holdings)
    }

    /// Makes an existing object durable: its writer may have died after it placed the object and before it synced it.
    /// Afterwards the object is as durable as if this call had put it. Writes nothing. Works for leases, too.
    ///
    /// # Errors
    /// [`StoreErrorKind::NotFound`].
    fn ensure_durable(&self, name: &ObjectName) -> Result<()>;

    /// Deletes an object. Durable when it returns. Deleting an object that does not exist succeeds.
    fn delete(&self, name: &ObjectName) -> Result<()>;

    /// Moves a thing away that has the name of an object and is not a file. It goes to `aside/`, under a name of its
    /// own, if the store can move it. A store that cannot contain such things deletes.
    fn set_aside(&self, name: &ObjectName) -> Result<()> {
        self.delete(name)
    }

    /// The object's size, or `None` if it does not exist.
    fn stat(&self, name: &ObjectName) -> Result<Option<ObjectInfo>>;

    /// Forbids everybody but the storage's administrator to delete an object, or what it holds now, before the second
    /// `until` since 1970. A lock that lasts longer stays.
    ///
    /// # Errors
    /// [`StoreErrorKind::NotFound`]; [`StoreErrorKind::Unsupported`] if this storage has no such locks.
    fn protect(&self, name: &ObjectName, _until: i64) -> Result<()> {
        Err(StoreError::new(StoreErrorKind::Unsupported, "protect", name))
    }

    /// Replaces an object if its current content has the tag `expected`, or, with `None`, if it does not exist. Atomic
    /// and durable. The caller must choose names that nobody deletes meanwhile: a replacement may bring back an object
    /// that is being deleted.
    ///
    /// # Errors
    /// [`StoreErrorKind::Conflict`] if the content is not as expected; nothing is changed then.
    fn replace_if(&self, name: &ObjectName, expected: Option<Tag>, bytes: &[u8]) -> Result<()>;
}
