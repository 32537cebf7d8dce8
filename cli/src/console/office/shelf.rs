//! The shelf: a short line of each snapshot, in order of time. A snapshot never changes, so each is read once.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use engine::Result;
use engine::repository::Repository;
use engine::snapshots::KnownSnapshots;
use repo_format::id::{ChunkId, LeaseId};
use repo_format::manifest::{Manifest, RootKind};

/// A snapshot, as a list of them shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Its id.
    pub id: LeaseId,
    /// Its moment, in seconds.
    pub seconds: i64,
    /// The nanoseconds after these, so that two of one second keep their order.
    pub nanoseconds: u32,
    /// Its sources.
    pub source: Arc<Source>,
    /// The node of its top directory.
    pub tree: Option<ChunkId>,
    /// Files in all.
    pub files: u64,
    /// Bytes in all.
    pub bytes: u64,
    /// New files.
    pub new_files: u64,
    /// Files with other contents than before.
    pub changed_files: u64,
    /// The bytes that it added to the repository.
    pub stored_bytes: u64,
    /// Things that could not be saved.
    pub problems: u64,
    /// It looks like one made after an attack.
    pub is_held: bool,
    /// It is a copy of one of another repository.
    pub is_copy: bool,
}

/// The things of which a snapshot was made. Very many snapshots share few of these.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct Source {
    /// The machine.
    pub host: String,
    /// Its folders, files and streams, by name.
    pub folders: Vec<Vec<u8>>,
    /// Its databases, by name.
    pub databases: Vec<Vec<u8>>,
}

impl Source {
    fn of(manifest: &Manifest) -> Self {
        let named = |is_database: bool| {
            let roots = manifest.roots.iter().filter(move |root| (root.kind == RootKind::Database) == is_database);
            roots.map(|root| root.name.0.clone()).collect()
        };
        Source { host: manifest.host.clone(), folders: named(false), databases: named(true) }
    }

    /// The names of everything in it.
    pub fn names(&self) -> impl Iterator<Item = &[u8]> {
        self.folders.iter().chain(&self.databases).map(Vec::as_slice)
    }
}

impl Line {
    fn of(manifest: &Manifest, source: Arc<Source>) -> Self {
        let statistics = &manifest.statistics;
        Line {
            id: manifest.id,
            seconds: manifest.seconds,
            nanoseconds: manifest.nanoseconds,
            source,
            tree: manifest.tree_id(),
            files: statistics.files,
            bytes: statistics.total_bytes,
            new_files: statistics.new_files,
            changed_files: statistics.changed_files,
            stored_bytes: statistics.stored_bytes,
            problems: manifest.problems.count,
            is_held: manifest.held.is_some(),
            is_copy: manifest.origin.is_some(),
        }
    }
}

/// The lines that were read.
#[derive(Default)]
pub struct Shelf(Mutex<Lines>);

#[derive(Default)]
struct Lines {
    read: HashMap<LeaseId, Option<Arc<Line>>>,
    sorted: Arc<Vec<Arc<Line>>>,
    sources: HashSet<Arc<Source>>,
}

impl Lines {
    fn add(&mut self, manifest: &Manifest) {
        let source = Source::of(manifest);
        let source = self.sources.get(&source).cloned().unwrap_or_else(|| Arc::new(source));
        self.sources.insert(source.clone());
        self.read.insert(manifest.id, Some(Arc::new(Line::of(manifest, source))));
    }
}

impl Shelf {
    /// All snapshots that can be read, the oldest first.
    ///
    /// # Errors
    /// The storage cannot be listed or read.
    pub fn lines(&self, repository: &Repository) -> Result<Arc<Vec<Arc<Line>>>> {
        let present: HashSet<LeaseId> = repository.snapshot_names()?.into_iter().collect();
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let before = lines.read.len();
        lines.read.retain(|id, _| present.contains(id));
        let mut is_new = lines.read.len() < before;
        if present.iter().any(|id| !lines.read.contains_key(id)) {
            is_new = true;
            let new = KnownSnapshots::of(repository)?.only(|id| !lines.read.contains_key(&id));
            for snapshot in new.read(repository) {
                lines.add(&snapshot?.manifest);
            }
            // The others are no snapshots, or cannot be read: health tells of that.
            for id in present {
                lines.read.entry(id).or_default();
            }
        }
        if is_new {
            let mut sorted: Vec<_> = lines.read.values().flatten().cloned().collect();
            sorted.sort_by_key(|line| (line.seconds, line.nanoseconds, line.id));
            lines.sorted = Arc::new(sorted);
        }
        Ok(lines.sorted.clone())
    }
}
