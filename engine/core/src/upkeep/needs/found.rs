//! The findings of a walk: the visited nodes, the lost chunks, and the nodes that contain a loss.

use std::collections::HashSet;

use repo_format::id::{ChunkId, PackId};

use super::ShortIds;
use crate::catalog::Catalog;
use crate::error::{Error, Result, chain};
use crate::pack::CodedChunk;
use crate::tree::{Node, Visitor};

/// The number of reasons for losses that are kept.
const REASONS: usize = 3;
/// The number of lost chunks that are distinguished. Beyond it, a chunk counts each time it is named; nearly everything
/// is lost then anyway.
const LOST_MAX: usize = 1 << 20;

/// The value of a copy of a chunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Worth {
    /// It is known to be damaged.
    Damaged,
    /// It is readable now, but its pack is condemned.
    Condemned,
    /// It is readable and reliable.
    Good,
}

/// Judges the copy of a chunk in a pack.
pub type Judge<'r> = dyn Fn(PackId, &ChunkId) -> Worth + 'r;

/// Needed data that has no intact copy.
#[derive(Debug, Clone, Default)]
pub struct Losses {
    /// The number of chunks and nodes.
    pub chunks: u64,
    /// Reasons for a few of them.
    pub reasons: Vec<String>,
    /// Condemned packs with the only copy of needed data; they are still readable.
    pub condemned_packs: HashSet<PackId>,
}

pub(super) struct Found<'r> {
    catalog: &'r Catalog,
    judge: &'r Judge<'r>,
    /// Packs with needed data, if the caller wants them.
    pub used: Option<HashSet<PackId>>,
    walked: ShortIds,
    /// Nodes that are lost, or contain a loss.
    suffering: ShortIds,
    lost: ShortIds,
    pub losses: Losses,
    /// Whether each node from the root to the current one is known to contain a loss.
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

    /// Prepares the next walk: the last one may have ended anywhere.
    pub fn begin(&mut self) {
        self.open.clear();
    }

    /// Whether a node is lost, or contains a loss.
    pub fn suffers(&self, node: &ChunkId) -> bool {
        self.suffering.has(node)
    }

    /// Whether the chunk, which was examined before, has no intact copy.
    pub fn is_lost(&self, id: &ChunkId) -> Result<bool> {
        if self.lost.count() < LOST_MAX {
            return Ok(self.lost.has(id));
        }
        self.catalog.packs_of(id, |pack| (self.judge)(pack, id) != Worth::Damaged).map(|there| !there)
    }

    /// Notes that the current node contains a loss.
    fn suffer(&mut self) {
        if let Some(suffers) = self.open.last_mut() {
            *suffers = true;
        }
    }

    /// The value of the best copy of a chunk. Examines all copies only if their packs are collected.
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

    fn opened(&mut self, node: &Node, _: &CodedChunk) -> Result<()> {
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

    fn leave(&mut self, id: &ChunkId) -> Result<()> {
        self.walked.add(id);
        if self.open.pop() == Some(true) {
            self.suffering.add(id);
            self.suffer();
        }
        Ok(())
    }
}
