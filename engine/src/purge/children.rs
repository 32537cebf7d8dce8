//! What belongs to rows that are judged: rows of child tables, and files that these name.

use mysql::Value;

use super::files::{Attached, Look};
use super::job::{ChildMember, Job};
use super::judge::{Asked, each_row, highest, is_true, list, no_number, number, too_few};
use super::saved_rows::Key;
use super::uses::used_keys;
use crate::database::Connection;
use crate::error::Result;

/// Keys of parents in one statement that looks for their children.
const KEYS_PER_STATEMENT: usize = 1000;

/// A row that belongs to a parent.
pub(super) struct Owned {
    pub parent: Key,
    pub key: Key,
    pub bytes: u64,
    /// The file that it names.
    pub file: Look,
}

/// Why a parent stays.
#[derive(Clone, Copy)]
pub(super) enum Stays {
    Unproven,
    Used,
    Highest,
}

/// What belongs to some parents.
#[derive(Default)]
pub(super) struct Children {
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
    (parents, asked): (&[Key], &Asked<'_>),
) -> Result<Children> {
    let highest = highest(connection, &job.children[at].member)?;
    let attached = job.attached.as_mut().filter(|attached| attached.at == at);
    let mut kin = Kin { at, child: &mut job.children[at], attached, highest, asked, found: Children::default() };
    let leading = kin.attached.as_ref().map_or("", |attached| &attached.leading);
    let select = kin.child.member.table.select(&format!("{}, {leading}", kin.child.column));
    for keys in parents.chunks(KEYS_PER_STATEMENT) {
        let sql = format!("{select} WHERE {} IN ({}){}", kin.child.column, list(keys), asked.hold);
        each_row(connection, &sql, &mut |values| kin.row(values))?;
    }
    let Kin { attached, mut found, .. } = kin;
    if let Some(attached) = attached {
        let keys: Vec<Key> = found.owned.iter().map(|row| row.key).collect();
        let used = used_keys(connection, &attached.rows_used_by, &keys)?;
        let rows = found.owned.iter().filter(|row| used.contains(&row.key));
        found.stays.extend(rows.map(|row| (row.parent, Stays::Used)));
    }
    Ok(found)
}

/// The rows of a child table, one after another.
struct Kin<'k, 'r> {
    at: usize,
    child: &'k mut ChildMember<'r>,
    /// If they name files.
    attached: Option<&'k mut Attached<'r>>,
    highest: Option<Key>,
    asked: &'k Asked<'k>,
    found: Children,
}

impl Kin<'_, '_> {
    fn row(&mut self, values: &[Option<Value>]) -> Result<()> {
        let (parent, values) = values.split_first().ok_or_else(too_few)?;
        let parent = parent.as_ref().and_then(number).ok_or_else(|| no_number(&self.child.column))?;
        let leading = self.attached.as_ref().map_or(0, |attached| attached.leading_count);
        let (goes, values) = values.split_at_checked(leading).ok_or_else(too_few)?;
        let row = self.child.member.encode(values)?;
        let stays = match self.child.member.table.saved.row(row.key)? {
            _ if !goes.iter().all(is_true) => Stays::Used,
            Some(_) if self.highest == Some(row.key) => Stays::Highest,
            Some(saved) if *saved == *row.text && self.asked.names_child(self.at, row.key) => {
                let file = match (&mut self.attached, self.asked.named) {
                    (Some(attached), None) => attached.look(values)?,
                    _ => Look::Absent,
                };
                match file {
                    Look::Unproven(_) => Stays::Unproven,
                    file => {
                        let bytes = row.text.len() as u64;
                        self.found.owned.push(Owned { parent, key: row.key, bytes, file });
                        return Ok(());
                    }
                }
            }
            _ => Stays::Unproven,
        };
        self.found.stays.push((parent, stays));
        Ok(())
    }
}
