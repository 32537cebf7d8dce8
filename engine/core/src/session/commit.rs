//! The commit of a writer: once the manifest is put, the snapshot exists (FORMAT.md, section 13, step 2).

use std::collections::HashSet;

use repo_format::condemned::Phase;
use repo_format::id::PackId;
use repo_format::limits;
use repo_format::manifest::ManifestKind;

use super::{Draft, WriterSession};
use crate::crypto::SEALED_OVERHEAD;
use crate::error::{Error, ErrorKind, Result, chain};
use crate::monitor::Monitor;
use crate::repository::ManifestObject;
use engine_store::{ObjectName, StoreError, StoreErrorKind};

/// The largest size of a sealed manifest in bytes.
const SEALED_MAX: u64 = limits::SMALL_OBJECT + SEALED_OVERHEAD;

/// The consequence if a pack that the run counted on does not stay.
const NOTHING_SAVED: &str = "no snapshot was made; the next run uses the stored data";

/// How many times a manifest is put, at most, if the storage does not say what became of it. The store has waited
/// before it gives up an attempt.
const ATTEMPTS: u32 = 3;

/// The result of a put that failed.
enum Settled {
    /// The manifest was put.
    Put,
    /// It is not there now.
    NotPut(StoreError),
}

impl<'r> WriterSession<'r> {
    /// Makes a manifest of `draft` and commits it. When this returns, the manifest exists and is durable. Then gives up
    /// the lease, and remembers the new manifest on this machine; a failure of these is only a note.
    ///
    /// # Errors
    /// As [`WriterSession::commit_plain`]; [`ErrorKind::Usage`] if the draft is too long for a manifest.
    pub fn commit(mut self, draft: Draft, monitor: &dyn Monitor) -> Result<ManifestObject> {
        self.prepare()?;
        let (keys, keyring_version) = (self.repository.keys(), self.repository.keyring_version());
        let manifest = draft.into_manifest(&self, keyring_version);
        let plain = manifest.encode().map_err(|e| {
            Error::caused(ErrorKind::Usage, "cannot describe the snapshot: there are too many roots or tags", e)
        })?;
        let object = ManifestObject { digest: keys.manifest_digest(&plain), manifest };
        self.put_manifest(&plain)?;
        // From here on the manifest exists, so no failure may deny it.
        if let Err(error) = self.remember(&object) {
            let why = chain(&error);
            monitor.note(&format!("it is saved; tidying up is left to the next run: {why}"));
        }
        Ok(object)
    }

    /// Checks the packs that the run counted on once more, **then** puts the manifest: from then on the snapshot
    /// exists. Then gives up the lease. Commits the bytes `plain` as they are.
    ///
    /// # Errors
    /// [`ErrorKind::Fenced`] if another process has decided that this writer is dead, or a pack is gone or about to go;
    /// [`ErrorKind::Damaged`] if a pack has changed. Then there is no snapshot, and a later run uses the stored chunks.
    /// If nobody can tell whether the snapshot exists, the error says so, and the lease stays.
    pub fn commit_plain(mut self, plain: &[u8]) -> Result<()> {
        self.prepare()?;
        self.put_manifest(plain)
    }

    /// Checks the packs that the run counted on, and adopts newer keys, unless the session has looked for them since it
    /// put its last pack.
    fn prepare(&self) -> Result<()> {
        if let Err(error) = self.check_counted() {
            // If the writer was fenced, that explains the missing pack, so report it first.
            self.check_not_fenced()?;
            return Err(error);
        }
        if self.has_looked_for_keys() { self.repository.refuse_older_copies() } else { self.repository.ready_to_seal() }
    }

    /// Puts the manifest, again if an answer was missing and it is not there. One attempt ends before the next begins.
    fn put_manifest(&mut self, plain: &[u8]) -> Result<()> {
        let name = ObjectName::Snapshot(self.id());
        let sealed = self.repository.seal_manifest(self.id(), plain)?;
        let object = &sealed.object;
        for attempts_left in (0..ATTEMPTS).rev() {
            let Err(error) = self.repository.store().put_new(&name, &[object]) else { break };
            match self.resolve(error, object)? {
                Settled::Put => break,
                Settled::NotPut(_) if self.is_unanswered() && attempts_left > 0 => {}
                Settled::NotPut(error) if self.is_unanswered() => return Err(self.undecided(error)),
                Settled::NotPut(error) => return Err(error.into()),
            }
        }
        if let Some(cache) = self.repository.node_cache() {
            // The next run compares with it.
            cache.keep_manifest(self.id(), object);
        }
        self.repository.vouch_for(&sealed)?;
        // The snapshot exists. A lease that stays is harmless: some stores do not let every user delete.
        let _: Result<()> = self.give_up_lease();
        Ok(())
    }

    /// Finds out whether the manifest was put although the store reported a failure. A lost answer looks like a
    /// failure; the stored object decides. A put without an answer may still be carried out at any later time.
    fn resolve(&mut self, error: StoreError, object: &[u8]) -> Result<Settled> {
        if error.kind == StoreErrorKind::Unavailable {
            self.miss_answer();
        }
        let name = ObjectName::Snapshot(self.id());
        let store = self.repository.store();
        match store.get(&name, SEALED_MAX) {
            Ok(there) if *there == *object => match store.ensure_durable(&name) {
                Ok(()) => Ok(Settled::Put),
                // It was put, and another process has forgotten it since.
                Err(gone) if gone.kind == StoreErrorKind::NotFound => Ok(Settled::Put),
                Err(_) => Err(self.undecided(error)),
            },
            Ok(_) => Err(self.fenced()),
            // The name was taken: by a void record, or by this manifest, which another process has forgotten since.
            Err(_) if error.kind == StoreErrorKind::AlreadyExists => Err(self.fenced()),
            Err(read) if read.kind == StoreErrorKind::TooLarge => Err(self.fenced()),
            Err(read) if read.kind == StoreErrorKind::NotFound => Ok(Settled::NotPut(error)),
            Err(_) => Err(self.undecided(error)),
        }
    }

    /// The snapshot may exist. While the lease exists, a prune keeps the data that it needs.
    fn undecided(&mut self, error: StoreError) -> Error {
        self.leave_lease();
        let message = format!("nobody can tell now whether snapshot {} was made; `enamel snapshots` will", self.id());
        Error::from(error).context(message)
    }

    /// Whether the packs that the run counted on exist and stay. The protocol ensures that. This second look is for
    /// violations of the protocol, packs that the storage lost, and wrong beliefs of this machine.
    fn check_counted(&self) -> Result<()> {
        // Where nobody can be shut out, the lease is all that keeps a prune away.
        if !self.repository.has_fencing() && !self.has_lease()? {
            let message = "somebody has removed the lease of this run";
            return Err(Error::new(ErrorKind::Fenced, message).context(NOTHING_SAVED));
        }
        let listed = self.repository.list_packs()?;
        let counted = self.counted();
        for id in &counted {
            let why = match listed.get(id) {
                Some(size) if self.usable().size(*id) == Some(*size) => continue,
                Some(_) => Error::new(ErrorKind::Damaged, format!("packs/{id}, which this run counts on, has changed")),
                None => Error::new(ErrorKind::Fenced, format!("packs/{id}, which this run counts on, is gone")),
            };
            return Err(why.context(NOTHING_SAVED));
        }
        let counted: HashSet<&PackId> = counted.iter().collect();
        let (condemned, _) = self.repository.newest_condemned()?;
        for list in &condemned.lists {
            let Some(id) = list.packs.iter().find(|id| counted.contains(id)) else { continue };
            // A prune whose list came after this run began waits for it while its lease exists.
            if list.phase == Phase::Doomed || list.number <= self.condemned_seen() || !self.has_lease()? {
                let message = format!("packs/{id}, which this run counts on, is about to be deleted by a prune");
                return Err(Error::new(ErrorKind::Fenced, message).context(NOTHING_SAVED));
            }
        }
        Ok(())
    }

    fn has_lease(&self) -> Result<bool> {
        Ok(self.repository.store().stat(&ObjectName::Lease(self.id()))?.is_some())
    }

    fn remember(&self, object: &ManifestObject) -> Result<()> {
        let catalog = self.repository.catalog();
        self.repository.remember_held([&object.manifest])?;
        self.repository.memory().remember_manifests(&[self.repository.remembered_form(object)])?;
        if object.manifest.kind == ManifestKind::Snapshot {
            catalog.remember_counted(object.manifest.id, &self.counted())?;
        }
        self.repository.merge_small_segments(self.segments())
    }
}
