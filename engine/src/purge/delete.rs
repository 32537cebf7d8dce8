//! The second pass: deletes the rows that a receipt names, batch by batch.
//!
//! A batch is one critical section. Its rows are held (a transaction with FOR UPDATE; where a table has no transactions, LOCK TABLES …
//! WRITE), read, compared with the snapshot once more, and deleted. What was changed since the first pass stays.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use super::check::explain;
use super::files::RemovedFiles;
use super::job::Job;
use super::judge::{Asked, LeftRows, Verdict, judge, list};
use super::keys::KeySet;
use super::pace::{Go, Pace};
use super::prove::Proof;
use super::saved_rows::Key;
use super::table::Table;
use crate::database::{Connection, error_code};
use crate::error::{Error, ErrorKind, Result};
use crate::monitor::{Monitor, Work};

/// Runs of keys in a batch: each is a condition of its statement.
const RUNS_PER_BATCH: usize = 200;
/// A batch that does not get its locks is tried so often,
pub(super) const TRIES: u32 = 30;
/// after so long: whoever holds them shall finish.
pub(super) const RETRY_AFTER: Duration = Duration::from_millis(300);
/// A lock was not got in time; a deadlock.
const LOCKED_OUT: [u16; 2] = [1205, 1213];

/// What has been deleted of a job.
#[derive(Debug, Default)]
pub(super) struct Deleted {
    /// Keys of the parents.
    pub parents: KeySet,
    /// Of each child table the keys.
    pub children: Vec<KeySet>,
    /// Files.
    pub files: RemovedFiles,
    /// First and last date of the parents, as they are encoded.
    pub dates: Option<(String, String)>,
    /// What has stayed, though it was named.
    pub left: LeftRows,
}

impl Deleted {
    fn add(&mut self, verdict: Verdict) {
        verdict.parents.into_iter().for_each(|key| self.parents.insert(key));
        self.children.resize_with(verdict.children.len().max(self.children.len()), KeySet::default);
        for (set, keys) in self.children.iter_mut().zip(verdict.children) {
            keys.into_iter().for_each(|key| set.insert(key));
        }
        self.dates = match (self.dates.take(), verdict.dates) {
            (Some((first, last)), Some((next_first, next_last))) => Some((first.min(next_first), last.max(next_last))),
            (dates, more) => dates.or(more),
        };
        self.left += verdict.left;
    }
}

/// Sets a session up for deletions: it waits for nobody long, as others would wait behind it.
///
/// # Errors
/// If the server refuses.
pub(super) fn prepare(connection: &mut Connection, is_mariadb: bool) -> Result<()> {
    connection.run("SET SESSION lock_wait_timeout=1, innodb_lock_wait_timeout=1, autocommit=1, sql_safe_updates=0")?;
    if is_mariadb {
        // Else a long list of keys would be made a table, and joined.
        connection.run("SET SESSION in_predicate_conversion_threshold=0, max_statement_time=0")?;
    }
    // With the older isolation gaps between rows are locked, too. A log of statements needs it.
    let by_statement = connection.value("SELECT @@binlog_format")?.is_some_and(|format| format == "STATEMENT");
    let isolation = if by_statement { "REPEATABLE READ" } else { "READ COMMITTED" };
    connection.run(&format!("SET SESSION TRANSACTION ISOLATION LEVEL {isolation}"))
}

/// Deletes what `proof` names, and notes in `deleted` what is gone, also when it ends early.
///
/// # Errors
/// If the server fails or the user wishes to stop: what is noted until then is gone.
pub(super) fn delete(
    job: &mut Job<'_>,
    connection: &mut Connection,
    proof: &Proof,
    (pace, deleted): (&mut Pace, &mut Deleted),
    monitor: &dyn Monitor,
) -> Result<Go> {
    let (mut after, mut locked_out) = (None, 0);
    loop {
        if pace.wait(connection, monitor)? == Go::TimeIsUp {
            return Ok(Go::TimeIsUp);
        }
        let runs = proof.parents.next(after, pace.rows(), RUNS_PER_BATCH);
        let Some((_, last)) = runs.last().copied() else { return Ok(Go::On) };
        let keys = in_runs(&job.parent.table.key, &runs);
        let began = Instant::now();
        let result = held(job, connection, &mut |job, connection, hold| {
            let verdict = judge(job, connection, &Asked { keys: &keys, hold, named: Some(proof) })?;
            delete_rows(job, connection, &verdict)?;
            Ok(verdict)
        });
        let verdict = match result {
            Ok(verdict) => verdict,
            Err(error) if was_locked_out(&error) && locked_out < TRIES => {
                locked_out += 1;
                pace.shrink();
                std::thread::sleep(RETRY_AFTER);
                continue;
            }
            Err(error) => return Err(error),
        };
        let rows = verdict.parents.len() + verdict.children.iter().map(Vec::len).sum::<usize>();
        pace.done(began.elapsed(), rows as u64);
        monitor.advance(Work { items: rows as u64, bytes: verdict.bytes });
        deleted.add(verdict);
        (after, locked_out) = (Some(last), 0);
    }
}

/// The condition that a key is in one of `runs`.
pub(super) fn in_runs(key: &str, runs: &[(Key, Key)]) -> String {
    let run = |(first, last): &(Key, Key)| format!("{key} BETWEEN {first} AND {last}");
    runs.iter().map(run).collect::<Vec<_>>().join(" OR ")
}

/// Whether somebody else holds what was asked for: later there may be a way.
pub(super) fn was_locked_out(error: &Error) -> bool {
    error_code(error).is_some_and(|code| LOCKED_OUT.contains(&code))
}

/// Does `work` while its rows are held; it gets what a SELECT must end with for that. In transactional tables all of it happens, or
/// nothing.
pub(super) fn held<'r, T>(
    job: &mut Job<'r>,
    connection: &mut Connection,
    work: &mut dyn FnMut(&mut Job<'r>, &mut Connection, &str) -> Result<T>,
) -> Result<T> {
    let (begin, hold, end, give_up) = match job.is_transactional() {
        true => ("START TRANSACTION".to_owned(), " FOR UPDATE", "COMMIT", "ROLLBACK"),
        false => {
            let own = job.tables().map(|table| format!("{} WRITE", table.full_name));
            let tables: Vec<_> = own.chain(uses(job)).collect();
            (format!("LOCK TABLES {}", tables.join(", ")), "", "UNLOCK TABLES", "UNLOCK TABLES")
        }
    };
    connection.run(&begin)?;
    let result = work(job, connection, hold);
    match result {
        Ok(value) => connection.run(end).map(|()| value),
        Err(error) => {
            // What failed is what is to be told. If this fails, too, the connection is gone, and with it locks and transaction.
            drop(connection.run(give_up));
            Err(error)
        }
    }
}

/// Tables that are asked whether they need rows, to be read under locks.
fn uses(job: &Job<'_>) -> BTreeSet<String> {
    let uses = job.attached.iter().flat_map(|attached| attached.rows_used_by.iter().chain(&attached.parents_used_by));
    uses.map(|used| format!("{} READ", used.table)).collect()
}

/// Deletes the rows of `verdict`, which are held.
///
/// With transactions children go first, as foreign keys want it. Without, the parents: if it ends in between, rows are left that belong to
/// nothing, and never a parent without its children.
fn delete_rows(job: &Job<'_>, connection: &mut Connection, verdict: &Verdict) -> Result<()> {
    let children = job.children.iter().map(|child| &child.member.table).zip(&verdict.children);
    let parents = [(&job.parent.table, &verdict.parents)];
    match job.is_transactional() {
        true => children.chain(parents).try_for_each(|(table, keys)| delete_keys(connection, table, keys)),
        false => parents.into_iter().chain(children).try_for_each(|(table, keys)| delete_keys(connection, table, keys)),
    }
}

/// Deletes rows by their keys: all of them.
///
/// # Errors
/// [`ErrorKind::Database`] if not all are there, though they are held.
pub(super) fn delete_keys(connection: &mut Connection, table: &Table<'_>, keys: &[Key]) -> Result<()> {
    if keys.is_empty() {
        return Ok(());
    }
    let sql = format!("DELETE FROM {} WHERE {} IN ({})", table.full_name, table.key, list(keys));
    connection.run(&sql).map_err(|e| explain(e, table))?;
    let gone = connection.affected_rows();
    match gone == keys.len() as u64 {
        true => Ok(()),
        false => {
            let message = format!("the server deleted {gone} rows of `{}` instead of {}", table.name, keys.len());
            Err(Error::new(ErrorKind::Database, message))
        }
    }
}
