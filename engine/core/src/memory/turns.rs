//! Disks that are used in one place in turn and that the system cannot tell apart, because one is a copy of the whole other, with its
//! volume's identity.
//!
//! The first disk has the name of the place. The user says that there is another one, and it gets a name of its own; from then
//! on the memory recognises each by what it has seen there. A new disk is never assumed: the operator of the storage could
//! put back an older copy and call it another disk.

use std::collections::HashSet;

use repo_format::id::LeaseId;
use rusqlite::{Connection, params};

use super::{Memory, here, lines, lock};
use crate::error::Result;

/// Stands between the name of a place and the number of a disk there. A folder may have any other name.
const DISK: &str = "\u{1}(disk ";

fn name(place: &str, number: usize) -> String {
    format!("{place}{DISK}{number})")
}

/// The names of the disks that were accepted in this place, the first one first.
pub(super) fn disks_at(connection: &Connection, place: &str) -> rusqlite::Result<Vec<String>> {
    let sql = "SELECT name FROM places WHERE name = ?1 OR substr(name, 1, length(?2)) = ?2 ORDER BY length(name), name";
    let mut statement = connection.prepare_cached(sql)?;
    statement.query_map(params![place, format!("{place}{DISK}")], |row| row.get(0))?.collect()
}

/// The signs of a disk: manifests that are there and that were seen on no other disk, and how few are missing.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Fit {
    own: usize,
    missing: std::cmp::Reverse<usize>,
}

impl Memory {
    /// The number of this disk, and how many take turns in its place; `None` if there is only one.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Cache`].
    pub fn turn(&self) -> Result<Option<(usize, usize)>> {
        let disks = self.read("look for disks", |c| disks_at(c, &self.place))?;
        let at = self.at();
        let number = disks.iter().position(|disk| **disk == *at).map_or(disks.len(), |index| index + 1);
        Ok((disks.len() > 1).then_some((number, disks.len())))
    }

    /// Finds out which disk of this place it is, by the manifests that are `there`.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Cache`].
    pub(crate) fn recognise(&self, there: &[LeaseId]) -> Result<()> {
        let there: HashSet<LeaseId> = there.iter().copied().collect();
        let disks = self.read("look for disks", |c| {
            let with_seen = |disk: String| Ok((seen_on(c, &disk)?, disk));
            disks_at(c, &self.place)?.into_iter().map(with_seen).collect::<rusqlite::Result<Vec<_>>>()
        })?;
        let fit = |(at, (seen, _)): &(usize, &(HashSet<LeaseId>, String))| {
            let is_own = |id: &&LeaseId| {
                there.contains(*id)
                    && disks.iter().enumerate().all(|(other, (seen, _))| other == *at || !seen.contains(*id))
            };
            let missing = seen.iter().filter(|id| !there.contains(*id)).count();
            Fit { own: seen.iter().filter(is_own).count(), missing: std::cmp::Reverse(missing) }
        };
        // The first of several that fit equally.
        let best = disks.iter().enumerate().rev().max_by_key(fit);
        if let Some((_, (_, disk))) = best {
            self.use_disk(disk)?;
        }
        Ok(())
    }

    /// From now on this is another disk of this place, of which nothing is known. Until now `made_here` was remembered as if the
    /// first disk had it.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Cache`].
    pub(crate) fn be_another_disk(&self, made_here: &[LeaseId]) -> Result<()> {
        let (at, line) = (self.at(), self.line());
        self.write("note that it is another disk", |t| {
            made_here.iter().try_for_each(|id| {
                here::delete(t, &at, *id)?;
                t.execute("DELETE FROM sightings WHERE line = ?1 AND manifest = ?2", params![line, id.0]).map(drop)
            })
        })?;
        let known = self.read("look for disks", |c| disks_at(c, &self.place))?;
        // A place that is itself new needs no second name.
        if let Some(new) = (2..).map(|number| name(&self.place, number)).find(|new| !known.contains(new))
            && known.contains(&self.place)
        {
            self.use_disk(&new)?;
        }
        Ok(())
    }

    fn use_disk(&self, disk: &str) -> Result<()> {
        let line = self.read("look for the place", |c| lines::line_of(c, disk))?;
        *lock(&self.at) = disk.into();
        *lock(&self.line) = line;
        Ok(())
    }
}

fn seen_on(connection: &Connection, disk: &str) -> rusqlite::Result<HashSet<LeaseId>> {
    let mut statement = connection.prepare_cached("SELECT manifest FROM here WHERE place = ?1")?;
    statement.query_map([disk], |row| row.get(0).map(LeaseId))?.collect()
}
