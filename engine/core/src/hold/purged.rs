//! Rows and files that purges have removed: nobody misses these.

use std::collections::HashSet;

use repo_format::database::PurgePhase;
use repo_format::entry::Time;

use crate::error::Result;
use crate::repository::Repository;
use crate::upkeep::receipt::history;

/// Rows and files that purges have removed since a time.
#[derive(Debug, Default)]
pub struct Purged {
    /// Tables with such rows: schema and name.
    pub tables: HashSet<(String, String)>,
    /// The number of the files.
    pub files: u64,
}

/// Finds the work of purges since `since`. A purge that has not ended may have removed anything that it named.
///
/// # Errors
/// If the repository cannot be read. A receipt that is damaged explains nothing.
pub fn purged_since(repository: &Repository, since: Time) -> Result<Purged> {
    let mut purged = Purged::default();
    for purge in history(repository)?.purges {
        let receipt = purge.receipt()?;
        if receipt.manifest.time() >= since || receipt.record.phase == PurgePhase::Begun {
            let tables = receipt.record.tables.iter();
            purged.tables.extend(tables.map(|table| (table.schema.clone(), table.table.clone())));
            purged.files += receipt.record.files.as_ref().map_or(0, |files| files.files.len() as u64);
        }
    }
    Ok(purged)
}
