//! A purge by its receipts, and when its rows may be let go.

use jiff::{Timestamp, ToSpan, tz::TimeZone};
use repo_format::database::ReceiptRecord;
use repo_format::id::{Bytes32, LeaseId};
use repo_format::manifest::{Manifest, SeenManifest};

use crate::error::{Error, ErrorKind, Result};
use crate::machine;
use crate::session::LONGEST_RUN;

/// Years for which an audit may ask for documents: the cautious reading of HIPAA, 45 CFR 164.316.
const KEPT_YEARS: i64 = 6;

/// A receipt.
#[derive(Debug, Clone)]
pub struct Receipt {
    /// Its manifest.
    pub manifest: Manifest,
    /// The manifest's digest.
    pub digest: Bytes32,
    /// Its record.
    pub record: ReceiptRecord,
}

/// A purge by its receipts, one at least.
#[derive(Debug, Clone, Default)]
pub struct Purge {
    /// The receipt of all rows that it was going to remove.
    pub begun: Option<Receipt>,
    /// The receipt of the rows that it did remove. If there is none, the purge runs, or was interrupted.
    pub ended: Option<Receipt>,
}

impl Receipt {
    /// Its id.
    pub fn id(&self) -> LeaseId {
        self.manifest.id
    }

    pub(super) fn reference(&self) -> SeenManifest {
        SeenManifest { id: self.manifest.id, digest: self.digest }
    }
}

impl Purge {
    /// The receipt that says most: the receipt of its end, else of its beginning.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] if there is none, which no function of this module gives.
    pub fn receipt(&self) -> Result<&Receipt> {
        let receipt = self.ended.as_ref().or(self.begun.as_ref());
        receipt.ok_or_else(|| Error::new(ErrorKind::NotFound, "a purge has no receipt"))
    }

    /// The receipt whose id begins with `prefix`, else [`Purge::receipt`]. If a connection was lost, the end names fewer rows than the
    /// beginning: the receipt of the beginning has them all.
    ///
    /// # Errors
    /// As [`Purge::receipt`].
    pub fn named(&self, prefix: &str) -> Result<&Receipt> {
        let prefix = prefix.to_ascii_lowercase();
        let named = self.receipts().find(|receipt| receipt.id().to_string().starts_with(&prefix));
        named.map_or_else(|| self.receipt(), Ok)
    }

    /// All its receipts.
    pub fn references(&self) -> Vec<SeenManifest> {
        self.begun.iter().chain(&self.ended).map(Receipt::reference).collect()
    }

    pub(super) fn receipts(&self) -> impl Iterator<Item = &Receipt> {
        self.begun.iter().chain(&self.ended)
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
