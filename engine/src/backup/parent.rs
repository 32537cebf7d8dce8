//! The snapshot that a run compares with: which one, and whether what it counts on is still there.

use repo_format::entry::{EntryKind, Time};
use repo_format::id::ChunkId;
use repo_format::manifest::{KIND_SNAPSHOT, Manifest, Root};

use super::{BackupOptions, ParentChoice};
use crate::error::{Error, ErrorKind, Result};
use crate::monitor::{Monitor, Work};
use crate::pack::{ChunkReader, ChunkStore};
use crate::repository::{ManifestObject, Manifests, Repository, SnapshotObject, family};
use crate::tree::{ContentIter, ContentRef, DirectoryIter, TreeEntry};

/// Chooses the parent among the snapshots that are there.
pub(super) fn choose(
    repository: &Repository,
    options: &BackupOptions,
    manifests: &Manifests,
    roots: &[Root],
    monitor: &dyn Monitor,
) -> Result<Option<ManifestObject>> {
    match options.parent {
        ParentChoice::None => Ok(None),
        ParentChoice::Snapshot(id) => match repository.read_snapshot_object(id)? {
            SnapshotObject::Manifest(object) => Ok(Some(*object)),
            SnapshotObject::Void(_) => Err(Error::new(ErrorKind::NotFound, format!("there is no snapshot {id}"))),
        },
        ParentChoice::Newest => {
            let family = family(repository, &options.host, roots);
            let same = manifests.present.iter().filter(|m| m.kind == KIND_SNAPSHOT && m.family == family);
            for candidate in same {
                match repository.read_snapshot_object(candidate.id) {
                    Ok(SnapshotObject::Manifest(object)) => return Ok(Some(*object)),
                    Ok(SnapshotObject::Void(_)) => {}
                    Err(error) => monitor.note(&format!("snapshot {} is not compared with: {error}", candidate.id)),
                }
            }
            Ok(None)
        }
    }
}

/// The parent, ready to be asked.
pub(super) struct Parent<'r> {
    store: &'r ChunkStore<'r>,
    reader: &'r ChunkReader<'r>,
    manifest: Option<&'r Manifest>,
    /// All packs that the parent counts on are there: nothing of it needs to be looked up.
    is_whole: bool,
}

impl<'r> Parent<'r> {
    pub fn new(
        store: &'r ChunkStore<'r>,
        reader: &'r ChunkReader<'r>,
        object: Option<&'r ManifestObject>,
    ) -> Result<Self> {
        let manifest = object.map(|object| &object.manifest);
        let counted = match manifest {
            Some(manifest) => store.repository().catalog().counted(manifest.id)?,
            None => None,
        };
        let is_whole = counted.as_ref().is_some_and(|packs| packs.iter().all(|pack| store.is_usable(*pack)));
        if let (true, Some(packs)) = (is_whole, &counted) {
            store.count_on(packs);
        }
        Ok(Parent { store, reader, manifest, is_whole })
    }

    /// How much it held: a fair guess at how much there will be.
    pub fn expected(&self) -> Option<Work> {
        let figures = self.manifest?.statistics;
        Some(Work { items: figures.files, bytes: figures.total_bytes })
    }

    /// When it was begun.
    pub fn started(&self) -> Option<Time> {
        self.manifest.map(|m| Time { seconds: m.seconds, nanoseconds: m.nanoseconds })
    }

    /// The parent's entry for a root.
    pub fn root(&self, root: &Root) -> Option<TreeEntry> {
        let manifest = self.manifest?;
        let same = manifest.roots.iter().find(|r| r.kind == root.kind && r.path == root.path)?;
        // A parent that cannot be read is no parent: everything is read again, and damage shows in `verify`.
        DirectoryIter::seek(self.reader, manifest.tree_id(), &same.name.0).ok().flatten()
    }

    /// What reads the parent.
    pub fn reader(&self) -> &'r ChunkReader<'r> {
        self.reader
    }

    /// The entries of a folder of the parent.
    pub fn entries(&self, tree: Option<ChunkId>) -> ParentEntries<'r> {
        ParentEntries { iter: tree.map(|tree| DirectoryIter::new(self.reader, Some(tree))), next: None }
    }

    /// Whether everything that `entry` needs is stored. What is not is read from the source again, and so heals.
    pub fn content_is_stored(&self, entry: &TreeEntry) -> Result<bool> {
        if entry.meta.kind == EntryKind::File && !entry.content_fits() {
            return Ok(false);
        }
        let Some(content) = &entry.content else { return Ok(true) };
        if self.is_whole {
            return Ok(true);
        }
        let mut all = true;
        if let ContentRef::List(_) | ContentRef::Segments(_) = content {
            let walked = ContentIter::nodes(self.reader, content, &mut |id| {
                all = all && self.store.has(&id)?;
                Ok(all)
            });
            all = all && walked.is_ok();
        }
        for item in ContentIter::new(self.reader, content, entry.data_len()) {
            if !all {
                break;
            }
            all = match item {
                Ok(item) => self.store.has(&item.id)?,
                Err(_) => false,
            };
        }
        Ok(all)
    }
}

/// Walks a folder of the parent beside the real one.
pub(super) struct ParentEntries<'r> {
    iter: Option<DirectoryIter<'r>>,
    next: Option<TreeEntry>,
}

impl ParentEntries<'_> {
    /// The parent's entry of this name. Names must be asked for in ascending order.
    pub fn find(&mut self, name: &[u8]) -> Option<TreeEntry> {
        loop {
            if self.next.is_none() {
                match self.iter.as_mut()?.next()? {
                    Ok(entry) => self.next = Some(entry),
                    Err(_) => self.iter = None,
                }
            }
            match self.next.as_ref()?.name().cmp(name) {
                std::cmp::Ordering::Less => self.next = None,
                std::cmp::Ordering::Equal => return self.next.take(),
                std::cmp::Ordering::Greater => return None,
            }
        }
    }
}
