//! A repository as of a version of its keyring: what a retired member sees (FORMAT.md, section 6.6).

use std::collections::BTreeMap;

use repo_format::clear;
use repo_format::head::{HEAD_LEN, Head, ObjectKind};
use repo_format::id::{LeaseId, MemberId};
use repo_format::keyring::Keyring;
use repo_format::limits;

use super::source::Source;
use super::{Repository, secrets, vital};
use crate::error::{Error, ErrorKind, Result};
use engine_store::{ObjectName, Original, Store};

/// The version of the keyring that a retired member opens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AsOf {
    /// The last version that is sealed to the member.
    pub version: u64,
    /// When the member was retired, seconds since 1970.
    pub since: i64,
}

impl Repository {
    /// There if the key of this run was retired: then it opens what was there before, and writes nothing.
    pub fn as_of(&self) -> Option<AsOf> {
        self.as_of
    }

    /// Fails if the key of this run was retired. Call it before writing.
    ///
    /// # Errors
    /// [`ErrorKind::Refused`].
    pub(crate) fn refuse_as_of(&self) -> Result<()> {
        let Some(as_of) = self.as_of else { return Ok(()) };
        let message = format!(
            "this key was retired with version {} of the keyring: it reads what was saved until then, and writes nothing",
            as_of.version + 1
        );
        Err(Error::new(ErrorKind::Refused, message).with_hint("Use the password or key file of a present member."))
    }

    /// Whether something could not be read because it is later than the key of this run.
    pub(crate) fn is_later(&self, error: &Error) -> bool {
        self.as_of.is_some() && error.kind() == ErrorKind::WrongPassword
    }

    /// The epochs up to this one may be those of a retired member, if there is one.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub(crate) fn epochs_of_retired(&self) -> Result<Option<u32>> {
        let retired = retired_members(&*self.store)?;
        Ok(if retired.is_empty() { None } else { self.keys.secrets().previous_epoch() })
    }

    /// Objects in `snapshots/` that were sealed after the key of this run was retired, in ascending order.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn later_snapshots(&self) -> Result<Vec<LeaseId>> {
        let mut later = Vec::new();
        if self.as_of.is_none() {
            return Ok(later);
        }
        for id in self.snapshot_names()? {
            let head = match self.store.get_range(&ObjectName::Snapshot(id), 0..HEAD_LEN as u64) {
                Ok(head) => head,
                Err(_) if !self.has_snapshot_object(id)? => continue,
                Err(error) => return Err(error.into()),
            };
            let head = [ObjectKind::Manifest, ObjectKind::Void].iter().find_map(|kind| Head::decode(&head, *kind).ok());
            let sealing = head.and_then(|head| head.sealing);
            if sealing.is_some_and(|sealing| sealing.epoch > self.keys.newest_epoch()) {
                later.push(id);
            }
        }
        Ok(later)
    }
}

/// Members that a version of the keyring retires, each with the time of that version. Nothing is authenticated.
///
/// # Errors
/// If the store cannot be read. An unreadable version is skipped.
pub(super) fn retired_members(store: &dyn Store) -> Result<BTreeMap<MemberId, i64>> {
    retired_by(store, secrets::versions(store.into())?)
}

/// Members that these versions of the keyring retire, as [`retired_members`].
pub(super) fn retired_by(
    store: &dyn Store,
    versions: impl IntoIterator<Item = u64>,
) -> Result<BTreeMap<MemberId, i64>> {
    let source = Source::from(store);
    let mut retired = BTreeMap::new();
    for version in versions {
        let read = vital::read(source, Original::Keyring(version), |bytes| {
            let name = Original::Keyring(version).name();
            let object =
                clear::decode(ObjectKind::Keyring, bytes, limits::KEYRING).map_err(|e| Error::damaged(name, e))?;
            Keyring::decode(object.body).map_err(|e| Error::damaged(name, e))
        });
        match read {
            Ok(read) => retired.extend(read.value.retired().iter().map(|member| (*member, read.value.created))),
            // Opening the repository reports it.
            Err(error) if error.is_damage() => {}
            Err(error) => return Err(error),
        }
    }
    Ok(retired)
}
