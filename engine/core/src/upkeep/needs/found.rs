//! What a walk has found: which nodes it has been through, what is nowhere whole, and which nodes have that beneath.

use std::collections::HashSet;

use repo_format::id::{ChunkId, PackId};

use super::ShortIds;
use crate::catalog::Catalog;
use crate::error::{Error, Result, chain};
use crate::tree::{Node, Visitor};

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

pub(super) struct Found<'r> {
    catalog: &'r Catalog,
    judge: &'r Judge<'r>,
    /// Packs that hold something that is needed, if they are wanted.
    pub used: Option<HashSet<PackId>>,
    walked: ShortIds,
    /// Nodes that are lost, or have something lost beneath.
    suffering: ShortIds,
    lost: ShortIds,
    pub losses: Losses,
    /// Of the nodes from the root to the one that is walked: whether each suffers, as far as is known.
    open: Vec<bool>,
}

impl<'r> Found<'r> {
    pub fn new(catalog: &'r Catalog, judge: &'r Judge<'r>) -> Self {
        Found {
            catalog,
            judge,
            used: None,
            walked: ShortIds::default(),
            suffering: ShortIds::default(),
            lost: ShortIds::default(),
            losses: Losses::default(),
            open: Vec::new(),
        }
    }

    /// Before the next walk: the last one may have ended anywhere.
    pub fn begin(&mut self) {
        self.open.clear();
    }

    /// Whether a node is lost, or has something lost beneath.
    pub fn suffers(&self, node: &ChunkId) -> bool {
        self.suffering.has(node)
    }

    /// Whether the chunk, which was looked at before, is nowhere whole.
    pub fn is_lost(&self, id: &ChunkId) -> Result<bool> {
        if self.lost.count() < LOST_MAX {
            return Ok(self.lost.has(id));
        }
        self.catalog.packs_of(id, |pack| (self.judge)(pack, id) != Worth::Damaged).map(|there| !there)
    }

    /// The node that is walked suffers.
    fn suffer(&mut self) {
        if let Some(suffers) = self.open.last_mut() {
            *suffers = true;
        }
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
        self.suffer();
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
}

impl Visitor for Found<'_> {
    fn enter(&mut self, id: &ChunkId) -> Result<bool> {
        if self.walked.has(id) {
            if self.suffers(id) {
                self.suffer();
            }
            return Ok(false);
        }
        self.open.push(false);
        Ok(true)
    }

    fn opened(&mut self, node: &Node) -> Result<()> {
        self.note_copies(&node.id).map(drop)
    }

    fn chunk(&mut self, id: &ChunkId) -> Result<()> {
        let why = match self.note_copies(id)? {
            Some(Worth::Good | Worth::Condemned) => return Ok(()),
            Some(Worth::Damaged) => "is damaged wherever it stands",
            None => "is in no pack of the repository",
        };
        self.lose(id, &format!("chunk {id} {why}"));
        Ok(())
    }

    fn damaged(&mut self, id: &ChunkId, error: Error) -> Result<()> {
        self.lose(id, &chain(&error));
        Ok(())
    }

    fn leave(&mut self, id: &ChunkId) {
        self.walked.add(id);
        if self.open.pop() == Some(true) {
            self.suffering.add(id);
            self.suffer();
        }
    }
}
