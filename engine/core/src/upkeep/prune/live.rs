//! The needs of the roots: every node and chunk that a manifest reaches.

use std::collections::HashSet;

use repo_format::id::{ChunkId, LeaseId};
use repo_format::manifest::{Manifest, ManifestKind};

use super::ids::IdSet;
use crate::error::{Error, ErrorKind, Result};
use crate::hold;
use crate::monitor::{Monitor, Work};
use crate::pack::ChunkReader;
use crate::repository::{Repository, SnapshotObject};
use crate::tree::{Visitor, reach};
use crate::upkeep::needs::ShortIds;
use engine_store::{ObjectName, StoreError, StoreErrorKind};

/// How often a manifest that comes late is read again: more puts of one manifest without an answer are never on their way.
const LATE_MAX: u32 = 4;

/// The needs that have been walked so far. They only grow: the needs of a snapshot that was forgotten meanwhile stay
/// until the next prune.
pub(super) struct Live<'r> {
    reader: ChunkReader<'r>,
    roots: HashSet<LeaseId>,
    reached: Reached,
    /// Snapshots that are held, and records that may say something about them.
    holds: Vec<Manifest>,
}

#[derive(Default)]
struct Reached {
    walked: ShortIds,
    needed: IdSet,
}

impl Visitor for Reached {
    fn enter(&mut self, id: &ChunkId) -> Result<bool> {
        let is_new = self.walked.add(id);
        if is_new {
            self.needed.insert(id);
        }
        Ok(is_new)
    }

    fn chunk(&mut self, id: &ChunkId) -> Result<()> {
        self.needed.insert(id);
        Ok(())
    }
}

/// Skips damaged nodes.
struct Readable<'a> {
    reached: &'a mut Reached,
    /// Whether nothing was skipped.
    is_whole: bool,
}

impl Visitor for Readable<'_> {
    fn enter(&mut self, id: &ChunkId) -> Result<bool> {
        self.reached.enter(id)
    }

    fn chunk(&mut self, id: &ChunkId) -> Result<()> {
        self.reached.chunk(id)
    }

    fn damaged(&mut self, _id: &ChunkId, error: Error) -> Result<()> {
        if error.kind() != ErrorKind::Damaged {
            return Err(error);
        }
        self.is_whole = false;
        Ok(())
    }
}

impl<'r> Live<'r> {
    pub fn new(repository: &'r Repository) -> Self {
        Live {
            reader: ChunkReader::new(repository),
            roots: HashSet::new(),
            reached: Reached::default(),
            holds: Vec::new(),
        }
    }

    /// Walks the needs of the manifest `id`, if it is one and still exists.
    ///
    /// # Errors
    /// [`ErrorKind::Damaged`] if the manifest or a node is unreadable: then its needs are unknown.
    pub fn add(&mut self, id: LeaseId, monitor: &dyn Monitor) -> Result<()> {
        if self.roots.contains(&id) {
            return Ok(());
        }
        let repository = self.reader.repository();
        let manifest = match read_present(repository, id) {
            Ok(Some(SnapshotObject::Manifest(object))) => object.manifest,
            Ok(Some(SnapshotObject::Void(_)) | None) => return Ok(()),
            Err(error) if error.kind() == ErrorKind::NotBelieved => return self.add_unbelieved(id, monitor),
            Err(error) => return Err(unknown(id, error)),
        };
        if let Err(error) = self.walk(&manifest, monitor) {
            // Some nodes below the visited ones may not have been walked, so no other root may rely on them.
            self.reached.walked.clear();
            let is_damaged = error.kind() == ErrorKind::Damaged;
            return match is_damaged && repository.store().stat(&ObjectName::Snapshot(id))?.is_none() {
                // It was forgotten after it was read, and another prune has run.
                true => Ok(()),
                false => Err(unknown(id, error)),
            };
        }
        self.roots.insert(id);
        if manifest.held.is_some() || manifest.kind == ManifestKind::Record {
            self.holds.push(manifest);
        }
        monitor.advance(Work { items: 1, bytes: 0 });
        Ok(())
    }

    /// Fails while a snapshot is held and nobody has answered.
    ///
    /// # Errors
    /// [`ErrorKind::Refused`] then.
    pub fn refuse_holds(&self) -> Result<()> {
        hold::refuse(&self.holds)
    }

    /// Walks the readable needs of a manifest that is not believed. They stay until a user forgets it, and missing ones
    /// stop nobody.
    fn add_unbelieved(&mut self, id: LeaseId, monitor: &dyn Monitor) -> Result<()> {
        let repository = self.reader.repository();
        let manifest = match repository.read_unbelieved(id) {
            Ok(object) => object.manifest,
            Err(_) if repository.store().stat(&ObjectName::Snapshot(id))?.is_none() => return Ok(()),
            Err(error) => return Err(unknown(id, error)),
        };
        let mut readable = Readable { reached: &mut self.reached, is_whole: true };
        manifest.ids.iter().rev().try_for_each(|id| reach(&self.reader, *id, &mut readable, monitor))?;
        if !readable.is_whole {
            // No other root may rely on nodes that were skipped here.
            self.reached.walked.clear();
        }
        self.roots.insert(id);
        Ok(())
    }

    fn walk(&mut self, manifest: &Manifest, monitor: &dyn Monitor) -> Result<()> {
        manifest.ids.iter().rev().try_for_each(|id| reach(&self.reader, *id, &mut self.reached, monitor))
    }

    /// Call it after the last [`Live::add`].
    pub fn settle(&mut self) {
        self.reached.needed.settle();
    }

    /// Whether all roots that were walked still exist.
    ///
    /// # Errors
    /// If the store cannot be listed.
    pub fn roots_are_there(&self) -> Result<bool> {
        let names: HashSet<_> = self.reader.repository().snapshot_names()?.into_iter().collect();
        Ok(self.roots.is_subset(&names))
    }

    /// Whether any root needs a chunk.
    pub fn needs(&self, id: &ChunkId) -> bool {
        self.reached.needed.contains(id)
    }

    /// How many chunks and nodes are needed.
    pub fn len(&self) -> u64 {
        self.reached.needed.len()
    }
}

/// Reads the manifest or void record of a name; `None` if there is none. An object that was missing and is there in the
/// next moment was late: a network has carried out a put that had no answer. Then it is read again.
fn read_present(repository: &Repository, id: LeaseId) -> Result<Option<SnapshotObject>> {
    let is_missing = |error: &Error| error.cause::<StoreError>().is_some_and(|e| e.kind == StoreErrorKind::NotFound);
    let mut read = repository.read_snapshot_object(id);
    for _ in 0..LATE_MAX {
        match read {
            Ok(object) => return Ok(Some(object)),
            Err(_) if !repository.has_snapshot_object(id)? => return Ok(None),
            Err(error) if is_missing(&error) => read = repository.read_snapshot_object(id),
            Err(error) => return Err(error),
        }
    }
    read.map(Some)
}

fn unknown(snapshot: LeaseId, error: Error) -> Error {
    match error.kind() {
        ErrorKind::Damaged | ErrorKind::TooNew => error.context(format!(
            "nobody can know what snapshots/{snapshot} needs, so nothing is deleted; repair the repository, or forget that snapshot"
        )),
        _ => error,
    }
}
