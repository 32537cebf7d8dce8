//! Index segments: naming new packs, and naming no more those that go.

use std::collections::HashSet;

use repo_format::id::{PackId, SegmentId};
use repo_format::limits;
use repo_format::pack::{SALT_LEN, TABLE_ENTRY_LEN};
use repo_format::segment::SegmentPack;

use crate::error::{ErrorKind, Result};
use crate::repository::Repository;
use crate::store::ObjectName;

/// Bytes of packs' descriptions in one segment, at most; it may have more.
const SEGMENT_BYTES: u64 = limits::SEGMENT - limits::MIB;

/// Puts segments that name `packs`, which are durable, and takes them into the index.
pub(super) fn name(repository: &Repository, packs: Vec<SegmentPack>) -> Result<()> {
    let (mut group, mut bytes) = (Vec::new(), 0);
    for pack in packs {
        let more = described_bytes(&pack);
        if bytes + more > SEGMENT_BYTES && !group.is_empty() {
            put(repository, &std::mem::take(&mut group))?;
            bytes = 0;
        }
        bytes += more;
        group.push(pack);
    }
    if group.is_empty() { Ok(()) } else { put(repository, &group) }
}

fn put(repository: &Repository, packs: &[SegmentPack]) -> Result<()> {
    let (segment, _) = repository.put_segment(packs)?;
    repository.index().import_segment(segment, packs)
}

/// Bytes of a pack's description, and some to spare.
fn described_bytes(pack: &SegmentPack) -> u64 {
    (128 + pack.table.entries.len() * TABLE_ENTRY_LEN + pack.table.salts.len() * SALT_LEN) as u64
}

/// Puts segments in place of those that name any of `gone`, and deletes these. A segment that cannot be read stays, for `verify` to name.
pub(super) fn unname(repository: &Repository, gone: &[PackId]) -> Result<()> {
    let gone_set: HashSet<_> = gone.iter().collect();
    let mut replacing = Replacing { repository, packs: Vec::new(), bytes: 0, replaced: Vec::new() };
    for segment in repository.index().segments_naming(gone)? {
        match repository.read_segment(segment) {
            Ok(named) => replacing.add(segment, named.into_iter().filter(|pack| !gone_set.contains(&pack.id)))?,
            Err(error) if error.kind() == ErrorKind::Damaged => {}
            Err(error) => return Err(error),
        }
    }
    replacing.flush()
}

/// Segments that are being replaced, not all at once: they may describe every chunk there is.
struct Replacing<'r> {
    repository: &'r Repository,
    packs: Vec<SegmentPack>,
    bytes: u64,
    replaced: Vec<SegmentId>,
}

impl Replacing<'_> {
    fn add(&mut self, segment: SegmentId, packs: impl Iterator<Item = SegmentPack>) -> Result<()> {
        let before = self.packs.len();
        self.packs.extend(packs);
        self.bytes += self.packs[before..].iter().map(described_bytes).sum::<u64>();
        self.replaced.push(segment);
        if self.bytes > SEGMENT_BYTES { self.flush() } else { Ok(()) }
    }

    /// Puts, **then** deletes.
    fn flush(&mut self) -> Result<()> {
        let mut packs = std::mem::take(&mut self.packs);
        packs.sort_by_key(|pack| pack.id);
        packs.dedup_by_key(|pack| pack.id);
        self.bytes = 0;
        name(self.repository, packs)?;
        let replaced = std::mem::take(&mut self.replaced);
        for segment in &replaced {
            self.repository.store().delete(&ObjectName::Segment(*segment))?;
        }
        self.repository.index().forget_segments(&replaced)
    }
}
