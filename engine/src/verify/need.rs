//! What snapshots need: every node and every chunk that can be reached from a manifest.

use std::collections::{HashMap, HashSet};

use repo_format::entry::EntryKind;
use repo_format::id::{ChunkId, LeaseId};
use repo_format::limits;
use repo_format::pack::ChunkKind;

use super::Finding;
use super::FindingKind::LostData;
use super::content::CheckedPacks;
use super::report::{Report, is_damage};
use crate::error::{Error, Result, chain};
use crate::index::Index;
use crate::monitor::Monitor;
use crate::pack::ChunkReader;
use crate::repository::{ManifestObject, Repository};
use crate::tree::{Child, ContentRef, DirectoryIter, TreeEntry, children, join};

/// Snapshots and paths that a finding names.
const NAMED: usize = 100;

/// Walks everything that a manifest needs, each node once.
struct Needs<'r> {
    reader: &'r ChunkReader<'r>,
    index: &'r Index,
    packs: &'r CheckedPacks,
    monitor: &'r dyn Monitor,
    /// Nodes that have been walked, and whether something beneath is lost.
    walked: HashMap<ChunkId, bool>,
    /// Chunks and nodes that are needed and nowhere whole, and why.
    lost: HashMap<ChunkId, String>,
}

/// Checks that everything that `manifests` need is there.
pub(super) fn check_needs(
    repository: &Repository,
    manifests: &[ManifestObject],
    index: &Index,
    packs: &CheckedPacks,
    report: &Report,
    monitor: &dyn Monitor,
) -> Result<()> {
    let reader = ChunkReader::with_index(repository, index);
    let mut needs = Needs { reader: &reader, index, packs, monitor, walked: HashMap::new(), lost: HashMap::new() };
    for object in manifests {
        for id in &object.manifest.ids {
            needs.walk(*id)?;
        }
    }
    if needs.lost.is_empty() {
        return Ok(());
    }
    let affected = needs.affected(manifests)?;
    let mut why: Vec<_> = needs.lost.values().cloned().collect();
    why.sort();
    why.dedup();
    let message =
        format!("{} lost that snapshots need: {}", counted(needs.lost.len()), why[..why.len().min(3)].join("; "));
    report.add(Finding { object: "snapshots".to_owned(), kind: LostData, message, affected });
    Ok(())
}

fn counted(chunks: usize) -> String {
    if chunks == 1 { "1 chunk".to_owned() } else { format!("{chunks} chunks") }
}

/// A node whose children are being walked.
struct Frame {
    id: ChunkId,
    children: Vec<Child>,
    has_lost: bool,
}

/// A folder that suffers, while what is in it is looked through.
struct Suffering<'r> {
    tree: ChunkId,
    path: Vec<u8>,
    iter: DirectoryIter<'r>,
    found_before: usize,
}

impl Needs<'_> {
    /// Walks a node and everything beneath; no recursion, so that no depth can exhaust the stack.
    fn walk(&mut self, root: ChunkId) -> Result<()> {
        let mut stack = Vec::new();
        self.enter(root, &mut stack)?;
        while let Some(frame) = stack.last_mut() {
            if self.monitor.is_cancelled() {
                return Err(Error::cancelled());
            }
            let Some(child) = frame.children.pop() else {
                let Some(done) = stack.pop() else { break };
                self.walked.insert(done.id, done.has_lost);
                if let Some(above) = stack.last_mut() {
                    above.has_lost |= done.has_lost;
                }
                continue;
            };
            match child.kind {
                ChunkKind::Node => match self.walked.get(&child.id) {
                    Some(has_lost) => frame.has_lost |= has_lost,
                    None => self.enter(child.id, &mut stack)?,
                },
                _ => frame.has_lost |= !self.is_there(child.id)?,
            }
        }
        Ok(())
    }

    fn enter(&mut self, id: ChunkId, stack: &mut Vec<Frame>) -> Result<()> {
        if self.walked.contains_key(&id) {
            return Ok(());
        }
        let read = self.reader.read(ChunkKind::Node, &id).and_then(|node| children(id, &node));
        let (children, has_lost) = match read {
            Ok(children) => (children, false),
            Err(error) if is_damage(&error) => {
                self.lost.insert(id, chain(&error));
                (Vec::new(), true)
            }
            Err(error) => return Err(error),
        };
        stack.push(Frame { id, children, has_lost });
        Ok(())
    }

    /// Whether a data chunk is in a pack that is there, and not known to be damaged.
    fn is_there(&mut self, id: ChunkId) -> Result<bool> {
        let there = self.index.packs_of(&id, |pack| !self.packs.is_damaged(pack, &id))?;
        if !there {
            self.lost.insert(id, format!("chunk {id} is in no pack of the repository"));
        }
        Ok(there)
    }

    /// Snapshots and paths that suffer.
    fn affected(&self, manifests: &[ManifestObject]) -> Result<Vec<(LeaseId, Vec<u8>)>> {
        let mut affected = Vec::new();
        // Folders below which there was nothing to name, though they name something that is lost.
        let mut fruitless = HashSet::new();
        for object in manifests {
            let manifest = &object.manifest;
            let Some(tree) = manifest.tree_id().filter(|tree| self.suffers(tree)) else { continue };
            self.name_affected(manifest.id, tree, &mut fruitless, &mut affected)?;
        }
        Ok(affected)
    }

    /// Names what suffers in one tree.
    fn name_affected(
        &self,
        snapshot: LeaseId,
        tree: ChunkId,
        fruitless: &mut HashSet<ChunkId>,
        affected: &mut Vec<(LeaseId, Vec<u8>)>,
    ) -> Result<()> {
        let mut stack = vec![self.folder(tree, Vec::new(), affected.len())];
        while let Some(folder) = stack.last_mut().filter(|_| affected.len() < NAMED) {
            let entry = match folder.iter.next() {
                Some(Ok(entry)) => entry,
                Some(Err(error)) if is_damage(&error) => {
                    affected.push((snapshot, folder.path.clone()));
                    continue;
                }
                Some(Err(error)) => return Err(error),
                None => {
                    if folder.found_before == affected.len() {
                        fruitless.insert(folder.tree);
                    }
                    stack.pop();
                    continue;
                }
            };
            let child = join(&folder.path, entry.name());
            let suffers = |tree: &ChunkId| self.suffers(tree) && !fruitless.contains(tree);
            let is_file = entry.meta.kind == EntryKind::File;
            if is_file && self.file_suffers(&entry) || stack.len() > limits::DIRECTORY_DEPTH {
                affected.push((snapshot, child));
            } else if let Some(tree) = entry.tree.filter(suffers) {
                stack.push(self.folder(tree, child, affected.len()));
            }
        }
        Ok(())
    }

    fn folder(&self, tree: ChunkId, path: Vec<u8>, found_before: usize) -> Suffering<'_> {
        Suffering { tree, path, iter: DirectoryIter::new(self.reader, Some(tree)), found_before }
    }

    fn suffers(&self, node: &ChunkId) -> bool {
        self.walked.get(node).copied().unwrap_or(true)
    }

    fn file_suffers(&self, entry: &TreeEntry) -> bool {
        match &entry.content {
            None | Some(ContentRef::Inline(_)) => false,
            Some(ContentRef::List(list) | ContentRef::Segments(list)) => self.suffers(list),
            Some(ContentRef::Direct(items)) => items.iter().any(|item| self.lost.contains_key(&item.id)),
        }
    }
}
