//! The snapshots that a run compares with, and whether their packs still exist.

use std::collections::{HashMap, HashSet};

use repo_format::entry::{EntryKind, Time};
use repo_format::id::{ChunkId, PackId};
use repo_format::manifest::{Manifest, Root};
use repo_format::pack::ChunkKind;

use super::choice::Choice;
use crate::error::{ErrorKind, Result};
use crate::monitor::{Monitor, Work};
use crate::pack::{ChunkReader, ChunkStore};
use crate::tree::{ContentIter, DirectoryIter, TreeEntry, reach_content};

/// The chosen snapshots, ready for look-ups.
pub(super) struct Parents<'r> {
    store: &'r ChunkStore<'r>,
    reader: &'r ChunkReader<'r>,
    choice: &'r Choice,
    monitor: &'r dyn Monitor,
    /// For each snapshot: whether all its packs exist.
    are_whole: Vec<bool>,
}

impl<'r> Parents<'r> {
    pub fn new(
        store: &'r ChunkStore<'r>,
        reader: &'r ChunkReader<'r>,
        choice: &'r Choice,
        monitor: &'r dyn Monitor,
    ) -> Result<Self> {
        let mut are_whole = Vec::with_capacity(choice.snapshots.len());
        for object in &choice.snapshots {
            let counted = store.repository().catalog().counted(object.manifest.id)?;
            let is_whole = counted.as_ref().is_some_and(|packs| packs.iter().all(|pack| store.is_usable(*pack)));
            if let (true, Some(packs)) = (is_whole, &counted) {
                store.count_on(packs);
            }
            are_whole.push(is_whole);
        }
        Ok(Parents { store, reader, choice, monitor, are_whole })
    }

    /// The amount of data in them, a fair guess at the amount of this run.
    pub fn expected(&self) -> Option<Work> {
        let figures = self.choice.snapshots.iter().map(|object| &object.manifest.statistics);
        let add = |sum: Work, more: &repo_format::manifest::Statistics| Work {
            items: sum.items.saturating_add(more.files),
            bytes: sum.bytes.saturating_add(more.total_bytes),
        };
        (!self.choice.snapshots.is_empty()).then(|| figures.fold(Work::default(), add))
    }

    /// The parent of the root with this number.
    pub fn of(&self, root: usize) -> Parent<'r> {
        let chosen = self.choice.roots.get(root).copied().flatten();
        let of = self.choice.of(root);
        Parent {
            store: self.store,
            reader: self.reader,
            monitor: self.monitor,
            of: of.map(|(object, root)| (&object.manifest, root)),
            is_whole: chosen.and_then(|chosen| self.are_whole.get(chosen.snapshot)).copied().unwrap_or(false),
        }
    }
}

/// The part of a snapshot that one root is compared with.
#[derive(Clone, Copy)]
pub struct Parent<'r> {
    store: &'r ChunkStore<'r>,
    reader: &'r ChunkReader<'r>,
    monitor: &'r dyn Monitor,
    of: Option<(&'r Manifest, &'r Root)>,
    /// All packs of the snapshot exist, so none of its chunks needs a look-up.
    is_whole: bool,
}

impl<'r> Parent<'r> {
    /// The start of the snapshot's run.
    pub fn started(&self) -> Option<Time> {
        self.of.map(|(m, _)| m.time())
    }

    /// The snapshot, and the root in it.
    pub fn origin(&self) -> Option<(&'r Manifest, &'r Root)> {
        self.of
    }

    /// The root's entry.
    pub fn root(&self) -> Option<TreeEntry> {
        let (manifest, root) = self.of?;
        // An unreadable parent counts as none: everything is read again, and `verify` reports the damage.
        DirectoryIter::seek(self.reader, manifest.tree_id(), &root.name.0).ok().flatten()
    }

    /// Counts the files in a folder and below it. Stops at `enough`, or after examining `looked_at` entries.
    pub(crate) fn count_files(&self, tree: Option<ChunkId>, enough: u64, looked_at: u64) -> u64 {
        let (mut files, mut looked) = (0, 0);
        let mut levels = vec![DirectoryIter::new(self.reader, tree)];
        while let Some(level) = levels.last_mut() {
            let Some(Ok(entry)) = level.next() else {
                levels.pop();
                continue;
            };
            looked += 1;
            match entry.meta.kind {
                EntryKind::File => files += 1,
                EntryKind::Directory if entry.tree.is_some() => {
                    levels.push(DirectoryIter::new(self.reader, entry.tree))
                }
                _ => {}
            }
            if files >= enough || looked >= looked_at {
                break;
            }
        }
        files
    }

    /// The reader of the parent.
    pub fn reader(&self) -> &'r ChunkReader<'r> {
        self.reader
    }

    /// The entries of a folder of the parent.
    pub fn entries(&self, tree: Option<ChunkId>) -> ParentEntries<'r> {
        ParentEntries { iter: tree.map(|tree| DirectoryIter::new(self.reader, Some(tree))), next: None }
    }

    /// Whether everything that `entry` needs is stored. If not, the source is read again, which repairs the loss.
    pub fn content_is_stored(&self, entry: &TreeEntry) -> Result<bool> {
        if entry.meta.kind == EntryKind::File && !entry.content_fits() {
            return Ok(false);
        }
        let Some(content) = &entry.content else { return Ok(true) };
        if self.is_whole {
            return Ok(true);
        }
        let mut all = true;
        let walked = reach_content(self.reader, content, self.monitor, &mut |child| {
            if child.kind == ChunkKind::Node {
                all = all && self.store.has(&child.id)?;
            }
            Ok(all)
        });
        match walked {
            Err(error) if matches!(error.kind(), ErrorKind::Cancelled | ErrorKind::Unavailable) => return Err(error),
            walked => all = all && walked.is_ok(),
        }
        // The chunks are looked up only after the lists have proved to fit each other and the size.
        for item in ContentIter::new(self.reader, content, entry.data_len()) {
            if !all {
                break;
            }
            all = match item {
                Ok(item) => self.store.has(&item.id)?,
                Err(error) if error.kind() == ErrorKind::Unavailable => return Err(error),
                Err(_) => false,
            };
        }
        Ok(all)
    }

    /// Reads everything that `entry` needs, after a part of it has proved to be damaged. Neither this run nor a later one on this machine counts on packs
    /// of which a chunk does not open, so whatever is stored again replaces what is lost.
    ///
    /// # Errors
    /// If the repository does not answer, or this machine cannot note what is damaged.
    pub fn distrust_damaged(&self, entry: &TreeEntry) -> Result<()> {
        let Some(content) = &entry.content else { return Ok(()) };
        let mut lost: HashMap<PackId, HashSet<ChunkId>> = HashMap::new();
        let walked = reach_content(self.reader, content, self.monitor, &mut |child| match self
            .reader
            .read(child.kind, &child.id)
        {
            Err(error) if error.is_damage() => {
                for location in self.reader.locations(&child.id)? {
                    lost.entry(location.pack).or_default().insert(child.id);
                }
                Ok(false)
            }
            read => read.map(|_| true),
        });
        for (pack, chunks) in lost {
            self.store.distrust(pack);
            self.store.repository().remember_damaged_chunks(pack, chunks)?;
        }
        // Lists that do not fit each other are damage, too.
        walked.or_else(|error| if error.is_damage() { Ok(()) } else { Err(error) })
    }
}

/// Walks a folder of the parent in step with the real one.
pub struct ParentEntries<'r> {
    iter: Option<DirectoryIter<'r>>,
    next: Option<TreeEntry>,
}

impl ParentEntries<'_> {
    /// The parent's entry of this name. Names must come in ascending order.
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
