//! Removing files whose rows are gone, batch by batch.
//!
//! While a batch goes, the tables that name files are held, so that nobody names one of them just then. A file that a row names stays.

use super::earlier::still_named;
use crate::database::Connection;
use crate::purge::files::{FileCounts, FileSet, Look};
use crate::purge::job::Attached;
use crate::purge::pace::{Go, Paced, Tried, hastily};
use engine_core::error::Result;
use engine_core::monitor::Work;

/// Files of a batch, and their bytes, which are read while tables are held: about 100 ms.
const FILES_PER_BATCH: usize = 64;
const BYTES_PER_BATCH: u64 = 16 << 20;

/// A row names a file that was to go.
const NAMED: &str = "a row names it";

/// Files that are removed.
#[derive(Debug, Default)]
pub(in crate::purge) struct RemovedFiles {
    /// Files that went.
    pub files: FileSet,
    /// Files that went and files that stay, counted.
    pub counts: FileCounts,
}

/// Removes `files`, and notes in `removed` which are gone, also when it ends early. The removals are durable when it returns.
///
/// # Errors
/// If the server fails, the repository cannot be read, or the user wishes to stop: the files noted until then are gone.
pub(in crate::purge) fn remove_files(
    attached: &mut Attached<'_>,
    paced: &mut Paced<'_>,
    files: &FileSet,
    removed: &mut RemovedFiles,
) -> Result<Go> {
    let result = batches(attached, paced, files, removed);
    let synced = attached.folder.sync();
    let go = result?;
    synced.map(|()| go)
}

fn batches(
    attached: &mut Attached<'_>,
    paced: &mut Paced<'_>,
    files: &FileSet,
    removed: &mut RemovedFiles,
) -> Result<Go> {
    let mut left = files.iter().peekable();
    let (mut batch, mut bytes) = (Vec::new(), 0);
    paced.batches(&mut |connection, _| {
        while let Some((path, size)) = left
            .next_if(|(_, size)| batch.is_empty() || batch.len() < FILES_PER_BATCH && bytes + **size <= BYTES_PER_BATCH)
        {
            batch.push(path.clone());
            bytes += size;
        }
        if batch.is_empty() {
            return Ok(Tried::Nothing);
        }
        Tried::or_locked_out(held(attached, connection, &batch, removed).map(|()| {
            let gone = Work { items: batch.len() as u64, bytes };
            (batch, bytes) = (Vec::new(), 0);
            Tried::Files(gone)
        }))
    })
}

/// Removes a batch while the tables that name files are held: others may read them, nobody may write.
fn held(
    attached: &mut Attached<'_>,
    connection: &mut Connection,
    batch: &[Vec<u8>],
    removed: &mut RemovedFiles,
) -> Result<()> {
    let mut tables: Vec<String> = attached.named_by.iter().map(|naming| format!("{} READ", naming.table)).collect();
    tables.sort();
    tables.dedup();
    hastily(connection, &mut |connection| {
        connection.run(&format!("LOCK TABLES {}", tables.join(", ")))?;
        let result = remove_batch(attached, connection, batch, removed);
        let unlocked = connection.run("UNLOCK TABLES");
        result.and(unlocked)
    })
}

fn remove_batch(
    attached: &mut Attached<'_>,
    connection: &mut Connection,
    batch: &[Vec<u8>],
    removed: &mut RemovedFiles,
) -> Result<()> {
    let named = still_named(attached, connection, batch)?;
    for path in batch {
        if named.contains(path) {
            removed.counts.stays(NAMED);
            attached.problems.add(path, NAMED);
            continue;
        }
        match attached.folder.remove(path)? {
            Look::Proven(file) => {
                removed.counts.went(file.size);
                removed.files.insert(file.path, file.size);
            }
            // Another program has removed it.
            Look::Absent => {}
            Look::Unproven(why) => {
                removed.counts.stays(&why);
                attached.problems.add(path, &why);
            }
        }
    }
    Ok(())
}
