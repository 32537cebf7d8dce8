//! Who is writing into a repository, or died doing so; and shutting out who is dead (FORMAT.md, section 13).
//!
//! Nobody can tell for sure that a writer on another machine is dead. A wrong guess costs it a run that has to be repeated, never data.

use repo_format::id::LeaseId;
use repo_format::lease::Lease;

use crate::error::Result;
use crate::machine;
use crate::repository::Repository;
use crate::store::ObjectName;

/// A writer that has been running for so many seconds is taken for dead: 7 days.
pub const LONGEST_RUN: i64 = 7 * 24 * 60 * 60;

/// A lease.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Writer {
    /// Its id.
    pub id: LeaseId,
    /// What it says; none if it cannot be read, as after a power loss: then its writer is dead.
    pub lease: Option<Lease>,
    /// Where its writer is, or was.
    pub machine: Machine,
}

/// A machine, as seen from this one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Machine {
    /// This one, since it was last started: whether the process is there tells whether it is alive.
    This,
    /// This one, before it was last started: the writer is dead.
    ThisBefore,
    /// Another, or one that cannot be told.
    Other,
}

/// All leases of `repository`.
///
/// # Errors
/// If the store cannot be listed.
pub fn list(repository: &Repository, this_host: &str) -> Result<Vec<Writer>> {
    let boot_id = machine::boot_id();
    let mut writers = Vec::new();
    for id in repository.lease_names()? {
        match repository.read_lease(id) {
            Ok(lease) => {
                let machine = machine_of(&lease, this_host, &boot_id);
                writers.push(Writer { id, lease: Some(lease), machine });
            }
            // A writer that has ended meanwhile is no news.
            Err(_) if repository.store().stat(&ObjectName::Lease(id))?.is_none() => {}
            Err(_) => writers.push(Writer { id, lease: None, machine: Machine::Other }),
        }
    }
    Ok(writers)
}

/// Tells whether a process of this machine, by its number, is there.
pub type IsAlive<'a> = &'a (dyn Fn(u64) -> bool + Sync);

impl Writer {
    /// Why it must be dead, as far as this machine can tell; none if it may be alive.
    pub fn death(&self, is_alive: IsAlive<'_>) -> Option<String> {
        let lease = self.lease.as_ref()?;
        let days = machine::now().seconds.saturating_sub(lease.started) / (24 * 60 * 60);
        match self.machine {
            Machine::ThisBefore => Some("its machine has been restarted since".to_owned()),
            Machine::This if !is_alive(lease.process) => Some("its process is gone".to_owned()),
            Machine::This => None,
            Machine::Other => {
                let too_long = days >= LONGEST_RUN / (24 * 60 * 60);
                too_long.then(|| format!("it began {days} days ago"))
            }
        }
    }
}

fn machine_of(lease: &Lease, this_host: &str, boot_id: &str) -> Machine {
    if lease.host != this_host || boot_id.is_empty() || lease.boot_id.is_empty() {
        return Machine::Other;
    }
    if lease.boot_id == boot_id { Machine::This } else { Machine::ThisBefore }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_same_run_of_the_same_machine_is_this_one() {
        let lease = |host: &str, boot_id: &str| Lease {
            id: LeaseId([1; 16]),
            host: host.into(),
            boot_id: boot_id.into(),
            process: 1,
            started: 0,
            seen: 0,
            program: String::new(),
        };
        assert_eq!(machine_of(&lease("server", "b"), "server", "b"), Machine::This);
        assert_eq!(machine_of(&lease("server", "a"), "server", "b"), Machine::ThisBefore);
        assert_eq!(machine_of(&lease("other", "b"), "server", "b"), Machine::Other, "containers share it");
        assert_eq!(machine_of(&lease("server", ""), "server", ""), Machine::Other);
    }
}
