//! What manifests need: every node and every chunk that can be reached from them; which of it is nowhere whole; and what suffers from that.

mod affected;
mod short_ids;

use std::collections::HashSet;

use repo_format::id::{ChunkId, PackId};
use repo_format::manifest::Manifest;
use repo_format::pack::ChunkKind;

pub use affected::Affected;
pub use short_ids::ShortIds;

use crate::catalog::Catalog;
use crate::error::{Error, Result, chain};
use crate::monitor::Monitor;
use crate::pack::ChunkReader;
use crate::repository::Repository;
use crate::tree::{Child, children};

/// Reasons for losses that are kept.
const REASONS: usize = 3;
/// Lost chunks that are told apart. More are counted as often as they are named: then all is lost anyway.
const LOST_MAX: usize = 1 << 20;

/// What a copy of a chunk is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Worth {
    /// It is known not to open.
    Damaged,
    /// It can be read now, but its pack is condemned.
    Condemned,
    /// It can be read and relied on.
    Good,
}

/// Says what the copy of a chunk in a pack is worth.
pub type Judge<'r> = dyn Fn(PackId, &ChunkId) -> Worth + 'r;

/// Walks everything that manifests need, each node once.
///
/// Memory: 17 to 34 bytes for each different node, so 34 MB for a million; the same again for nodes above what is lost. A node lists up to
/// 256 files, or 64 chunks of one that has more than 4.
pub struct Needs<'r> {
    reader: ChunkReader<'r>,
    catalog: &'r Catalog,
    judge: &'r Judge<'r>,
    monitor: &'r dyn Monitor,
    /// Packs that hold something that is needed, if they are wanted.
    used: Option<HashSet<PackId>>,
    walked: ShortIds,
    /// Nodes that are lost, or have something lost beneath.
    suffering: ShortIds,
    lost: ShortIds,
    losses: Losses,
}

/// What is needed and nowhere whole.
#[derive(Debug, Clone, Default)]
pub struct Losses {
    /// How many chunks and nodes.
    pub chunks: u64,
    /// Why, for a few of them.
    pub reasons: Vec<String>,
    /// Condemned packs with something that is needed and that no other pack has: it can still be read.
    pub condemned_packs: HashSet<PackId>,
}

/// A node whose children are being walked.
struct Frame {
    id: ChunkId,
    children: Vec<Child>,
    suffers: bool,
}

impl<'r> Needs<'r> {
    /// A walk that looks for chunks where `catalog` says they are.
    pub fn new(
        repository: &'r Repository,
        catalog: &'r Catalog,
        judge: &'r Judge<'r>,
        monitor: &'r dyn Monitor,
    ) -> Self {
        Needs {
            reader: ChunkReader::with_catalog(repository, catalog),
            catalog,
            judge,
            monitor,
            used: None,
            walked: ShortIds::default(),
            suffering: ShortIds::default(),
            lost: ShortIds::default(),
            losses: Losses::default(),
        }
    }

    /// The same, which also collects the packs that hold what is needed.
    pub fn collecting_packs(self) -> Self {
        Needs { used: Some(HashSet::new()), ..self }
    }

    /// The packs that hold what is needed; none unless they were collected.
    pub fn into_packs(self) -> HashSet<PackId> {
        self.used.unwrap_or_default()
    }

    /// Walks everything that a manifest needs.
    ///
    /// # Errors
    /// If the cache fails, or the monitor wishes to stop. What is lost is no error.
    pub fn walk(&mut self, manifest: &Manifest) -> Result<()> {
        manifest.ids.iter().try_for_each(|id| self.walk_node(*id))
    }

    /// What was found to be lost so far.
    pub fn losses(&self) -> &Losses {
        &self.losses
    }

    /// Whether a manifest that was walked needs something that is lost.
    pub fn suffers(&self, manifest: &Manifest) -> bool {
        manifest.ids.iter().any(|id| self.suffering.has(id))
    }

    /// Walks a node and everything beneath; no recursion, so that no depth can exhaust the stack.
    fn walk_node(&mut self, root: ChunkId) -> Result<()> {
        let mut stack = Vec::new();
        self.enter(root, &mut stack)?;
        while let Some(frame) = stack.last_mut() {
            if self.monitor.is_cancelled() {
                return Err(Error::cancelled());
            }
            let Some(child) = frame.children.pop() else {
                let Some(done) = stack.pop() else { break };
                self.leave(&done, stack.last_mut());
                continue;
            };
            match child.kind {
                ChunkKind::Node if self.walked.has(&child.id) => frame.suffers |= self.suffering.has(&child.id),
                ChunkKind::Node => self.enter(child.id, &mut stack)?,
                _ => frame.suffers |= !self.is_there(&child.id)?,
            }
        }
        Ok(())
    }

    fn enter(&mut self, id: ChunkId, stack: &mut Vec<Frame>) -> Result<()> {
        if self.walked.has(&id) {
            return Ok(());
        }
        let read = self.reader.read(ChunkKind::Node, &id).and_then(|node| children(id, &node));
        let (children, suffers) = match read {
            Ok(children) => {
                self.note_copies(&id)?;
                (children, false)
            }
            Err(error) if error.is_damage() => {
                self.lose(&id, &chain(&error));
                (Vec::new(), true)
            }
            Err(error) => return Err(error),
        };
        stack.push(Frame { id, children, suffers });
        Ok(())
    }

    fn leave(&mut self, done: &Frame, above: Option<&mut Frame>) {
        self.walked.add(&done.id);
        if done.suffers {
            self.suffering.add(&done.id);
        }
        if let Some(above) = above {
            above.suffers |= done.suffers;
        }
    }

    /// Whether a data chunk is in a pack that is there, and not known to be damaged.
    fn is_there(&mut self, id: &ChunkId) -> Result<bool> {
        let why = match self.note_copies(id)? {
            Some(Worth::Good | Worth::Condemned) => return Ok(true),
            Some(Worth::Damaged) => "is damaged wherever it stands",
            None => "is in no pack of the repository",
        };
        self.lose(id, &format!("chunk {id} {why}"));
        Ok(false)
    }

    /// What the best copy of a chunk is worth. All are looked at only when their packs are collected.
    fn note_copies(&mut self, id: &ChunkId) -> Result<Option<Worth>> {
        let mut best: Option<(Worth, PackId)> = None;
        let used = &mut self.used;
        self.catalog.packs_of(id, |pack| {
            best = best.max(Some(((self.judge)(pack, id), pack)));
            match used {
                Some(used) => {
                    used.insert(pack);
                    false
                }
                None => best.is_some_and(|(worth, _)| worth == Worth::Good),
            }
        })?;
        if let Some((Worth::Condemned, pack)) = best {
            self.losses.condemned_packs.insert(pack);
        }
        Ok(best.map(|(worth, _)| worth))
    }

    fn lose(&mut self, id: &ChunkId, reason: &str) {
        if self.lost.has(id) {
            return;
        }
        if self.lost.count() < LOST_MAX {
            self.lost.add(id);
        }
        self.losses.chunks += 1;
        let reasons = &mut self.losses.reasons;
        if reasons.len() < REASONS && !reasons.iter().any(|known| known == reason) {
            reasons.push(reason.to_owned());
        }
    }

    /// Whether the chunk, which was looked at before, is nowhere whole.
    fn is_lost(&self, id: &ChunkId) -> Result<bool> {
        if self.lost.count() < LOST_MAX {
            return Ok(self.lost.has(id));
        }
        self.catalog.packs_of(id, |pack| (self.judge)(pack, id) != Worth::Damaged).map(|there| !there)
    }
}
