//! Copies one manifest: a run of its own in the target.

use repo_format::id::ChunkId;
use repo_format::manifest::{Manifest, Origin};

use super::addresses::Addresses;
use super::carry::Carrier;
use super::complete::Complete;
use super::present::Present;
use super::rewrite::{OpenNodes, Rewrite};
use super::roots::{self, Roots};
use super::vouched::Earlier;
use super::walk::Walk;
use super::{CopiedManifest, CopyOptions, SourceManifest};
use crate::chunk::Coder;
use crate::error::{Error, Result};
use crate::monitor::Monitor;
use crate::pack::{ChunkReader, ChunkStore, Mode, NodeSink};
use crate::repository::{Author, ManifestObject, Repository};
use crate::session::{Copied, Draft, WriterSession};
use crate::tree::{TreeEntry, store_problems};

/// A run that copies one manifest.
#[derive(Clone, Copy)]
pub(super) struct Run<'r> {
    pub source: &'r Repository,
    pub target: &'r Repository,
    pub options: &'r CopyOptions,
    pub present: &'r Present,
    pub monitor: &'r dyn Monitor,
}

/// The knowledge that runs hand on to each other.
pub(super) struct Known {
    pub complete: Complete,
    pub addresses: Addresses,
}

/// The nodes that the copy names.
struct Nodes {
    tree: Option<ChunkId>,
    problem_lists: Vec<ChunkId>,
    problem_count: u64,
}

impl Run<'_> {
    /// Copies `original`.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Damaged`] if something that it needs is damaged or missing in the source. Nothing is committed then.
    pub fn copy(self, original: ManifestObject, known: &mut Known) -> Result<CopiedManifest> {
        let session = WriterSession::begin(self.target, &self.options.writer, self.monitor)?;
        let roots = Roots::of(&original.manifest, &self.options.only);
        let mode = if self.options.writer.dry_run { Mode::DryRun } else { Mode::Write };
        let written = session.write(mode, |store| {
            known.complete.begin(store);
            if known.complete.begins_anew() {
                let earlier = Earlier { source: self.source, present: self.present, monitor: self.monitor };
                earlier.vouch(store, &original.manifest, &roots, &mut known.complete)?;
            }
            self.nodes(store, &original.manifest, &roots, known)
        });
        let written = written.map_err(|error| self.explained(&original.manifest, error))?;
        let totals = written.totals;
        let mut copied = CopiedManifest {
            source: SourceManifest::of(&original.manifest),
            id: None,
            left_out: roots.left_out.iter().map(|name| name.0.clone()).collect(),
            new_chunks: totals.new_chunks,
            new_bytes: totals.new_bytes,
            stored_bytes: totals.stored_bytes,
            new_packs: session.new_packs(),
        };
        if mode == Mode::DryRun {
            return Ok(copied);
        }
        let packs = session.counted();
        let draft = self.draft(original, roots, written.value)?;
        copied.id = Some(session.commit(draft, self.monitor)?.manifest.id);
        known.complete.committed(packs);
        Ok(copied)
    }

    /// Stores everything that the copy needs.
    fn nodes(self, store: &ChunkStore<'_>, original: &Manifest, chosen: &Roots, known: &mut Known) -> Result<Nodes> {
        let reader = ChunkReader::new(self.source);
        let entries = if chosen.are_fewer { roots::entries(&reader, original, chosen)? } else { Vec::new() };
        let Known { addresses, complete } = known;
        let carrier = Carrier::new(&reader, store, addresses, self.monitor);
        let mut walk = Walk { carrier, complete };
        if chosen.are_fewer {
            entries.iter().try_for_each(|entry| walk.entry(entry))?;
        } else {
            original.ids.iter().rev().try_for_each(|id| walk.node(*id))?;
        }
        walk.finish()?;
        let mut coder = Coder::new(self.target.config().zstd_level)?;
        let sink = NodeSink { store, coder: &mut coder };
        let mut rewrite =
            Rewrite { reader: &reader, sink, addresses, complete, monitor: self.monitor, open: OpenNodes::default() };
        if chosen.are_fewer {
            return self.top(&mut rewrite, original, chosen, entries);
        }
        let lists = original.problems.lists.iter().filter_map(|place| original.ids.get(*place as usize));
        let problem_lists = lists.map(|id| rewrite.node(*id)).collect::<Result<_>>()?;
        let tree = original.tree_id().map(|id| rewrite.node(id)).transpose()?;
        Ok(Nodes { tree, problem_lists, problem_count: original.problems.count })
    }

    /// Stores a new top directory with the chosen roots, and their problems.
    fn top(
        self,
        rewrite: &mut Rewrite<'_, '_>,
        original: &Manifest,
        chosen: &Roots,
        entries: Vec<TreeEntry>,
    ) -> Result<Nodes> {
        let entries = entries.into_iter().map(|entry| rewrite.entry(entry)).collect::<Result<_>>()?;
        let tree = roots::store_top(entries, &mut rewrite.sink)?;
        // A check reads it back like the others.
        tree.iter().for_each(|id| rewrite.complete.wrote(id));
        let problems = roots::problems(self.source, original, chosen)?;
        let problem_lists = store_problems(&problems.named, &mut rewrite.sink)?;
        Ok(Nodes { tree, problem_lists, problem_count: problems.count })
    }

    fn draft(self, original: ManifestObject, roots: Roots, nodes: Nodes) -> Result<Draft> {
        let ManifestObject { manifest, digest } = original;
        let left_out = (!roots.left_out.is_empty()).then_some(roots.left_out);
        let origin = Origin { repository: self.source.id(), id: manifest.id, digest, left_out };
        let author =
            Author { host: manifest.host.clone(), user: manifest.user.clone(), program: manifest.program.clone() };
        Ok(Draft {
            time: manifest.time(),
            seen: self.target.manifests()?.newest_seen(),
            tags: manifest.tags,
            roots: roots.chosen,
            tree: nodes.tree,
            problem_count: nodes.problem_count,
            problem_lists: nodes.problem_lists,
            statistics: manifest.statistics,
            left_out: manifest.left_out,
            evidence: manifest.evidence,
            copied: Some(Copied { origin, author }),
            ..Draft::new(manifest.kind)
        })
    }

    /// An error with the reason why the source has lost something, if it is that the manifest was forgotten meanwhile.
    fn explained(self, original: &Manifest, error: Error) -> Error {
        if !error.is_damage() {
            return error;
        }
        match self.source.has_snapshot_object(original.id) {
            Ok(false) => error.context("it was forgotten while it was copied, and a prune has deleted its data"),
            _ => error,
        }
    }
}
