//! The index segments in the store: the packs that each names, and their descriptions.

use std::collections::{HashMap, HashSet};

use repo_format::id::{Bytes32, PackId, SegmentId};
use repo_format::segment::SegmentPack;

use super::Run;
use crate::error::{Error, Result, chain};
use crate::repository::Repository;
use engine_store::{Folder, ObjectName};

/// All segments.
pub(super) struct Segments {
    /// Readable segments: the packs that each names, with digests of their descriptions.
    pub read: HashMap<SegmentId, Vec<(PackId, Bytes32)>>,
    /// Unreadable segments, and why.
    pub damaged: Vec<(SegmentId, String)>,
}

impl Segments {
    /// Reads all segments of the store.
    pub fn read(run: &Run<'_>) -> Result<Self> {
        let mut segments = Segments { read: HashMap::new(), damaged: Vec::new() };
        for id in list(run.repository)? {
            if run.monitor.is_cancelled() {
                return Err(Error::cancelled());
            }
            match run.repository.read_segment(id) {
                Ok(packs) => {
                    let digests = packs.iter().map(|pack| Ok((pack.id, digest(pack)?))).collect::<Result<_>>()?;
                    segments.read.insert(id, digests);
                }
                // It is gone since it was listed: it was merged into another, which the next repair sees.
                Err(_) if run.repository.store().stat(&ObjectName::Segment(id))?.is_none() => {}
                Err(error) if error.is_damage() => segments.damaged.push((id, chain(&error))),
                Err(error) => return Err(error),
            }
        }
        segments.damaged.sort();
        Ok(segments)
    }

    /// The descriptions of each pack in segments; they should all be equal.
    pub fn by_pack(&self) -> HashMap<PackId, HashSet<Bytes32>> {
        let mut packs: HashMap<PackId, HashSet<Bytes32>> = HashMap::new();
        for (pack, digest) in self.read.values().flatten() {
            packs.entry(*pack).or_default().insert(*digest);
        }
        packs
    }

    /// A segment's description of a pack whose own table is unreadable.
    pub fn description(&self, repository: &Repository, pack: &PackId) -> Result<Option<SegmentPack>> {
        let naming = self.read.iter().filter(|(_, packs)| packs.iter().any(|(id, _)| id == pack));
        for (segment, _) in naming {
            match repository.read_segment(*segment) {
                Ok(packs) => return Ok(packs.into_iter().find(|described| described.id == *pack)),
                Err(error) if error.is_damage() => {}
                Err(error) => return Err(error),
            }
        }
        Ok(None)
    }
}

fn list(repository: &Repository) -> Result<Vec<SegmentId>> {
    let names = repository.names_in(Folder::Index)?.into_iter();
    Ok(names.filter_map(|name| if let ObjectName::Segment(id) = name { Some(id) } else { None }).collect())
}

/// The digest of a pack's description.
///
/// # Errors
/// If the description exceeds the limits of a segment.
pub(super) fn digest(pack: &SegmentPack) -> Result<Bytes32> {
    let mut bytes = Vec::new();
    pack.encode_into(&mut bytes).map_err(|e| Error::damaged(ObjectName::Pack(pack.id), e))?;
    Ok(Bytes32(*blake3::hash(&bytes).as_bytes()))
}
