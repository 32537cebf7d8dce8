//! Receipts of the beginning of purges that say no more than the receipts of their end: they may go (FORMAT.md, sections 11.2 and 13).

use repo_format::database::PurgedTable;
use repo_format::limits;
use repo_format::manifest::SeenManifest;

use super::history::{History, history};
use super::purge::{Purge, Receipt};
use crate::error::Result;
use crate::machine;
use crate::repository::{Author, Forgotten, Record, Repository};
use engine_store::ObjectName;

/// Forgets all that are [`superseded`], also those that an earlier run left: puts a record that names them, **then** deletes them. After any
/// of these steps it can be done again.
///
/// # Errors
/// If the record cannot be put, or the store does not let this user delete: both receipts are there then, and say the same.
pub fn forget_superseded(repository: &Repository, author: &Author) -> Result<()> {
    let mut going = superseded(&history(repository)?);
    // More of them than one record can name wait for the next run.
    going.truncate(usize::try_from(limits::FORGOTTEN_COUNT).unwrap_or(usize::MAX));
    if going.is_empty() {
        return Ok(());
    }
    // One in a record that cannot be read is named twice, which says the same.
    let (records, _) = repository.read_records(&repository.manifests()?.present)?;
    let forgotten = Forgotten::by(records.iter().map(|record| &record.manifest));
    let unnamed: Vec<_> =
        going.iter().filter(|receipt| !forgotten.names(receipt.id, receipt.digest)).copied().collect();
    if !unnamed.is_empty() {
        let record = Record { time: machine::now(), forgotten: Some(unnamed), ..Record::default() };
        repository.put_record(author, record)?;
    }
    for receipt in &going {
        repository.store().delete(&ObjectName::Snapshot(receipt.id))?;
        repository.memory().forget_manifests(&[receipt.id])?;
    }
    Ok(())
}

/// The receipts of the beginning whose purge has a receipt of its end that names the same rows: they may be forgotten. A receipt that names
/// more stays: if the connection was lost during a deletion, nobody knows whether the row is gone.
pub fn superseded(history: &History) -> Vec<SeenManifest> {
    let names_all = |purge: &&Purge| match (&purge.begun, &purge.ended) {
        (Some(begun), Some(ended)) => {
            begun.record.tables.iter().all(|table| is_named(table, &ended.record.tables)) && same_files(begun, ended)
        }
        _ => false,
    };
    let both = history.purges.iter().filter(names_all).filter_map(|purge| purge.begun.as_ref());
    both.map(|begun| SeenManifest { id: begun.id(), digest: begun.digest }).collect()
}

fn same_files(begun: &Receipt, ended: &Receipt) -> bool {
    let files = |receipt: &Receipt| receipt.record.files.clone().unwrap_or_default().files;
    files(begun) == files(ended)
}

fn is_named(table: &PurgedTable, others: &[PurgedTable]) -> bool {
    let is_same = |other: &PurgedTable| {
        (&other.schema, &other.table, &other.category) == (&table.schema, &table.table, &table.category)
            && other.ranges == table.ranges
    };
    others.iter().any(is_same)
}
