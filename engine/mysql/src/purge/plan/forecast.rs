//! The rows and files of a category that would go now.

use crate::database::Connection;
use crate::purge::files::{FileCounts, FileSet};
use crate::purge::job::Job;
use crate::purge::prove::{LeftRows, prove};
use crate::purge::tables::KeySet;
use crate::purge::terms::Dates;
use engine_core::error::Result;
use engine_core::monitor::Monitor;

/// The rows and files of a category that would go now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Forecast {
    /// The category.
    pub category: String,
    /// Rows of each table, that of the parents first.
    pub tables: Vec<(String, u64)>,
    /// Their encoded bytes.
    pub bytes: u64,
    /// Dates of the parents.
    pub dates: Dates,
    /// Rows that are old and stay.
    pub left: LeftRows,
    /// Files that would go with the rows, those among them that a run leaves as a row that stays names them; `None` if files are not meant to.
    pub files: Option<FileCounts>,
}

impl Forecast {
    /// Rows of all tables.
    pub fn rows(&self) -> u64 {
        self.tables.iter().map(|(_, rows)| rows).sum()
    }
}

/// Finds out which rows and files would go: each row is compared with the snapshot.
///
/// # Errors
/// If the server fails, the repository cannot be read, or the user wishes to stop.
pub(super) fn forecast(job: &mut Job<'_>, connection: &mut Connection, monitor: &dyn Monitor) -> Result<Forecast> {
    let mut forecast = Forecast {
        category: job.category.name.clone(),
        tables: job.tables().map(|table| (table.name.clone(), 0)).collect(),
        bytes: 0,
        dates: Dates::default(),
        left: LeftRows::default(),
        files: job.attached.as_ref().map(|_| FileCounts::default()),
    };
    let mut after = None;
    // Rows of several parts may name the same file.
    let mut files = FileSet::new();
    loop {
        let proof = prove(job, connection, after, monitor)?;
        let counts = [&proof.parents].into_iter().chain(&proof.children).map(KeySet::len);
        forecast.tables.iter_mut().zip(counts).for_each(|((_, rows), more)| *rows += more);
        forecast.bytes += proof.bytes;
        forecast.left += proof.left;
        forecast.dates.join(&proof.dates);
        files.extend(proof.files);
        after = proof.next;
        if after.is_none() {
            if let Some(counts) = &mut forecast.files {
                files.values().for_each(|size| counts.went(*size));
            }
            return Ok(forecast);
        }
    }
}
