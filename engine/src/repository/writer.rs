//! A writer's session: its lease, what it may count on, its commit (FORMAT.md, section 13, steps 1 and 2).

use std::collections::{HashMap, HashSet};

use repo_format::condemned::Phase;
use repo_format::head::{KeyClass, ObjectKind};
use repo_format::id::{LeaseId, PackId};
use repo_format::lease::Lease;
use repo_format::limits;
use repo_format::segment::SegmentPack;

use super::Repository;
use super::manifests::SnapshotObject;
use crate::catalog::UsablePacks;
use crate::crypto::{SEALED_OVERHEAD, random};
use crate::error::{Error, ErrorKind, Result};
use crate::machine::{self, Process};
use crate::monitor::Monitor;
use crate::store::{ObjectName, StoreErrorKind};

/// Bytes of a sealed manifest, at most.
const SEALED_MAX: u64 = limits::SMALL_OBJECT + SEALED_OVERHEAD;

/// What it means that a pack which was counted on does not stay.
const NOTHING_SAVED: &str = "no snapshot was made; what was stored is used by the next run";

/// Who writes.
#[derive(Debug, Clone, Default)]
pub struct WriterOptions {
    /// The machine.
    pub host: String,
    /// Program and version.
    pub program: String,
    /// Only look: no lease is put, and no pack adopted. Nothing can be committed then.
    pub dry_run: bool,
}

/// A running writer. Dropping it without a commit gives up its lease; what it stored is reused by a later run.
pub struct WriterSession<'r> {
    repository: &'r Repository,
    id: LeaseId,
    seen: u64,
    usable: UsablePacks,
    segments: HashMap<repo_format::id::SegmentId, u64>,
    lease_is_there: bool,
    adopted_packs: u64,
}

impl<'r> WriterSession<'r> {
    /// Puts a lease, **then** reads the condemned packs, **then** lists the packs, **then** brings the catalog up to date, adopting packs
    /// that an interrupted run left. Each "then" matters.
    ///
    /// # Errors
    /// If the lease cannot be put; if `condemned` is missing or damaged; if the cache cannot be used.
    pub fn begin(repository: &'r Repository, options: &WriterOptions, monitor: &dyn Monitor) -> Result<Self> {
        let id = LeaseId(random()?);
        let (before, _) = repository.newest_condemned()?;
        let mut session = WriterSession {
            repository,
            id,
            seen: before.next - 1,
            usable: UsablePacks::default(),
            segments: HashMap::new(),
            lease_is_there: false,
            adopted_packs: 0,
        };
        if !options.dry_run {
            session.put_lease(options)?;
        }
        let (condemned, _) = repository.newest_condemned()?;
        let condemned: HashSet<PackId> = condemned.packs().copied().collect();
        let listed = repository.list_packs()?;
        let report = repository.sync_catalog(monitor)?;
        for (segment, error) in &report.damaged {
            monitor.note(&format!("index/{segment} cannot be used ({error}); its packs are looked at one by one"));
        }
        session.segments = report.segments;
        if !options.dry_run {
            session.adopt(&listed, &condemned, monitor)?;
        }
        session.usable = UsablePacks::new(&repository.catalog().packs()?, &listed, &condemned);
        Ok(session)
    }

    fn put_lease(&mut self, options: &WriterOptions) -> Result<()> {
        let lease = Lease {
            id: self.id,
            host: options.host.clone(),
            boot_id: machine::boot_id(),
            process: std::process::id().into(),
            started: machine::now().seconds,
            seen: self.seen,
            program: options.program.clone(),
            machine: machine::identity(self.repository.id()),
            process_start: own_start(),
            process_space: Some(machine::process_space()).filter(|space| !space.is_empty()),
        };
        let name = ObjectName::Lease(self.id);
        let keys = self.repository.keys();
        let plain = lease.encode().map_err(|e| Error::damaged(name, e))?;
        let object = keys.seal(ObjectKind::Lease, KeyClass::Index, &name.to_string(), &plain)?;
        self.repository.store().put_new(&name, &[&object])?;
        self.lease_is_there = true;
        Ok(())
    }

    /// Names packs that are listed, in no condemned list, and in no segment: their tables are read, and a segment is put before they are
    /// counted on. Never from the cache alone: another machine could not restore what relies on them.
    fn adopt(
        &mut self,
        listed: &HashMap<PackId, u64>,
        condemned: &HashSet<PackId>,
        monitor: &dyn Monitor,
    ) -> Result<()> {
        let named: HashSet<PackId> =
            self.repository.catalog().packs()?.into_iter().filter(|p| p.named).map(|p| p.id).collect();
        let mut orphans: Vec<_> =
            listed.iter().filter(|(id, _)| !named.contains(id) && !condemned.contains(id)).collect();
        orphans.sort();
        let mut adopted: Vec<SegmentPack> = Vec::new();
        for (id, size) in orphans {
            match self.repository.adoptable(*id, *size) {
                Ok(pack) => adopted.push(pack),
                Err(error) => monitor.note(&format!("packs/{id} is not used: {error}")),
            }
        }
        self.adopted_packs = adopted.len() as u64;
        self.repository.name_all_packs(adopted)
    }

    /// The repository.
    pub fn repository(&self) -> &'r Repository {
        self.repository
    }

    /// The lease, and so the id of the manifest that may be committed.
    pub fn id(&self) -> LeaseId {
        self.id
    }

    /// The highest condemned number when the session began.
    pub fn condemned_seen(&self) -> u64 {
        self.seen
    }

    /// Packs that no segment named when the session began, and that it has named.
    pub fn adopted_packs(&self) -> u64 {
        self.adopted_packs
    }

    /// The packs that may be counted on.
    pub fn usable(&self) -> &UsablePacks {
        &self.usable
    }

    /// Segments that were there when the session began, with their sizes.
    pub fn segments(&self) -> &HashMap<repo_format::id::SegmentId, u64> {
        &self.segments
    }

    /// Looks once more at the packs that the run counted on, **then** puts the manifest: from then on the snapshot exists. Then gives up
    /// the lease.
    ///
    /// # Errors
    /// [`ErrorKind::Fenced`] if another process has decided that this writer is dead, or one of the packs is gone or about to go;
    /// [`ErrorKind::Damaged`] if one is not what it was. There is no snapshot then, and a later run uses what was stored.
    pub fn commit(mut self, plain: &[u8], counted: &[PackId]) -> Result<()> {
        if let Err(error) = self.check_counted(counted) {
            // Why it may be gone: then that is the thing to say.
            self.check_not_fenced()?;
            return Err(error);
        }
        let name = ObjectName::Snapshot(self.id);
        let object = self.repository.keys().seal(ObjectKind::Manifest, KeyClass::Meta, &name.to_string(), plain)?;
        if let Err(error) = self.repository.store().put_new(&name, &[&object]) {
            // A lost answer looks like a loss: what stands there decides.
            match self.repository.store().get(&name, SEALED_MAX) {
                Ok(there) if *there == *object => {}
                _ if error.kind == StoreErrorKind::AlreadyExists => return Err(self.fenced()),
                _ => return Err(error.into()),
            }
        }
        // The snapshot exists. A lease that stays is harmless: some stores do not let everybody delete.
        let _: Result<()> = self.give_up_lease();
        Ok(())
    }

    /// Whether the packs that the run counted on are there and stay. By the protocol they do: this is a second look, in case somebody did not
    /// keep to it, the storage lost a pack, or this machine believed something wrong.
    fn check_counted(&self, counted: &[PackId]) -> Result<()> {
        let listed = self.repository.list_packs()?;
        for id in counted {
            let why = match listed.get(id) {
                Some(size) if self.usable.size(*id) == Some(*size) => continue,
                Some(_) => Error::new(ErrorKind::Damaged, format!("packs/{id}, which this run counts on, has changed")),
                None => Error::new(ErrorKind::Fenced, format!("packs/{id}, which this run counts on, is gone")),
            };
            return Err(why.context(NOTHING_SAVED));
        }
        let counted: HashSet<&PackId> = counted.iter().collect();
        let (condemned, _) = self.repository.newest_condemned()?;
        for list in &condemned.lists {
            let Some(id) = list.packs.iter().find(|id| counted.contains(id)) else { continue };
            // A prune whose list came after this run began waits for it, as long as its lease is there.
            if list.phase == Phase::Doomed || list.number <= self.seen || !self.has_lease()? {
                let message = format!("packs/{id}, which this run counts on, is about to be deleted by a prune");
                return Err(Error::new(ErrorKind::Fenced, message).context(NOTHING_SAVED));
            }
        }
        Ok(())
    }

    fn has_lease(&self) -> Result<bool> {
        Ok(self.repository.store().stat(&ObjectName::Lease(self.id))?.is_some())
    }

    /// Whether this writer still counts as running. Until it commits, another process may decide at any time that it is dead.
    ///
    /// # Errors
    /// [`ErrorKind::Fenced`] if one has.
    pub fn check_not_fenced(&self) -> Result<()> {
        match self.repository.store().stat(&ObjectName::Snapshot(self.id))? {
            Some(_) => Err(self.fenced()),
            None => Ok(()),
        }
    }

    fn fenced(&self) -> Error {
        let reason = match self.repository.read_snapshot_object(self.id) {
            Ok(SnapshotObject::Void(void)) => format!(" by {}: {}", void.host, void.reason),
            _ => String::new(),
        };
        Error::new(ErrorKind::Fenced, format!("this run was declared dead and shut out{reason}"))
    }

    fn give_up_lease(&mut self) -> Result<()> {
        self.lease_is_there = false;
        Ok(self.repository.store().delete(&ObjectName::Lease(self.id))?)
    }
}

/// When this process started, as the system counts.
fn own_start() -> Option<u64> {
    match machine::process(std::process::id().into()) {
        Process::There(start) => start,
        Process::Gone => None,
    }
}

impl Drop for WriterSession<'_> {
    fn drop(&mut self) {
        if self.lease_is_there {
            // An error is on its way already; a lease that stays is harmless, and prune explains it.
            let _: Result<()> = self.give_up_lease();
        }
    }
}
