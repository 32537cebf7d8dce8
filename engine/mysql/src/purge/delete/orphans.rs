//! Rows that a killed run left in tables without transactions: their parents are gone already.
//!
//! Only rows that a receipt of the same server names are looked at: some run was going to delete them with their parents.

use std::time::Instant;

use super::batch::delete_keys;
use super::held::held;
use crate::database::Connection;
use crate::purge::job::Job;
use crate::purge::pace::{Go, Paced, Tried};
use crate::purge::plan::Plan;
use crate::purge::prove::each_row;
use crate::purge::tables::{Digest, KEYS_PER_STATEMENT, Key, KeySet, Table, digest, in_runs, parse_key, used_keys};
use engine_core::error::{Error, Result, chain};
use engine_core::monitor::{Monitor, Work};
use engine_core::repository::Repository;
use engine_core::upkeep::receipt::{ReceiptRecord, history};

/// Runs of keys in one statement.
const RUNS_PER_STATEMENT: usize = 200;

/// The records of all purges of the plan's server that have not reported the end of all rows that they named.
///
/// # Errors
/// If the repository cannot be read. A receipt that cannot be read is noted.
pub(in crate::purge) fn purge_records(
    repository: &Repository,
    plan: &Plan,
    monitor: &dyn Monitor,
) -> Result<Vec<ReceiptRecord>> {
    let history = history(repository)?;
    for (id, error) in &history.unreadable {
        monitor.note(&format!("what the purge of receipt {id} may have left is not looked for: {}", chain(error)));
    }
    let records = history.purges.into_iter().filter_map(|purge| purge.begun).map(|receipt| receipt.record);
    Ok(records.filter(|record| record.server == plan.server).collect())
}

/// For each child table of `job`, the keys of rows that `records` name, that are as the snapshot has them, and that belong to nothing.
///
/// # Errors
/// If the server fails, the repository cannot be read, or the user wishes to stop.
pub(in crate::purge) fn find_orphans(
    job: &mut Job<'_>,
    connection: &mut Connection,
    records: &[ReceiptRecord],
    monitor: &dyn Monitor,
) -> Result<Vec<KeySet>> {
    let mut found: Vec<KeySet> = job.children.iter().map(|_| KeySet::default()).collect();
    if job.is_transactional() {
        return Ok(found);
    }
    for (at, found) in found.iter_mut().enumerate() {
        let named = named(records, &job.children[at].member.table);
        let mut after = None;
        loop {
            if monitor.is_cancelled() {
                return Err(Error::cancelled());
            }
            let runs = named.next(after, KEYS_PER_STATEMENT, RUNS_PER_STATEMENT);
            let Some((_, last)) = runs.last() else { break };
            after = Some(*last);
            saved(job, at, connection, &runs)?.into_iter().for_each(|(key, _)| found.insert(key));
        }
    }
    Ok(found)
}

/// All keys of a table that `records` name.
fn named(records: &[ReceiptRecord], table: &Table<'_>) -> KeySet {
    let tables = records.iter().flat_map(|record| &record.tables);
    let tables = tables.filter(|purged| purged.schema == table.schema && purged.table == table.name);
    let runs = tables.flat_map(|purged| &purged.ranges);
    KeySet::of_any_runs(runs.filter_map(|run| Some((parse_key(&run.first.0)?, parse_key(&run.last.0)?))))
}

/// Deletes rows of the child table `at` that [`find_orphans`] has found and a receipt names, and notes them in `deleted`.
///
/// # Errors
/// If the server fails, the repository cannot be read, or the user wishes to stop.
pub(in crate::purge) fn delete_orphans(
    job: &mut Job<'_>,
    at: usize,
    paced: &mut Paced<'_>,
    orphans: &KeySet,
    deleted: &mut KeySet,
) -> Result<Go> {
    let mut after = None;
    paced.batches(&mut |connection, rows| {
        let runs = orphans.next(after, rows as usize, RUNS_PER_STATEMENT);
        let Some((_, last)) = runs.last() else { return Ok(Tried::Nothing) };
        let expected = saved(job, at, connection, &runs)?;
        let began = Instant::now();
        let result = held(job, connection, &mut |job, connection, _| {
            let mut found = without_parent(job, at, connection, &runs)?;
            found.retain(|row| expected.contains(row));
            let keys: Vec<Key> = found.into_iter().map(|(key, _)| key).collect();
            delete_keys(connection, &job.children[at].member.table, &keys)?;
            Ok(keys)
        });
        Tried::or_locked_out(result.map(|keys| {
            after = Some(*last);
            let gone = Work { items: keys.len() as u64, bytes: 0 };
            keys.into_iter().for_each(|key| deleted.insert(key));
            Tried::Rows { asked: rows, took: began.elapsed(), gone }
        }))
    })
}

/// Rows in `runs` that belong to nothing and are as the snapshot has them.
fn saved(job: &mut Job<'_>, at: usize, connection: &mut Connection, runs: &[(Key, Key)]) -> Result<Vec<(Key, Digest)>> {
    let mut rows = without_parent(job, at, connection, runs)?;
    let keys = rows.iter().map(|(key, _)| *key).collect();
    let (saved, _) = job.children[at].member.table.saved.digests(keys, u64::MAX)?;
    rows.retain(|(key, digest)| saved.get(key) == Some(digest));
    Ok(rows)
}

fn without_parent(
    job: &mut Job<'_>,
    at: usize,
    connection: &mut Connection,
    runs: &[(Key, Key)],
) -> Result<Vec<(Key, Digest)>> {
    let (parent, child) = (&job.parent.table, &mut job.children[at]);
    let table = &child.member.table;
    let sql = format!(
        "{} WHERE ({}) AND NOT EXISTS (SELECT 1 FROM {} WHERE {}.{} = {}.{})",
        table.select(""),
        in_runs(&table.key, runs),
        parent.full_name,
        parent.full_name,
        parent.key,
        table.full_name,
        child.column
    );
    let mut rows = Vec::new();
    each_row(connection, &sql, &mut |values| {
        let row = child.member.encode(values)?;
        rows.push((row.key, digest(&row.text)));
        Ok(())
    })?;
    if let Some(attached) = job.attached.as_ref().filter(|attached| attached.at == at) {
        let keys: Vec<Key> = rows.iter().map(|(key, _)| *key).collect();
        let used = used_keys(connection, &attached.rows_used_by, &keys)?;
        rows.retain(|(key, _)| !used.contains(key));
    }
    Ok(rows)
}
