//! A category on its way through a run: its proven rows, the rows that are gone, and the totals.

use crate::database::Connection;
use crate::purge::delete::{Deleted, Orphans, find_left_files};
use crate::purge::files::{FileCounts, FileSet};
use crate::purge::job::Job;
use crate::purge::prove::{LeftRows, Proof};
use crate::purge::tables::{Key, KeySet};
use crate::purge::terms::Dates;
use engine_core::error::Result;
use engine_core::upkeep::receipt::ReceiptRecord;

/// Rows and files of a category that are removed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Removed {
    /// The category.
    pub category: String,
    /// Rows of each table, that of the parents first.
    pub tables: Vec<(String, u64)>,
    /// Dates of the parents.
    pub dates: Dates,
    /// Rows that are old and have stayed.
    pub left: LeftRows,
    /// Files that went after the rows, and files that stay; `None` if files were not meant to go.
    pub files: Option<FileCounts>,
}

/// A category on its way.
pub(super) struct Progress<'r> {
    pub job: Job<'r>,
    /// Rows that the receipt names.
    pub proof: Proof,
    /// For each child table, rows that an earlier run left without their parents; the proof names them, too.
    pub orphans: Vec<KeySet>,
    /// Files that an earlier run left without their rows; the next proof takes them over.
    pub left_files: FileSet,
    /// Rows and files of the proof that are gone.
    pub deleted: Deleted,
    /// Where the next part begins.
    pub after: Option<Key>,
    pub all_proven: bool,
    pub removed: Removed,
}

impl<'r> Progress<'r> {
    pub fn new(job: Job<'r>) -> Self {
        let removed = Removed {
            category: job.category.name.clone(),
            tables: job.tables().map(|table| (table.name.clone(), 0)).collect(),
            dates: Dates::default(),
            left: LeftRows::default(),
            files: job.attached.as_ref().map(|_| FileCounts::default()),
        };
        Progress {
            job,
            proof: Proof::default(),
            orphans: Vec::new(),
            left_files: FileSet::new(),
            deleted: Deleted::default(),
            after: None,
            all_proven: false,
            removed,
        }
    }

    /// Looks for files that an earlier run left.
    pub fn find_left_files(&mut self, connection: &mut Connection, records: &[ReceiptRecord]) -> Result<()> {
        if let Some(attached) = &mut self.job.attached {
            attached.folder.read_back();
            // Rows that go before the files do not count as naming them.
            let any = self.orphans.iter().any(|orphans| orphans.len() > 0);
            let orphans = if any { Orphans::Some } else { Orphans::None };
            self.left_files = find_left_files(attached, connection, records, orphans)?;
        }
        Ok(())
    }

    /// Adds what this part has done to what has been removed.
    pub fn settle(&mut self) {
        let (proof, deleted) = (std::mem::take(&mut self.proof), std::mem::take(&mut self.deleted));
        self.removed.left += proof.left;
        self.removed.left += deleted.left;
        if let Some(files) = &mut self.removed.files {
            files.add(&deleted.files.counts);
        }
        let counts = [&deleted.parents].into_iter().chain(&deleted.children).map(KeySet::len);
        self.removed.tables.iter_mut().zip(counts).for_each(|((_, rows), more)| *rows += more);
        self.removed.dates.join(&deleted.dates);
    }
}
