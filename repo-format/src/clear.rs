//! Framing of objects that must be readable before there is a key (FORMAT.md, section 4).

use crate::error::{FormatError, Result, check_limit, fit};
use crate::head::{HEAD_LEN, Head, ObjectKind};
use crate::reader::Reader;

/// Length of a tag and of a checksum.
pub const HASH_LEN: usize = 32;
/// Bytes around the body.
pub const OVERHEAD: usize = HEAD_LEN + 4 + 2 * HASH_LEN;

/// A clear object whose checksum fits; its tag has not been checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClearObject<'a> {
    /// The CBOR body.
    pub body: &'a [u8],
    /// The bytes that the tag authenticates.
    pub tagged: &'a [u8],
    /// The tag.
    pub tag: [u8; HASH_LEN],
}

/// Frames `body`; `tag` is given the bytes to authenticate.
///
/// # Errors
/// [`FormatError::Limit`] for a body beyond 4 GiB.
pub fn encode(kind: ObjectKind, body: &[u8], tag: impl FnOnce(&[u8]) -> [u8; HASH_LEN]) -> Result<Vec<u8>> {
    let length: u32 = fit(kind.name(), "body", body.len(), u32::MAX.into())?;
    let mut out = Vec::with_capacity(OVERHEAD + body.len());
    out.extend(Head { kind, sealing: None }.encode());
    out.extend(length.to_le_bytes());
    out.extend(body);
    let tag = tag(&out);
    out.extend(tag);
    let checksum = blake3::hash(&out);
    out.extend(checksum.as_bytes());
    Ok(out)
}

/// Checks head, length and checksum.
///
/// # Errors
/// See [`FormatError`]; `limit` is the most bytes that its body may have. A member's tag authenticates nothing and must
/// be zero.
pub fn decode(kind: ObjectKind, bytes: &[u8], limit: u64) -> Result<ClearObject<'_>> {
    let what = kind.name();
    check_limit(what, "size", bytes.len() as u64, limit.saturating_add(OVERHEAD as u64))?;
    let mut r = Reader::new(what, bytes);
    let head = Head::decode(r.take(HEAD_LEN)?, kind)?;
    if head.sealing.is_some() {
        return Err(FormatError::invalid(what, "it is sealed"));
    }
    let length = r.u32()?;
    let body = r.items(length, 1)?;
    let tag = r.array()?;
    let checksum: [u8; HASH_LEN] = r.array()?;
    r.finish()?;
    let checked = &bytes[..bytes.len() - HASH_LEN];
    if *blake3::hash(checked).as_bytes() != checksum {
        return Err(FormatError::Checksum { what });
    }
    if kind == ObjectKind::Member && tag != [0; HASH_LEN] {
        return Err(FormatError::invalid(what, "its tag is not zero"));
    }
    Ok(ClearObject { body, tagged: &bytes[..HEAD_LEN + 4 + body.len()], tag })
}
