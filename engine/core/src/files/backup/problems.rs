//! The problems of a run: counts them, shows them, and stores them in the snapshot.

use std::sync::{Mutex, MutexGuard, PoisonError};

use repo_format::cbor::ByteString;
use repo_format::id::ChunkId;
use repo_format::node::{Problem, ProblemKind};

use crate::chunk::Coder;
use crate::error::Result;
use crate::monitor::Monitor;
use crate::pack::{ChunkStore, NodeSink};
use crate::tree::{problem_weight, store_problems};

/// The number of problems that the snapshot names; it counts the others. So a source full of problems cannot fill
/// memory or the manifest.
const KEPT: usize = 10_000;
/// The largest size of the paths and messages of all kept problems.
const KEPT_BYTES: usize = 8 << 20;
/// A path may have 256 KiB, and a message may contain one. Longer texts than this keep both ends.
const PATH_BYTES: usize = 2048;
const MESSAGE_BYTES: usize = 1024;
/// The number of problems that the outcome names.
const NAMED: usize = 1000;

/// The problems of a run.
pub(super) struct ProblemLog<'m> {
    monitor: &'m dyn Monitor,
    all: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    problems: Vec<Problem>,
    /// The size of their paths and messages.
    bytes: usize,
    /// Includes problems that were not kept.
    count: u64,
}

impl Kept {
    fn add(&mut self, problem: Problem) {
        self.count += 1;
        let bytes = problem_weight(&problem);
        let has_room = self.problems.len() < KEPT && self.bytes + bytes <= KEPT_BYTES;
        // These problems are few, and the next run looks for them.
        if has_room || problem.kind == ProblemKind::Less {
            self.bytes += bytes;
            self.problems.push(problem);
        }
    }
}

impl<'m> ProblemLog<'m> {
    pub fn new(monitor: &'m dyn Monitor) -> Self {
        ProblemLog { monitor, all: Mutex::default() }
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a problem with the thing at `path`.
    pub fn add(&self, path: &[u8], kind: ProblemKind, message: impl Into<String>) {
        let message = message.into();
        self.monitor.problem(path, &message);
        let path = ByteString(shortened(path, PATH_BYTES));
        let message = String::from_utf8_lossy(&shortened(message.as_bytes(), MESSAGE_BYTES)).into_owned();
        self.lock().add(Problem { path, kind, message });
    }

    /// Adds a failure to read the thing at `path`.
    pub fn add_io(&self, path: &[u8], action: &str, error: &std::io::Error) {
        let kind = match error.kind() {
            std::io::ErrorKind::NotFound => ProblemKind::Vanished,
            _ => ProblemKind::Unreadable,
        };
        self.add(path, kind, format!("cannot {action}: {error}"));
    }

    /// Stores the problems as lists, sorted by path, so that equal lists are stored once.
    pub fn store(&self, store: &ChunkStore<'_>, coder: &mut Coder) -> Result<Vec<ChunkId>> {
        let mut all = self.lock();
        all.problems.sort_by(|a, b| a.path.cmp(&b.path));
        store_problems(&all.problems, &mut NodeSink { store, coder })
    }

    /// The number of problems, and the first of them; missing things come first.
    pub fn into_parts(self) -> (u64, Vec<Problem>) {
        let mut all = self.all.into_inner().unwrap_or_else(PoisonError::into_inner);
        all.problems.sort_by_key(|problem| problem.kind != ProblemKind::Less);
        all.problems.truncate(NAMED);
        (all.count, all.problems)
    }
}

/// `text` without its middle, if it is longer than `most` bytes. Never cuts a UTF-8 character.
fn shortened(text: &[u8], most: usize) -> Vec<u8> {
    const GAP: &[u8] = " … ".as_bytes();
    if text.len() <= most {
        return text.to_vec();
    }
    let is_inside = |at: usize| text.get(at).is_some_and(|byte| byte & 0xC0 == 0x80);
    let half = (most - GAP.len()) / 2;
    let head = (half.saturating_sub(3)..=half).rev().find(|at| !is_inside(*at)).unwrap_or(half);
    let from = text.len() - half;
    let tail = (from..from + 3).find(|at| !is_inside(*at)).unwrap_or(from);
    [&text[..head], GAP, &text[tail..]].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::monitor::NullMonitor;

    #[test]
    fn a_long_path_keeps_both_ends_and_no_half_character() {
        let long = "ä".repeat(5_000);
        for most in 100..110 {
            let short = shortened(long.as_bytes(), most);
            let text = String::from_utf8(short).unwrap();
            assert!(
                text.len() <= most && text.starts_with("ää") && text.ends_with("ää") && text.contains('…'),
                "{text}"
            );
        }
        assert_eq!(shortened(b"short", 5), b"short");
    }

    #[test]
    fn any_number_of_long_paths_stays_within_bounds() {
        let log = ProblemLog::new(&NullMonitor);
        for number in 0..20_000u32 {
            log.add(format!("{number}{}", "x".repeat(3000)).as_bytes(), ProblemKind::Unreadable, "y".repeat(2000));
        }
        log.add(b"mounted", ProblemKind::Less, "it is not mounted");
        let kept = log.lock();
        assert!(kept.bytes <= KEPT_BYTES + 100 && kept.problems.len() <= KEPT + 1);
        assert_eq!(kept.count, 20_001);
        drop(kept);
        let (count, named) = log.into_parts();
        assert_eq!((count, named.len()), (20_001, NAMED));
        assert_eq!(named[0].path.0, b"mounted");
    }
}
