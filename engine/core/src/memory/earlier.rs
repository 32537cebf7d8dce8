//! Imports the memory that an earlier version of this program kept in its cache.

use std::path::Path;

use repo_format::entry::Time;
use repo_format::id::{Bytes32, LeaseId, RepositoryId};
use rusqlite::Connection;

use super::line_number::ALL;
use super::{RememberedManifest, Version, rows};
use crate::sqlite::{self, Create};

const FILE: &str = "index.sqlite";
const FILES: [&str; 4] = [FILE, "index.sqlite-wal", "index.sqlite-shm", "corrupt"];
const VERSION: i64 = 3;

/// The rows of that cache.
#[derive(Default)]
struct Known {
    manifests: Vec<RememberedManifest>,
    versions: Vec<(String, u64, Bytes32)>,
}

/// Imports the memory from the cache in `folder`, if it exists, into an empty memory. Then deletes the cache, which
/// held nothing else of value, unless another process has it open. Unreadable rows are lost; that earlier version would
/// have lost them, too.
pub(super) fn take_over(folder: &Path, repository: RepositoryId, to: &mut Connection) -> rusqlite::Result<()> {
    let path = folder.join(FILE);
    if !path.exists() {
        return Ok(());
    }
    let Ok(from) = sqlite::open(&path, Create::Never) else { return Ok(()) };
    let Ok(Some(known)) = read(&from, repository) else { return Ok(()) };
    let transaction = to.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
    known.manifests.iter().try_for_each(|manifest| rows::insert_manifest(&transaction, manifest))?;
    for (name, number, digest) in &known.versions {
        rows::insert_version(&transaction, ALL, &Version { name, number: *number, digest: *digest })?;
    }
    transaction.commit()?;
    // Only a process that has the database alone can change this.
    let mode = from.query_row("PRAGMA journal_mode = delete", [], |row| row.get::<_, String>(0));
    drop(from);
    if mode.is_ok_and(|mode| mode == "delete") {
        // A file that stays takes space and does no harm.
        FILES.iter().for_each(|name| std::fs::remove_file(folder.join(name)).unwrap_or_default());
    }
    Ok(())
}

fn read(from: &Connection, repository: RepositoryId) -> rusqlite::Result<Option<Known>> {
    if sqlite::version(from)? != VERSION {
        return Ok(None);
    }
    let id: [u8; 16] = from.query_row("SELECT id FROM repository", [], |row| row.get(0))?;
    if id != repository.0 {
        return Ok(None);
    }
    let mut known = Known::default();
    let mut statement = from.prepare("SELECT id, digest, kind, seconds, nanoseconds, family FROM manifests")?;
    let manifests = statement.query_map([], |row| {
        Ok(RememberedManifest {
            id: LeaseId(row.get(0)?),
            digest: Bytes32(row.get(1)?),
            kind: row.get::<_, u8>(2)?.into(),
            time: Time { seconds: row.get(3)?, nanoseconds: row.get(4)? },
            family: Bytes32(row.get(5)?),
        })
    })?;
    known.manifests = manifests.collect::<rusqlite::Result<_>>()?;
    let mut statement = from.prepare("SELECT name, number, digest FROM remembered")?;
    let versions = statement
        .query_map([], |row| Ok((row.get(0)?, row.get::<_, i64>(1)?.cast_unsigned(), Bytes32(row.get(2)?))))?;
    known.versions = versions.collect::<rusqlite::Result<_>>()?;
    Ok(Some(known))
}
