//! A writer's session: its lease, what it may count on, its commit (FORMAT.md, section 13, steps 1 and 2).

use std::collections::{HashMap, HashSet};

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
use crate::machine;
use crate::monitor::Monitor;
use crate::store::{ObjectName, StoreErrorKind};

/// Bytes of a sealed manifest, at most.
const SEALED_MAX: u64 = limits::SMALL_OBJECT + SEALED_OVERHEAD;

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

    /// Puts the manifest: from then on the snapshot exists. Then gives up the lease.
    ///
    /// # Errors
    /// [`ErrorKind::Fenced`] if another process has decided that this writer is dead.
    pub fn commit(mut self, plain: &[u8]) -> Result<()> {
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

impl Drop for WriterSession<'_> {
    fn drop(&mut self) {
        if self.lease_is_there {
            // An error is on its way already; a lease that stays is harmless, and prune explains it.
            let _: Result<()> = self.give_up_lease();
        }
    }
}
