//! A writer's session: its lease, the packs that it may count on, its commit (FORMAT.md, section 13, steps 1 and 2).

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use repo_format::id::{LeaseId, PackId, SegmentId};

use super::adopt::{self, Found};
use crate::catalog::UsablePacks;
use crate::crypto::random;
use crate::error::{Error, ErrorKind, Result, chain};
use crate::monitor::Monitor;
use crate::repository::{Repository, SnapshotObject};
use engine_store::ObjectName;

/// The identity of the writer.
#[derive(Debug, Clone, Default)]
pub struct WriterOptions {
    /// The machine.
    pub host: String,
    /// The user.
    pub user: String,
    /// Program and version.
    pub program: String,
    /// Only look: put no lease and adopt no pack. Nothing can be committed then.
    pub dry_run: bool,
}

/// A running writer. Dropping it without a commit gives up its lease, unless the storage did not say what became of the
/// manifest; a later run reuses its chunks.
pub struct WriterSession<'r> {
    pub(super) repository: &'r Repository,
    pub(super) options: WriterOptions,
    pub(super) id: LeaseId,
    pub(super) seen: u64,
    usable: UsablePacks,
    /// The packs that the chunks of the run are in.
    counted: Mutex<HashSet<PackId>>,
    /// The packs that the run has put.
    new_packs: Mutex<Vec<PackId>>,
    segments: HashMap<SegmentId, u64>,
    pub(super) lease_is_there: bool,
    /// Whether this session has looked for newer keys since it put its last pack.
    has_looked_for_keys: AtomicBool,
    /// A put of the manifest had no answer: it may be carried out later, so the lease stays.
    unanswered: bool,
    adopted_packs: u64,
}

impl<'r> WriterSession<'r> {
    /// Puts a lease, and gives way to a run that must be alone. **Then** reads the condemned packs, **then** lists the
    /// packs, **then** brings the catalog up to date and adopts packs that an interrupted run left. Each "then" matters.
    /// Completes the second copies of vital objects.
    ///
    /// # Errors
    /// [`ErrorKind::Fenced`] if a run that must be alone is there for too long; if the lease cannot be put; if
    /// `condemned` is missing or damaged; if the cache cannot be used.
    pub fn begin(repository: &'r Repository, options: &WriterOptions, monitor: &dyn Monitor) -> Result<Self> {
        repository.refuse_as_of()?;
        let id = LeaseId(random()?);
        let mut session = WriterSession {
            repository,
            options: options.clone(),
            id,
            seen: 0,
            usable: UsablePacks::default(),
            counted: Mutex::default(),
            new_packs: Mutex::default(),
            segments: HashMap::new(),
            lease_is_there: false,
            has_looked_for_keys: AtomicBool::new(false),
            unanswered: false,
            adopted_packs: 0,
        };
        session.announce(monitor)?;
        let (condemned, _) = repository.newest_condemned()?;
        let mut condemned: HashSet<PackId> = condemned.packs().copied().collect();
        // The run stores the contents of damaged packs again.
        condemned.extend(repository.known_damage()?.into_keys());
        let mut listed = repository.list_packs()?;
        let report = repository.sync_catalog(monitor)?;
        for (segment, error) in &report.damaged {
            monitor.note(&format!("index/{segment} cannot be used ({error}); its packs are looked at one by one"));
        }
        session.segments = report.segments;
        repository.refuse_older_copies()?;
        if !options.dry_run {
            let found = Found { listed: &listed, condemned: &condemned };
            let adopted = adopt::adopt(repository, &found, monitor)?;
            session.adopted_packs = adopted.len() as u64;
            // Copies have been put under the lease of this run.
            listed.extend(adopted.iter().map(|pack| (pack.id, pack.size)));
            if let Err(error) = repository.complete_copies() {
                let why = chain(&error);
                monitor.note(&format!("second copies of keys and settings are missing and could not be put ({why})"));
            }
        }
        session.usable = UsablePacks::new(&repository.catalog().packs()?, &listed, &condemned);
        Ok(session)
    }

    /// The repository.
    pub fn repository(&self) -> &'r Repository {
        self.repository
    }

    /// The id of the lease, and so of the manifest that it may commit.
    pub fn id(&self) -> LeaseId {
        self.id
    }

    /// The highest condemned number when the session began.
    pub fn condemned_seen(&self) -> u64 {
        self.seen
    }

    /// The number of packs that no segment named when the session began, and that it has named.
    pub(crate) fn adopted_packs(&self) -> u64 {
        self.adopted_packs
    }

    /// Notes packs that the manifest will count on; a commit checks them once more.
    pub fn count_on(&self, packs: impl IntoIterator<Item = PackId>) {
        self.counted.lock().unwrap_or_else(PoisonError::into_inner).extend(packs);
    }

    /// Notes packs that the run has put.
    pub(super) fn note_new(&self, packs: Vec<PackId>) {
        self.new_packs.lock().unwrap_or_else(PoisonError::into_inner).extend(packs);
    }

    /// Notes whether the session has looked for newer keys after its last put of a pack.
    pub(super) fn note_look_for_keys(&self, has_looked: bool) {
        self.has_looked_for_keys.store(has_looked, Ordering::Relaxed);
    }

    pub(super) fn has_looked_for_keys(&self) -> bool {
        self.has_looked_for_keys.load(Ordering::Relaxed)
    }

    /// The packs that the run has put.
    pub(crate) fn new_packs(&self) -> Vec<PackId> {
        self.new_packs.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The packs that the manifest counts on.
    pub(crate) fn counted(&self) -> Vec<PackId> {
        self.counted.lock().unwrap_or_else(PoisonError::into_inner).iter().copied().collect()
    }

    /// The packs that the run may count on.
    pub fn usable(&self) -> &UsablePacks {
        &self.usable
    }

    /// The segments that existed when the session began, with their sizes.
    pub fn segments(&self) -> &HashMap<SegmentId, u64> {
        &self.segments
    }

    /// Checks that this writer still counts as alive. Until it commits, another process may decide at any time that it
    /// is dead.
    ///
    /// # Errors
    /// [`ErrorKind::Fenced`] if one has.
    pub(crate) fn check_not_fenced(&self) -> Result<()> {
        match self.repository.store().stat(&ObjectName::Snapshot(self.id))? {
            Some(_) => Err(self.fenced()),
            None => Ok(()),
        }
    }

    pub(super) fn fenced(&self) -> Error {
        let reason = match self.repository.read_snapshot_object(self.id) {
            Ok(SnapshotObject::Void(void)) => format!(" by {}: {}", void.host, void.reason),
            _ => String::new(),
        };
        Error::new(ErrorKind::Fenced, format!("this run was declared dead and shut out{reason}"))
    }

    /// Leaves the lease in place: a user has to say that this writer is dead.
    pub(super) fn leave_lease(&mut self) {
        self.lease_is_there = false;
    }

    /// Notes that a put of the manifest had no answer. From then on the lease stays, even if a later put succeeds: the
    /// first may arrive after others have forgotten the snapshot and deleted its packs. While the lease is there, a
    /// prune keeps them, or puts a void record that stops the manifest for good.
    pub(super) fn miss_answer(&mut self) {
        self.unanswered = true;
    }

    pub(super) fn is_unanswered(&self) -> bool {
        self.unanswered
    }

    pub(super) fn give_up_lease(&mut self) -> Result<()> {
        self.lease_is_there = false;
        if self.unanswered {
            return Ok(());
        }
        Ok(self.repository.store().delete(&ObjectName::Lease(self.id))?)
    }
}

impl Drop for WriterSession<'_> {
    fn drop(&mut self) {
        if self.lease_is_there {
            // An error is on its way already. A lease that stays is harmless, and prune explains it.
            let _: Result<()> = self.give_up_lease();
        }
    }
}
