//! The note that stays of a purge whose rows were let go.
//!
//! Its receipts are then forgotten as snapshots are: a record names them, and after that they are deleted.

use std::str::FromStr;

use repo_format::entry::Time;
use repo_format::id::PurgeId;
use repo_format::manifest::Manifest;

use crate::error::Result;
use crate::repository::{Author, Record, Repository};

/// The first tag of a record that notes a release; behind it stand the purge and the reason.
const RELEASED: &str = "released";

/// A purge whose rows were let go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Release {
    /// The purge.
    pub purge: PurgeId,
    /// When: seconds since 1970, by the clock of the author's machine.
    pub seconds: i64,
    /// Why.
    pub reason: String,
    /// The user who released it, with host and program.
    pub author: Author,
}

impl Release {
    /// The release that a record notes, if it notes one.
    pub(super) fn of(record: &Manifest) -> Option<Self> {
        let [first, purge, reason] = &record.tags[..] else { return None };
        let purge = PurgeId::from_str(purge).ok().filter(|_| first == RELEASED)?;
        let Manifest { host, user, program, .. } = record;
        let author = Author { host: host.clone(), user: user.clone(), program: program.clone() };
        Some(Release { purge, seconds: record.seconds, reason: reason.clone(), author })
    }
}

/// Notes a release, durably: before the receipts are forgotten.
///
/// # Errors
/// If it cannot be stored, or the reason is too long.
pub fn note_release(repository: &Repository, release: &Release) -> Result<()> {
    let tags = vec![RELEASED.to_owned(), release.purge.to_string(), release.reason.clone()];
    let time = Time { seconds: release.seconds, nanoseconds: 0 };
    repository.put_record(&release.author, Record { time, tags, ..Record::default() }).map(drop)
}
