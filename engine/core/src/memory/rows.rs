//! Remembered manifests and versions, each with its own checksum.

use repo_format::entry::Time;
use repo_format::id::{Bytes32, LeaseId};
use repo_format::manifest::{ManifestKind, SeenManifest};
use rusqlite::{Connection, OptionalExtension, Row, Transaction, params};

use super::line_number::{ALL, LineNumber};
use super::sum::sum;
use super::{Memory, Version, gone, here};
use crate::error::Result;
use crate::sqlite::damage;

/// One remembered manifest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RememberedManifest {
    /// Its id.
    pub id: LeaseId,
    /// Its digest.
    pub digest: Bytes32,
    /// Its kind.
    pub kind: ManifestKind,
    /// The start of its run.
    pub time: Time,
    /// A keyed hash of host and roots; snapshots of the same sources share it.
    pub family: Bytes32,
}

impl RememberedManifest {
    /// Its id and digest.
    pub fn reference(&self) -> SeenManifest {
        SeenManifest { id: self.id, digest: self.digest }
    }

    fn sum(&self) -> [u8; 8] {
        let (seconds, nanoseconds) = (self.time.seconds.to_le_bytes(), self.time.nanoseconds.to_le_bytes());
        sum(&[&self.id.0, &self.digest.0, &[self.kind.number()], &seconds, &nanoseconds, &self.family.0])
    }

    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        let manifest = RememberedManifest {
            id: LeaseId(row.get(0)?),
            digest: Bytes32(row.get(1)?),
            kind: row.get::<_, u8>(2)?.into(),
            time: Time { seconds: row.get(3)?, nanoseconds: row.get(4)? },
            family: Bytes32(row.get(5)?),
        };
        if row.get::<_, [u8; 8]>(6)? == manifest.sum() { Ok(manifest) } else { Err(damage()) }
    }
}

fn sum_of_version(name: &str, number: u64, digest: &Bytes32) -> [u8; 8] {
    sum(&[name.as_bytes(), &number.to_le_bytes(), &digest.0])
}

const MANIFESTS: &str = "SELECT id, digest, kind, seconds, nanoseconds, family, sum FROM manifests m";
const NEWEST_FIRST: &str = "ORDER BY seconds DESC, nanoseconds DESC, id";
const VERSIONS: &str = "SELECT number, digest, sum, name FROM versions";

fn read_version(row: &Row<'_>) -> rusqlite::Result<(u64, Bytes32)> {
    let (number, digest) = (row.get::<_, i64>(0)?.cast_unsigned(), Bytes32(row.get(1)?));
    let sum = sum_of_version(&row.get::<_, String>(3)?, number, &digest);
    if row.get::<_, [u8; 8]>(2)? == sum { Ok((number, digest)) } else { Err(damage()) }
}

/// Reads everything; each row must be as it was written.
pub(super) fn check_all(connection: &Connection) -> rusqlite::Result<()> {
    connection.prepare(MANIFESTS)?.query_map([], RememberedManifest::read)?.try_for_each(|row| row.map(drop))?;
    connection.prepare(VERSIONS)?.query_map([], read_version)?.try_for_each(|row| row.map(drop))
}

pub(super) fn insert_manifest(t: &Transaction<'_>, m: &RememberedManifest) -> rusqlite::Result<()> {
    let sql = "INSERT OR REPLACE INTO manifests (id, digest, kind, seconds, nanoseconds, family, sum) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
    let (seconds, nanoseconds, sum) = (m.time.seconds, m.time.nanoseconds, m.sum());
    t.prepare_cached(sql)?.execute(params![
        m.id.0,
        m.digest.0,
        m.kind.number(),
        seconds,
        nanoseconds,
        m.family.0,
        sum
    ])?;
    Ok(())
}

/// Inserts a version, unless a higher one is remembered.
pub(super) fn insert_version(t: &Transaction<'_>, line: LineNumber, version: &Version<'_>) -> rusqlite::Result<()> {
    let sql = "INSERT INTO versions (line, name, number, digest, sum) VALUES (?1, ?2, ?3, ?4, ?5)
               ON CONFLICT (line, name) DO UPDATE
               SET number = excluded.number, digest = excluded.digest, sum = excluded.sum
               WHERE excluded.number > versions.number";
    let Version { name, number, digest } = *version;
    let sum = sum_of_version(name, number, &digest);
    t.prepare_cached(sql)?.execute(params![line, name, number.cast_signed(), digest.0, sum])?;
    Ok(())
}

impl Memory {
    /// All manifests that were seen anywhere, newest first.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Cache`].
    pub(crate) fn all_manifests(&self) -> Result<Vec<RememberedManifest>> {
        self.read("recall the snapshots", |c| {
            let mut statement = c.prepare_cached(&format!("{MANIFESTS} {NEWEST_FIRST}"))?;
            statement.query_map([], RememberedManifest::read)?.collect()
        })
    }

    /// The manifests that the repository should have here, newest first: those that were seen here, or, at a new place,
    /// all.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Cache`].
    pub fn manifests(&self) -> Result<Vec<RememberedManifest>> {
        let Some(line) = self.line() else { return self.all_manifests() };
        self.read("recall the snapshots", |c| {
            let sql = format!("{MANIFESTS} JOIN sightings s ON s.manifest = m.id WHERE s.line = ?1 {NEWEST_FIRST}");
            let mut statement = c.prepare_cached(&sql)?;
            statement.query_map([line], RememberedManifest::read)?.collect()
        })
    }

    /// Remembers manifests that exist in the repository.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Cache`].
    pub(crate) fn remember_manifests(&self, manifests: &[RememberedManifest]) -> Result<()> {
        if manifests.is_empty() {
            return Ok(());
        }
        let line = self.line();
        self.write("remember a snapshot", |t| {
            let sql = "INSERT OR IGNORE INTO sightings (line, manifest) VALUES (?1, ?2)";
            here::insert(t, &self.at(), manifests.iter().map(|manifest| manifest.id))?;
            for manifest in manifests {
                insert_manifest(t, manifest)?;
                if let Some(line) = line {
                    t.prepare_cached(sql)?.execute(params![line, manifest.id.0])?;
                }
            }
            Ok(())
        })
    }

    /// Notes that these manifests are gone for good and no longer expected. If one exists again, someone put it back.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Cache`].
    pub fn forget_manifests(&self, ids: &[LeaseId]) -> Result<()> {
        if ids.is_empty() {
            return Ok(());
        }
        let line = self.line();
        self.write("forget a snapshot", |t| {
            gone::insert(t, &self.at(), ids)?;
            ids.iter().try_for_each(|id| here::delete(t, &self.at(), *id))?;
            let Some(line) = line else { return Ok(()) };
            for id in ids {
                let sql = "DELETE FROM sightings WHERE line = ?1 AND manifest = ?2";
                t.prepare_cached(sql)?.execute(params![line, id.0])?;
                let sql =
                    "DELETE FROM manifests WHERE id = ?1 AND NOT EXISTS (SELECT 1 FROM sightings WHERE manifest = ?1)";
                t.prepare_cached(sql)?.execute([id.0])?;
            }
            Ok(())
        })
    }

    /// The newest version remembered under `name` (`keyring`, `config`, `condemned`) at this place; at a new
    /// place, that of all places.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Cache`].
    pub fn version<'n>(&self, name: &'n str) -> Result<Option<Version<'n>>> {
        let line = self.line().unwrap_or(ALL);
        self.read("recall a version", |c| {
            let mut statement = c.prepare_cached(&format!("{VERSIONS} WHERE line = ?1 AND name = ?2"))?;
            let found = statement.query_row(params![line, name], read_version).optional()?;
            Ok(found.map(|(number, digest)| Version { name, number, digest }))
        })
    }

    /// The names that begin with `prefix` and under which a version of any place is remembered.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Cache`].
    pub(crate) fn names_of_versions(&self, prefix: &str) -> Result<Vec<String>> {
        self.read("recall versions", |c| {
            let sql = "SELECT name FROM versions WHERE line = ?1 AND substr(name, 1, length(?2)) = ?2";
            let mut statement = c.prepare_cached(sql)?;
            statement.query_map(params![ALL, prefix], |row| row.get(0))?.collect()
        })
    }

    /// Remembers a number and digest under `name`, unless a higher number is remembered.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Cache`].
    pub(crate) fn remember_version(&self, name: &str, number: u64, digest: Bytes32) -> Result<()> {
        let version = Version { name, number, digest };
        if self.version(name)?.is_some_and(|known| known.number > number || known == version) {
            return Ok(());
        }
        let line = self.line();
        self.write("remember a version", |t| {
            insert_version(t, ALL, &version)?;
            line.map_or(Ok(()), |line| insert_version(t, line, &version))
        })
    }
}
