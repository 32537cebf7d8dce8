//! Moments that this machine remembers of a repository, to remind its user.

use repo_format::id::Bytes32;

use super::Repository;
use crate::error::Result;

/// Something that was done at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reminder {
    /// A snapshot was made of which a supplemental copy exists.
    Copied,
    /// Somebody typed the password of the supplemental copy's administrator, and it was right.
    PasswordTried,
}

impl Reminder {
    fn name(self) -> &'static str {
        match self {
            Reminder::Copied => "supplemental copy",
            Reminder::PasswordTried => "supplemental password tried",
        }
    }
}

impl Repository {
    /// Remembers the moment of `what`, in seconds since 1970, unless a later one is remembered.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Cache`].
    pub fn remember_moment(&self, what: Reminder, seconds: i64) -> Result<()> {
        let seconds = u64::try_from(seconds).unwrap_or(0);
        self.memory.remember_version(what.name(), seconds, Bytes32([0; 32]))
    }

    /// The latest moment of `what`, in seconds since 1970.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Cache`].
    pub fn remembered_moment(&self, what: Reminder) -> Result<Option<i64>> {
        let found = self.memory.version(what.name())?;
        Ok(found.and_then(|found| i64::try_from(found.number).ok()))
    }
}
