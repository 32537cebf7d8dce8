//! Framing of sealed objects (FORMAT.md, section 5). The sealing itself is the engine's.

use crate::error::{FormatError, Result, check_limit};
use crate::head::{HEAD_LEN, Head, ObjectKind, Sealing};
use crate::id::Bytes32;
use crate::reader::Reader;

/// Length of an [`Envelope`].
pub const ENVELOPE_LEN: usize = HEAD_LEN + 64;
/// Length of a GCM tag.
pub const GCM_TAG_LEN: usize = 16;
/// Length of the checksum at the end of objects that are not named by their own BLAKE3.
pub const CHECKSUM_LEN: usize = 32;

/// How a sealed object begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Envelope {
    /// The kind of object.
    pub kind: ObjectKind,
    /// Class and epoch of the secret.
    pub sealing: Sealing,
    /// Fresh random bytes.
    pub salt: Bytes32,
    /// Commits to the object key.
    pub commitment: Bytes32,
}

impl Envelope {
    /// The bytes of this envelope.
    pub fn encode(&self) -> [u8; ENVELOPE_LEN] {
        let mut out = [0; ENVELOPE_LEN];
        out[..HEAD_LEN].copy_from_slice(&Head { kind: self.kind, sealing: Some(self.sealing) }.encode());
        out[HEAD_LEN..HEAD_LEN + 32].copy_from_slice(&self.salt.0);
        out[HEAD_LEN + 32..].copy_from_slice(&self.commitment.0);
        out
    }

    /// Reads the envelope at the beginning of `bytes`.
    ///
    /// # Errors
    /// See [`FormatError`].
    pub fn decode(bytes: &[u8], expected: ObjectKind) -> Result<Self> {
        let mut r = Reader::new(expected.name(), bytes);
        let head = Head::decode(r.take(HEAD_LEN)?, expected)?;
        let sealing = head.sealing.ok_or_else(|| FormatError::invalid(expected.name(), "it is not sealed"))?;
        Ok(Envelope { kind: head.kind, sealing, salt: Bytes32(r.array()?), commitment: Bytes32(r.array()?) })
    }
}

/// A sealed object taken apart; nothing has been opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SealedObject<'a> {
    /// Envelope, not yet compared with the computed commitment.
    pub envelope: Envelope,
    /// Ciphertext and GCM tag.
    pub sealed: &'a [u8],
}

/// Takes apart an object that ends with a checksum, and checks that.
///
/// # Errors
/// See [`FormatError`]; `limit` is the most plain bytes such an object may have.
pub fn decode_checked(kind: ObjectKind, bytes: &[u8], limit: u64) -> Result<SealedObject<'_>> {
    let what = kind.name();
    let Some((object, checksum)) = bytes.split_last_chunk::<CHECKSUM_LEN>() else {
        return Err(FormatError::Truncated { what, offset: 0, need: CHECKSUM_LEN, have: bytes.len() });
    };
    let parts = decode(kind, object, limit)?;
    if blake3::hash(object).as_bytes() != checksum {
        return Err(FormatError::Checksum { what });
    }
    Ok(parts)
}

/// Takes apart an object that is named by its own BLAKE3 (or stands within one that is).
///
/// # Errors
/// See [`FormatError`]; `limit` is the most plain bytes such an object may have.
pub fn decode(kind: ObjectKind, bytes: &[u8], limit: u64) -> Result<SealedObject<'_>> {
    let what = kind.name();
    check_limit(what, "size", bytes.len() as u64, limit.saturating_add((ENVELOPE_LEN + GCM_TAG_LEN) as u64))?;
    let envelope = Envelope::decode(bytes, kind)?;
    let sealed = &bytes[ENVELOPE_LEN..];
    if sealed.len() < GCM_TAG_LEN {
        return Err(FormatError::Truncated { what, offset: ENVELOPE_LEN, need: GCM_TAG_LEN, have: sealed.len() });
    }
    Ok(SealedObject { envelope, sealed })
}
