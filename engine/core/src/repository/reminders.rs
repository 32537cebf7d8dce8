//! Moments that this machine remembers of a repository, to remind its user.

use std::borrow::Cow;

use repo_format::entry::Time;
use repo_format::id::{Bytes32, MemberId};

use super::Repository;
use crate::error::Result;
use crate::machine;

/// Nanoseconds of a second.
const NANOSECONDS: u64 = 1_000_000_000;

/// Something that was done at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reminder {
    /// A snapshot was made of which a supplemental copy exists.
    Copied,
    /// Somebody typed the password of the supplemental copy's administrator, and it was right.
    PasswordTried,
    /// Somebody opened the repository with this member's password or key file.
    Opened(MemberId),
}

impl Reminder {
    fn name(self) -> Cow<'static, str> {
        match self {
            Reminder::Copied => "supplemental copy".into(),
            Reminder::PasswordTried => "supplemental password tried".into(),
            Reminder::Opened(member) => format!("opened by {member}").into(),
        }
    }
}

impl Repository {
    /// Remembers the moment of `what`, unless a later one is remembered. Two snapshots may be of one second, so nanoseconds
    /// count.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Cache`].
    pub fn remember_moment(&self, what: Reminder, moment: Time) -> Result<()> {
        let seconds = u64::try_from(moment.seconds).unwrap_or(0);
        let number = seconds.saturating_mul(NANOSECONDS).saturating_add(moment.nanoseconds.into());
        self.memory.remember_version(&what.name(), number, Bytes32([0; 32]))
    }

    /// Remembers that this repository was opened with its member's password or key file.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Cache`].
    pub fn remember_opened(&self) -> Result<()> {
        self.remember_moment(Reminder::Opened(self.member()), machine::now())
    }

    /// The latest moment of `what`.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Cache`].
    pub fn remembered_moment(&self, what: Reminder) -> Result<Option<Time>> {
        let name = what.name();
        let found = self.memory.version(&name)?;
        Ok(found.and_then(|found| {
            let seconds = i64::try_from(found.number / NANOSECONDS).ok()?;
            let nanoseconds = u32::try_from(found.number % NANOSECONDS).ok()?;
            Some(Time { seconds, nanoseconds })
        }))
    }
}
