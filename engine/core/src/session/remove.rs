//! Takes away the lease of a run that is dead, where nobody can be shut out (FORMAT.md, section 13.3, rule 3).

use repo_format::id::LeaseId;

use super::liveness::{Life, View, Writer};
use crate::error::{Error, ErrorKind, Result};
use crate::machine;
use crate::repository::{Announcement, Repository};
use crate::words::counted;
use engine_store::{Folder, ObjectName};

/// After so many seconds without a sign of life everything that was sent has arrived, or never will.
pub const SILENCE: i64 = 15 * 60;

/// The folders into which a run stores something. Its lease itself is not a sign of life.
const WORK: [Folder; 3] = [Folder::Packs, Folder::Index, Folder::Snapshots];

impl View<'_> {
    /// Takes away the lease `id`; a user says that its holder is dead. If that were wrong, a snapshot could lose data.
    ///
    /// # Errors
    /// [`ErrorKind::Refused`] if writers of this repository can be shut out, or this one is running, or it is not yet
    /// [`SILENCE`] since it began and since anything was stored; [`ErrorKind::NotFound`].
    pub fn remove(&self, repository: &Repository, id: LeaseId) -> Result<Writer> {
        if repository.has_fencing() {
            let message = "a lease of this repository need not be removed: its storage has conditional writes, so a run can be shut out";
            return Err(Error::new(ErrorKind::Refused, message).with_hint(
                "`enamel prune` does that by itself for runs of this machine; for others see `enamel leases fence`.",
            ));
        }
        let Some(writer) = self.writers(repository)?.into_iter().find(|writer| writer.id == id) else {
            return Err(Error::new(ErrorKind::NotFound, format!("there is no lease {id}")));
        };
        if writer.life == Life::Running {
            return Err(Error::new(
                ErrorKind::Refused,
                format!("the run with lease {id} is alive: its process is running"),
            ));
        }
        let Some(since) = last_sign(repository, &writer.announcement)? else {
            let message =
                format!("nobody can tell when lease {id} was put: it cannot be read, and the storage does not say");
            return Err(Error::new(ErrorKind::Refused, message));
        };
        let silent = machine::now().seconds.saturating_sub(since);
        if silent < SILENCE {
            let minutes = (SILENCE - silent).div_euclid(60) + 1;
            let message = format!(
                "lease {id} stays for now: what its run has sent may still arrive, until 15 minutes have passed since the run began and since anything was stored; wait {}",
                counted(minutes.unsigned_abs(), "minute")
            );
            return Err(Error::new(ErrorKind::Refused, message).with_hint("Run this command again then."));
        }
        repository.store().delete(&ObjectName::Lease(id))?;
        Ok(writer)
    }
}

/// The last time at which the run may have done something, in seconds since 1970: when it began, or when anything was
/// stored by anybody. `None` if neither its lease nor the storage says when it began.
fn last_sign(repository: &Repository, announcement: &Announcement) -> Result<Option<i64>> {
    let newest = |folder| Ok::<_, Error>(repository.store().holdings(folder)?.newest);
    let by_lease = match announcement {
        Announcement::Lease(lease) => Some(lease.started).filter(|started| *started <= machine::now().seconds),
        _ => None,
    };
    let mut last = match by_lease {
        // Its clock is wrong, or the lease cannot be read: no lease is younger than the newest.
        None => newest(Folder::Leases)?,
        began => began,
    };
    for folder in WORK {
        last = last.map_or(Ok(None), |last| {
            newest(folder).map(|newest| Some(newest.map_or(last, |newest| last.max(newest))))
        })?;
    }
    Ok(last)
}
