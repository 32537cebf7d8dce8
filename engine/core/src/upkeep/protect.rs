//! Protect: for a while only the storage's administrator can delete what snapshots need.
//!
//! A bucket locks each new object for some days. A pack that is two years old and in every snapshot has long been
//! unlocked, so its lock must be made longer.

use std::collections::HashSet;

use engine_store::{Folder, ObjectName};
use repo_format::id::{ChunkId, PackId};

use super::needs::{Needs, Worth};
use crate::error::{Error, ErrorKind, Result};
use crate::monitor::{Monitor, Phase, Work};
use crate::repository::{Repository, SnapshotObject};

/// The outcome.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Protected {
    /// Objects that snapshots need.
    pub objects: u64,
    /// The number of them whose lock was made longer now.
    pub extended: u64,
    /// The end of the locks that were made longer, in seconds since 1970.
    pub until: i64,
    /// Manifests that cannot be read. Nobody can know what they need, so what only they need is not locked.
    pub unreadable: u64,
}

/// Whether half of the time is over for which this machine has locked objects, or nothing is known of that.
///
/// # Errors
/// If the cache fails.
pub fn is_due(repository: &Repository, now: i64, seconds: u32) -> Result<bool> {
    let known = repository.catalog().protected()?;
    Ok(known.get(&ObjectName::Config).is_none_or(|until| *until < enough(now, seconds)))
}

/// A lock that lasts longer than that need not be made longer now.
fn enough(now: i64, seconds: u32) -> i64 {
    now.saturating_add(i64::from(seconds / 2))
}

/// Locks every object that any manifest needs, and what opens them, until `seconds` after `now`. This machine remembers
/// how long each is locked, and asks again only when half of that is over.
///
/// # Errors
/// [`crate::ErrorKind::Refused`] if the storage has no locks; [`crate::ErrorKind::PermissionDenied`] if this account may
/// not lock.
pub fn protect(repository: &Repository, now: i64, seconds: u32, monitor: &dyn Monitor) -> Result<Protected> {
    let Needed { objects: needed, unreadable } = needed(repository, monitor)?;
    let until = now.saturating_add(i64::from(seconds));
    let catalog = repository.catalog();
    let known = catalog.protected()?;
    let enough = enough(now, seconds);
    let mut open: Vec<_> = needed.iter().filter(|name| known.get(*name).is_none_or(|until| *until < enough)).collect();
    // `config` says when all others were locked, so it comes last.
    open.sort_by_key(|name| **name == ObjectName::Config);
    monitor.begin(Phase::Protect, Some(Work { items: open.len() as u64, bytes: 0 }));
    for name in &open {
        if monitor.is_cancelled() {
            return Err(Error::cancelled());
        }
        repository.store().protect(name, until)?;
        catalog.remember_protected(name, until)?;
        monitor.advance(Work { items: 1, bytes: 0 });
    }
    monitor.end();
    let gone: Vec<_> = known.keys().filter(|name| !needed.contains(name)).copied().collect();
    catalog.forget_protected(&gone)?;
    Ok(Protected { objects: needed.len() as u64, extended: open.len() as u64, until, unreadable })
}

struct Needed {
    objects: HashSet<ObjectName>,
    /// Manifests that cannot be read.
    unreadable: u64,
}

/// The objects without which some manifest could not be restored.
fn needed(repository: &Repository, monitor: &dyn Monitor) -> Result<Needed> {
    let mut needed = HashSet::from([ObjectName::Config]);
    for folder in [Folder::Keys, Folder::Keyring, Folder::Notes, Folder::Copies, Folder::Index, Folder::Snapshots] {
        needed.extend(repository.names_in(folder)?);
    }
    repository.sync_catalog(monitor)?;
    let there = repository.list_packs()?;
    let judge = |pack: PackId, _: &ChunkId| if there.contains_key(&pack) { Worth::Good } else { Worth::Damaged };
    let mut needs = Needs::new(repository, repository.catalog(), &judge, monitor).collecting_packs();
    monitor.begin(Phase::Walk, None);
    let mut unreadable = 0;
    for id in repository.snapshot_names()? {
        match repository.read_snapshot_object(id) {
            Ok(SnapshotObject::Manifest(object)) => needs.walk(&object.manifest)?,
            Ok(SnapshotObject::Void(_)) => {}
            Err(error) if matches!(error.kind(), ErrorKind::Damaged | ErrorKind::TooNew | ErrorKind::NotBelieved) => {
                unreadable += 1;
            }
            // It was forgotten meanwhile.
            Err(_) if !repository.has_snapshot_object(id)? => {}
            Err(error) => return Err(error),
        }
        monitor.advance(Work { items: 1, bytes: 0 });
    }
    monitor.end();
    needed.extend(needs.into_packs().into_iter().filter(|pack| there.contains_key(pack)).map(ObjectName::Pack));
    Ok(Needed { objects: needed, unreadable })
}
