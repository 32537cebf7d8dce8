//! How programs that use one repository keep out of each other's way.
//!
//! Where a store has conditions, all may run at once: the first to take a name decides, and a writer that counts as dead
//! is fenced. Where it has none, a program that must not be disturbed works alone, under a *lone* lease (FORMAT.md,
//! section 13.3). Only this file knows which of the two holds.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use repo_format::config::Config;
use repo_format::id::LeaseId;
use repo_format::lease::{Lease, Purpose};

use super::Repository;
use super::lease::{Announcement, lease_names, lease_of_this_process, put_lease, read_lease};
use crate::crypto::random;
use crate::error::{Error, ErrorKind, Result};
use crate::machine;
use crate::words;
use engine_store::{ObjectName, Store, UnconditionalStore};

/// The name of this program in lone leases.
const PROGRAM: &str = concat!("enamel ", env!("CARGO_PKG_VERSION"));
const MINUTE: i64 = 60;

/// How the programs that use one repository keep out of each other's way.
pub(super) enum Rules {
    /// The store has conditions: all may run at once.
    Fencing,
    /// The store has none: leases alone keep programs apart.
    Leases(Leases),
}

/// A store without conditions, and the lone lease that this process has there.
pub(super) struct Leases {
    store: Arc<UnconditionalStore<Arc<dyn Store>>>,
    patience: Duration,
    held: Mutex<Held>,
}

#[derive(Default)]
struct Held {
    lease: Option<LeaseId>,
    /// The number of [`Alone`]s that share it.
    guards: usize,
}

/// The rules of a repository, and its store as they want it.
pub(super) struct Ruled {
    pub rules: Rules,
    pub store: Arc<dyn Store>,
}

impl Rules {
    /// The rules that `config` asks for. A writer waits as long as `patience` for a lone lease to go.
    pub fn of(config: &Config, store: Arc<dyn Store>, patience: Duration) -> Ruled {
        if !config.is_exclusive() {
            return Ruled { rules: Rules::Fencing, store };
        }
        let store = Arc::new(UnconditionalStore::new(store));
        let leases = Leases { store: store.clone(), patience, held: Mutex::default() };
        Ruled { rules: Rules::Leases(leases), store }
    }
}

/// While this exists, nobody else writes to the repository, if its rules ask for that.
#[must_use]
pub(crate) struct Alone<'r> {
    repository: &'r Repository,
}

/// A lease of another program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Other {
    pub id: LeaseId,
    pub announcement: Announcement,
}

impl Other {
    /// Whether its holder has to be alone. An unreadable lease may be anybody's.
    fn is_lone(&self) -> bool {
        match &self.announcement {
            Announcement::Lease(lease) => lease.purpose.is_some(),
            _ => true,
        }
    }
}

impl fmt::Display for Other {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let id = words::short(self.id);
        match &self.announcement {
            Announcement::Lease(lease) => write!(f, "{} (lease {id})", describe(lease)),
            _ => write!(f, "a run whose lease {id} cannot be read"),
        }
    }
}

fn describe(lease: &Lease) -> String {
    let what = match lease.purpose() {
        None => "a run that saves something",
        Some(Purpose::Prune) => "a prune",
        Some(Purpose::Repair) => "a repair",
        Some(Purpose::Keys) => "a change of keys",
        Some(Purpose::Config) => "a change of settings",
        Some(Purpose::Other(_)) => "a run of a newer program",
    };
    let minutes = machine::now().seconds.saturating_sub(lease.started) / MINUTE;
    let host = if lease.host.is_empty() { "another machine" } else { &lease.host };
    let began = match minutes {
        ..0 => "in the future by its clock".to_owned(),
        0 => "less than a minute ago".to_owned(),
        1..120 => format!("{minutes} minutes ago"),
        _ => format!("{} hours ago", minutes / MINUTE),
    };
    format!("{what}, process {} on {host}, which began {began}", lease.process)
}

impl Repository {
    /// Whether a writer that counts as dead can be shut out. It cannot where the store has no conditions.
    pub fn has_fencing(&self) -> bool {
        matches!(self.rules, Rules::Fencing)
    }

    /// Sees to it that nobody else writes while the result exists. Within another call of this process it only checks
    /// that nobody has removed the lease.
    ///
    /// # Errors
    /// [`ErrorKind::Fenced`] if others are writing, or somebody has removed the lease; if the lease cannot be put.
    pub(crate) fn alone(&self, purpose: Purpose) -> Result<Alone<'_>> {
        if let Rules::Leases(leases) = &self.rules {
            leases.enter(self, purpose)?;
        }
        Ok(Alone { repository: self })
    }

    /// The lone lease that this process holds now.
    pub(crate) fn lone_lease(&self) -> Option<LeaseId> {
        match &self.rules {
            Rules::Fencing => None,
            Rules::Leases(leases) => leases.held().lease,
        }
    }

    /// The time that a writer waits for lone leases to go.
    pub(crate) fn patience(&self) -> Duration {
        match &self.rules {
            Rules::Fencing => Duration::ZERO,
            Rules::Leases(leases) => leases.patience,
        }
    }

    /// The others that a writer has to give way to, after it has put the lease `own`; none where all may run at once.
    ///
    /// # Errors
    /// If the store cannot be read, or does not list the lease.
    pub(crate) fn ahead_of(&self, own: LeaseId) -> Result<Vec<Other>> {
        match &self.rules {
            Rules::Fencing => Ok(Vec::new()),
            Rules::Leases(leases) => {
                let held = leases.held().lease;
                let mut others = others(self, own)?;
                others.retain(|other| Some(other.id) != held && other.is_lone());
                Ok(others)
            }
        }
    }
}

impl Leases {
    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn enter(&self, repository: &Repository, purpose: Purpose) -> Result<()> {
        let mut held = self.held();
        match held.lease {
            Some(lease) => check_is_there(repository, lease)?,
            None => held.lease = Some(self.put(repository, purpose)?),
        }
        held.guards += 1;
        Ok(())
    }

    /// Puts a lone lease, **then** looks for others, and takes it back if there are any.
    fn put(&self, repository: &Repository, purpose: Purpose) -> Result<LeaseId> {
        // Earlier puts of this process were under other leases.
        self.store.take_unanswered();
        let id = LeaseId(random()?);
        let own = lease_of_this_process(repository, id, &machine::host(), PROGRAM);
        let lease = Lease { purpose: Some(purpose.number()), ..own };
        let refused = match put_lease(repository, &lease).and_then(|()| others(repository, id)) {
            Ok(others) if others.is_empty() => return Ok(id),
            Ok(others) => refuse(&others),
            Err(error) => error,
        };
        // It may be there even if it could not be put.
        match repository.store().delete(&ObjectName::Lease(id)) {
            Ok(()) => Err(refused),
            Err(error) => {
                Err(Error::from(error)
                    .context(format!("{refused}; and the lease {id} of this run could not be deleted")))
            }
        }
    }

    fn leave(&self, repository: &Repository) {
        let mut held = self.held();
        held.guards -= 1;
        if held.guards > 0 {
            return;
        }
        let lease = held.lease.take();
        // A put that may still land on an object that others put later keeps them out: the lease stays.
        if let Some(lease) = lease.filter(|_| !self.store.take_unanswered()) {
            // A lease that stays keeps others out, and they explain it.
            let _: engine_store::Result<()> = repository.store().delete(&ObjectName::Lease(lease));
        }
    }
}

fn refuse(others: &[Other]) -> Error {
    let others: Vec<_> = others.iter().map(Other::to_string).collect();
    let message = format!(
        "nobody else may write to this repository meanwhile, because its storage has no conditional writes; there is {}",
        others.join(", and ")
    );
    Error::new(ErrorKind::Fenced, message).with_hint(
        "Wait until it has ended, then run this command again. If it is dead for certain, see `enamel leases remove --help`.",
    )
}

fn check_is_there(repository: &Repository, lease: LeaseId) -> Result<()> {
    match repository.store().stat(&ObjectName::Lease(lease))? {
        Some(_) => Ok(()),
        None => Err(Error::new(ErrorKind::Fenced, "somebody has removed the lease of this run, so it stops")),
    }
}

/// The leases beside `own`. A lease that is not believed announces nobody.
fn others(repository: &Repository, own: LeaseId) -> Result<Vec<Other>> {
    let names = lease_names(repository)?;
    if !names.contains(&own) {
        let message =
            "the storage does not list the lease of this run, which it has just stored, so others would not see it";
        return Err(Error::new(ErrorKind::Io, message).with_hint("`enamel config check` tests the storage."));
    }
    let mut others = Vec::new();
    for id in names.into_iter().filter(|id| *id != own) {
        match read_lease(repository, id)? {
            None | Some(Announcement::NotBelieved(_)) => {}
            Some(announcement) => others.push(Other { id, announcement }),
        }
    }
    Ok(others)
}

impl Drop for Alone<'_> {
    fn drop(&mut self) {
        if let Rules::Leases(leases) = &self.repository.rules {
            leases.leave(self.repository);
        }
    }
}
