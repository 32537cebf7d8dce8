//! A reference to a manifest: its id and digest.

use minicbor::{Decode, Encode};

use crate::id::{Bytes32, LeaseId};

/// A manifest that was there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
#[cbor(map)]
pub struct SeenManifest {
    /// Id of the manifest.
    #[n(0)]
    pub id: LeaseId,
    /// Keyed digest of its plain bytes.
    #[n(1)]
    pub digest: Bytes32,
}
