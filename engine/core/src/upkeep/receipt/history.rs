//! The receipts of a repository: the receipts of one purge together.

use std::collections::BTreeMap;

use repo_format::database::PurgePhase;
use repo_format::id::{LeaseId, PurgeId};
use repo_format::manifest::ManifestKind;

use super::purge::{Purge, Receipt};
use super::release::Release;
use crate::error::{Error, ErrorKind, Result};
use crate::pack::ChunkReader;
use crate::repository::{ManifestObject, Manifests, Repository, SnapshotObject};
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

/// Reads all receipts, and what was released. The catalog must be up to date.
///
/// # Errors
/// If the store cannot be listed or does not answer. A receipt that cannot be read is in the outcome, and is no error.
pub fn history(repository: &Repository) -> Result<History> {
    let Manifests { mut present, unreadable, .. } = repository.manifests()?;
    present.retain(|known| matches!(known.kind, ManifestKind::Receipt | ManifestKind::Record));
    let reader = ChunkReader::new(repository);
    let mut history =
        History { unreadable: unreadable.into_iter().map(|u| (u.id, u.error)).collect(), ..History::default() };
    let mut purges: BTreeMap<PurgeId, Purge> = BTreeMap::new();
    for (id, read) in repository.each_remembered(&present) {
        let receipt = read.and_then(|object| match object {
            SnapshotObject::Manifest(object) if object.manifest.kind == ManifestKind::Record => {
                history.released.extend(Release::of(&object.manifest));
                Ok(None)
            }
            SnapshotObject::Manifest(object) => receipt(&reader, *object).map(Some),
            SnapshotObject::Void(_) => Ok(None),
        });
        match receipt {
            Ok(receipt) => {
                receipt.into_iter().for_each(|receipt| add(purges.entry(receipt.record.purge).or_default(), receipt))
            }
            Err(error) if repository.is_later(&error) => {}
            Err(error) if !error.is_damage() => return Err(error),
            Err(error) if repository.has_snapshot_object(id)? => history.unreadable.push((id, error)),
            // It was forgotten meanwhile.
            Err(_) => {}
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

fn receipt(reader: &ChunkReader<'_>, ManifestObject { manifest, digest }: ManifestObject) -> Result<Receipt> {
    let record = Database::open(reader, &manifest, None)?.receipt()?;
    let record = record.ok_or_else(|| Error::new(ErrorKind::Damaged, "it has no record of a purge"))?;
    Ok(Receipt { manifest, digest, record })
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
        (n, _) => Err(Error::new(ErrorKind::Usage, format!("{n} receipts begin with {prefix}: give more of the id"))
            .with_hint("`enamel purge history` shows the ids.")),
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
