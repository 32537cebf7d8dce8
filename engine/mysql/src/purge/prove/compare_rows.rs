//! The judgement on some rows: which of them the snapshot holds byte by byte, with all that belongs to them.
//!
//! The same code judges before anything is deleted, and again in the moment of deletion, under locks. Then it reads nothing but the server:
//! what the snapshot has was read before, as users wait for these locks.

use std::collections::BTreeMap;

use super::asked::Asked;
use super::children::{Owned, Stays, children};
use super::left::LeftRows;
use super::rows::{EncodedRow, each_row, highest, is_true, too_few};
use crate::database::Connection;
use crate::purge::files::{FileSet, Look};
use crate::purge::job::Job;
use crate::purge::tables::{Digest, Key, digest, explain, used_keys};
use crate::purge::terms::Dates;
use engine_core::error::Result;

/// The result of judging rows.
#[derive(Debug, Default)]
pub(in crate::purge) struct Verdict {
    /// Keys of rows that may go, in order.
    pub parents: Vec<Key>,
    /// For each child table, the keys of rows that belong to them.
    pub children: Vec<Vec<Key>>,
    /// Files that they name; looked for before a receipt names them, not when rows are deleted.
    pub files: FileSet,
    /// Encoded bytes of all of them.
    pub bytes: u64,
    /// Dates of the parents.
    pub dates: Dates,
    /// Rows that stay.
    pub left: LeftRows,
}

/// The answer of the rule for a row.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Rule {
    /// It is to go.
    Meant,
    /// It is an exception.
    Spared,
    /// It is not old, or does not meet the condition.
    NotMeant,
}

/// A parent as it is now.
struct Parent {
    key: Key,
    rule: Rule,
    digest: Digest,
    bytes: u64,
    date: String,
}

/// Judges the rows of `job` that are `asked` for.
///
/// # Errors
/// If the server fails, or the repository cannot be read.
pub(in crate::purge) fn judge(job: &mut Job<'_>, connection: &mut Connection, asked: &Asked<'_>) -> Result<Verdict> {
    let mut left = LeftRows::default();
    let found = parents(job, connection, asked)?;
    let saved = asked.saved(&mut job.parent, None, found.iter().map(|row| row.key).collect())?;
    let is_named = matches!(asked, Asked::Named { .. });
    let mut proven = BTreeMap::new();
    for row in found {
        match (saved.get(&row.key).map(|saved| *saved == row.digest), row.rule) {
            // It was named, so it was meant: by now it is another.
            (Some(false), _) if is_named => left.changed += 1,
            (_, Rule::NotMeant) => {}
            (_, Rule::Spared) => left.spared += 1,
            (None, Rule::Meant) => left.not_saved += 1,
            (Some(false), Rule::Meant) => left.changed += 1,
            (Some(true), Rule::Meant) => drop(proven.insert(row.key, row)),
        }
    }
    if let Some(highest) = highest(connection, &job.parent)? {
        left.highest += u64::from(proven.remove(&highest).is_some());
    }
    let mut keys: Vec<Key> = proven.keys().copied().collect();
    if let Some(attached) = &job.attached {
        let used = used_keys(connection, &attached.parents_used_by, &keys)?;
        keys.retain(|key| !used.contains(key));
        left.used += used.iter().filter(|key| proven.remove(key).is_some()).count() as u64;
    }
    let mut owned = Vec::new();
    for at in 0..job.children.len() {
        let found = children(job, at, connection, &keys, asked)?;
        for (parent, why) in found.stays {
            let stayed = u64::from(proven.remove(&parent).is_some());
            match why {
                Stays::Unproven => left.children += stayed,
                Stays::Used => left.used += stayed,
                Stays::Highest => left.highest += stayed,
                Stays::Spared => left.spared += stayed,
            }
        }
        owned.push(found.owned);
    }
    Ok(verdict(&proven, owned, left))
}

/// The rows of children whose parents stay, stay too.
fn verdict(proven: &BTreeMap<Key, Parent>, owned: Vec<Vec<Owned>>, left: LeftRows) -> Verdict {
    let mut verdict = Verdict { left, parents: proven.keys().copied().collect(), ..Verdict::default() };
    for Parent { bytes, date, .. } in proven.values() {
        verdict.bytes += bytes;
        verdict.dates.add(date);
    }
    for rows in owned {
        let mut keys = Vec::new();
        for row in rows.into_iter().filter(|row| proven.contains_key(&row.parent)) {
            verdict.bytes += row.bytes;
            keys.push(row.key);
            if let Look::Proven(file) = row.file {
                verdict.files.insert(file.path, file.size);
            }
        }
        keys.sort_unstable();
        verdict.children.push(keys);
    }
    verdict
}

fn parents(job: &mut Job<'_>, connection: &mut Connection, asked: &Asked<'_>) -> Result<Vec<Parent>> {
    let rows = match asked {
        Asked::Old(keys) => format!("({keys}) AND ({})", job.is_old),
        Asked::Named { keys, .. } => format!("({keys})"),
    };
    let table = &job.parent.table;
    let select = table.select(&job.leading());
    let sql = format!("{select} FORCE INDEX (PRIMARY) WHERE {rows} ORDER BY {}{}", table.key, asked.hold());
    let (exceptions, date_place) = (job.parent.exceptions.len(), job.date_place);
    let mut found = Vec::new();
    each_row(connection, &sql, &mut |values| {
        let (meant, values) = values.split_at_checked(2).ok_or_else(too_few)?;
        let (not_excepted, values) = values.split_at_checked(exceptions).ok_or_else(too_few)?;
        let rule = match (meant.iter().all(is_true), not_excepted.iter().all(is_true)) {
            (false, _) => Rule::NotMeant,
            (true, false) => Rule::Spared,
            (true, true) => Rule::Meant,
        };
        let EncodedRow { key, text } = job.parent.encode(values)?;
        let date = text.split(|byte| matches!(byte, b'\t' | b'\n')).nth(date_place).unwrap_or_default();
        let date = String::from_utf8_lossy(date).into_owned();
        found.push(Parent { key, rule, digest: digest(&text), bytes: text.len() as u64, date });
        Ok(())
    })
    .map_err(|e| explain(e, &job.parent.table))?;
    Ok(found)
}
