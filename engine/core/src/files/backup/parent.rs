//! The snapshots that a run compares with, and whether their packs still exist.

use std::cmp::Ordering;
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use repo_format::entry::{EntryKind, Time};
use repo_format::id::{ChunkId, PackId};
use repo_format::manifest::{Manifest, Root};
use repo_format::pack::ChunkKind;

use super::choice::Choice;
use crate::error::{Error, ErrorKind, Result};
use crate::monitor::{Monitor, Work};
use crate::pack::{ChunkReader, ChunkStore};
use crate::tree::{ContentIter, DirectoryIter, TreeEntry, Visitor, reach, reach_content};

/// The chosen snapshots, ready for look-ups.
pub(super) struct Parents<'r> {
    store: &'r ChunkStore<'r>,
    reader: &'r ChunkReader<'r>,
    choice: &'r Choice,
    monitor: &'r dyn Monitor,
    /// For each snapshot: whether all its packs exist.
    are_whole: Vec<bool>,
    damaged: DamagedFolders,
}

/// Folders of which a node did not open. A database looks into one once for each table; it is told and walked once.
type DamagedFolders = Arc<Mutex<HashSet<ChunkId>>>;

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
        Ok(Parents { store, reader, choice, monitor, are_whole, damaged: DamagedFolders::default() })
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
            damaged: self.damaged.clone(),
        }
    }
}

/// The part of a snapshot that one root is compared with.
#[derive(Clone)]
pub struct Parent<'r> {
    store: &'r ChunkStore<'r>,
    reader: &'r ChunkReader<'r>,
    monitor: &'r dyn Monitor,
    of: Option<(&'r Manifest, &'r Root)>,
    /// All packs of the snapshot exist, so none of its chunks needs a look-up.
    is_whole: bool,
    damaged: DamagedFolders,
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
    ///
    /// # Errors
    /// As [`ParentEntries::find`].
    pub fn root(&self) -> Result<Option<TreeEntry>> {
        let Some((manifest, root)) = self.of else { return Ok(None) };
        self.entries(manifest.tree_id()).find(&root.name.0)
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
        let iter = tree.map(|tree| DirectoryIter::new(self.reader, Some(tree)));
        ParentEntries { parent: self.clone(), tree, iter, next: None, is_damaged: false }
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
        let mut lost = HashSet::new();
        let walked = reach_content(self.reader, content, self.monitor, &mut |child| match self
            .reader
            .read(child.kind, &child.id)
        {
            Err(error) if error.is_damage() => {
                lost.insert(child.id);
                Ok(false)
            }
            read => read.map(|_| true),
        });
        self.distrust(lost)?;
        // Lists that do not fit each other are damage, too.
        walked.or_else(|error| if error.is_damage() { Ok(()) } else { Err(error) })
    }

    /// The same for a folder of which a node does not open: all nodes below it are read.
    fn distrust_damaged_nodes(&self, tree: ChunkId) -> Result<()> {
        let mut nodes = LostNodes::default();
        reach(self.reader, tree, &mut nodes, self.monitor)?;
        self.distrust(nodes.lost)
    }

    fn distrust(&self, chunks: HashSet<ChunkId>) -> Result<()> {
        let mut lost: HashMap<PackId, HashSet<ChunkId>> = HashMap::new();
        for id in chunks {
            for location in self.reader.locations(&id)? {
                lost.entry(location.pack).or_default().insert(id);
            }
        }
        for (pack, chunks) in lost {
            self.store.distrust(pack);
            self.store.repository().remember_damaged_chunks(pack, chunks)?;
        }
        Ok(())
    }
}

/// The nodes below a folder that do not open.
#[derive(Default)]
struct LostNodes {
    met: HashSet<ChunkId>,
    lost: HashSet<ChunkId>,
}

impl Visitor for LostNodes {
    fn enter(&mut self, id: &ChunkId) -> Result<bool> {
        Ok(self.met.insert(*id))
    }

    fn chunk(&mut self, _: &ChunkId) -> Result<()> {
        Ok(())
    }

    fn damaged(&mut self, id: &ChunkId, _: Error) -> Result<()> {
        self.lost.insert(*id);
        Ok(())
    }
}

/// Walks a folder of the parent in step with the real one.
pub struct ParentEntries<'r> {
    parent: Parent<'r>,
    tree: Option<ChunkId>,
    iter: Option<DirectoryIter<'r>>,
    next: Option<TreeEntry>,
    is_damaged: bool,
}

impl ParentEntries<'_> {
    /// The parent's entry of this name. Names must come in ascending order. After a node that does not open there are none: whatever the
    /// folder holds is read again, and its nodes are stored again.
    ///
    /// # Errors
    /// If the repository does not answer, or this machine cannot note what is damaged.
    pub fn find(&mut self, name: &[u8]) -> Result<Option<TreeEntry>> {
        loop {
            if self.next.is_none() {
                match self.iter.as_mut().and_then(Iterator::next) {
                    None => return Ok(None),
                    Some(Ok(entry)) => self.next = Some(entry),
                    Some(Err(error)) if error.is_damage() => return self.give_up().map(|()| None),
                    Some(Err(error)) => return Err(error),
                }
            }
            let order = self.next.as_ref().map(|next| next.name().cmp(name));
            match order {
                Some(Ordering::Less) => self.next = None,
                Some(Ordering::Equal) => return Ok(self.next.take()),
                _ => return Ok(None),
            }
        }
    }

    /// Whether a node of it did not open.
    pub fn is_damaged(&self) -> bool {
        self.is_damaged
    }

    fn give_up(&mut self) -> Result<()> {
        (self.iter, self.is_damaged) = (None, true);
        let Some(tree) = self.tree else { return Ok(()) };
        // Locked to the end of the walk: nobody may count on nodes that it has not looked at.
        let mut damaged = self.parent.damaged.lock().unwrap_or_else(PoisonError::into_inner);
        if damaged.contains(&tree) {
            return Ok(());
        }
        self.parent.monitor.note(
            "a list of names in the earlier snapshot does not open: all that it named is read and stored again. \
             `enamel repair --dry-run --read-data` says what else is lost in the repository",
        );
        self.parent.distrust_damaged_nodes(tree)?;
        damaged.insert(tree);
        Ok(())
    }
}
