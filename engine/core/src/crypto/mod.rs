//! Keys, in three steps: a [`Credential`] unlocks a member, a member opens the keyring, and the keyring's secrets
//! become [`Keys`].
//!
//! This module alone implements sections 5 and 6 of FORMAT.md. Secrets are wiped when they are dropped, and never
//! shown.

mod credential;
mod keyring;
mod keys;
mod member;
mod random;
mod seal;
mod stretch;

pub use credential::{Credential, KeyFile};
pub(crate) use keyring::{Admission, open_keyring, open_unauthenticated, seal_keyring};
pub use keyring::{KeyringSecrets, KeyringVersion, Membership, OpenedKeyring};
pub use keys::Keys;
pub(crate) use keys::SEALED_OVERHEAD;
pub use member::{NewMember, UnlockedMember};
pub(crate) use member::{create_member, unlock_member};
pub use random::random;
#[cfg(any(test, all(debug_assertions, feature = "test-support")))]
pub use random::seeded;
pub use seal::{ObjectKey, Opened, ScratchKey};
pub use stretch::work;
pub(crate) use stretch::{WORK_MAX, is_modest};
