//! A store for storage that has no conditions.

use std::ops::Deref;
use std::sync::atomic::{AtomicBool, Ordering};

use repo_format::limits;

use super::{ObjectName, Result, Store, StoreError, StoreErrorKind, Tag};

/// The largest object that is ever replaced, in bytes.
const REPLACED_MAX: u64 = limits::CONDEMNED + limits::MIB;

/// A [`Store`] whose storage puts an object whatever stands under its name.
///
/// It looks before it puts a name that others may put, too, and reads back what it has put. That keeps mistakes away, not
/// others who put at the same moment. So the caller has to be alone when it puts such a name (FORMAT.md, section 13.3).
/// All other names are hashes or random, and belong to one writer. A store that always has conditions, as a folder to
/// which such a repository was copied, goes on using them.
pub struct UnconditionalStore<S> {
    store: S,
    /// A put of a name that others may put had no answer.
    is_unanswered: AtomicBool,
}

impl<S: Deref<Target: Store>> UnconditionalStore<S> {
    /// A store in front of `store`.
    pub fn new(store: S) -> Self {
        UnconditionalStore { store, is_unanswered: AtomicBool::new(false) }
    }

    /// Whether a put of a name that others may put, too, had no answer since this was asked last. It may still be carried
    /// out, over what others have put meanwhile.
    pub fn take_unanswered(&self) -> bool {
        self.is_unanswered.swap(false, Ordering::SeqCst)
    }

    /// Puts an object in the absence of others, and reads it back.
    fn put_alone(&self, action: &'static str, name: &ObjectName, bytes: &[u8]) -> Result<()> {
        let put = self.store.overwrite(name, &[bytes]);
        if matches!(&put, Err(error) if error.kind != StoreErrorKind::Unavailable) {
            return put;
        }
        match (self.store.get(name, bytes.len() as u64), put) {
            // A put that was carried out is not carried out again.
            (Ok(there), _) if there == bytes => Ok(()),
            (_, Err(unanswered)) => {
                self.is_unanswered.store(true, Ordering::SeqCst);
                Err(unanswered)
            }
            (Err(error), Ok(())) if !matches!(error.kind, StoreErrorKind::TooLarge | StoreErrorKind::NotFound) => {
                Err(error)
            }
            _ => Err(StoreError::new(StoreErrorKind::Conflict, action, name)),
        }
    }

    fn tag(&self, name: &ObjectName) -> Result<Option<Tag>> {
        match self.store.get(name, REPLACED_MAX) {
            Ok(bytes) => Ok(Some(Tag::of(&bytes))),
            Err(error) if error.kind == StoreErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// Whether only one program ever puts this name: it is a hash, or random.
fn has_one_owner(name: &ObjectName) -> bool {
    matches!(
        name,
        ObjectName::Pack(_)
            | ObjectName::Segment(_)
            | ObjectName::Snapshot(_)
            | ObjectName::Lease(_)
            | ObjectName::Member(_)
            | ObjectName::Note(_)
    )
}

impl<S: Deref<Target: Store> + Send + Sync> Store for UnconditionalStore<S> {
    forward!([store] location place medium overwrite get get_range list list_names holdings ensure_durable delete set_aside stat protect);

    fn put_new(&self, name: &ObjectName, parts: &[&[u8]]) -> Result<()> {
        let put = if has_one_owner(name) {
            self.store.overwrite(name, parts)
        } else if self.store.stat(name)?.is_some() {
            Err(StoreError::new(StoreErrorKind::AlreadyExists, "write", name))
        } else {
            self.put_alone("write", name, &parts.concat())
        };
        match put {
            Err(error) if error.kind == StoreErrorKind::Unsupported => self.store.put_new(name, parts),
            put => put,
        }
    }

    fn replace_if(&self, name: &ObjectName, expected: Option<Tag>, bytes: &[u8]) -> Result<()> {
        if self.tag(name)? != expected {
            return Err(StoreError::new(StoreErrorKind::Conflict, "replace", name));
        }
        match self.put_alone("replace", name, bytes) {
            Err(error) if error.kind == StoreErrorKind::Unsupported => self.store.replace_if(name, expected, bytes),
            put => put,
        }
    }
}
