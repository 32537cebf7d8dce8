//! Rows of child tables that belong to the rows that are judged, and files that they name.

use super::asked::Asked;
use super::rows::{EncodedRow, each_row, highest, is_true, no_number, too_few};
use crate::database::{Connection, Value};
use crate::purge::files::Look;
use crate::purge::job::Job;
use crate::purge::tables::{Digest, KEYS_PER_STATEMENT, Key, digest, explain, is_one_of, used_keys};
use engine_core::error::Result;

/// A row that belongs to a parent.
pub(in crate::purge) struct Owned {
    pub parent: Key,
    pub key: Key,
    pub bytes: u64,
    /// The file that it names.
    pub file: Look,
}

/// Why a parent stays.
#[derive(Clone, Copy)]
pub(in crate::purge) enum Stays {
    Unproven,
    Used,
    Highest,
    Spared,
}

/// Rows that belong to some parents.
#[derive(Default)]
pub(in crate::purge) struct Children {
    pub owned: Vec<Owned>,
    /// Parents that stay because of it.
    pub stays: Vec<(Key, Stays)>,
}

/// Rows that belong to the `parents`, and parents that stay because of theirs.
///
/// # Errors
/// If the server fails, or the repository cannot be read.
pub(super) fn children(
    job: &mut Job<'_>,
    at: usize,
    connection: &mut Connection,
    parents: &[Key],
    asked: &Asked<'_>,
) -> Result<Children> {
    let rows = live(job, at, connection, parents, asked)?;
    let keys: Vec<Key> = rows.iter().map(|row| row.key).collect();
    let highest = highest(connection, &job.children[at].member)?;
    let mut attached = job.attached.as_mut().filter(|attached| attached.at == at);
    let used = match &attached {
        Some(attached) => used_keys(connection, &attached.rows_used_by, &keys)?,
        None => std::collections::BTreeSet::new(),
    };
    let saved = asked.saved(&mut job.children[at].member, Some(at), keys)?;
    let mut found = Children::default();
    for LiveRow { parent, key, stays, digest, bytes, name } in rows {
        let stays = match stays {
            Some(why) => Some(why),
            None if used.contains(&key) => Some(Stays::Used),
            None if saved.get(&key) != Some(&digest) => Some(Stays::Unproven),
            None => (highest == Some(key)).then_some(Stays::Highest),
        };
        let file = match (&mut attached, name, stays) {
            (Some(attached), Some(name), None) => attached.look(&name)?,
            _ => Look::Absent,
        };
        match (stays, file) {
            (Some(why), _) => found.stays.push((parent, why)),
            (None, Look::Unproven(_)) => found.stays.push((parent, Stays::Unproven)),
            (None, file) => found.owned.push(Owned { parent, key, bytes, file }),
        }
    }
    Ok(found)
}

/// A row of a child table as it is now.
struct LiveRow {
    parent: Key,
    key: Key,
    /// Why its parent stays whatever the snapshot has.
    stays: Option<Stays>,
    digest: Digest,
    bytes: u64,
    /// The name of the file that goes with it, to be looked at before a receipt names it.
    name: Option<String>,
}

/// The rows that belong to the `parents`.
fn live(
    job: &mut Job<'_>,
    at: usize,
    connection: &mut Connection,
    parents: &[Key],
    asked: &Asked<'_>,
) -> Result<Vec<LiveRow>> {
    let attached = job.attached.as_ref().filter(|attached| attached.at == at);
    let (unset, unset_count) = attached.map_or(("", 0), |attached| (&attached.leading, attached.leading_count));
    let child = &mut job.children[at];
    let select = child.member.table.select(&format!("{}, {unset}{}", child.column, child.member.leading()));
    let (exceptions, hold) = (child.member.exceptions.len(), asked.hold());
    let mut found = Vec::new();
    for keys in parents.chunks(KEYS_PER_STATEMENT) {
        let (column, index) = (&child.column, &child.index);
        let sql = format!("{select} FORCE INDEX ({index}) WHERE ({}){hold}", is_one_of(column, keys));
        each_row(connection, &sql, &mut |values| {
            let (parent, values) = values.split_first().ok_or_else(too_few)?;
            let (are_unset, values) = values.split_at_checked(unset_count).ok_or_else(too_few)?;
            let (not_excepted, values) = values.split_at_checked(exceptions).ok_or_else(too_few)?;
            let parent = parent.as_ref().and_then(Value::whole_number).ok_or_else(|| no_number(column))?;
            let stays = match (are_unset.iter().all(is_true), not_excepted.iter().all(is_true)) {
                (true, true) => None,
                (false, _) => Some(Stays::Used),
                (true, false) => Some(Stays::Spared),
            };
            let EncodedRow { key, text } = child.member.encode(values)?;
            // Files are looked at before a receipt names them, not when rows are held.
            let is_first_look = matches!(asked, Asked::Old(_));
            let name = attached.filter(|_| is_first_look).and_then(|attached| attached.name(values));
            found.push(LiveRow { parent, key, stays, digest: digest(&text), bytes: text.len() as u64, name });
            Ok(())
        })
        .map_err(|e| explain(e, &child.member.table))?;
    }
    Ok(found)
}

/// Keys of rows of the child table `at` that belong to the `parents`.
///
/// # Errors
/// If the server fails.
pub(in crate::purge) fn child_keys(
    job: &Job<'_>,
    at: usize,
    connection: &mut Connection,
    parents: &[Key],
) -> Result<Vec<Key>> {
    let child = &job.children[at];
    let (table, column, index) = (&child.member.table, &child.column, &child.index);
    let mut found = Vec::new();
    for keys in parents.chunks(KEYS_PER_STATEMENT) {
        let select = format!("SELECT {} FROM {} FORCE INDEX ({index})", table.key, table.full_name);
        each_row(connection, &format!("{select} WHERE {}", is_one_of(column, keys)), &mut |values| {
            let key = values.first().and_then(Option::as_ref).and_then(Value::whole_number);
            found.push(key.ok_or_else(|| no_number(&table.key))?);
            Ok(())
        })
        .map_err(|e| explain(e, table))?;
    }
    Ok(found)
}
