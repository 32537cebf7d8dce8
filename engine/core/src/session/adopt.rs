//! Adopts packs that no segment names, as an interrupted run leaves them: what must be checked before a segment names
//! one.

use std::collections::{HashMap, HashSet};

use repo_format::id::PackId;
use repo_format::segment::SegmentPack;

use crate::error::{Error, ErrorKind, Result};
use crate::monitor::Monitor;
use crate::pack::WholePack;
use crate::repository::Repository;
use engine_store::ObjectName;

/// Names packs that are listed, not condemned, and in no segment; returns their number. Reads each pack whole first,
/// and puts a segment before a snapshot counts on it. Never relies on the cache alone, because another machine could
/// not restore such a snapshot.
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
            Err(error) if error.kind() == ErrorKind::Unavailable => return Err(error),
            Err(error) => monitor.note(&format!("packs/{id} is not used: {error}")),
        }
    }
    let count = adopted.len() as u64;
    repository.name_all_packs(adopted)?;
    Ok(count)
}

/// Reads a pack of `size` bytes that no segment names, checks all of it, and makes it durable: its writer may have died
/// before it did so. Then a segment may name it.
///
/// # Errors
/// [`crate::ErrorKind::Damaged`] if its bytes do not match its name, or a chunk in it does not open. So a pack that
/// someone removed from the index on purpose does not come back. Also if it has been deleted meanwhile.
pub(crate) fn adoptable(repository: &Repository, id: PackId, size: u64) -> Result<SegmentPack> {
    let pack = WholePack::read(repository, id, size)?.check(repository)?;
    repository.store().ensure_durable(&ObjectName::Pack(id)).map_err(Error::of_object)?;
    Ok(pack)
}
