//! Index segments that no longer name packs to delete.

use std::collections::HashSet;

use repo_format::id::{PackId, SegmentId};
use repo_format::segment::SegmentPack;

use crate::error::{ErrorKind, Result};
use crate::repository::{Repository, Unnamed};
use engine_store::ObjectName;

/// Replaces the segments that name any of `gone`. An unreadable segment stays; `verify` reports it.
pub(super) fn unname(repository: &Repository, gone: &[PackId]) -> Result<()> {
    let gone_set: HashSet<_> = gone.iter().collect();
    let mut replacing =
        Replacing { repository, unnamed: Unnamed::default(), seen: HashSet::new(), replaced: Vec::new() };
    for segment in repository.catalog().segments_naming(gone)? {
        match repository.read_segment(segment) {
            Ok(named) => replacing.replace(segment, named.into_iter().filter(|pack| !gone_set.contains(&pack.id)))?,
            Err(error) if matches!(error.kind(), ErrorKind::Damaged | ErrorKind::NotBelieved) => {}
            Err(error) => return Err(error),
        }
    }
    replacing.flush()
}

/// Segments that are being replaced, a few at a time: together they may describe every chunk.
struct Replacing<'r> {
    repository: &'r Repository,
    unnamed: Unnamed,
    /// Packs that a new segment names, or will name.
    seen: HashSet<PackId>,
    /// Old segments whose packs new segments name, or will name.
    replaced: Vec<SegmentId>,
}

impl Replacing<'_> {
    fn replace(&mut self, segment: SegmentId, packs: impl Iterator<Item = SegmentPack>) -> Result<()> {
        let mut is_full = false;
        for pack in packs {
            if self.seen.insert(pack.id) {
                let before = self.unnamed.add(pack);
                is_full |= !before.is_empty();
                self.repository.name_packs(&before)?;
            }
        }
        self.replaced.push(segment);
        if is_full { self.flush() } else { Ok(()) }
    }

    /// Puts the new segments, **then** deletes the old ones.
    fn flush(&mut self) -> Result<()> {
        self.repository.name_packs(&self.unnamed.take())?;
        let replaced = std::mem::take(&mut self.replaced);
        for segment in &replaced {
            self.repository.store().delete(&ObjectName::Segment(*segment))?;
        }
        self.repository.catalog().forget_segments(&replaced)
    }
}
