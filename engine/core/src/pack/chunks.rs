//! Opening sealed chunks.

use std::borrow::Cow;
use std::ops::Range;

use repo_format::head::ObjectKind;
use repo_format::id::ChunkId;
use repo_format::limits;
use repo_format::pack::ChunkKind;
use repo_format::sealed::GCM_TAG_LEN;

use crate::catalog::Location;
use crate::chunk::{Coded, decode};
use crate::crypto::Keys;
use crate::error::{Error, ErrorKind, Result};

/// The place of an opened chunk's plain bytes.
pub enum Opened {
    /// In the buffer that held the sealed bytes.
    InPlace(Range<usize>),
    /// In a new buffer.
    Decompressed(Vec<u8>),
}

/// A chunk that was opened and checked, as it was coded.
pub struct CodedChunk {
    /// The opened bytes: codec, then coded bytes.
    opened: Vec<u8>,
    /// The plain bytes, where the coded ones differ from them.
    decompressed: Option<Vec<u8>>,
}

impl CodedChunk {
    /// The coded bytes.
    pub(super) fn coded(&self) -> Coded<'_> {
        match self.opened.split_first() {
            Some((codec, bytes)) => Coded { codec: *codec, bytes },
            None => unreachable!("opening refuses a chunk without a codec"),
        }
    }

    /// A buffer, and the place of the plain bytes in it.
    pub(super) fn into_plain(self) -> (Vec<u8>, Range<usize>) {
        match self.decompressed {
            Some(plain) => {
                let all = 0..plain.len();
                (plain, all)
            }
            None => {
                let all = 1..self.opened.len();
                (self.opened, all)
            }
        }
    }

    /// The plain bytes.
    pub fn plain(&self) -> &[u8] {
        self.decompressed.as_deref().unwrap_or_else(|| self.coded().bytes)
    }
}

/// As [`open_chunk`], and keeps the coded bytes.
///
/// # Errors
/// [`ErrorKind::Damaged`].
pub(crate) fn open_coded(
    keys: &Keys,
    kind: ChunkKind,
    id: &ChunkId,
    location: &Location,
    mut sealed: Vec<u8>,
) -> Result<CodedChunk> {
    let decompressed = match open_chunk(keys, kind, id, location, &mut sealed)? {
        Opened::InPlace(range) => {
            sealed.truncate(range.end);
            None
        }
        Opened::Decompressed(plain) => {
            sealed.truncate(sealed.len().saturating_sub(GCM_TAG_LEN));
            Some(plain)
        }
    };
    Ok(CodedChunk { opened: sealed, decompressed })
}

/// Opens a sealed chunk in place. Checks tag, codec and length, and finally its id.
///
/// # Errors
/// [`ErrorKind::Damaged`].
pub(crate) fn open_chunk(
    keys: &Keys,
    kind: ChunkKind,
    id: &ChunkId,
    location: &Location,
    sealed: &mut [u8],
) -> Result<Opened> {
    let damaged = |why: &str| Error::new(ErrorKind::Damaged, format!("chunk {id} {why}"));
    if location.kind != kind {
        return Err(damaged("is of another kind than the node that names it says"));
    }
    if u64::from(location.plain_len) > limits::CHUNK_PLAIN {
        return Err(damaged("is larger than the format allows"));
    }
    let key = keys.object_key(ObjectKind::Pack, location.sealing, location.salt)?;
    let position = location.position;
    let opened =
        key.open(position, &position.to_le_bytes(), sealed).ok_or_else(|| damaged("has been changed or moved"))?;
    let (codec, coded) = sealed[..opened.len].split_first().ok_or_else(|| damaged("is empty"))?;
    let plain = decode(*codec, coded, location.plain_len as usize)?;
    // Padding has no id; opening it is the whole check.
    if kind != ChunkKind::Padding && keys.id(kind, &plain) != *id {
        return Err(damaged("holds other bytes than its id says"));
    }
    match plain {
        Cow::Borrowed(_) => Ok(Opened::InPlace(1..opened.len)),
        Cow::Owned(plain) => Ok(Opened::Decompressed(plain)),
    }
}
