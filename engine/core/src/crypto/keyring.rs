//! Sealing and opening versions of the keyring (FORMAT.md, section 6.2).

use hpke::{
    Deserializable, Kem, OpModeR, OpModeS, Serializable, aead::AesGcm256, kdf::HkdfSha256, kem::X25519HkdfSha256,
};
use repo_format::cbor::ByteString;
use repo_format::clear::{self, ClearObject};
use repo_format::context;
use repo_format::head::ObjectKind;
use repo_format::id::{Bytes32, MemberId, RepositoryId};
use repo_format::keyring::{ClosedEpochs, Epoch, Keyring, Recipient, Secrets};
use zeroize::{Zeroize, Zeroizing};

use super::member::UnlockedMember;
use super::random;
use super::seal::{open_once, seal_once};
use crate::error::{Error, ErrorKind, Result};

/// The secrets of a keyring version; wiped on drop.
pub struct KeyringSecrets(pub(super) Secrets);

impl Drop for KeyringSecrets {
    fn drop(&mut self) {
        let fixed = [&mut self.0.id, &mut self.0.gear, &mut self.0.link];
        let epochs = self.0.epochs.iter_mut().flat_map(|e| [&mut e.data, &mut e.meta, &mut e.index]);
        fixed.into_iter().chain(epochs).for_each(|secret| secret.0.zeroize());
    }
}

impl KeyringSecrets {
    /// The secrets of a new repository, in epoch 1.
    ///
    /// # Errors
    /// If the operating system has no randomness.
    pub fn generate() -> Result<Self> {
        let secret = || random().map(Bytes32);
        Ok(KeyringSecrets(Secrets {
            id: secret()?,
            gear: secret()?,
            link: secret()?,
            epochs: vec![new_epoch(1)?],
            closed: None,
        }))
    }

    /// The secrets of a new repository that cuts data as this one does and gives it the same ids. Everything that seals
    /// is new.
    ///
    /// # Errors
    /// If the operating system has no randomness.
    pub fn for_copies(&self) -> Result<Self> {
        let mut new = Self::generate()?;
        (new.0.id, new.0.gear) = (self.0.id, self.0.gear);
        Ok(new)
    }

    /// The secrets of the next version, with a new link, and a new epoch if `with_new_epoch`.
    ///
    /// # Errors
    /// If the operating system has no randomness.
    pub fn next(&self, with_new_epoch: bool) -> Result<Self> {
        let mut next = KeyringSecrets(self.0.clone());
        next.0.link = Bytes32(random()?);
        if with_new_epoch {
            let number = self.newest_epoch().number.checked_add(1);
            let number =
                number.ok_or_else(|| Error::new(ErrorKind::Damaged, "the keyring has had all epochs there can be"))?;
            next.0.epochs.push(new_epoch(number)?);
        }
        Ok(next)
    }

    /// The secrets of the next version, with a new link, in which the epochs up to `closed` are closed.
    ///
    /// # Errors
    /// If the operating system has no randomness.
    pub(crate) fn closing(&self, closed: ClosedEpochs) -> Result<Self> {
        let mut next = self.next(false)?;
        next.0.closed = Some(closed);
        Ok(next)
    }

    /// The epochs that are closed, if any.
    pub fn closed(&self) -> Option<ClosedEpochs> {
        self.0.closed
    }

    /// The number of the epoch before the newest, if there is one.
    pub(crate) fn previous_epoch(&self) -> Option<u32> {
        self.0.epochs.iter().rev().nth(1).map(|epoch| epoch.number)
    }

    /// Whether these secrets belong to the same repository, or to one that was made for copies of it.
    pub(crate) fn is_kin(&self, other: &Self) -> bool {
        blake3::Hash::from(self.0.id.0) == blake3::Hash::from(other.0.id.0)
    }

    /// The link that authenticates the next version.
    pub fn link(&self) -> &[u8; 32] {
        &self.0.link.0
    }

    /// The epoch that seals new objects.
    pub(super) fn newest_epoch(&self) -> &Epoch {
        match self.0.epochs.last() {
            Some(epoch) => epoch,
            None => unreachable!("decoding refuses secrets without an epoch"),
        }
    }
}

fn new_epoch(number: u32) -> Result<Epoch> {
    let secret = || random().map(Bytes32);
    Ok(Epoch { number, data: secret()?, meta: secret()?, index: secret()? })
}

/// The outcome of opening a version for a member.
pub(crate) enum Admission {
    /// It is sealed to the member.
    Opened(OpenedKeyring),
    /// It retires the member.
    Retired {
        /// When the version was written, seconds since 1970.
        since: i64,
    },
}

/// A version that has been authenticated and opened.
pub struct OpenedKeyring {
    /// Its secrets.
    pub secrets: KeyringSecrets,
    /// The members that it is sealed to, with their public keys.
    pub recipients: Vec<(MemberId, Bytes32)>,
}

/// Identifies a version; sealing binds to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyringVersion {
    /// The repository.
    pub repository: RepositoryId,
    /// The number of the version.
    pub version: u64,
}

impl KeyringVersion {
    fn info(&self) -> Vec<u8> {
        [context::KEYRING_INFO.as_bytes(), &self.repository.0, &self.version.to_le_bytes()].concat()
    }
}

/// The members that a version is about.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Membership {
    /// The members that it is sealed to, with their public keys.
    pub recipients: Vec<(MemberId, Bytes32)>,
    /// The members that it retires, in ascending order.
    pub retired: Vec<MemberId>,
}

/// The object `keyring/<n>`: `secrets` sealed to the recipients of `members`, and authenticated by the link of the previous version.
///
/// # Errors
/// If the operating system has no randomness, or a public key is invalid.
pub(crate) fn seal_keyring(
    at: KeyringVersion,
    created: i64,
    members: &Membership,
    secrets: &KeyringSecrets,
    link: &[u8; 32],
) -> Result<Vec<u8>> {
    let info = at.info();
    let wrapping_key = Zeroizing::new(random::<32>()?);
    let recipients = members
        .recipients
        .iter()
        .map(|(member, public_key)| seal_to(*member, public_key, &info, &wrapping_key))
        .collect::<Result<Vec<_>>>()?;
    let name = format!("keyring/{}", at.version);
    let plain = secrets.0.encode().map(Zeroizing::new).map_err(|e| Error::damaged(&name, e))?;
    let sealed = ByteString(seal_once(&wrapping_key, &info, &plain));
    let retired = (!members.retired.is_empty()).then(|| members.retired.clone());
    let keyring = Keyring { version: at.version, created, recipients, sealed, retired };
    let encoded =
        keyring.encode().and_then(|body| clear::encode(ObjectKind::Keyring, &body, |tagged| keyring_tag(link, tagged)));
    encoded.map_err(|e| Error::damaged(&name, e))
}

fn seal_to(member: MemberId, public_key: &Bytes32, info: &[u8], wrapping_key: &[u8; 32]) -> Result<Recipient> {
    let failed = |e: hpke::HpkeError| {
        Error::caused(ErrorKind::Damaged, format!("cannot seal the keyring to member {member}"), e.to_string())
    };
    let recipient_key = <X25519HkdfSha256 as Kem>::PublicKey::from_bytes(&public_key.0).map_err(failed)?;
    let (encapsulated, sealed) = hpke::single_shot_seal::<AesGcm256, HkdfSha256, X25519HkdfSha256>(
        &OpModeS::Base,
        &recipient_key,
        info,
        wrapping_key,
        &[],
    )
    .map_err(failed)?;
    let encapsulated = Bytes32(encapsulated.to_bytes().into());
    Ok(Recipient { member, encapsulated, sealed: ByteString(sealed), public_key: *public_key })
}

fn keyring_tag(link: &[u8; 32], tagged: &[u8]) -> [u8; 32] {
    let key = Zeroizing::new(blake3::derive_key(context::KEYRING_TAG, link));
    *blake3::keyed_hash(&key, tagged).as_bytes()
}

/// Opens one version for `member`; `link` is that of the previous version.
///
/// # Errors
/// [`ErrorKind::WrongPassword`] if the member was removed; [`ErrorKind::Damaged`] if no member of the previous version
/// made it.
pub(crate) fn open_keyring(
    at: KeyringVersion,
    object: &ClearObject<'_>,
    member: &UnlockedMember,
    link: &[u8; 32],
) -> Result<Admission> {
    // `blake3::Hash` compares in constant time.
    if blake3::Hash::from(keyring_tag(link, object.tagged)) != blake3::Hash::from(object.tag) {
        return Err(unusable(at, "it was not made by a member of the version before it"));
    }
    open_unauthenticated(at, object, member)
}

/// Opens one version for `member` without knowing its author. The result only shows that the version exists; trust it
/// for nothing else.
///
/// # Errors
/// As [`open_keyring`].
pub(crate) fn open_unauthenticated(
    at: KeyringVersion,
    object: &ClearObject<'_>,
    member: &UnlockedMember,
) -> Result<Admission> {
    let name = format!("keyring/{}", at.version);
    let damaged = |why: &str| unusable(at, why);
    let keyring = Keyring::decode(object.body).map_err(|e| Error::damaged(&name, e))?;
    if keyring.version != at.version {
        return Err(damaged("it is another version under this name"));
    }
    if keyring.retired().contains(&member.id) {
        return Ok(Admission::Retired { since: keyring.created });
    }
    let recipient = keyring.recipients.iter().find(|r| r.member == member.id).ok_or_else(|| {
        Error::new(
            ErrorKind::WrongPassword,
            format!("this key was removed from the repository (version {})", at.version),
        )
    })?;
    let info = at.info();
    let encapsulated = <X25519HkdfSha256 as Kem>::EncappedKey::from_bytes(&recipient.encapsulated.0)
        .map_err(|e| damaged(&e.to_string()))?;
    let wrapping_key = hpke::single_shot_open::<AesGcm256, HkdfSha256, X25519HkdfSha256>(
        &OpModeR::Base,
        &member.private_key()?,
        &encapsulated,
        &info,
        &recipient.sealed.0,
        &[],
    )
    .map(Zeroizing::new)
    .map_err(|_| damaged("its secrets do not open with this member's key"))?;
    let wrapping_key: &[u8; 32] =
        wrapping_key.as_slice().try_into().map_err(|_| damaged("its wrapping key has the wrong length"))?;
    let plain = open_once(wrapping_key, &info, &keyring.sealed.0)
        .ok_or_else(|| damaged("its secrets do not open with the wrapping key"))?;
    let secrets = Secrets::decode(&plain).map(KeyringSecrets).map_err(|e| Error::damaged(&name, e))?;
    let recipients = keyring.recipients.iter().map(|r| (r.member, r.public_key)).collect();
    Ok(Admission::Opened(OpenedKeyring { secrets, recipients }))
}

fn unusable(at: KeyringVersion, why: &str) -> Error {
    Error::caused(ErrorKind::Damaged, format!("cannot use keyring/{}", at.version), why.to_owned())
}
