//! Packs that no segment names, as an interrupted run leaves them: what must be sure before one is named, and counted on.

use std::collections::{HashMap, HashSet};

use repo_format::id::PackId;
use repo_format::segment::SegmentPack;

use crate::error::{Error, Result};
use crate::monitor::Monitor;
use crate::pack::WholePack;
use crate::repository::Repository;
use engine_store::ObjectName;

/// Names packs that are listed, in no condemned list, and in no segment; gives how many. Each is read whole first, and a segment is put before it
/// is counted on. Never from the cache alone: another machine could not restore what relies on it.
pub(super) fn adopt(
    repository: &Repository,
    listed: &HashMap<PackId, u64>,
    condemned: &HashSet<PackId>,
    monitor: &dyn Monitor,
) -> Result<u64> {
    let known = repository.catalog().packs()?;
    let named: HashSet<PackId> = known.into_iter().filter(|pack| pack.named).map(|pack| pack.id).collect();
    let mut orphans: Vec<_> = listed.iter().filter(|(id, _)| !named.contains(id) && !condemned.contains(id)).collect();
    orphans.sort();
    let mut adopted: Vec<SegmentPack> = Vec::new();
    for (id, size) in orphans {
        match adoptable(repository, *id, *size) {
            Ok(pack) => adopted.push(pack),
            Err(error) => monitor.note(&format!("packs/{id} is not used: {error}")),
        }
    }
    let count = adopted.len() as u64;
    repository.name_all_packs(adopted)?;
    Ok(count)
}

/// Reads a pack of `size` bytes that no segment names, checks all of it, and makes it durable: its writer may have died between placing it and
/// doing so. Then it may be named.
///
/// # Errors
/// [`crate::ErrorKind::Damaged`] if its bytes do not fit its name, or any chunk in it does not open: then it is not whole, and what somebody
/// took out of the index on purpose does not come back; also if it has been deleted meanwhile.
pub(crate) fn adoptable(repository: &Repository, id: PackId, size: u64) -> Result<SegmentPack> {
    let pack = WholePack::read(repository, id, size)?.check(repository)?;
    repository.store().ensure_durable(&ObjectName::Pack(id)).map_err(Error::of_object)?;
    Ok(pack)
}
