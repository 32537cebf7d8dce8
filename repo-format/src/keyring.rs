//! Versions of the repository's secrets (FORMAT.md, section 6.2).

use minicbor::{Decode, Encode};

use crate::cbor::{self, ByteString};
use crate::error::{FormatError, Result, check_limit};
use crate::id::{Bytes32, MemberId, NoteId};
use crate::limits;

const WHAT: &str = "keyring";
/// Length of [`Recipient::sealed`]: a wrapping key and its GCM tag.
pub const SEALED_KEY_LEN: usize = 48;
/// At least the bytes that [`Secrets`] take without epochs, and those of one epoch.
const SECRETS_LEN_MAX: usize = 192;

/// Body of an object `keyring/<n>`.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Keyring {
    /// Its version, n.
    #[n(0)]
    pub version: u64,
    /// When it was written, seconds since 1970.
    #[n(1)]
    pub created: i64,
    /// The members that can open it.
    #[n(2)]
    pub recipients: Vec<Recipient>,
    /// [`Secrets`], sealed with the wrapping key.
    #[n(3)]
    pub sealed: ByteString,
    /// Members that open what was there before this version, and nothing later. In ascending order.
    #[n(4)]
    pub retired: Option<Vec<MemberId>>,
}

/// The wrapping key, sealed to one member.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Recipient {
    /// The member that it is sealed to.
    #[n(0)]
    pub member: MemberId,
    /// HPKE encapsulated key.
    #[n(1)]
    pub encapsulated: Bytes32,
    /// HPKE ciphertext of the wrapping key.
    #[n(2)]
    pub sealed: ByteString,
    /// The member's public key, for the writer of the next version. Unlike the key in `keys/`, it is authenticated.
    #[n(3)]
    pub public_key: Bytes32,
}

/// The secrets. The engine wipes them.
#[derive(Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Secrets {
    /// Ids of chunks and nodes come from it.
    #[n(0)]
    pub id: Bytes32,
    /// The chunker's gear table comes from it.
    #[n(1)]
    pub gear: Bytes32,
    /// Authenticates the next version.
    #[n(2)]
    pub link: Bytes32,
    /// Sealing secrets, in ascending order of their numbers.
    #[n(3)]
    pub epochs: Vec<Epoch>,
    /// Which epochs are closed, if any are.
    #[n(4)]
    pub closed: Option<ClosedEpochs>,
}

/// Epochs in which nothing is sealed any more, and the note that lists what existed when they were closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct ClosedEpochs {
    /// The highest closed epoch.
    #[n(0)]
    pub epoch: u32,
    /// Id of the note.
    #[n(1)]
    pub note: NoteId,
    /// BLAKE3 of the note's plain bytes.
    #[n(2)]
    pub digest: Bytes32,
}

/// One generation of sealing secrets.
#[derive(Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Epoch {
    /// Number; new objects are sealed with the highest.
    #[n(0)]
    pub number: u32,
    /// Secret of class data.
    #[n(1)]
    pub data: Bytes32,
    /// Secret of class meta.
    #[n(2)]
    pub meta: Bytes32,
    /// Secret of class index.
    #[n(3)]
    pub index: Bytes32,
}

impl Keyring {
    /// Decodes a body.
    ///
    /// # Errors
    /// See [`FormatError`].
    pub fn decode(body: &[u8]) -> Result<Self> {
        let keyring: Keyring = cbor::decode_within(WHAT, limits::KEYRING, body)?;
        keyring.check()?;
        Ok(keyring)
    }

    /// Checks and encodes a body.
    ///
    /// # Errors
    /// See [`FormatError`].
    pub fn encode(&self) -> Result<Vec<u8>> {
        self.check()?;
        cbor::encode_within(WHAT, limits::KEYRING, self)
    }

    fn check(&self) -> Result<()> {
        check_limit(WHAT, "members", self.recipients.len() as u64, limits::MEMBERS_COUNT)?;
        if self.version == 0 {
            return Err(FormatError::invalid(WHAT, "version 0"));
        }
        if self.recipients.iter().any(|r| r.sealed.0.len() != SEALED_KEY_LEN) {
            return Err(FormatError::invalid(WHAT, "a sealed wrapping key has another length"));
        }
        let mut members: Vec<_> = self.recipients.iter().map(|r| r.member).collect();
        members.sort_unstable();
        if members.is_empty() || !members.is_sorted_by(|a, b| a < b) {
            return Err(FormatError::invalid(WHAT, "it has no members, or one twice"));
        }
        self.check_retired(&members)
    }

    /// `members` are the recipients, in ascending order.
    fn check_retired(&self, members: &[MemberId]) -> Result<()> {
        let retired = self.retired();
        check_limit(WHAT, "retired members", retired.len() as u64, limits::MEMBERS_COUNT)?;
        if !retired.is_sorted_by(|a, b| a < b) {
            return Err(FormatError::invalid(WHAT, "its retired members are not in order"));
        }
        if retired.iter().any(|member| members.binary_search(member).is_ok()) {
            return Err(FormatError::invalid(WHAT, "a retired member is among its members"));
        }
        Ok(())
    }

    /// The members that this version retires.
    pub fn retired(&self) -> &[MemberId] {
        self.retired.as_deref().unwrap_or_default()
    }
}

impl Secrets {
    /// Decodes opened secrets.
    ///
    /// # Errors
    /// See [`FormatError`].
    pub fn decode(plain: &[u8]) -> Result<Self> {
        let secrets: Secrets = cbor::decode_within(WHAT, limits::KEYRING, plain)?;
        secrets.check()?;
        Ok(secrets)
    }

    /// Checks and encodes the secrets, without leaving copies in memory that was freed. The caller wipes the result.
    ///
    /// # Errors
    /// See [`FormatError`].
    pub fn encode(&self) -> Result<Vec<u8>> {
        self.check()?;
        let capacity = SECRETS_LEN_MAX * (1 + self.epochs.len());
        Ok(cbor::encode_into(Vec::with_capacity(capacity), self))
    }

    fn check(&self) -> Result<()> {
        check_limit(WHAT, "epochs", self.epochs.len() as u64, limits::EPOCHS_COUNT)?;
        let newest = self.epochs.last().map(|epoch| epoch.number);
        if newest.is_none() || !self.epochs.is_sorted_by(|a, b| a.number < b.number) {
            return Err(FormatError::invalid(WHAT, "its epochs are not in order"));
        }
        if self.closed.is_some_and(|closed| newest <= Some(closed.epoch)) {
            return Err(FormatError::invalid(WHAT, "its newest epoch is closed"));
        }
        Ok(())
    }
}
