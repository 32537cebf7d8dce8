//! The part of a manifest that an operation fills in.

use repo_format::entry::Time;
use repo_format::id::{ChunkId, LeaseId};
use repo_format::manifest::{LeftOut, Manifest, ManifestKind, Problems, Root, SeenManifest, Statistics};

use super::WriterSession;

/// A manifest before its commit, as far as an operation knows it. The session adds the rest: the writer, the keys, the
/// name.
#[derive(Debug, Clone)]
pub struct Draft {
    /// A snapshot, a receipt, or another kind.
    pub kind: ManifestKind,
    /// The start of its run.
    pub time: Time,
    /// Words that the user chose.
    pub tags: Vec<String>,
    /// The snapshot that it was compared with.
    pub parent: Option<LeaseId>,
    /// The newest manifests that the run has seen.
    pub seen: Vec<SeenManifest>,
    /// The saved sources.
    pub roots: Vec<Root>,
    /// The top directory; `None` if it is empty.
    pub tree: Option<ChunkId>,
    /// How many problems there were.
    pub problem_count: u64,
    /// Lists of the problems.
    pub problem_lists: Vec<ChunkId>,
    /// Counts of files, rows and bytes.
    pub statistics: Statistics,
    /// The parts that were left out on purpose.
    pub left_out: Option<LeftOut>,
}

impl Draft {
    /// An empty draft of this kind.
    pub fn new(kind: ManifestKind) -> Self {
        Draft {
            kind,
            time: Time::default(),
            tags: Vec::new(),
            parent: None,
            seen: Vec::new(),
            roots: Vec::new(),
            tree: None,
            problem_count: 0,
            problem_lists: Vec::new(),
            statistics: Statistics::default(),
            left_out: None,
        }
    }

    /// The manifest that it becomes in `session`.
    pub(super) fn into_manifest(self, session: &WriterSession<'_>, keyring_version: u64) -> Manifest {
        let ids: Vec<ChunkId> = self.tree.iter().chain(&self.problem_lists).copied().collect();
        let first_list = u32::from(self.tree.is_some());
        let lists = (first_list..).take(self.problem_lists.len()).collect();
        Manifest {
            ids,
            seconds: self.time.seconds,
            nanoseconds: self.time.nanoseconds,
            host: session.options.host.clone(),
            user: session.options.user.clone(),
            tags: self.tags,
            program: session.options.program.clone(),
            parent: self.parent,
            seen: self.seen,
            config_version: session.repository.config().version,
            keyring_version,
            condemned_seen: session.condemned_seen(),
            roots: self.roots,
            tree: self.tree.map(|_| 0),
            problems: Problems { count: self.problem_count, lists },
            statistics: self.statistics,
            left_out: self.left_out,
            ..Manifest::new(self.kind, session.id())
        }
    }
}
