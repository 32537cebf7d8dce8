//! The shelf: a short line of each snapshot, in order of time. A snapshot never changes, so each is read once.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use engine::Result;
use engine::error::ErrorKind;
use engine::repository::{Repository, SnapshotObject};
use repo_format::id::LeaseId;
use repo_format::manifest::{Manifest, ManifestKind, RootKind};

/// A snapshot, as a list of them shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Its id.
    pub id: LeaseId,
    /// Its moment, in seconds.
    pub seconds: i64,
    /// The nanoseconds after these, so that two of one second keep their order.
    pub nanoseconds: u32,
    /// The machine.
    pub host: String,
    /// Its folders, files and streams, by name.
    pub folders: Vec<Vec<u8>>,
    /// Its databases, by name.
    pub databases: Vec<Vec<u8>>,
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

impl Line {
    fn of(manifest: &Manifest) -> Self {
        let named = |is_database: bool| {
            let roots = manifest.roots.iter().filter(move |root| (root.kind == RootKind::Database) == is_database);
            roots.map(|root| root.name.0.clone()).collect()
        };
        let statistics = &manifest.statistics;
        Line {
            id: manifest.id,
            seconds: manifest.seconds,
            nanoseconds: manifest.nanoseconds,
            host: manifest.host.clone(),
            folders: named(false),
            databases: named(true),
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
        for id in present {
            if let Entry::Vacant(place) = lines.read.entry(id) {
                place.insert(read(repository, id)?.map(Arc::new));
                is_new = true;
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

/// The line of an object; `None` if it is no snapshot, or cannot be read: health tells of that.
fn read(repository: &Repository, id: LeaseId) -> Result<Option<Line>> {
    match repository.read_snapshot_object(id) {
        Ok(SnapshotObject::Manifest(object)) if object.manifest.kind == ManifestKind::Snapshot => {
            Ok(Some(Line::of(&object.manifest)))
        }
        Ok(_) => Ok(None),
        Err(error) if error.kind() == ErrorKind::Unavailable => Err(error),
        Err(_) => Ok(None),
    }
}
