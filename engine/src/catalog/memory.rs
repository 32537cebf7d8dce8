//! What this machine remembers of manifests, keyring and config, so that what disappears or rolls back shows.

use repo_format::entry::Time;
use repo_format::id::{Bytes32, LeaseId, PackId};
use repo_format::manifest::KIND_SNAPSHOT;
use rusqlite::{OptionalExtension, params};

use super::{Catalog, schema};
use crate::error::Result;

/// What is remembered of a manifest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RememberedManifest {
    /// Its id.
    pub id: LeaseId,
    /// Its digest.
    pub digest: Bytes32,
    /// Its kind.
    pub kind: u8,
    /// When its run started.
    pub time: Time,
    /// A keyed hash of host and roots: snapshots of the same things have the same.
    pub family: Bytes32,
}

/// A sum of the fields of a row. The other tables are checked against the repository; what is remembered has nothing else to be
/// checked against, and a flipped bit in it would look like a rollback.
fn sum(fields: &[&[u8]]) -> [u8; 8] {
    let mut hasher = blake3::Hasher::new();
    for field in fields {
        hasher.update(&(field.len() as u64).to_le_bytes()).update(field);
    }
    let mut sum = [0; 8];
    hasher.finalize_xof().fill(&mut sum);
    sum
}

impl RememberedManifest {
    fn sum(&self) -> [u8; 8] {
        let (seconds, nanoseconds) = (self.time.seconds.to_le_bytes(), self.time.nanoseconds.to_le_bytes());
        sum(&[&self.id.0, &self.digest.0, &[self.kind], &seconds, &nanoseconds, &self.family.0])
    }
}

fn sum_of_version(name: &str, number: u64, digest: &Bytes32) -> [u8; 8] {
    sum(&[name.as_bytes(), &number.to_le_bytes(), &digest.0])
}

/// Snapshots whose packs are remembered; older ones are let go.
const COUNTED_SNAPSHOTS: i64 = 16;

impl Catalog {
    /// Remembers a manifest.
    pub fn remember_manifest(&self, manifest: &RememberedManifest) -> Result<()> {
        let m = manifest;
        self.write("remember a snapshot", |t| {
            let sql = "INSERT OR REPLACE INTO manifests (id, digest, kind, seconds, nanoseconds, family, sum) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
            let (seconds, nanoseconds) = (m.time.seconds, m.time.nanoseconds);
            let sum = m.sum();
            t.prepare_cached(sql)?.execute(params![m.id.0, m.digest.0, m.kind, seconds, nanoseconds, m.family.0, sum])?;
            Ok(())
        })
    }

    /// All remembered manifests, newest first.
    pub fn remembered_manifests(&self) -> Result<Vec<RememberedManifest>> {
        self.read("recall the snapshots", |c| {
            let sql = "SELECT id, digest, kind, seconds, nanoseconds, family, sum FROM manifests ORDER BY seconds DESC, nanoseconds DESC, id";
            let mut statement = c.prepare_cached(sql)?;
            let rows = statement.query_map([], |row| {
                let manifest = RememberedManifest {
                    id: LeaseId(row.get(0)?),
                    digest: Bytes32(row.get(1)?),
                    kind: row.get(2)?,
                    time: Time { seconds: row.get(3)?, nanoseconds: row.get(4)? },
                    family: Bytes32(row.get(5)?),
                };
                match row.get::<_, [u8; 8]>(6)? == manifest.sum() {
                    true => Ok(manifest),
                    false => Err(schema::corrupt()),
                }
            })?;
            rows.collect()
        })
    }

    /// Remembers these manifests no more.
    pub fn forget_manifests(&self, ids: &[LeaseId]) -> Result<()> {
        if ids.is_empty() {
            return Ok(());
        }
        self.write("forget a snapshot", |t| {
            for id in ids {
                t.prepare_cached("DELETE FROM manifests WHERE id = ?1")?.execute([id.0])?;
                t.prepare_cached("DELETE FROM counted WHERE snapshot = ?1")?.execute([id.0])?;
            }
            Ok(())
        })
    }

    /// Remembers the packs that a snapshot counts on.
    pub fn remember_counted(&self, snapshot: LeaseId, packs: &[PackId]) -> Result<()> {
        self.write("remember a snapshot's packs", |t| {
            let mut insert = t.prepare_cached(
                "INSERT OR IGNORE INTO counted (snapshot, pack) SELECT ?1, number FROM packs WHERE id = ?2",
            )?;
            packs.iter().try_for_each(|pack| insert.execute(params![snapshot.0, pack.0]).map(|_| ()))?;
            let old = "DELETE FROM counted WHERE snapshot NOT IN
                       (SELECT id FROM manifests WHERE kind = ?1 ORDER BY seconds DESC, nanoseconds DESC LIMIT ?2)";
            t.prepare_cached(old)?.execute(params![KIND_SNAPSHOT, COUNTED_SNAPSHOTS])?;
            Ok(())
        })
    }

    /// The packs that a snapshot counts on, if that is remembered.
    pub fn counted(&self, snapshot: LeaseId) -> Result<Option<Vec<PackId>>> {
        self.read("recall a snapshot's packs", |c| {
            let mut statement =
                c.prepare_cached("SELECT p.id FROM counted c JOIN packs p ON p.number = c.pack WHERE c.snapshot = ?1")?;
            let packs = statement
                .query_map([snapshot.0], |row| row.get(0).map(PackId))?
                .collect::<rusqlite::Result<Vec<_>>>()?;
            Ok((!packs.is_empty()).then_some(packs))
        })
    }

    /// The newest number and digest remembered under `name` (`keyring`, `config`, `condemned`).
    pub fn remembered(&self, name: &str) -> Result<Option<(u64, Bytes32)>> {
        self.read("recall a version", |c| {
            let mut statement = c.prepare_cached("SELECT number, digest, sum FROM remembered WHERE name = ?1")?;
            statement
                .query_row([name], |row| {
                    let (number, digest) = (row.get::<_, i64>(0)?.cast_unsigned(), Bytes32(row.get(1)?));
                    match row.get::<_, [u8; 8]>(2)? == sum_of_version(name, number, &digest) {
                        true => Ok((number, digest)),
                        false => Err(schema::corrupt()),
                    }
                })
                .optional()
        })
    }

    /// Remembers a number and digest under `name`, unless a higher number is remembered.
    pub fn remember(&self, name: &str, number: u64, digest: Bytes32) -> Result<()> {
        if self.remembered(name)?.is_some_and(|(known, same)| known > number || (known == number && same == digest)) {
            return Ok(());
        }
        self.write("remember a version", |t| {
            let sql = "INSERT INTO remembered (name, number, digest, sum) VALUES (?1, ?2, ?3, ?4)
                       ON CONFLICT (name) DO UPDATE
                       SET number = excluded.number, digest = excluded.digest, sum = excluded.sum
                       WHERE excluded.number > remembered.number";
            t.prepare_cached(sql)?.execute(params![
                name,
                number.cast_signed(),
                digest.0,
                sum_of_version(name, number, &digest)
            ])?;
            Ok(())
        })
    }
}
