//! Nodes that an earlier copy vouches for: the hourly copy reads only the nodes that have changed.

use std::collections::HashSet;

use repo_format::id::ChunkId;
use repo_format::manifest::Manifest;
use repo_format::pack::ChunkKind;

use super::complete::Complete;
use super::present::Present;
use super::roots::{self, Roots};
use crate::error::{Error, ErrorKind, Result};
use crate::monitor::Monitor;
use crate::pack::{ChunkReader, ChunkStore};
use crate::repository::{Repository, SnapshotObject};
use crate::tree::{Node, TreeEntry};

/// The most nodes of one level that are compared. Beyond it the nodes are walked, which takes longer.
const LEVEL_MAX: usize = 1 << 20;

/// The two repositories, and the copies that are there.
#[derive(Clone, Copy)]
pub(super) struct Earlier<'e> {
    pub source: &'e Repository,
    pub present: &'e Present,
    pub monitor: &'e dyn Monitor,
}

impl Earlier<'_> {
    /// Finds an earlier copy of the same sources whose packs are all there. Compares its original with `manifest`, both in
    /// the source, from the top; nodes that both have are `complete`. Nothing is lost if there is no such copy, or if its
    /// original cannot be read: then everything is looked up.
    ///
    /// # Errors
    /// If the storage does not answer, the cache fails, or the monitor wishes to stop.
    pub fn vouch(
        self,
        store: &ChunkStore<'_>,
        manifest: &Manifest,
        roots: &Roots,
        complete: &mut Complete,
    ) -> Result<()> {
        let Some(copy) = self.present.newest_before(manifest) else { return Ok(()) };
        let Some(packs) = store.repository().catalog().counted(copy.id)? else { return Ok(()) };
        if !packs.iter().all(|pack| store.is_usable(*pack)) {
            return Ok(());
        }
        let Some(original) = self.original(copy)? else { return Ok(()) };
        let reader = ChunkReader::new(self.source);
        let had = Roots::named(&original, &copy.roots);
        let compared = (|| {
            let before = top_nodes(&roots::entries(&reader, &original, &had)?);
            let now = top_nodes(&roots::entries(&reader, manifest, roots)?);
            self.compare(&reader, before, now, complete)
        })();
        match compared {
            Err(error) if !error.is_damage() => return Err(error),
            // The walk finds the damage again, if it is about this manifest.
            _ => {}
        }
        complete.count_on(&packs);
        store.count_on(&packs);
        Ok(())
    }

    /// The manifest in the source that is the original of `copy`, if it is still there.
    fn original(self, copy: &Manifest) -> Result<Option<Manifest>> {
        let Some(origin) = &copy.origin else { return Ok(None) };
        match self.source.read_snapshot_object(origin.id) {
            Ok(SnapshotObject::Manifest(object)) if object.digest == origin.digest => Ok(Some(object.manifest)),
            Err(error) if error.kind() == ErrorKind::Unavailable => Err(error),
            _ => Ok(None),
        }
    }

    /// Compares two sets of nodes, level by level.
    fn compare(
        self,
        reader: &ChunkReader<'_>,
        mut before: HashSet<ChunkId>,
        mut now: HashSet<ChunkId>,
        complete: &mut Complete,
    ) -> Result<()> {
        while !before.is_empty() && !now.is_empty() && before.len().max(now.len()) <= LEVEL_MAX {
            now.retain(|id| {
                let is_common = before.remove(id);
                if is_common {
                    complete.vouch_for(id);
                }
                !is_common && !complete.has(id)
            });
            before = self.below(reader, &before)?;
            now = self.below(reader, &now)?;
        }
        Ok(())
    }

    /// The nodes that these nodes name.
    fn below(self, reader: &ChunkReader<'_>, nodes: &HashSet<ChunkId>) -> Result<HashSet<ChunkId>> {
        let mut below = HashSet::new();
        for id in nodes {
            if self.monitor.is_cancelled() {
                return Err(Error::cancelled());
            }
            let node = Node::read(reader, *id)?;
            let children = node.children.into_iter().filter(|child| child.kind == ChunkKind::Node);
            below.extend(children.map(|child| child.id));
            if below.len() > LEVEL_MAX {
                break;
            }
        }
        Ok(below)
    }
}

/// The nodes that entries of roots name.
fn top_nodes(entries: &[TreeEntry]) -> HashSet<ChunkId> {
    entries.iter().flat_map(TreeEntry::nodes).collect()
}
