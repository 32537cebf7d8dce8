//! Logs that the repository has, and how a log is laid out in it.
//!
//! ```text
//! contents  transactions and events of a log        layout  a new log -> its tree, its manifest
//! ```

mod contents;
mod layout;
#[cfg(test)]
pub(super) mod made_up;

use std::collections::{HashMap, HashSet};

use repo_format::id::LeaseId;
use repo_format::limits;
use repo_format::log::{LOG_FILE, LogRecord};
use repo_format::manifest::{Manifest, ManifestKind, Root, RootKind};

use engine_core::error::{Error, ErrorKind, Result};
use engine_core::machine;
use engine_core::pack::ChunkReader;
use engine_core::repository::{Repository, SnapshotObject};
use engine_core::tree::{TreeEntry, join, lookup, read_file};

pub use contents::{EventIter, TransactionIter};
pub use layout::{Layout, NewLog};

/// So many of the newest logs are looked at to find the one that nothing follows: two machines may fetch the same log.
const NEWEST_COUNT: usize = 16;

/// A log in the repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredLog {
    /// Its manifest.
    pub manifest: Manifest,
    /// Its own record.
    pub record: LogRecord,
}

impl StoredLog {
    /// Its id.
    pub fn id(&self) -> LeaseId {
        self.manifest.id
    }

    /// Reads a log.
    ///
    /// # Errors
    /// [`ErrorKind::Damaged`] if it is none, or cannot be read.
    pub fn read(reader: &ChunkReader<'_>, manifest: Manifest) -> Result<Self> {
        let entry = part_entry(reader, &manifest, LOG_FILE)?;
        let shown = || format!("the log {}", manifest.id);
        let bytes = read_file(reader, &entry, limits::LOG_RECORD).map_err(|e| e.context(shown()))?;
        let record = LogRecord::decode(&bytes).map_err(|e| Error::damaged(shown(), e))?;
        Ok(StoredLog { manifest, record })
    }

    /// The address of the server that it is of.
    pub fn address(&self) -> &[u8] {
        root(&self.manifest).map_or(&[], |root| &root.path.0)
    }
}

/// The one root of a log; none in a manifest that is not as a log is.
fn root(manifest: &Manifest) -> Option<&Root> {
    match &manifest.roots[..] {
        [root] if manifest.kind == ManifestKind::Log && root.kind == RootKind::Database => Some(root),
        _ => None,
    }
}

/// The file `name` of a log.
///
/// # Errors
/// [`ErrorKind::Damaged`] if it is not there.
pub fn part_entry(reader: &ChunkReader<'_>, manifest: &Manifest, name: &[u8]) -> Result<TreeEntry> {
    let missing = || {
        let name = name.escape_ascii();
        Error::new(ErrorKind::Damaged, format!("the log {} has no file `{name}`", manifest.id))
    };
    let root = root(manifest).ok_or_else(missing)?;
    lookup(reader, manifest, &join(&root.name.0, name))?.1.ok_or_else(missing)
}

/// Logs, and those that cannot be read.
#[derive(Debug, Default)]
pub struct StoredLogs {
    /// In the order of the times when they were fetched.
    pub logs: Vec<StoredLog>,
    /// Ids, and why.
    pub unreadable: Vec<(LeaseId, Error)>,
}

impl StoredLogs {
    /// All logs of the repository. The index must be up to date.
    ///
    /// # Errors
    /// If the store cannot be listed.
    pub fn read(repository: &Repository) -> Result<Self> {
        let mut present = repository.manifests()?.present;
        // Oldest first.
        present.reverse();
        let reader = ChunkReader::new(repository);
        let mut stored = StoredLogs::default();
        for id in present.iter().filter(|manifest| manifest.kind == ManifestKind::Log).map(|manifest| manifest.id) {
            match read_manifest(repository, id)
                .and_then(|read| read.map(|read| StoredLog::read(&reader, read)).transpose())
            {
                Ok(log) => stored.logs.extend(log),
                Err(error) if error.is_damage() => stored.unreadable.push((id, error)),
                Err(error) => return Err(error),
            }
        }
        Ok(stored)
    }

    /// The logs of `address` that were fetched last and that none of the others follows, the one that reaches furthest last.
    ///
    /// # Errors
    /// As [`StoredLogs::read`]. A log that cannot be read is as if it were not there.
    pub fn newest(repository: &Repository, address: &str) -> Result<Vec<StoredLog>> {
        let mut logs = Self::read_newest(repository, address)?;
        let begin = |log: &StoredLog| (log.record.stream, log.record.from.file.clone(), log.record.from.offset);
        let begins: HashSet<_> = logs.iter().map(begin).collect();
        // A stream that begins later takes the place of the one before.
        let rank: HashMap<_, _> = logs.iter().enumerate().map(|(at, log)| (log.record.stream, at)).collect();
        let is_followed = |log: &StoredLog| {
            let to = &log.record.to;
            begins.contains(&(log.record.stream, to.file.clone(), to.offset))
        };
        logs.retain(|log| !is_followed(log));
        logs.sort_by_key(|log| (rank.get(&log.record.stream).copied(), log.record.complete_until));
        Ok(logs)
    }

    /// Some of the newest logs, and those of the future: a clock was wrong, and newer ones may seem to be older. Oldest first.
    fn read_newest(repository: &Repository, address: &str) -> Result<Vec<StoredLog>> {
        let now = machine::now().seconds;
        let reader = ChunkReader::new(repository);
        let (mut logs, mut past) = (Vec::new(), 0);
        let present = repository.manifests()?.present;
        for known in present.iter().filter(|manifest| manifest.kind == ManifestKind::Log) {
            if past == NEWEST_COUNT {
                break;
            }
            match read_of(repository, &reader, known.id, address) {
                Ok(None) => continue,
                Ok(Some(log)) => logs.push(log),
                Err(error) if error.is_damage() => {}
                Err(error) => return Err(error),
            }
            past += usize::from(known.time.seconds <= now);
        }
        logs.reverse();
        Ok(logs)
    }
}

/// The manifest, unless it has gone since it was listed.
///
/// # Errors
/// [`ErrorKind::Damaged`], and if the store cannot be read.
pub fn read_manifest(repository: &Repository, id: LeaseId) -> Result<Option<Manifest>> {
    match repository.read_snapshot_object(id) {
        Ok(SnapshotObject::Manifest(object)) => Ok(Some(object.manifest)),
        Ok(SnapshotObject::Void(_)) => Ok(None),
        Err(error) if error.is_damage() && !repository.has_snapshot_object(id)? => Ok(None),
        Err(error) => Err(error),
    }
}

/// The log, if it is of `address`.
fn read_of(repository: &Repository, reader: &ChunkReader<'_>, id: LeaseId, address: &str) -> Result<Option<StoredLog>> {
    let manifest = read_manifest(repository, id)?;
    let own = manifest.filter(|manifest| root(manifest).is_some_and(|root| root.path.0 == address.as_bytes()));
    own.map(|manifest| StoredLog::read(reader, manifest)).transpose()
}
