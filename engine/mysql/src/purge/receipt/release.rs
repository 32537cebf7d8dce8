//! Letting go of purged rows: from when on that is usual, and the note that stays of it.
//!
//! Forgetting the receipts themselves is as forgetting snapshots is: a record that names them, then their deletion.

use std::str::FromStr;

use jiff::{Timestamp, ToSpan, tz::TimeZone};
use repo_format::database::PurgedTable;
use repo_format::entry::Time;
use repo_format::id::PurgeId;
use repo_format::manifest::{Manifest, SeenManifest};

use super::history::{History, Purge, Receipt};
use engine_core::error::{Error, ErrorKind, Result};
use engine_core::machine;
use engine_core::repository::{Author, Record, Repository};
use engine_core::session::LONGEST_RUN;

/// Years for which an audit may ask for documents: the cautious reading of HIPAA, 45 CFR 164.316.
const KEPT_YEARS: i64 = 6;
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
    /// Who.
    pub author: Author,
}

impl Release {
    /// What a record says, if it notes a release.
    pub(super) fn of(record: &Manifest) -> Option<Self> {
        let [first, purge, reason] = &record.tags[..] else { return None };
        let purge = PurgeId::from_str(purge).ok().filter(|_| first == RELEASED)?;
        let Manifest { host, user, program, .. } = record;
        let author = Author { host: host.clone(), user: user.clone(), program: program.clone() };
        Some(Release { purge, seconds: record.seconds, reason: reason.clone(), author })
    }
}

/// From when on a purge may be released without a reason: six years after its end. Seconds since 1970.
///
/// # Errors
/// [`ErrorKind::Damaged`] if its time is none.
pub fn release_time(purge: &Purge) -> Result<i64> {
    let record = &purge.receipt()?.record;
    let end = record.ended.unwrap_or(record.started);
    let later = Timestamp::from_second(end)
        .and_then(|end| end.to_zoned(TimeZone::UTC).checked_add(KEPT_YEARS.years()))
        .map_err(|e| Error::caused(ErrorKind::Damaged, format!("the purge {} is of no time", record.purge), e))?;
    Ok(later.timestamp().as_second())
}

/// Whether a purge has ended, or began so long ago that it must have: seven days.
///
/// # Errors
/// As [`Purge::receipt`].
pub fn is_over(purge: &Purge) -> Result<bool> {
    let began = purge.receipt()?.record.started;
    Ok(purge.ended.is_some() || machine::now().seconds.saturating_sub(began) >= LONGEST_RUN)
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

/// Receipts of the beginning of purges that have one of their end which names the same rows: they may be forgotten. One that names more
/// stays, as nobody can tell of a row whether it was removed when the connection was lost just then.
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
