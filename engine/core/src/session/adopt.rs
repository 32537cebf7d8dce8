//! Adopts packs that no segment names, as an interrupted run leaves them: what must be checked before a segment names
//! one.

use std::collections::{HashMap, HashSet};

use repo_format::id::PackId;
use repo_format::pack::ChunkKind;
use repo_format::segment::SegmentPack;

use crate::catalog::{UsablePacks, sealed_chunks};
use crate::error::{Error, ErrorKind, Result};
use crate::monitor::Monitor;
use crate::pack::{PackRewriter, WholePack};
use crate::repository::Repository;
use engine_store::ObjectName;

/// The packs that a writer found at its beginning.
pub(super) struct Found<'f> {
    /// All listed packs, with their sizes.
    pub listed: &'f HashMap<PackId, u64>,
    /// Packs that count as gone.
    pub condemned: &'f HashSet<PackId>,
}

/// Takes in packs that are listed, not condemned, and in no segment; returns the packs that segments name now. Never
/// relies on the cache alone, because another machine could not restore such a snapshot.
///
/// A network may carry out a put that had no answer after a prune has deleted the pack, and then a deletion that had
/// none. So there the needed chunks are copied into new packs.
pub(super) fn adopt(repository: &Repository, found: &Found<'_>, monitor: &dyn Monitor) -> Result<Vec<SegmentPack>> {
    let known = repository.catalog().packs()?;
    let usable = UsablePacks::new(&known, found.listed, found.condemned);
    let named: HashSet<PackId> = known.into_iter().filter(|pack| pack.named).map(|pack| pack.id).collect();
    let is_orphan = |id: &PackId| !named.contains(id) && !found.condemned.contains(id);
    let mut orphans: Vec<_> = found.listed.iter().filter(|(id, _)| is_orphan(id)).collect();
    orphans.sort();
    let is_late = repository.store().medium().is_late;
    let mut adopted: Vec<SegmentPack> = Vec::new();
    for (id, size) in orphans {
        let taken =
            if is_late { copied(repository, &usable, *id, *size) } else { adoptable(repository, *id, *size).map(Some) };
        match taken {
            Ok(pack) => adopted.extend(pack),
            Err(error) if error.kind() == ErrorKind::Unavailable => return Err(error),
            Err(error) => monitor.note(&format!("packs/{id} is not used: {error}")),
        }
    }
    repository.name_all_packs(adopted.iter().cloned())?;
    Ok(adopted)
}

/// Copies the chunks of a pack that no usable pack has into a new one, after checking all of the pack; `None` if there
/// are none.
fn copied(repository: &Repository, usable: &UsablePacks, id: PackId, size: u64) -> Result<Option<SegmentPack>> {
    let table = repository.read_pack_table(id, size)?;
    let mut lacking = HashSet::new();
    for (chunk, location) in sealed_chunks(&table) {
        let is_stored = || repository.catalog().packs_of(&chunk, |pack| usable.contains(pack));
        if location.kind != ChunkKind::Padding && !is_stored()? {
            lacking.insert(chunk);
        }
    }
    if lacking.is_empty() {
        return Ok(None);
    }
    let whole = WholePack::read(repository, id, size)?;
    let pack = whole.check(repository)?;
    let mut copy = PackRewriter::new(repository.keys(), pack.sealing.class)?;
    for (chunk, location) in sealed_chunks(&pack).filter(|(chunk, _)| lacking.contains(chunk)) {
        if let Some(sealed) = whole.sealed(&location) {
            copy.push(chunk, &location, sealed.to_vec())?;
        }
    }
    let Some(copy) = copy.finish()? else { return Ok(None) };
    let description = copy.put(repository.store())?;
    usable.add(description.id, description.size);
    Ok(Some(description))
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
