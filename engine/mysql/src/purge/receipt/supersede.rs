//! Receipts of the beginning of purges that say no more than those of their end: they may go (FORMAT.md, sections 11.2 and 13).

use repo_format::limits;

use super::history::history;
use super::release::superseded;
use engine_core::error::Result;
use engine_core::machine;
use engine_core::repository::{Author, Forgotten, Record, Repository};
use engine_store::ObjectName;

/// Forgets all that are [`superseded`], also those that an earlier run left: puts a record that names them, **then** deletes them. After any
/// of these steps it can be done again.
///
/// # Errors
/// If the record cannot be put, or the store does not let this user delete: both receipts are there then, and say the same.
pub(in crate::purge) fn forget_superseded(repository: &Repository, author: &Author) -> Result<()> {
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
