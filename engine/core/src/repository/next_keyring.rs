//! Makes the next version of the keyring.

use repo_format::lease::Purpose;

use super::{Repository, vital};
use crate::crypto::{KeyringSecrets, KeyringVersion, Membership, seal_keyring};
use crate::error::{Error, ErrorKind, Result};
use crate::machine;
use engine_store::{Original, StoreErrorKind};

/// The message if another process was faster.
pub(super) const KEYS_CHANGED: &str = "another process changed the keys at the same time; this run changed nothing";

/// Puts the next keyring version. Until then nothing has changed for anybody; from then on this process uses it.
pub(super) fn put_keyring(repository: &Repository, members: Membership, secrets: KeyringSecrets) -> Result<()> {
    repository.refuse_as_of()?;
    let _alone = repository.alone(Purpose::Keys)?;
    let version = repository.keyring_version() + 1;
    let at = KeyringVersion { repository: repository.id(), version };
    let link = *repository.keys().secrets().link();
    let object = seal_keyring(at, machine::now().seconds, &members, &secrets, &link)?;
    let put = vital::put(repository.store(), Original::Keyring(version), &object);
    put.map_err(|e| match e.kind {
        StoreErrorKind::AlreadyExists => Error::new(ErrorKind::Fenced, KEYS_CHANGED),
        _ => Error::from(e),
    })?;
    repository.take_over(version, secrets, members.recipients, &object)
}
