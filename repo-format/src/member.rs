//! Members of the keyring (FORMAT.md, section 6.1).

use minicbor::{Decode, Encode};

use crate::cbor::{self, ByteString};
use crate::error::{FormatError, Result};
use crate::id::{Bytes32, MemberId};
use crate::kinds::kinds;
use crate::limits;

const WHAT: &str = "member";

/// Body of an object `keys/<id>`.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Member {
    /// The member's id.
    #[n(0)]
    pub id: MemberId,
    /// Its owner, in words.
    #[n(1)]
    pub label: String,
    /// When it was added, seconds since 1970.
    #[n(2)]
    pub created: i64,
    /// X25519 public key.
    #[n(3)]
    pub public_key: Bytes32,
    /// By a password or a key file.
    #[n(4)]
    pub wrap: WrapKind,
    /// Argon2id memory in KiB.
    #[n(5)]
    pub memory_kib: Option<u32>,
    /// Argon2id passes.
    #[n(6)]
    pub passes: Option<u32>,
    /// Argon2id lanes.
    #[n(7)]
    pub lanes: Option<u32>,
    /// Salt of the wrap key: random bytes.
    #[n(8)]
    pub salt: Bytes32,
    /// Commits to the wrap key.
    #[n(9)]
    pub commitment: Bytes32,
    /// A sealed [`MemberSecret`].
    #[n(10)]
    pub wrapped: ByteString,
}

kinds! {
    /// How a private key is wrapped.
    WrapKind {
        /// By a password.
        Argon2id = 1 "password",
        /// By a key file.
        KeyFile = 2 "key-file",
    }
}

/// How a member's secret is wrapped, checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wrap {
    /// By Argon2id of a password.
    Password(Argon2Cost),
    /// By the 32 bytes of a key file.
    KeyFile,
}

/// The cost of deriving a key from a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Argon2Cost {
    /// Memory in KiB.
    pub memory_kib: u32,
    /// Passes over the memory.
    pub passes: u32,
    /// Lanes that run in parallel.
    pub lanes: u32,
}

impl Argon2Cost {
    /// The cost of a new password: 64 MiB, three passes, one lane.
    pub const DEFAULT: Self = Argon2Cost { memory_kib: 64 * 1024, passes: 3, lanes: 1 };

    /// The cost of a password whose repository somebody else holds, who may guess at leisure: 256 MiB, three passes, one
    /// lane.
    pub const OFF_SITE: Self = Argon2Cost { memory_kib: 256 * 1024, passes: 3, lanes: 1 };

    fn check(self) -> Result<Self> {
        let within = |value: u32, (least, most): (u32, u32)| (least..=most).contains(&value);
        let ok = within(self.memory_kib, limits::ARGON2_MEMORY_KIB)
            && within(self.passes, limits::ARGON2_PASSES)
            && within(self.lanes, limits::ARGON2_LANES)
            && self.memory_kib >= 8 * self.lanes;
        if ok {
            Ok(self)
        } else {
            Err(FormatError::invalid(
                WHAT,
                format!("Argon2id with {} KiB, {} passes, {} lanes", self.memory_kib, self.passes, self.lanes),
            ))
        }
    }
}

/// The secret that a member's password or key file unlocks. The engine wipes it.
#[derive(Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct MemberSecret {
    /// X25519 private key.
    #[n(0)]
    pub private_key: Bytes32,
    /// Keyring version with which the member joined.
    #[n(1)]
    pub joined: u64,
    /// Link secret of the version before that.
    #[n(2)]
    pub link: Bytes32,
}

/// At least the bytes that a [`MemberSecret`] takes.
const SECRET_LEN_MAX: usize = 128;

impl MemberSecret {
    /// Decodes an unwrapped secret.
    ///
    /// # Errors
    /// See [`FormatError`].
    pub fn decode(plain: &[u8]) -> Result<Self> {
        let secret: MemberSecret = cbor::decode_within("member's secret", limits::SMALL_OBJECT, plain)?;
        secret.check()?;
        Ok(secret)
    }

    /// Checks and encodes the secret, without leaving copies in memory that was freed. The caller wipes the result.
    ///
    /// # Errors
    /// See [`FormatError`].
    pub fn encode(&self) -> Result<Vec<u8>> {
        self.check()?;
        Ok(cbor::encode_into(Vec::with_capacity(SECRET_LEN_MAX), self))
    }

    fn check(&self) -> Result<()> {
        match self.joined {
            0 => Err(FormatError::invalid("member's secret", "it joined with version 0")),
            _ => Ok(()),
        }
    }
}

impl Member {
    /// Decodes a body.
    ///
    /// # Errors
    /// See [`FormatError`].
    pub fn decode(body: &[u8]) -> Result<Self> {
        let member: Member = cbor::decode_within(WHAT, limits::SMALL_OBJECT, body)?;
        member.wrap()?;
        Ok(member)
    }

    /// Checks and encodes a body.
    ///
    /// # Errors
    /// See [`FormatError`].
    pub fn encode(&self) -> Result<Vec<u8>> {
        self.wrap()?;
        cbor::encode_within(WHAT, limits::SMALL_OBJECT, self)
    }

    /// How its secret is wrapped.
    ///
    /// # Errors
    /// For a wrap this version does not know, and parameters beyond the limits.
    pub fn wrap(&self) -> Result<Wrap> {
        match (self.wrap, self.memory_kib, self.passes, self.lanes) {
            (WrapKind::KeyFile, ..) => Ok(Wrap::KeyFile),
            (WrapKind::Argon2id, Some(memory_kib), Some(passes), Some(lanes)) => {
                Argon2Cost { memory_kib, passes, lanes }.check().map(Wrap::Password)
            }
            (WrapKind::Argon2id, ..) => Err(FormatError::invalid(WHAT, "Argon2id parameters are missing")),
            (other, ..) => Err(FormatError::Unknown { what: WHAT, field: "wrap", value: other.number().into() }),
        }
    }
}
