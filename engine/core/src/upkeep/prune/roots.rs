//! The roots that keep chunks alive: manifests, and the leases of writers that may still commit one.

use super::live::Live;
use crate::error::Result;
use crate::monitor::Monitor;
use crate::repository::Repository;
use crate::session::{Announcement, View, Writer};
use engine_store::ObjectName;

/// A writer that has not committed yet, and has not been shut out.
pub(super) struct Threat {
    pub writer: Writer,
    /// It may not know condemned lists above this number. An unreadable lease may be of any age.
    seen: u64,
}

impl Threat {
    /// Whether it may count on packs of list `number`.
    pub fn concerns(&self, number: u64) -> bool {
        self.seen < number
    }
}

/// Walks the needs of all roots: leases first, with the snapshot of each; **then** the snapshots. Returns the writers
/// that may still commit.
///
/// A snapshot whose lease exists is a root even if it is forgotten meanwhile: its writer may hear of the commit late,
/// and commit again.
pub(super) fn read(
    repository: &Repository,
    view: &View<'_>,
    live: &mut Live<'_>,
    monitor: &dyn Monitor,
) -> Result<Vec<Threat>> {
    let mut threats = Vec::new();
    for writer in view.writers(repository)? {
        match repository.store().stat(&ObjectName::Snapshot(writer.id))? {
            Some(_) => live.add(writer.id, monitor)?,
            None => {
                let seen = match &writer.announcement {
                    Announcement::Lease(lease) => lease.seen,
                    _ => 0,
                };
                threats.push(Threat { seen, writer });
            }
        }
    }
    for snapshot in repository.snapshot_names()? {
        live.add(snapshot, monitor)?;
    }
    if repository.lone_lease().is_some() {
        // A writer that comes now sees the lone lease and gives way; before that it stores nothing.
        threats.clear();
    }
    live.settle();
    Ok(threats)
}
