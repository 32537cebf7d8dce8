//! Whether bytes are what a writer has put, as far as anybody can tell without a key.

use crate::ObjectName;

/// The length of the checksum at the end of most objects.
const CHECKSUM_LEN: usize = 32;

impl ObjectName {
    /// Whether these bytes are a whole object of this name: packs and index segments are named by their BLAKE3, others end
    /// with the BLAKE3 of what stands before. Nobody can tell of what a repair has set aside.
    ///
    /// It finds what storage and network do to bytes. Somebody who writes other bytes on purpose can name them rightly;
    /// only the keys show that.
    pub fn is_intact(&self, bytes: &[u8]) -> bool {
        match self {
            ObjectName::Pack(id) => *blake3::hash(bytes).as_bytes() == id.0,
            ObjectName::Segment(id) => *blake3::hash(bytes).as_bytes() == id.0,
            ObjectName::Aside(_) => true,
            _ => bytes
                .split_last_chunk::<CHECKSUM_LEN>()
                .is_some_and(|(object, checksum)| blake3::hash(object).as_bytes() == checksum),
        }
    }
}

#[cfg(test)]
mod tests {
    use repo_format::id::{LeaseId, PackId};

    use super::*;

    #[test]
    fn a_name_or_a_checksum_tells_whether_bytes_are_whole() {
        let bytes = b"the bytes of a pack".to_vec();
        let pack = ObjectName::Pack(PackId(*blake3::hash(&bytes).as_bytes()));
        assert!(pack.is_intact(&bytes) && !pack.is_intact(&bytes[1..]) && !pack.is_intact(b""));
        let whole = [&bytes[..], blake3::hash(&bytes).as_bytes()].concat();
        for name in [ObjectName::Config, ObjectName::Condemned, ObjectName::Snapshot(LeaseId([7; 16]))] {
            assert!(name.is_intact(&whole), "{name}");
            for damaged in [&whole[1..], &whole[..whole.len() - 1], &bytes, b""] {
                assert!(!name.is_intact(damaged), "{name}");
            }
        }
    }
}
