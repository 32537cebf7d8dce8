//! What could not be saved as it should be: counted, shown, and named in the snapshot.

use std::sync::{Mutex, MutexGuard, PoisonError};

use repo_format::cbor::ByteString;
use repo_format::id::ChunkId;
use repo_format::node::{Problem, ProblemKind, encode_problems};

use crate::chunk::{Coder, Compression};
use crate::error::{Error, Result};
use crate::monitor::Monitor;
use crate::pack::{ChunkStore, NodeSink};

/// Problems in one list; a list must stay below 8 MiB, a path has at most some KiB.
const PER_LIST: usize = 1024;
/// Problems that the outcome names.
const NAMED: usize = 1000;

/// The problems of a run.
pub(super) struct ProblemLog<'m> {
    monitor: &'m dyn Monitor,
    all: Mutex<Vec<Problem>>,
}

impl<'m> ProblemLog<'m> {
    pub fn new(monitor: &'m dyn Monitor) -> Self {
        ProblemLog { monitor, all: Mutex::default() }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Problem>> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a problem with what is at `path`.
    pub fn add(&self, path: &[u8], kind: ProblemKind, message: impl Into<String>) {
        let message = message.into();
        self.monitor.problem(path, &message);
        self.lock().push(Problem { path: ByteString(path.to_vec()), kind: kind as u8, message });
    }

    /// Adds a failure to read what is at `path`.
    pub fn add_io(&self, path: &[u8], action: &str, error: &std::io::Error) {
        let kind = match error.kind() {
            std::io::ErrorKind::NotFound => ProblemKind::Vanished,
            _ => ProblemKind::Unreadable,
        };
        self.add(path, kind, format!("cannot {action}: {error}"));
    }

    /// Stores all problems as lists; in order of their paths, so that the same ones are stored once.
    pub fn store(&self, store: &ChunkStore<'_>, coder: &mut Coder) -> Result<Vec<ChunkId>> {
        let mut all = self.lock();
        all.sort_by(|a, b| a.path.cmp(&b.path));
        let mut sink = NodeSink { store, coder };
        let mut store_list = |list| {
            let node = encode_problems(list).map_err(|e| Error::damaged("a new list of problems", e))?;
            sink.store(&node, Compression::Always)
        };
        all.chunks(PER_LIST).map(&mut store_list).collect()
    }

    /// How many, and the first of them.
    pub fn into_parts(self) -> (u64, Vec<Problem>) {
        let mut all = self.all.into_inner().unwrap_or_else(PoisonError::into_inner);
        let count = all.len() as u64;
        all.truncate(NAMED);
        (count, all)
    }
}
