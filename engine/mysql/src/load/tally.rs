//! Counts the work and the problems of a load.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use repo_format::cbor::ByteString;
use repo_format::node::{Problem, ProblemKind};

use super::LoadOutcome;
use engine_core::error::{Error, chain};
use engine_core::monitor::Monitor;

/// Problems that the outcome names.
const NAMED: usize = 1000;

/// The work of a load so far.
pub struct Tally<'m> {
    monitor: &'m dyn Monitor,
    pub resumed_tables: AtomicU64,
    pub rows: AtomicU64,
    pub bytes: AtomicU64,
    pub objects: AtomicU64,
    pub checked_segments: AtomicU64,
    problem_count: AtomicU64,
    problems: Mutex<Vec<Problem>>,
}

/// Adds to a counter.
pub fn count(counter: &AtomicU64, more: u64) {
    counter.fetch_add(more, Ordering::Relaxed);
}

impl<'m> Tally<'m> {
    pub fn new(monitor: &'m dyn Monitor) -> Self {
        let zero = AtomicU64::default;
        Tally {
            monitor,
            resumed_tables: zero(),
            rows: zero(),
            bytes: zero(),
            objects: zero(),
            checked_segments: zero(),
            problem_count: zero(),
            problems: Mutex::default(),
        }
    }

    /// Something of `schema` is not as it was.
    pub fn problem(&self, schema: &str, name: &str, message: &str) {
        let path = format!("{schema}.{name}");
        self.monitor.problem(path.as_bytes(), message);
        count(&self.problem_count, 1);
        let mut problems = self.problems.lock().unwrap_or_else(PoisonError::into_inner);
        if problems.len() < NAMED {
            let kind = ProblemKind::Unreadable;
            problems.push(Problem { path: ByteString(path.into_bytes()), kind, message: message.to_owned() });
        }
    }

    /// As [`Tally::problem`], with an error and its causes.
    pub fn failure(&self, schema: &str, name: &str, error: &Error) {
        self.problem(schema, name, &chain(error));
    }

    /// How many problems there were.
    pub fn problem_count(&self) -> u64 {
        self.problem_count.load(Ordering::Relaxed)
    }

    /// The outcome as far as it is counted.
    pub fn into_outcome(self) -> LoadOutcome {
        LoadOutcome {
            resumed_tables: self.resumed_tables.into_inner(),
            rows: self.rows.into_inner(),
            bytes: self.bytes.into_inner(),
            objects: self.objects.into_inner(),
            checked_segments: self.checked_segments.into_inner(),
            problem_count: self.problem_count.into_inner(),
            problems: self.problems.into_inner().unwrap_or_else(PoisonError::into_inner),
            ..LoadOutcome::default()
        }
    }
}
