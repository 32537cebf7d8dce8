//! Places and lines: they tell the copies of a repository apart.

use repo_format::id::Bytes32;
use rusqlite::{Connection, OptionalExtension, Transaction, params};

use super::line_number::{ALL, LineNumber};
use super::{Memory, RememberedManifest, here, lock, rows};
use crate::error::Result;

/// One version of a replaceable object: its name, number and digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Version<'n> {
    /// `config`, `keyring` or `condemned`.
    pub name: &'n str,
    /// Its number.
    pub number: u64,
    /// Its digest.
    pub digest: Bytes32,
}

impl Memory {
    /// The line of the repository's place; `None` if the place is new.
    pub(super) fn line(&self) -> Option<LineNumber> {
        *lock(&self.line)
    }

    /// Whether this machine has not yet seen the repository whole in this place, though it knows other places.
    pub(crate) fn is_new_place(&self) -> bool {
        self.line().is_none()
    }

    /// Looks for the line of the place. The first place of all starts a line.
    pub(super) fn find_line(&self) -> Result<()> {
        let action = "look for the place";
        let mut line = self.read(action, |c| line_of(c, &self.at()))?;
        if line.is_none() && self.read(action, count_lines)? == 0 {
            line = self.write("note the place", |t| {
                // Another process may have been faster.
                let is_first = count_lines(t)? == 0;
                if is_first { begin_line(t, &self.at()).map(Some) } else { line_of(t, &self.at()) }
            })?;
        }
        *lock(&self.line) = line;
        Ok(())
    }

    /// Adds a new place that lacks nothing to the line, if there is only one. With several lines, nothing tells which
    /// is right.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Cache`].
    pub(crate) fn join_only_line(&self) -> Result<()> {
        if !self.is_new_place() {
            return Ok(());
        }
        let joined = self.write("note the place", |t| {
            if count_lines(t)? != 1 {
                return Ok(None);
            }
            let line: LineNumber = t.query_row("SELECT number FROM lines", [], |row| row.get(0))?;
            set_line(t, &self.at(), line)?;
            Ok(Some(line))
        })?;
        *lock(&self.line) = joined;
        Ok(())
    }

    /// The user accepts the repository as it is here. It gets a line of its own, which starts with its present
    /// contents. The other places of its earlier line are no longer expected to have what was seen only here.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Cache`].
    pub(crate) fn begin_own_line(&self, present: &[RememberedManifest], versions: &[Version<'_>]) -> Result<()> {
        let earlier = self.line();
        let line = self.write("note what was accepted", |t| {
            let line = begin_line(t, &self.at())?;
            t.execute(LEAVE, params![earlier, self.at()])?;
            here::insert(t, &self.at(), present.iter().map(|manifest| manifest.id))?;
            for manifest in present {
                rows::insert_manifest(t, manifest)?;
                let sql = "INSERT OR IGNORE INTO sightings (line, manifest) VALUES (?1, ?2)";
                t.prepare_cached(sql)?.execute(params![line, manifest.id.0])?;
            }
            for version in versions {
                rows::insert_version(t, line, version)?;
            }
            Ok(line)
        })?;
        *lock(&self.line) = Some(line);
        Ok(())
    }
}

/// Takes out of line ?1 what was seen only in the place ?2, which has left the line.
const LEAVE: &str = "
DELETE FROM sightings WHERE line = ?1
AND manifest IN (SELECT manifest FROM here WHERE place = ?2)
AND NOT EXISTS (
    SELECT 1 FROM here h JOIN places p ON p.name = h.place WHERE p.line = ?1 AND h.manifest = sightings.manifest)";

pub(super) fn line_of(connection: &Connection, at: &str) -> rusqlite::Result<Option<LineNumber>> {
    connection.query_row("SELECT line FROM places WHERE name = ?1", [at], |row| row.get(0)).optional()
}

/// The number of lines; a memory without one is new.
pub(super) fn count_lines(connection: &Connection) -> rusqlite::Result<i64> {
    connection.query_row("SELECT count(*) FROM lines", [], |row| row.get(0))
}

fn set_line(t: &Transaction<'_>, at: &str, line: LineNumber) -> rusqlite::Result<()> {
    t.execute("INSERT OR REPLACE INTO places (name, line) VALUES (?1, ?2)", params![at, line]).map(|_| ())
}

/// Starts a line for this place. Knowledge without a line, as from an earlier version, belongs to the first line.
fn begin_line(t: &Transaction<'_>, at: &str) -> rusqlite::Result<LineNumber> {
    let is_first = count_lines(t)? == 0;
    t.execute("INSERT INTO lines DEFAULT VALUES", [])?;
    let line = t.last_insert_rowid();
    set_line(t, at, line)?;
    if is_first {
        t.execute("INSERT OR IGNORE INTO sightings (line, manifest) SELECT ?1, id FROM manifests", [line])?;
        t.execute("INSERT OR IGNORE INTO here (place, manifest) SELECT ?1, id FROM manifests", [at])?;
        let sql = "INSERT OR IGNORE INTO versions (line, name, number, digest, sum)
                   SELECT ?1, name, number, digest, sum FROM versions WHERE line = ?2";
        t.execute(sql, [line, ALL])?;
    }
    Ok(line)
}
