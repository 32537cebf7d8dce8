//! The receipts of a repository: the receipts of one purge together.

use std::collections::BTreeMap;

use repo_format::database::PurgePhase;
use repo_format::id::{LeaseId, PurgeId};
use repo_format::manifest::ManifestKind;

use super::purge::{Purge, Receipt};
use super::release::Release;
use crate::error::{Error, ErrorKind, Result};
use crate::pack::ChunkReader;
use crate::repository::{ManifestObject, Repository};
use crate::snapshots::saved::Database;
use crate::tree::SegmentItem;

/// All purges.
#[derive(Debug, Default)]
pub struct History {
    /// The purges whose rows are kept, oldest first.
    pub purges: Vec<Purge>,
    /// The purges that were released, oldest first.
    pub released: Vec<Release>,
    /// Receipts that cannot be read, and why.
    pub unreadable: Vec<(LeaseId, Error)>,
}

/// The segments that keep the purged rows of a table. Neighbours that were not purged are among their rows.
#[derive(Debug, Clone)]
pub struct KeptTable {
    /// Its schema.
    pub schema: String,
    /// Its name.
    pub table: String,
    /// In order.
    pub segments: Vec<SegmentItem>,
}

/// Reads all receipts. The catalog must be up to date.
///
/// # Errors
/// If the store cannot be listed. A receipt that cannot be read is in the outcome, and is no error.
pub fn history(repository: &Repository) -> Result<History> {
    let (manifests, unreadable) = repository.read_manifests()?;
    let reader = ChunkReader::new(repository);
    let mut history =
        History { unreadable: unreadable.into_iter().map(|u| (u.id, u.error)).collect(), ..History::default() };
    let mut purges: BTreeMap<PurgeId, Purge> = BTreeMap::new();
    for object in manifests {
        match object.manifest.kind {
            ManifestKind::Record => history.released.extend(Release::of(&object.manifest)),
            ManifestKind::Receipt => match read(&reader, object) {
                Ok(receipt) => add(purges.entry(receipt.record.purge).or_default(), receipt),
                Err((_, error)) if error.kind() == ErrorKind::Unavailable => return Err(error),
                Err((id, error)) => history.unreadable.push((id, error)),
            },
            _ => {}
        }
    }
    // A release that was interrupted is none yet.
    history.released.retain(|release| !purges.contains_key(&release.purge));
    history.purges = purges.into_values().collect();
    let started = |purge: &Purge| purge.receipts().map(|receipt| receipt.record.started).min();
    history.purges.sort_by_key(started);
    Ok(history)
}

fn add(purge: &mut Purge, receipt: Receipt) {
    match receipt.record.phase {
        PurgePhase::Begun => purge.begun = Some(receipt),
        PurgePhase::Ended => purge.ended = Some(receipt),
    }
}

fn read(reader: &ChunkReader<'_>, object: ManifestObject) -> std::result::Result<Receipt, (LeaseId, Error)> {
    let ManifestObject { manifest, digest } = object;
    match Database::open(reader, &manifest, None).and_then(|database| database.receipt()) {
        Ok(Some(record)) => Ok(Receipt { manifest, digest, record }),
        Ok(None) => Err((manifest.id, Error::new(ErrorKind::Damaged, "it has no record of a purge"))),
        Err(error) => Err((manifest.id, error)),
    }
}

/// The purge whose id, or the id of one of whose receipts, begins with `prefix`.
///
/// # Errors
/// [`ErrorKind::NotFound`]; [`ErrorKind::Usage`] if there are several. The error of a receipt that begins so and cannot be read.
pub fn find(repository: &Repository, prefix: &str) -> Result<Purge> {
    let wanted = prefix.to_ascii_lowercase();
    if wanted.is_empty() || !wanted.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(Error::new(ErrorKind::NotFound, format!("`{prefix}` is not the id of a receipt")));
    }
    let History { purges, unreadable, .. } = history(repository)?;
    let is_meant = |receipt: &Receipt| {
        [receipt.id().to_string(), receipt.record.purge.to_string()].iter().any(|id| id.starts_with(&wanted))
    };
    let mut found: Vec<_> = purges.into_iter().filter(|purge| purge.receipts().any(is_meant)).collect();
    let damaged = unreadable.into_iter().find(|(id, _)| id.to_string().starts_with(&wanted));
    match (found.len(), damaged) {
        (1, _) => Ok(found.swap_remove(0)),
        (0, Some((id, error))) => Err(error.context(format!("the receipt {id} cannot be read"))),
        (0, None) => Err(Error::new(ErrorKind::NotFound, format!("there is no receipt {prefix}"))),
        (n, _) => Err(Error::new(ErrorKind::Usage, format!("{n} receipts begin with {prefix}: give more of the id"))),
    }
}

/// The segments that a receipt keeps, of each table once. Memory: one item for each half MiB of rows.
///
/// # Errors
/// [`ErrorKind::Damaged`].
pub fn kept(repository: &Repository, receipt: &Receipt) -> Result<Vec<KeptTable>> {
    let reader = ChunkReader::new(repository);
    let database = Database::open(&reader, &receipt.manifest, None)?;
    let mut tables = Vec::new();
    for name in database.schema_names()? {
        let schema = database.schema(&name)?;
        for table in schema.table_names()? {
            let segments = schema.table(&table)?.segments(&reader)?.collect::<Result<_>>()?;
            tables.push(KeptTable { schema: name.clone(), table, segments });
        }
    }
    Ok(tables)
}
