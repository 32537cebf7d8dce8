//! Invalid leases: nobody can tell whose they are, and a prune would wait for them.

use repo_format::id::LeaseId;

use super::RepairOptions;
use crate::error::Result;
use crate::repository::Repository;
use crate::session::{Announcement, fence, give_up_fenced, lease_names, read_lease};

/// Shuts out the writers of leases that are torn or contain other bytes. Returns these leases, and their faults. If
/// such a writer is alive after all, it must repeat its run.
pub(super) fn shut_out(repository: &Repository, options: &RepairOptions) -> Result<Vec<(LeaseId, String)>> {
    let mut shut_out = Vec::new();
    for id in lease_names(repository)? {
        let why = match read_lease(repository, id)? {
            Some(Announcement::Torn(torn)) => torn.to_string(),
            Some(Announcement::NotBelieved(why)) => format!("is not believed: {why}"),
            Some(Announcement::NoLease(why)) => format!("is not a lease: {why}"),
            Some(Announcement::Lease(_) | Announcement::Unreadable(_)) | None => continue,
        };
        if options.dry_run {
            shut_out.push((id, why));
        } else if fence(repository, id, &options.host, &format!("its lease {why}"))? {
            give_up_fenced(repository, id)?;
            shut_out.push((id, why));
        }
    }
    Ok(shut_out)
}
