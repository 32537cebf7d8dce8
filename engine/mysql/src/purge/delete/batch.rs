//! The second pass: deletes the rows that a receipt names, batch by batch.
//!
//! A batch is one critical section. Its rows are held (a transaction with FOR UPDATE; where a table has no transactions, LOCK TABLES …
//! WRITE), read, compared with the snapshot once more, and deleted. A row that was changed since the first pass stays.

use std::time::Instant;

use super::files::RemovedFiles;
use super::held::held;
use crate::database::Connection;
use crate::purge::job::Job;
use crate::purge::pace::{Go, Paced, Tried};
use crate::purge::prove::{Asked, Expected, LeftRows, Proof, Verdict, child_keys, judge};
use crate::purge::tables::{KEYS_PER_STATEMENT, Key, KeySet, Table, explain, in_runs, is_one_of};
use crate::purge::terms::Dates;
use engine_core::error::{Error, ErrorKind, Result};
use engine_core::monitor::Work;

/// Runs of keys in a batch: each is a condition of its statement.
const RUNS_PER_BATCH: usize = 200;
/// Bytes of saved rows of the parent table in a batch, unless one row has more.
const BATCH_BYTES: u64 = 4 << 20;

/// Rows and files of a job that are deleted.
#[derive(Debug, Default)]
pub(in crate::purge) struct Deleted {
    /// Keys of the parents.
    pub parents: KeySet,
    /// Keys of the rows of each child table.
    pub children: Vec<KeySet>,
    /// Files.
    pub files: RemovedFiles,
    /// Dates of the parents.
    pub dates: Dates,
    /// Rows that stay, though they were named.
    pub left: LeftRows,
}

impl Deleted {
    /// Notes rows of a table, 0 for that of the parents, that are gone.
    fn note(&mut self, table: usize, keys: &[Key]) {
        let set = match table.checked_sub(1) {
            None => &mut self.parents,
            Some(child) => {
                let count = self.children.len().max(child + 1);
                self.children.resize_with(count, KeySet::default);
                &mut self.children[child]
            }
        };
        keys.iter().for_each(|key| set.insert(*key));
    }
}

/// Deletes the rows that `proof` names, and notes in `deleted` which are gone, also when it ends early.
///
/// # Errors
/// If the server fails or the user wishes to stop: the rows noted until then are gone.
pub(in crate::purge) fn delete(
    job: &mut Job<'_>,
    paced: &mut Paced<'_>,
    proof: &Proof,
    deleted: &mut Deleted,
) -> Result<Go> {
    let mut after = None;
    paced.batches(&mut |connection, rows| {
        let runs = proof.parents.next(after, rows as usize, RUNS_PER_BATCH);
        if runs.is_empty() {
            return Ok(Tried::Nothing);
        }
        let batch = Batch::read(job, connection, proof, runs)?;
        let tried = batch.delete(job, connection, deleted)?;
        if matches!(tried, Tried::Rows { .. }) {
            after = Some(batch.last);
        }
        Ok(tried)
    })
}

/// Rows that are deleted together.
struct Batch {
    /// The condition on keys of the parent table.
    keys: String,
    /// How many keys, and the last.
    asked: u32,
    last: Key,
    expected: Expected,
}

impl Batch {
    /// Reads from the snapshot the rows in `runs`, which `proof` names, and the rows that belong to them: as many as make one batch.
    fn read(job: &mut Job<'_>, connection: &mut Connection, proof: &Proof, runs: Vec<(Key, Key)>) -> Result<Self> {
        let keys = runs.iter().flat_map(|(first, last)| *first..=*last).collect();
        let (parents, last) = job.parent.table.saved.digests(keys, BATCH_BYTES)?;
        let last = last.or_else(|| runs.last().map(|(_, last)| *last)).unwrap_or_default();
        let runs: Vec<_> =
            runs.into_iter().filter(|run| run.0 <= last).map(|(first, end)| (first, end.min(last))).collect();
        let keys: Vec<Key> = runs.iter().flat_map(|(first, last)| *first..=*last).collect();
        let mut expected = Expected { parents, children: Vec::new() };
        for (at, named) in proof.children.iter().enumerate() {
            let mut found = child_keys(job, at, connection, &keys)?;
            found.retain(|key| named.contains(*key));
            expected.children.push(job.children[at].member.table.saved.digests(found, u64::MAX)?.0);
        }
        let asked = u32::try_from(keys.len()).unwrap_or(u32::MAX);
        Ok(Batch { keys: in_runs(&job.parent.table.key, &runs), asked, last, expected })
    }

    /// Deletes the rows that are still as they were, and notes them.
    fn delete(&self, job: &mut Job<'_>, connection: &mut Connection, deleted: &mut Deleted) -> Result<Tried> {
        let transactional = job.is_transactional();
        let (mut gone, mut nothing_is_gone) = (Vec::new(), true);
        let began = Instant::now();
        let result = held(job, connection, &mut |job, connection, hold| {
            let asked = Asked::Named { keys: &self.keys, hold, expected: &self.expected };
            let verdict = judge(job, connection, &asked)?;
            nothing_is_gone = transactional;
            delete_rows(job, connection, &verdict, &mut gone)?;
            Ok(verdict)
        });
        let took = began.elapsed();
        if result.is_ok() || !transactional {
            gone.iter().for_each(|(table, keys)| deleted.note(*table, keys));
        }
        let verdict = match result {
            Ok(verdict) => verdict,
            Err(error) if nothing_is_gone => return Tried::or_locked_out(Err(error)),
            Err(error) => return Err(error),
        };
        deleted.dates.join(&verdict.dates);
        deleted.left += verdict.left;
        let items = gone.iter().map(|(_, keys)| keys.len() as u64).sum();
        Ok(Tried::Rows { asked: self.asked, took, gone: Work { items, bytes: verdict.bytes } })
    }
}

/// Deletes the rows of `verdict`, which are held.
///
/// With transactions children go first, as foreign keys demand. Without transactions parents go first: if the run ends in between, it leaves
/// rows that belong to nothing, and never a parent without its children.
fn delete_rows(
    job: &Job<'_>,
    connection: &mut Connection,
    verdict: &Verdict,
    gone: &mut Vec<(usize, Vec<Key>)>,
) -> Result<()> {
    let keys: Vec<_> = [&verdict.parents].into_iter().chain(&verdict.children).collect();
    let mut tables: Vec<_> = job.tables().zip(keys).enumerate().collect();
    if job.is_transactional() {
        tables.reverse();
    }
    for (at, (table, keys)) in tables {
        for keys in keys.chunks(KEYS_PER_STATEMENT) {
            delete_keys(connection, table, keys)?;
            gone.push((at, keys.to_vec()));
        }
    }
    Ok(())
}

/// Deletes rows by their keys: all of them.
///
/// # Errors
/// [`ErrorKind::Database`] if not all are there, though they are held.
pub(super) fn delete_keys(connection: &mut Connection, table: &Table<'_>, keys: &[Key]) -> Result<()> {
    if keys.is_empty() {
        return Ok(());
    }
    let sql = format!("DELETE FROM {} WHERE {}", table.full_name, is_one_of(&table.key, keys));
    connection.run(&sql).map_err(|e| explain(e, table))?;
    let gone = connection.affected_rows();
    if gone == keys.len() as u64 {
        Ok(())
    } else {
        let message = format!("the server deleted {gone} rows of `{}` instead of {}", table.name, keys.len());
        Err(Error::new(ErrorKind::Database, message))
    }
}
