//! Walks two snapshots in step.

use std::cmp::Ordering;
use std::iter::Peekable;

use repo_format::entry::Entry;

use crate::error::{Error, Result};
use crate::pack::ChunkReader;
use crate::snapshots::Snapshot;
use crate::tree::{DirectoryIter, EntryCount, TreeEntry, check_depth, join};

/// The kind of a difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChangeKind {
    /// It exists only in the second snapshot.
    Added,
    /// It exists only in the first snapshot.
    Removed,
    /// Its content differs.
    Content,
    /// Its attributes differ; its content is the same.
    Metadata,
    /// It is a different kind of thing.
    Type,
}

/// One difference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The path from the top directory.
    pub path: Vec<u8>,
    /// How it differs.
    pub kind: ChangeKind,
    /// The earlier entry.
    pub before: Option<Entry>,
    /// The later entry.
    pub after: Option<Entry>,
}

/// Whether a walk goes into a folder.
pub(super) enum Next {
    Enter,
    Pass,
}

/// A step of a walk.
pub(super) enum Step<'m> {
    Met(Met<'m>),
    /// The rest of this folder cannot be read.
    Damaged(&'m [u8], Error),
}

/// A name that one or both snapshots have.
pub(super) struct Met<'m> {
    pub path: &'m [u8],
    pub old: Option<&'m TreeEntry>,
    pub new: Option<&'m TreeEntry>,
}

impl Met<'_> {
    /// The difference, if there is one.
    pub fn change(&self) -> Option<Change> {
        compare_entries(self.old, self.new).map(|kind| self.changed(kind))
    }

    /// A difference of this kind.
    pub fn changed(&self, kind: ChangeKind) -> Change {
        let meta = |entry: Option<&TreeEntry>| entry.map(|entry| entry.meta.clone());
        Change { path: self.path.to_vec(), kind, before: meta(self.old), after: meta(self.new) }
    }
}

pub(super) fn walk(
    reader: &ChunkReader<'_>,
    before: &Snapshot,
    after: &Snapshot,
    found: &mut dyn FnMut(Step<'_>) -> Result<Next>,
) -> Result<()> {
    let open = |tree| DirectoryIter::new(reader, tree).peekable();
    let mut stack =
        vec![Pair { path: Vec::new(), before: open(before.manifest.tree_id()), after: open(after.manifest.tree_id()) }];
    if before.manifest.tree_id() == after.manifest.tree_id() {
        return Ok(());
    }
    let mut entries = (EntryCount::new(&before.manifest), EntryCount::new(&after.manifest));
    while let Some(pair) = stack.last_mut() {
        let (old, new) = match pair.next() {
            Ok(both) => both,
            Err(error) if error.is_damage() => {
                found(Step::Damaged(&pair.path, error))?;
                stack.pop();
                continue;
            }
            Err(error) => return Err(error),
        };
        old.iter().try_for_each(|_| entries.0.count())?;
        new.iter().try_for_each(|_| entries.1.count())?;
        let Some(name) = old.as_ref().or(new.as_ref()).map(TreeEntry::name) else {
            stack.pop();
            continue;
        };
        let path = join(&pair.path, name);
        let next = found(Step::Met(Met { path: &path, old: old.as_ref(), new: new.as_ref() }))?;
        let trees = (old.and_then(|e| e.tree), new.and_then(|e| e.tree));
        if trees.0 != trees.1 && matches!(next, Next::Enter) {
            check_depth(stack.len(), &path)?;
            stack.push(Pair { path, before: open(trees.0), after: open(trees.1) });
        }
    }
    Ok(())
}

/// Two folders that are compared.
struct Pair<'r> {
    path: Vec<u8>,
    before: Peekable<DirectoryIter<'r>>,
    after: Peekable<DirectoryIter<'r>>,
}

impl Pair<'_> {
    /// The next name, in either or both.
    fn next(&mut self) -> Result<(Option<TreeEntry>, Option<TreeEntry>)> {
        let order = match (self.before.peek(), self.after.peek()) {
            (Some(Ok(old)), Some(Ok(new))) => old.name().cmp(new.name()),
            (Some(_), None) | (Some(Err(_)), _) => Ordering::Less,
            (_, Some(_)) => Ordering::Greater,
            (None, None) => return Ok((None, None)),
        };
        let old = if order.is_le() { self.before.next().transpose()? } else { None };
        let new = if order.is_ge() { self.after.next().transpose()? } else { None };
        Ok((old, new))
    }
}

fn compare_entries(old: Option<&TreeEntry>, new: Option<&TreeEntry>) -> Option<ChangeKind> {
    let (old, new) = match (old, new) {
        (Some(old), Some(new)) => (old, new),
        (None, _) => return Some(ChangeKind::Added),
        (_, None) => return Some(ChangeKind::Removed),
    };
    if old.meta.kind != new.meta.kind {
        return Some(ChangeKind::Type);
    }
    let same_content = old.content == new.content
        && old.meta.size == new.meta.size
        && old.meta.holes == new.meta.holes
        && old.meta.link_target == new.meta.link_target
        && old.meta.device == new.meta.device;
    match (same_content, attributes(&old.meta) == attributes(&new.meta)) {
        (false, _) => Some(ChangeKind::Content),
        (true, false) => Some(ChangeKind::Metadata),
        (true, true) => None,
    }
}

/// The attributes that matter to a user: not the inode, not the change time.
fn attributes(entry: &Entry) -> impl PartialEq + '_ {
    let owner = (entry.uid, entry.gid, &entry.user, &entry.group);
    (entry.mode, owner, entry.mtime(), &entry.xattrs)
}
