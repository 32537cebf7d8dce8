//! The second pass: deletes the rows that a receipt names, batch by batch.
//!
//! A batch is one critical section. Its rows are held (a transaction with FOR UPDATE; where a table has no transactions, LOCK TABLES …
//! WRITE), read, compared with the snapshot once more, and deleted. What was changed since the first pass stays.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use super::check::explain;
use super::children::child_keys;
use super::files::RemovedFiles;
use super::job::Job;
use super::judge::{Asked, Expected, LeftRows, Verdict, judge, list};
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
/// Bytes of saved rows of the parent table in a batch, unless one row has more.
const BATCH_BYTES: u64 = 4 << 20;
/// Keys in one DELETE: of longer lists servers make scans, and refuse longer statements.
const KEYS_PER_DELETE: usize = 5000;
/// A lock was not got in time; a deadlock; a row is newer than the transaction's view.
const LOCKED_OUT: [u16; 3] = [1205, 1213, 1020];
/// While locks are held: others would wait behind the session, so it waits for nobody long, and if this machine goes to sleep, or its
/// cable is pulled, the server lets go soon.
const HASTY: &str = "SET SESSION lock_wait_timeout=1, innodb_lock_wait_timeout=1, wait_timeout=20, \
                     net_read_timeout=20, net_write_timeout=20";
/// And else.
const PATIENT: &str = "SET SESSION lock_wait_timeout=60, innodb_lock_wait_timeout=60, wait_timeout=86400, \
                       net_read_timeout=3600, net_write_timeout=3600";

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

    fn note_dates(&mut self, dates: Option<(String, String)>) {
        self.dates = match (self.dates.take(), dates) {
            (Some((first, last)), Some((next_first, next_last))) => Some((first.min(next_first), last.max(next_last))),
            (dates, more) => dates.or(more),
        };
    }
}

/// Sets a session up for proofs and deletions.
///
/// # Errors
/// If the server refuses.
pub(super) fn prepare(connection: &mut Connection, is_mariadb: bool) -> Result<()> {
    connection.run("SET SESSION autocommit=1, sql_safe_updates=0")?;
    connection.run(PATIENT)?;
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
    let mut after = None;
    loop {
        if pace.wait(connection, monitor)? == Go::TimeIsUp {
            return Ok(Go::TimeIsUp);
        }
        let runs = proof.parents.next(after, pace.rows(), RUNS_PER_BATCH);
        if runs.is_empty() {
            return Ok(Go::On);
        }
        let batch = Batch::read(job, connection, proof, runs)?;
        match batch.delete(job, connection, deleted) {
            Ok(Done { took, rows, bytes }) => {
                pace.done(took, batch.asked, rows);
                monitor.advance(Work { items: rows, bytes });
                after = Some(batch.last);
            }
            Err(Failed { error, nothing_is_gone: true }) if was_locked_out(&error) => pace.give_way(),
            Err(Failed { error, .. }) => return Err(error),
        }
    }
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

struct Done {
    /// How long locks were held.
    took: Duration,
    rows: u64,
    bytes: u64,
}

struct Failed {
    error: Error,
    nothing_is_gone: bool,
}

impl Batch {
    /// Reads what the snapshot has of the rows in `runs`, which `proof` names, and of what belongs to them: as many as make one batch.
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

    /// Deletes what is still as it was, and notes it.
    fn delete(
        &self,
        job: &mut Job<'_>,
        connection: &mut Connection,
        deleted: &mut Deleted,
    ) -> std::result::Result<Done, Failed> {
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
        let verdict = result.map_err(|error| Failed { error, nothing_is_gone })?;
        deleted.note_dates(verdict.dates);
        deleted.left += verdict.left;
        let rows = gone.iter().map(|(_, keys)| keys.len() as u64).sum();
        Ok(Done { took, rows, bytes: verdict.bytes })
    }
}

/// The condition that a key is in one of `runs`.
pub(super) fn in_runs(key: &str, runs: &[(Key, Key)]) -> String {
    let run = |(first, last): &(Key, Key)| format!("{key} BETWEEN {first} AND {last}");
    runs.iter().map(run).collect::<Vec<_>>().join(" OR ")
}

/// Whether the server gave up waiting for what others hold.
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
    hastily(connection, &mut |connection| {
        connection.run(&begin)?;
        match work(job, connection, hold) {
            Ok(value) => connection.run(end).map(|()| value),
            Err(error) => {
                // What failed is what is to be told. If this fails, too, the connection is gone, and with it locks and transaction.
                drop(connection.run(give_up));
                Err(error)
            }
        }
    })
}

/// Does `work`, which holds locks, while the session waits for nobody long, and the server not for the session.
pub(super) fn hastily<T>(connection: &mut Connection, work: &mut dyn FnMut(&mut Connection) -> Result<T>) -> Result<T> {
    connection.run(HASTY)?;
    let result = work(connection);
    // What has been done is done: if this fails the connection is gone, and the next statement says so.
    drop(connection.run(PATIENT));
    result
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
        for keys in keys.chunks(KEYS_PER_DELETE) {
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
