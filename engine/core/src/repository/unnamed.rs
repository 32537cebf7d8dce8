//! Packs that are durable and in no segment yet, as many as one segment shall name.

use repo_format::limits;
use repo_format::pack::{SALT_LEN, TABLE_ENTRY_LEN};
use repo_format::segment::SegmentPack;

use super::Repository;
use crate::error::Result;

/// A segment is put for so many packs, so that an interrupted run's work is named already,
const PACKS: usize = 64;
/// or for so many bytes of their descriptions: the limit of a segment, with room for its seal.
const BYTES: u64 = limits::SEGMENT - limits::MIB;
/// Bytes of a description without its table, at most.
const DESCRIPTION: usize = 128;

/// Packs that wait for their segment.
#[derive(Default)]
pub struct Unnamed {
    packs: Vec<SegmentPack>,
    bytes: u64,
}

impl Unnamed {
    /// Adds a pack. If there is no room for it, gives those that waited before it: they are to be named now.
    pub fn add(&mut self, pack: SegmentPack) -> Vec<SegmentPack> {
        let more = DESCRIPTION + pack.table.entries.len() * TABLE_ENTRY_LEN + pack.table.salts.len() * SALT_LEN;
        let is_full = self.packs.len() >= PACKS || self.bytes + more as u64 > BYTES;
        let before = if is_full { self.take() } else { Vec::new() };
        self.bytes += more as u64;
        self.packs.push(pack);
        before
    }

    /// Gives all that wait.
    pub fn take(&mut self) -> Vec<SegmentPack> {
        self.bytes = 0;
        std::mem::take(&mut self.packs)
    }
}

impl Repository {
    /// Puts a segment that names `packs`, which must be durable, and takes it into the catalog; gives the bytes it takes. No packs, no segment.
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

    /// Puts as many segments as it takes to name `packs`.
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
