//! The index segments as they stand in the store: which packs each names, and how.

use std::collections::{HashMap, HashSet};

use repo_format::id::{Bytes32, PackId, SegmentId};
use repo_format::segment::SegmentPack;

use super::Run;
use crate::error::{Error, Result, chain};
use crate::repository::Repository;
use engine_store::{Folder, ObjectName};

/// All segments.
pub(super) struct Segments {
    /// Those that can be read: the packs that each names, with digests of what it says of them.
    pub read: HashMap<SegmentId, Vec<(PackId, Bytes32)>>,
    /// Those that cannot, and why.
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
                // Gone since it was listed: it has been merged into another, which the next repair sees.
                Err(_) if run.repository.store().stat(&ObjectName::Segment(id))?.is_none() => {}
                Err(error) if error.is_damage() => segments.damaged.push((id, chain(&error))),
                Err(error) => return Err(error),
            }
        }
        segments.damaged.sort();
        Ok(segments)
    }

    /// What segments say of each pack; they should all say the same.
    pub fn by_pack(&self) -> HashMap<PackId, HashSet<Bytes32>> {
        let mut packs: HashMap<PackId, HashSet<Bytes32>> = HashMap::new();
        for (pack, digest) in self.read.values().flatten() {
            packs.entry(*pack).or_default().insert(*digest);
        }
        packs
    }

    /// What a segment says of a pack whose own table cannot be read.
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

/// The digest of what is said of a pack.
///
/// # Errors
/// If no segment may say that.
pub(super) fn digest(pack: &SegmentPack) -> Result<Bytes32> {
    let mut bytes = Vec::new();
    pack.encode_into(&mut bytes).map_err(|e| Error::damaged(ObjectName::Pack(pack.id), e))?;
    Ok(Bytes32(*blake3::hash(&bytes).as_bytes()))
}
