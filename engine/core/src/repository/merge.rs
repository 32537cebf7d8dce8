//! Merges small index segments, so that a new machine reads few objects when it opens a repository.

use std::collections::HashMap;

use repo_format::id::SegmentId;
use repo_format::limits;
use repo_format::segment::SegmentPack;

use super::Repository;
use crate::error::{ErrorKind, Result};
use engine_store::ObjectName;

/// Segments below this size are small.
const SMALL: u64 = limits::MIB;
/// The number of small segments that makes a merge worthwhile.
const MERGE_FROM: usize = 64;
/// The space below the limit of a segment that is left for the seal and the counts.
const ROOM: u64 = 64 * limits::KIB;

impl Repository {
    /// Merges the small ones among `segments`, if there are many. Puts the merged one, **then** deletes the segments
    /// that it replaces.
    ///
    /// # Errors
    /// If the merged segment cannot be put. If the store forbids deleting, the small ones stay.
    pub(crate) fn merge_small_segments(&self, segments: &HashMap<SegmentId, u64>) -> Result<()> {
        let mut small: Vec<_> = segments.iter().filter(|(_, size)| **size < SMALL).collect();
        if small.len() < MERGE_FROM {
            return Ok(());
        }
        // If the store forbids deleting, merged segments stay; they must not be merged again and again.
        let redundant = self.catalog().redundant_segments()?;
        if small.iter().filter(|(id, _)| !redundant.contains(id)).count() < MERGE_FROM {
            return Ok(());
        }
        small.sort();
        let (mut merged, mut packs, mut bytes): (_, Vec<SegmentPack>, _) = (Vec::new(), Vec::new(), 0);
        for (id, size) in small {
            if bytes + size > limits::SEGMENT - ROOM {
                break;
            }
            // `verify` reports a segment that cannot be read.
            let Ok(more) = self.read_segment(*id) else { continue };
            bytes += size;
            merged.push(*id);
            packs.extend(more);
        }
        packs.sort_by_key(|pack| pack.id);
        packs.dedup_by_key(|pack| pack.id);
        if merged.len() < 2 {
            return Ok(());
        }
        self.name_packs(&packs)?;
        for id in merged {
            match self.store().delete(&ObjectName::Segment(id)).map_err(crate::Error::from) {
                // The store is append-only; old and new segments say the same.
                Err(error) if error.kind() == ErrorKind::PermissionDenied => return Ok(()),
                result => result?,
            }
        }
        Ok(())
    }
}
