//! Epoch notes: the objects that existed when older epochs were closed (FORMAT.md, section 6.5).

use minicbor::{Decode, Encode};

use crate::cbor;
use crate::error::{FormatError, Result};
use crate::id::{Bytes32, LeaseId, NoteId, SegmentId};
use crate::limits;
use crate::manifest::SeenManifest;

const WHAT: &str = "epoch note";

/// Body of an object `notes/<id>`.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct EpochNote {
    /// Its name in the store.
    #[n(0)]
    pub id: NoteId,
    /// The highest epoch that it is about.
    #[n(1)]
    pub epoch: u32,
    /// Manifests that readers believe, in ascending order of their ids.
    #[n(2)]
    pub manifests: Vec<SeenManifest>,
    /// Index segments, ascending.
    #[n(3)]
    pub segments: Option<Vec<SegmentId>>,
    /// Leases, in ascending order of their ids.
    #[n(4)]
    pub leases: Option<Vec<NotedLease>>,
    /// BLAKE3 of the object `condemned`, if it could not be sealed again.
    #[n(5)]
    pub condemned: Option<Bytes32>,
}

/// A lease that existed then.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
#[cbor(map)]
pub struct NotedLease {
    /// Its name in the store.
    #[n(0)]
    pub id: LeaseId,
    /// BLAKE3 of the object.
    #[n(1)]
    pub digest: Bytes32,
}

impl EpochNote {
    /// Decodes and checks a note.
    ///
    /// # Errors
    /// See [`FormatError`].
    pub fn decode(plain: &[u8]) -> Result<Self> {
        let note: EpochNote = cbor::decode_within(WHAT, limits::EPOCH_NOTE, plain)?;
        note.check()?;
        Ok(note)
    }

    /// Checks and encodes the note.
    ///
    /// # Errors
    /// [`FormatError::Limit`] beyond 64 MiB; otherwise see [`FormatError`].
    pub fn encode(&self) -> Result<Vec<u8>> {
        self.check()?;
        cbor::encode_within(WHAT, limits::EPOCH_NOTE, self)
    }

    /// The digest of its encoded bytes, by which the secrets name it.
    pub fn digest(plain: &[u8]) -> Bytes32 {
        Bytes32(*blake3::hash(plain).as_bytes())
    }

    /// The index segments that it names.
    pub fn segments(&self) -> &[SegmentId] {
        self.segments.as_deref().unwrap_or_default()
    }

    /// The leases that it names.
    pub fn leases(&self) -> &[NotedLease] {
        self.leases.as_deref().unwrap_or_default()
    }

    fn check(&self) -> Result<()> {
        let ascending = self.manifests.is_sorted_by(|a, b| a.id < b.id)
            && self.segments().is_sorted_by(|a, b| a < b)
            && self.leases().is_sorted_by(|a, b| a.id < b.id);
        if ascending { Ok(()) } else { Err(FormatError::invalid(WHAT, "its lists are not in order")) }
    }
}
