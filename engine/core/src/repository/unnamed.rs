//! Packs that are durable and that no segment names yet, up to the number that one segment should name.

use repo_format::limits;
use repo_format::pack::{SALT_LEN, TABLE_ENTRY_LEN};
use repo_format::segment::SegmentPack;

use super::Repository;
use crate::error::Result;

/// A segment is put for this many packs, so that the work of an interrupted run is already named.
const PACKS: usize = 64;
/// A segment is put for this many bytes of descriptions: the limit of a segment, minus space for its seal.
const BYTES: u64 = limits::SEGMENT - limits::MIB;
/// The largest size of a description without its table, in bytes.
const DESCRIPTION: usize = 128;

/// Packs that wait for their segment.
#[derive(Default)]
pub struct Unnamed {
    packs: Vec<SegmentPack>,
    bytes: u64,
}

impl Unnamed {
    /// Adds a pack. If it does not fit, returns the packs that waited before it; the caller must name them now.
    pub fn add(&mut self, pack: SegmentPack) -> Vec<SegmentPack> {
        let more = DESCRIPTION + pack.table.entries.len() * TABLE_ENTRY_LEN + pack.table.salts.len() * SALT_LEN;
        let is_full = self.packs.len() >= PACKS || self.bytes + more as u64 > BYTES;
        let before = if is_full { self.take() } else { Vec::new() };
        self.bytes += more as u64;
        self.packs.push(pack);
        before
    }

    /// Returns all waiting packs.
    pub fn take(&mut self) -> Vec<SegmentPack> {
        self.bytes = 0;
        std::mem::take(&mut self.packs)
    }
}

impl Repository {
    /// Puts a segment that names `packs`, which must be durable, and adds it to the catalog. Returns its size in bytes.
    /// Puts nothing if there are no packs.
    ///
    /// # Errors
    /// If it cannot be stored.
    pub(crate) fn name_packs(&self, packs: &[SegmentPack]) -> Result<u64> {
        if packs.is_empty() {
            return Ok(0);
        }
        let (segment, size) = self.put_segment(packs)?;
        self.catalog().import_segment(segment, packs)?;
        Ok(size)
    }

    /// Puts as many segments as are needed to name `packs`.
    ///
    /// # Errors
    /// As [`Repository::name_packs`].
    pub fn name_all_packs(&self, packs: impl IntoIterator<Item = SegmentPack>) -> Result<()> {
        let mut unnamed = Unnamed::default();
        for pack in packs {
            self.name_packs(&unnamed.add(pack))?;
        }
        self.name_packs(&unnamed.take()).map(|_| ())
    }
}
