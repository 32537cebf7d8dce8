//! The first pass: which rows go, found without locks, segment by segment, so that a receipt can name them before any is deleted.

use super::asked::Asked;
use super::compare_rows::{Verdict, judge};
use super::left::LeftRows;
use crate::database::Connection;
use crate::purge::files::FileSet;
use crate::purge::job::Job;
use crate::purge::tables::{Key, KeySet};
use crate::purge::terms::Dates;
use engine_core::error::{Error, Result};
use engine_core::monitor::{Monitor, Work};

/// Most runs of keys in a part: they are in memory and in a receipt. Keys that count up make few runs.
const RUNS_MAX: usize = 50_000;
/// Most files in a part, with paths of some hundred bytes.
const FILES_MAX: usize = 50_000;

/// Rows that go, and rows that stay.
#[derive(Debug, Default)]
pub(in crate::purge) struct Proof {
    /// Keys of the rows that go.
    pub parents: KeySet,
    /// For each child table, the keys of rows that go with them.
    pub children: Vec<KeySet>,
    /// Files that they name, and that go after them.
    pub files: FileSet,
    /// Encoded bytes of all of them.
    pub bytes: u64,
    /// Dates of the parents.
    pub dates: Dates,
    /// Rows that stay.
    pub left: LeftRows,
    /// Where the next part begins; `None` if all has been looked at.
    pub next: Option<Key>,
}

impl Proof {
    fn add(&mut self, verdict: Verdict) {
        verdict.parents.into_iter().for_each(|key| self.parents.insert(key));
        self.children.resize_with(verdict.children.len(), KeySet::default);
        for (set, keys) in self.children.iter_mut().zip(verdict.children) {
            keys.into_iter().for_each(|key| set.insert(key));
        }
        self.files.extend(verdict.files);
        self.bytes += verdict.bytes;
        self.dates.join(&verdict.dates);
        self.left += verdict.left;
    }

    /// Whether nothing goes.
    pub fn is_empty(&self) -> bool {
        self.rows() == 0 && self.files.is_empty()
    }

    /// Rows that go, of all tables.
    pub fn rows(&self) -> u64 {
        self.parents.len() + self.children.iter().map(KeySet::len).sum::<u64>()
    }

    fn run_count(&self) -> usize {
        self.parents.run_count() + self.children.iter().map(KeySet::run_count).sum::<usize>()
    }
}

/// Looks at all rows of `job` with keys above `after`, as far as one part goes.
///
/// # Errors
/// If the server fails, the repository cannot be read, or the user wishes to stop.
pub(in crate::purge) fn prove(
    job: &mut Job<'_>,
    connection: &mut Connection,
    after: Option<Key>,
    monitor: &dyn Monitor,
) -> Result<Proof> {
    let mut proof = Proof { children: job.children.iter().map(|_| KeySet::default()).collect(), ..Proof::default() };
    let key = job.parent.table.key.clone();
    let mut after = after;
    for end in job.parent.table.saved.ends() {
        if after.is_some_and(|after| after >= end) {
            continue;
        }
        if monitor.is_cancelled() {
            return Err(Error::cancelled());
        }
        if proof.run_count() >= RUNS_MAX || proof.files.len() >= FILES_MAX {
            proof.next = after;
            return Ok(proof);
        }
        let keys = match after {
            None => format!("{key} <= {end}"),
            Some(after) => format!("{key} > {after} AND {key} <= {end}"),
        };
        let verdict = judge(job, connection, &Asked::Old(&keys))?;
        let items = verdict.parents.len() as u64 + verdict.left.total();
        monitor.advance(Work { items, bytes: verdict.bytes });
        proof.add(verdict);
        after = Some(end);
    }
    // Rows behind the last one that is saved: none of them can be proven.
    let keys = after.map_or_else(|| "1".to_owned(), |after| format!("{key} > {after}"));
    proof.add(judge(job, connection, &Asked::Old(&keys))?);
    Ok(proof)
}
