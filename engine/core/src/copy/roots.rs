//! The roots of a snapshot that are copied, and what becomes of the top directory and the problems without the others.

use repo_format::cbor::ByteString;
use repo_format::id::ChunkId;
use repo_format::manifest::{Manifest, Root, RootKind};
use repo_format::node::Problem;

use crate::error::Result;
use crate::pack::{ChunkReader, NodeSink};
use crate::repository::Repository;
use crate::snapshots;
use crate::tree::{DirectoryBuilder, DirectoryIter, TreeEntry};

/// A choice of roots.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RootChoice {
    /// All databases.
    Databases,
    /// The root that was at this path, or has this name.
    Path(Vec<u8>),
}

/// The roots of one manifest.
pub(super) struct Roots {
    /// The roots that are copied.
    pub chosen: Vec<Root>,
    /// The names of those that are left out, now or by the copy that this is a copy of.
    pub left_out: Vec<ByteString>,
    /// Whether the manifest has roots that are left out now.
    pub are_fewer: bool,
}

impl RootChoice {
    fn is(&self, root: &Root) -> bool {
        match self {
            RootChoice::Databases => root.kind == RootKind::Database,
            RootChoice::Path(path) => root.plain_path() == trimmed(path) || root.name.0 == trimmed(path),
        }
    }
}

fn trimmed(path: &[u8]) -> &[u8] {
    let end = path.iter().rposition(|byte| *byte != b'/');
    &path[..end.map_or(path.len().min(1), |end| end + 1)]
}

impl Roots {
    /// The roots of `manifest` that `only` names, or all.
    pub fn of(manifest: &Manifest, only: &[RootChoice]) -> Self {
        let is_chosen = |root: &&Root| only.is_empty() || only.iter().any(|choice| choice.is(root));
        let (chosen, others): (Vec<&Root>, Vec<&Root>) = manifest.roots.iter().partition(is_chosen);
        let mut left_out: Vec<_> = manifest.roots_left_out().to_vec();
        left_out.extend(others.iter().map(|root| root.name.clone()));
        left_out.sort_unstable();
        left_out.dedup();
        Roots { chosen: chosen.into_iter().cloned().collect(), left_out, are_fewer: !others.is_empty() }
    }

    /// The roots of `manifest` that are among `others`.
    pub fn named(manifest: &Manifest, others: &[Root]) -> Self {
        let chosen = manifest.roots.iter().filter(|root| others.contains(root)).cloned().collect();
        Roots { chosen, left_out: Vec::new(), are_fewer: true }
    }

    /// Whether nothing of the manifest is copied, though it has something.
    pub fn are_none(&self) -> bool {
        self.chosen.is_empty() && self.are_fewer
    }

    /// Whether a root of this name is copied.
    pub fn have(&self, name: &[u8]) -> bool {
        self.chosen.iter().any(|root| root.name.0 == name)
    }
}

/// The entries of a top directory, one for each root that is copied.
///
/// # Errors
/// If it cannot be read.
pub(super) fn entries(reader: &ChunkReader<'_>, manifest: &Manifest, roots: &Roots) -> Result<Vec<TreeEntry>> {
    let mut entries = Vec::new();
    for entry in DirectoryIter::new(reader, manifest.tree_id()) {
        let entry = entry?;
        if roots.have(entry.name()) {
            entries.push(entry);
        }
    }
    Ok(entries)
}

/// Stores a top directory of `entries`.
///
/// # Errors
/// If it cannot be stored.
pub(super) fn store_top(entries: Vec<TreeEntry>, sink: &mut NodeSink<'_, '_>) -> Result<Option<ChunkId>> {
    let mut builder = DirectoryBuilder::default();
    entries.into_iter().try_for_each(|entry| builder.push(entry, sink))?;
    builder.finish(sink)
}

/// The problems of the roots that are copied.
pub(super) struct RootProblems {
    pub named: Vec<Problem>,
    /// With those that no list names, which may be of any root.
    pub count: u64,
}

/// The problems of `manifest` with the roots that are copied. In doubt a problem is one of these.
///
/// # Errors
/// If a list cannot be read.
pub(super) fn problems(source: &Repository, manifest: &Manifest, roots: &Roots) -> Result<RootProblems> {
    let mut named = snapshots::problems(source, manifest)?;
    let unnamed = manifest.problems.count.saturating_sub(named.len() as u64);
    named.retain(|problem| {
        roots.chosen.iter().any(|root| snapshots::concerns(&manifest.roots, &problem.path.0, &root.name.0))
    });
    let count = unnamed.saturating_add(named.len() as u64);
    Ok(RootProblems { named, count })
}
