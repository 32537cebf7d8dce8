//! Tests, rather than believes, that locks of this storage separate two processes.

use std::fmt;
use std::fs::TryLockError;
use std::io;
use std::str::FromStr;

use repo_format::id::LeaseId;

use super::{LocalStore, Locks};
use crate::conformance::Failure;
use crate::{ObjectName, Store, StoreError, StoreErrorKind};

/// An action that another process should try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attempt {
    /// To get the lock of the store.
    Lock,
    /// To put this object.
    Put(ObjectName),
}

impl fmt::Display for Attempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Attempt::Lock => f.write_str("lock"),
            Attempt::Put(name) => name.fmt(f),
        }
    }
}

impl FromStr for Attempt {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "lock" {
            return Ok(Attempt::Lock);
        }
        text.parse().map(Attempt::Put).map_err(|_| "not an action that can be tried")
    }
}

impl LocalStore {
    /// Tries an attempt, in another process than the one that holds the lock or has put the object. Returns whether it
    /// succeeded.
    ///
    /// # Errors
    /// The storage's.
    pub fn attempt(&self, attempt: &Attempt) -> crate::Result<bool> {
        let Attempt::Put(name) = attempt else {
            let scratch = self.folders.root().folder(super::TMP).and_then(|tmp| tmp.open_to_lock(super::scratch::LOCK));
            let tried = scratch.map(|lock| lock.try_lock()).map_err(|e| StoreError::io("lock", "tmp", e))?;
            return match tried {
                Ok(()) => Ok(true),
                Err(TryLockError::WouldBlock) => Ok(false),
                Err(TryLockError::Error(e)) => Err(StoreError::io("lock", "tmp", e)),
            };
        };
        match self.put_new(name, &[b"second"]) {
            Err(error) if error.kind == StoreErrorKind::AlreadyExists => Ok(false),
            done => done.map(|()| true),
        }
    }

    /// Tests whether locks work here and whether a name can be given only once. `other` starts another process, which
    /// calls [`LocalStore::attempt`]. Uses one lease with a random name, and deletes it.
    ///
    /// # Errors
    /// [`Failure::Store`] if the storage or the other process cannot be used; [`Failure::Broken`] if a name is given
    /// twice.
    pub fn try_with(&self, other: &dyn Fn(&Attempt) -> io::Result<bool>) -> Result<Locks, Failure> {
        let failed = |e| StoreError::io("try with another process", self.path.display(), e);
        let locks = self.locks()?;
        let scratch = self.scratch().map_err(failed)?;
        let held = scratch.lock().map_err(failed)?;
        let got_the_lock = other(&Attempt::Lock).map_err(failed)?;
        drop(held);
        let mut id = [0; LeaseId::LEN];
        getrandom::fill(&mut id).map_err(|e| failed(io::Error::other(e)))?;
        let name = ObjectName::Lease(LeaseId(id));
        self.put_new(&name, &[b"first"])?;
        let put_again = other(&Attempt::Put(name)).map_err(failed);
        let stands = self.get(&name, 9);
        self.delete(&name)?;
        if put_again? || stands? != b"first" {
            return Err(Failure::Broken("a name is given once only, also to two processes".to_owned()));
        }
        Ok(if got_the_lock { Locks::Nothing } else { locks })
    }
}
