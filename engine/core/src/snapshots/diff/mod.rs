//! The differences between two snapshots.

mod parts;
mod rows;
mod walk;

use crate::error::Result;
use crate::pack::ChunkReader;
use crate::repository::Repository;
use crate::snapshots::Snapshot;

pub use parts::{Detail, PartChange, compare, compare_within};
pub use rows::{RowChange, RowChangeKind, RowChanges, RowLimits};
pub use walk::{Change, ChangeKind};

use walk::{Next, Step, walk};

/// Calls `found` for each difference, sorted by path. Skips folders with the same node.
///
/// # Errors
/// The error of `found`; if a directory cannot be read.
pub fn diff(
    repository: &Repository,
    before: &Snapshot,
    after: &Snapshot,
    found: &mut dyn FnMut(&Change) -> Result<()>,
) -> Result<()> {
    walk(&ChunkReader::new(repository), before, after, &mut |step| {
        let met = match step {
            Step::Met(met) => met,
            Step::Damaged(_, error) => return Err(error),
        };
        met.change().map_or(Ok(()), |change| found(&change))?;
        Ok(Next::Enter)
    })
}
