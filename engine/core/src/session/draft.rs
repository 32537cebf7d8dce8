//! The part of a manifest that an operation fills in.

use repo_format::entry::Time;
use repo_format::evidence::Evidence;
use repo_format::id::{ChunkId, LeaseId};
use repo_format::manifest::{
    HeldFolder, LeftOut, Manifest, ManifestKind, Origin, Problems, Root, SeenManifest, Statistics,
};

use super::{WriterOptions, WriterSession};
use crate::repository::Author;

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
    /// The manifest that it is a copy of, and the author of that; `None` if it is not a copy.
    pub copied: Option<Copied>,
    /// The trial, in a copy of evidence.
    pub evidence: Option<Evidence>,
    /// Bits of the rules by which a snapshot is held.
    pub held: Option<u8>,
    /// The folders of the files that count against these rules, where they are known.
    pub held_folders: Vec<HeldFolder>,
}

/// The manifest of another repository that a new one is a copy of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Copied {
    /// The manifest.
    pub origin: Origin,
    /// Its author, who is the author of the copy, too.
    pub author: Author,
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
            copied: None,
            evidence: None,
            held: None,
            held_folders: Vec::new(),
        }
    }

    /// The manifest that it becomes in `session`.
    pub(super) fn into_manifest(self, session: &WriterSession<'_>, keyring_version: u64) -> Manifest {
        let ids: Vec<ChunkId> = self.tree.iter().chain(&self.problem_lists).copied().collect();
        let first_list = u32::from(self.tree.is_some());
        let lists = (first_list..).take(self.problem_lists.len()).collect();
        let WriterOptions { host, user, program, .. } = session.options.clone();
        let (author, origin) = match self.copied {
            Some(Copied { author, origin }) => (author, Some(origin)),
            None => (Author { host, user, program }, None),
        };
        Manifest {
            ids,
            seconds: self.time.seconds,
            nanoseconds: self.time.nanoseconds,
            host: author.host,
            user: author.user,
            tags: self.tags,
            program: author.program,
            parent: self.parent,
            seen: self.seen,
            config_version: session.repository.config().version,
            keyring_version,
            condemned_seen: session.condemned_seen(),
            roots: self.roots,
            tree: self.tree.map(|_| 0),
            problems: Problems { count: self.problem_count, lists },
            statistics: self.statistics,
            origin,
            left_out: self.left_out,
            evidence: self.evidence,
            held: self.held,
            held_folders: (!self.held_folders.is_empty()).then_some(self.held_folders),
            ..Manifest::new(self.kind, session.id())
        }
    }
}
