//! Moments that this machine remembers of a repository, to remind its user.

use std::borrow::Cow;
use std::collections::HashSet;

use repo_format::entry::Time;
use repo_format::id::{Bytes32, LeaseId, MemberId};
use repo_format::manifest::{Manifest, ManifestKind};

use super::Repository;
use crate::error::Result;
use crate::machine;

/// How the names of held snapshots begin.
const HELD: &str = "held ";
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

    /// Remembers those of `manifests` that are held, for those who ask often whether one is. Call it before the manifests
    /// themselves are remembered: each is met once.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Cache`].
    pub(crate) fn remember_held<'m>(&self, manifests: impl IntoIterator<Item = &'m Manifest>) -> Result<()> {
        let held = manifests.into_iter().filter(|m| m.kind == ManifestKind::Snapshot && m.held.is_some());
        held.into_iter().try_for_each(|m| self.memory.remember_version(&format!("{HELD}{}", m.id), 1, Bytes32([0; 32])))
    }

    /// The held snapshots that this machine has met.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Cache`].
    pub(crate) fn remembered_holds(&self) -> Result<HashSet<LeaseId>> {
        let names = self.memory.names_of_versions(HELD)?;
        Ok(names.iter().filter_map(|name| name.strip_prefix(HELD)?.parse().ok()).collect())
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
