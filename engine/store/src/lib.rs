//! Named bytes in a place: the only door between the engine and storage.
//!
//! A store knows nothing of packs, keys or snapshots. Every promise below is tested by [`conformance`] against every store.

use std::ops::Range;

mod append_only;
pub mod conformance;
mod error;
#[cfg(any(test, feature = "test-support"))]
pub mod faulty;
mod local;
mod memory;
mod misplaced;
mod name;
#[cfg(test)]
mod tests;

pub use append_only::AppendOnlyStore;
pub use error::{Result, StoreError, StoreErrorKind};
pub use local::{Attempt, LocalStore, Locks};
pub use memory::{Leases, MemoryStore, PowerLoss};
pub use name::{Folder, ObjectName, Original};

/// What a listing says of one object.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ObjectInfo {
    /// The object's name.
    pub name: ObjectName,
    /// Its length in bytes.
    pub size: u64,
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

/// A set of named objects. All methods may be called from many threads at once.
///
/// An error that is not listed with a method is the storage's own, and after one a change may have been made or not: as after a
/// power loss, only reading tells.
pub trait Store: Send + Sync {
    /// Where this store is, in words for messages.
    fn location(&self) -> String;

    /// What tells this place from others for this machine, always the same for the same: the path, and the volume where that can be known.
    fn place(&self) -> String {
        self.location()
    }

    /// Writes a new object from the concatenation of `parts`.
    ///
    /// Atomic: readers see nothing or all of it. Durable when it returns, except [`Folder::Leases`]: after a power loss a lease
    /// may be gone, or be empty. Two concurrent calls for one name: exactly one succeeds.
    ///
    /// # Errors
    /// [`StoreErrorKind::AlreadyExists`] if the name is taken; the existing object is untouched, and as durable as if this call
    /// had put it.
    fn put_new(&self, name: &ObjectName, parts: &[&[u8]]) -> Result<()>;

    /// Reads a whole object.
    ///
    /// # Errors
    /// [`StoreErrorKind::NotFound`]; [`StoreErrorKind::TooLarge`] if it is longer than `limit` bytes (nothing is read then).
    fn get(&self, name: &ObjectName, limit: u64) -> Result<Vec<u8>>;

    /// Reads `range` of an object; the result is exactly as long as the range. A pack that somebody else deletes may stay
    /// readable so for a while.
    ///
    /// # Errors
    /// [`StoreErrorKind::NotFound`]; [`StoreErrorKind::Truncated`] if the object ends before the range does.
    fn get_range(&self, name: &ObjectName, range: Range<u64>) -> Result<Vec<u8>>;

    /// Calls `found` once for each object of `folder`, in no particular order; stops with the first error that `found` returns.
    /// Objects put or deleted meanwhile may or may not be seen. Paths that are not names of objects are given to `strange`.
    fn list(
        &self,
        folder: Folder,
        found: &mut dyn FnMut(ObjectInfo) -> Result<()>,
        strange: &mut dyn FnMut(String),
    ) -> Result<()>;

    /// Makes an object durable that is there: its writer may have died between placing it and making it so. Then it is as if this call
    /// had put it, except that nothing is written. Leases become durable, too.
    ///
    /// # Errors
    /// [`StoreErrorKind::NotFound`].
    fn ensure_durable(&self, name: &ObjectName) -> Result<()>;

    /// Deletes an object. Durable when it returns. Deleting what is not there succeeds.
    fn delete(&self, name: &ObjectName) -> Result<()>;

    /// Moves out of the way what stands under the name of an object and is no file: to `aside/`, under a name of its own, if the store can. A store in
    /// which no such thing can stand deletes.
    fn set_aside(&self, name: &ObjectName) -> Result<()> {
        self.delete(name)
    }

    /// The object's size, or `None` if there is no such object.
    fn stat(&self, name: &ObjectName) -> Result<Option<ObjectInfo>>;

    /// Replaces an object if its current content has tag `expected` (`None`: if it does not exist). Atomic and durable. Only
    /// names that nobody deletes meanwhile: a replacement may bring back what is being deleted.
    ///
    /// # Errors
    /// [`StoreErrorKind::Conflict`] if it is not what was expected; nothing is changed then.
    fn replace_if(&self, name: &ObjectName, expected: Option<Tag>, bytes: &[u8]) -> Result<()>;
}
