//! Identifiers: fixed numbers of bytes, written as lower-case hex.

use std::fmt;
use std::str::FromStr;

use crate::error::FormatError;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $len:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(pub [u8; $len]);

        impl $name {
            /// Its length in bytes.
            pub const LEN: usize = $len;

            /// The id in these bytes, if there are exactly [`Self::LEN`].
            pub fn from_slice(bytes: &[u8]) -> Option<Self> {
                bytes.try_into().ok().map($name)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{self}")
            }
        }

        impl FromStr for $name {
            type Err = FormatError;
            fn from_str(text: &str) -> Result<Self, FormatError> {
                let mut bytes = [0; $len];
                crate::hex::read(text, &mut bytes)
                    .then_some($name(bytes))
                    .ok_or_else(|| FormatError::invalid("id", format!("`{text}` is not {} hex digits", $len * 2)))
            }
        }

        impl<C> minicbor::Encode<C> for $name {
            fn encode<W: minicbor::encode::Write>(
                &self,
                e: &mut minicbor::Encoder<W>,
                _: &mut C,
            ) -> Result<(), minicbor::encode::Error<W::Error>> {
                e.bytes(&self.0)?.ok()
            }
        }

        impl<'b, C> minicbor::Decode<'b, C> for $name {
            fn decode(d: &mut minicbor::Decoder<'b>, _: &mut C) -> Result<Self, minicbor::decode::Error> {
                let at = d.position();
                Self::from_slice(d.bytes()?)
                    .ok_or_else(|| minicbor::decode::Error::message("wrong length of an id").at(at))
            }
        }
    };
}

id!(
    /// Keyed BLAKE3 of a chunk's plain bytes.
    ChunkId,
    32
);
id!(
    /// BLAKE3 of a pack.
    PackId,
    32
);
id!(
    /// BLAKE3 of an index segment.
    SegmentId,
    32
);
id!(
    /// 16 random bytes: a lease, and the manifest that its holder may commit.
    LeaseId,
    16
);
id!(
    /// 16 random bytes: a run that purges rows, in all phases of its receipt.
    PurgeId,
    16
);
id!(
    /// 16 random bytes: an unbroken history of one server's binary log.
    StreamId,
    16
);
id!(
    /// 16 random bytes: a member of the keyring.
    MemberId,
    16
);
id!(
    /// 16 random bytes: an epoch note.
    NoteId,
    16
);
id!(
    /// 16 random bytes: a repository.
    RepositoryId,
    16
);
id!(
    /// 32 bytes: a secret, a salt, a digest or a public key in the clear.
    Bytes32,
    32
);
