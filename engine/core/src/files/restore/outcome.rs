//! Counts the work and the problems of a restore.

use std::collections::{BTreeMap, HashSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use repo_format::cbor::ByteString;
use repo_format::node::{Problem, ProblemKind};

use super::{KeptReason, RestoreOutcome};
use crate::error::{Error, ErrorKind, Result};
use crate::filesystem::Swept;
use crate::monitor::Monitor;

/// The number of problems that the outcome names.
const NAMED: usize = 1000;

/// The work of a restore so far.
pub(super) struct Tally<'m> {
    monitor: &'m dyn Monitor,
    pub files: AtomicU64,
    pub directories: AtomicU64,
    pub others: AtomicU64,
    pub written_bytes: AtomicU64,
    pub unchanged_files: AtomicU64,
    pub deleted_entries: AtomicU64,
    deleted_bytes: AtomicU64,
    kept: Mutex<BTreeMap<KeptReason, u64>>,
    problem_count: AtomicU64,
    problems: Mutex<Vec<Problem>>,
    damaged_links: Mutex<HashSet<Vec<u8>>>,
    /// Attributes that could not be set, by message.
    alike: Mutex<BTreeMap<String, Alike>>,
}

/// The same problem with several things.
struct Alike {
    first: Vec<u8>,
    further: u64,
}

/// Adds to a counter.
pub(super) fn count(counter: &AtomicU64, more: u64) {
    counter.fetch_add(more, Ordering::Relaxed);
}

impl<'m> Tally<'m> {
    pub fn new(monitor: &'m dyn Monitor) -> Self {
        let zero = AtomicU64::default;
        Tally {
            monitor,
            files: zero(),
            directories: zero(),
            others: zero(),
            written_bytes: zero(),
            unchanged_files: zero(),
            deleted_entries: zero(),
            deleted_bytes: zero(),
            kept: Mutex::default(),
            problem_count: zero(),
            problems: Mutex::default(),
            damaged_links: Mutex::default(),
            alike: Mutex::default(),
        }
    }

    /// Counts removed things.
    pub fn deleted(&self, swept: Swept) {
        count(&self.deleted_entries, swept.removed);
        count(&self.deleted_bytes, swept.bytes);
    }

    /// Counts things that stay though the snapshot does not have them.
    pub fn kept(&self, reason: KeptReason, number: u64) {
        *self.kept.lock().unwrap_or_else(PoisonError::into_inner).entry(reason).or_insert(0) += number;
    }

    /// Notes that the file at `path`, which has several names, is damaged, and so are its other names.
    pub fn damaged_link(&self, path: &[u8]) {
        self.damaged_links.lock().unwrap_or_else(PoisonError::into_inner).insert(path.to_vec());
    }

    /// Whether [`Tally::damaged_link`] has noted it.
    pub fn is_damaged_link(&self, path: &[u8]) -> bool {
        self.damaged_links.lock().unwrap_or_else(PoisonError::into_inner).contains(path)
    }

    /// Adds a problem with the thing at `path`. The same problem with the attributes of many things becomes one problem
    /// at the end.
    pub fn problem(&self, path: &[u8], kind: ProblemKind, message: impl Into<String>) {
        let message = message.into();
        if kind == ProblemKind::Metadata {
            let mut alike = self.alike.lock().unwrap_or_else(PoisonError::into_inner);
            alike
                .entry(message)
                .and_modify(|alike| alike.further += 1)
                .or_insert_with(|| Alike { first: path.to_vec(), further: 0 });
            return;
        }
        self.add(path, kind, message);
    }

    fn add(&self, path: &[u8], kind: ProblemKind, message: String) {
        self.monitor.problem(path, &message);
        self.problem_count.fetch_add(1, Ordering::Relaxed);
        let mut problems = self.problems.lock().unwrap_or_else(PoisonError::into_inner);
        if problems.len() < NAMED {
            problems.push(Problem { path: ByteString(path.to_vec()), kind, message });
        }
    }

    /// Adds a failure to `action` the thing at `path`. A full disk ends the restore, because everything else would
    /// fail, too.
    pub fn io(&self, path: &[u8], action: &str, error: std::io::Error) -> Result<()> {
        let message = format!("cannot {action}: {error}");
        let ends = matches!(error.kind(), std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded);
        if ends {
            let shown = String::from_utf8_lossy(path).into_owned();
            return Err(Error::caused(ErrorKind::NoSpace, format!("cannot {action} `{shown}`"), error));
        }
        self.problem(path, ProblemKind::Unreadable, message);
        Ok(())
    }

    /// The outcome.
    pub fn into_outcome(self) -> RestoreOutcome {
        let alike = std::mem::take(&mut *self.alike.lock().unwrap_or_else(PoisonError::into_inner));
        for (message, Alike { first, further }) in alike {
            let message = if further == 0 { message } else { format!("{message}; and so of {further} other things") };
            self.add(&first, ProblemKind::Metadata, message);
        }
        RestoreOutcome {
            files: self.files.into_inner(),
            directories: self.directories.into_inner(),
            others: self.others.into_inner(),
            written_bytes: self.written_bytes.into_inner(),
            unchanged_files: self.unchanged_files.into_inner(),
            deleted_entries: self.deleted_entries.into_inner(),
            deleted_bytes: self.deleted_bytes.into_inner(),
            kept: self.kept.into_inner().unwrap_or_else(PoisonError::into_inner),
            problem_count: self.problem_count.into_inner(),
            problems: self.problems.into_inner().unwrap_or_else(PoisonError::into_inner),
        }
    }
}
