//! What a run that was killed left behind in tables without transactions: rows whose parent is gone already.
//!
//! Only rows that a receipt of the same plan names are looked at: that run was going to delete them.

use super::delete::{delete_keys, held, in_runs};
use super::job::Job;
use super::judge::each_row;
use super::keys::KeySet;
use super::plan::Plan;
use super::receipt::{ReceiptRecord, history};
use super::saved_rows::{Key, parse_key};
use super::uses::used_keys;
use crate::database::Connection;
use crate::error::Result;
use crate::repository::Repository;

/// Keys in one statement,
const KEYS_PER_STATEMENT: u32 = 5000;
/// and runs of keys.
const RUNS_PER_STATEMENT: usize = 200;

/// The records of all receipts of `plan`.
///
/// # Errors
/// If the repository cannot be read.
pub(super) fn records(repository: &Repository, plan: &Plan) -> Result<Vec<ReceiptRecord>> {
    let digest = plan.digest();
    let purges = history(repository)?.purges.into_iter();
    let records = purges.filter_map(|purge| purge.begun).map(|receipt| receipt.record);
    Ok(records.filter(|record| record.plan.0 == digest).collect())
}

/// Of each child table of `job` the keys of rows that are named in `records`, are as the snapshot has them, and belong to nothing.
///
/// # Errors
/// If the server fails or the repository cannot be read.
pub(super) fn find(
    job: &mut Job<'_>,
    connection: &mut Connection,
    records: &[ReceiptRecord],
    schema: &str,
) -> Result<Vec<KeySet>> {
    let mut found: Vec<KeySet> = job.children.iter().map(|_| KeySet::default()).collect();
    if job.is_transactional() {
        return Ok(found);
    }
    for (at, found) in found.iter_mut().enumerate() {
        let name = job.children[at].member.table.name.clone();
        let tables = records.iter().flat_map(|record| &record.tables);
        for table in tables.filter(|table| table.schema == schema && table.table == name) {
            let runs = table.ranges.iter().filter_map(|r| Some((parse_key(&r.first.0)?, parse_key(&r.last.0)?)));
            let named = KeySet::of_runs(runs);
            let mut after = None;
            loop {
                let runs = named.next(after, KEYS_PER_STATEMENT, RUNS_PER_STATEMENT);
                let Some((_, last)) = runs.last() else { break };
                after = Some(*last);
                without_parent(job, at, connection, &runs)?.into_iter().for_each(|key| found.insert(key));
            }
        }
    }
    Ok(found)
}

/// Deletes rows of the child table `at` that [`find`] has found and a receipt names, and notes them in `deleted`.
///
/// # Errors
/// If the server fails or the repository cannot be read.
pub(super) fn delete(
    job: &mut Job<'_>,
    at: usize,
    connection: &mut Connection,
    orphans: &KeySet,
    deleted: &mut KeySet,
) -> Result<()> {
    let mut after = None;
    loop {
        let runs = orphans.next(after, KEYS_PER_STATEMENT, RUNS_PER_STATEMENT);
        let Some((_, last)) = runs.last() else { return Ok(()) };
        after = Some(*last);
        let keys = held(job, connection, &mut |job, connection, _| {
            let keys = without_parent(job, at, connection, &runs)?;
            delete_keys(connection, &job.children[at].member.table, &keys)?;
            Ok(keys)
        })?;
        keys.into_iter().for_each(|key| deleted.insert(key));
    }
}

fn without_parent(job: &mut Job<'_>, at: usize, connection: &mut Connection, runs: &[(Key, Key)]) -> Result<Vec<Key>> {
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
    let mut keys = Vec::new();
    each_row(connection, &sql, &mut |values| {
        let row = child.member.encode(values)?;
        let is_saved = child.member.table.saved.row(row.key)?.is_some_and(|saved| *saved == *row.text);
        keys.extend(is_saved.then_some(row.key));
        Ok(())
    })?;
    if let Some(attached) = job.attached.as_ref().filter(|attached| attached.at == at) {
        let used = used_keys(connection, &attached.rows_used_by, &keys)?;
        keys.retain(|key| !used.contains(key));
    }
    Ok(keys)
}
