//! The judgement on some rows: which of them the snapshot holds byte by byte, with all that belongs to them.
//!
//! The same code judges before anything is deleted, and again in the moment of deletion, under locks. Then it reads nothing but the server:
//! what the snapshot has was read before, as users wait for these locks.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::ops::AddAssign;

use mysql::Value;

use super::check::explain;
use super::children::{Owned, Stays, children};
use super::dates::Dates;
use super::files::{FileSet, Look};
use super::job::{Job, Member};
use super::saved_rows::{Digest, Key, digest, parse_key};
use super::uses::used_keys;
use crate::database::{Connection, RowKey};
use engine_core::error::{Error, ErrorKind, Result};

/// Rows that are old and stay, and why.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LeftRows {
    /// They are not in the snapshot.
    pub not_saved: u64,
    /// They are in the snapshot with other values.
    pub changed: u64,
    /// What belongs to them, rows or files, is not in the snapshot as it is.
    pub children: u64,
    /// Something else needs them, or what belongs to them.
    pub used: u64,
    /// They, or what belongs to them, have the highest number of their table, which must not be given again.
    pub highest: u64,
    /// They, or what belongs to them, are exceptions.
    pub spared: u64,
}

impl LeftRows {
    /// How many in all, apart from exceptions.
    pub fn total(&self) -> u64 {
        self.not_saved + self.changed + self.children + self.used + self.highest
    }
}

impl AddAssign for LeftRows {
    fn add_assign(&mut self, other: Self) {
        self.not_saved += other.not_saved;
        self.changed += other.changed;
        self.children += other.children;
        self.used += other.used;
        self.highest += other.highest;
        self.spared += other.spared;
    }
}

/// Which rows are judged, and what they are compared with.
pub(super) enum Asked<'a> {
    /// Those that are old and meet a condition on keys, with what the snapshot has.
    Old(&'a str),
    /// Those that have been named, and meet the condition `keys`, with what was read of the snapshot before. The statement holds them by
    /// ending with `hold`.
    Named { keys: &'a str, hold: &'a str, expected: &'a Expected },
}

/// Rows of the snapshot that have been named, by their keys.
#[derive(Debug, Default)]
pub(super) struct Expected {
    pub parents: HashMap<Key, Digest>,
    /// Of each child table.
    pub children: Vec<HashMap<Key, Digest>>,
}

impl Asked<'_> {
    /// What a SELECT must end with so that its rows are held.
    pub fn hold(&self) -> &str {
        match self {
            Asked::Old(_) => "",
            Asked::Named { hold, .. } => hold,
        }
    }

    /// What the snapshot has of rows of `member`, a parent or of the child table `child`.
    pub fn saved(
        &self,
        member: &mut Member<'_>,
        child: Option<usize>,
        keys: Vec<Key>,
    ) -> Result<Cow<'_, HashMap<Key, Digest>>> {
        match self {
            Asked::Old(_) => Ok(Cow::Owned(member.table.saved.digests(keys, u64::MAX)?.0)),
            Asked::Named { expected, .. } => Ok(match child {
                None => Cow::Borrowed(&expected.parents),
                Some(at) => expected.children.get(at).map_or_else(Cow::default, Cow::Borrowed),
            }),
        }
    }
}

/// What was found.
#[derive(Debug, Default)]
pub(super) struct Verdict {
    /// Keys of rows that may go, in order.
    pub parents: Vec<Key>,
    /// Of each child table the keys of rows that belong to them.
    pub children: Vec<Vec<Key>>,
    /// Files that they name; looked for before a receipt names them, not when rows are deleted.
    pub files: FileSet,
    /// Encoded bytes of all of them.
    pub bytes: u64,
    /// Of the parents.
    pub dates: Dates,
    /// What stays.
    pub left: LeftRows,
}

/// What the rule says of a row.
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
pub(super) fn judge(job: &mut Job<'_>, connection: &mut Connection, asked: &Asked<'_>) -> Result<Verdict> {
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
        let found = children(job, at, connection, (&keys, asked))?;
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

/// Of parents that stay, what belongs to them stays.
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

/// A live row as a segment would have it.
pub(super) struct EncodedRow {
    pub key: Key,
    pub text: Vec<u8>,
}

impl Member<'_> {
    /// Encodes a row as a backup does.
    pub fn encode(&mut self, values: &[Option<Value>]) -> Result<EncodedRow> {
        let (mut text, mut key) = (Vec::new(), RowKey::default());
        self.encoder.encode(values, &mut text, &mut key)?;
        let key = parse_key(&key.text).ok_or_else(|| no_number(&self.table.key))?;
        Ok(EncodedRow { key, text })
    }
}

/// The highest key that is in the table now.
pub(super) fn highest(connection: &mut Connection, member: &Member<'_>) -> Result<Option<Key>> {
    let value = connection.value(&format!("SELECT MAX({}) FROM {}", member.table.key, member.table.full_name))?;
    Ok(value.and_then(|text| parse_key(text.as_bytes())))
}

/// Calls `each` with the values of each row that `sql` gives.
pub(super) fn each_row(
    connection: &mut Connection,
    sql: &str,
    each: &mut dyn FnMut(&[Option<Value>]) -> Result<()>,
) -> Result<()> {
    let mut rows = connection.stream(sql)?;
    while let Some(row) = rows.next_row(&|| "cannot read rows that are to be removed".to_owned()) {
        each(&row?)?;
    }
    Ok(())
}

pub(super) fn is_true(value: &Option<Value>) -> bool {
    match value {
        Some(Value::Int(number)) => *number != 0,
        Some(Value::UInt(number)) => *number != 0,
        Some(Value::Double(number)) => *number != 0.0,
        Some(Value::Float(number)) => *number != 0.0,
        // Nothing else is a truth: the row stays.
        _ => false,
    }
}

pub(super) fn number(value: &Value) -> Option<Key> {
    match value {
        Value::Int(number) => Some(Key::from(*number)),
        Value::UInt(number) => Some(Key::from(*number)),
        _ => None,
    }
}

pub(super) fn no_number(column: &str) -> Error {
    Error::new(ErrorKind::Refused, format!("the column {column} holds no whole numbers"))
}

pub(super) fn too_few() -> Error {
    Error::new(ErrorKind::Database, "the server gives fewer columns than it was asked for")
}
