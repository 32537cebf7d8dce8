//! The record of a purge: which rows were removed from a live database, and which files with them, by whom and why
//! (FORMAT.md, section 11.2).

use minicbor::{Decode, Encode};

use crate::cbor::ByteString;
use crate::entry::check_name;
use crate::error::{FormatError, Result, check_limit};
use crate::id::{Bytes32, LeaseId, PurgeId};
use crate::limits;

pub(super) const WHAT: &str = "receipt record";

/// A purge.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct ReceiptRecord {
    /// The same in all receipts of one purge.
    #[n(0)]
    pub purge: PurgeId,
    /// How far it is.
    #[n(1)]
    pub phase: PurgePhase,
    /// The person who removes the rows.
    #[n(2)]
    pub operator: String,
    /// The machine that the purge runs on.
    #[n(3)]
    pub host: String,
    /// The reason, in words.
    #[n(4)]
    pub reason: String,
    /// Digest of the plan.
    #[n(5)]
    pub plan: Bytes32,
    /// The cut-off, in words: which rows are old.
    #[n(6)]
    pub cutoff: String,
    /// The snapshot whose rows prove it. It may be gone.
    #[n(7)]
    pub snapshot: LeaseId,
    /// Identity of the server that rows are removed from.
    #[n(8)]
    pub server: String,
    /// When it started: seconds since 1970, by the clock of `host`.
    #[n(9)]
    pub started: i64,
    /// When it ended, likewise; there in phase [`PurgePhase::Ended`] only.
    #[n(10)]
    pub ended: Option<i64>,
    /// The tables; one stands once for each category.
    #[n(11)]
    pub tables: Vec<PurgedTable>,
    /// The files; `None` if the purge is not about files.
    #[n(12)]
    pub files: Option<PurgedFiles>,
}

/// How far a purge is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
#[cbor(index_only)]
pub enum PurgePhase {
    /// Rows are going to be removed; any of them may be gone.
    #[n(1)]
    Begun,
    /// Rows have been removed.
    #[n(2)]
    Ended,
}

/// A table with rows that are removed.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct PurgedTable {
    /// Name of its schema.
    #[n(0)]
    pub schema: String,
    /// Name of the table.
    #[n(1)]
    pub table: String,
    /// The category under which they are removed.
    #[n(2)]
    pub category: String,
    /// Their keys, ascending in the order of the table, apart from each other.
    #[n(3)]
    pub ranges: Vec<KeyRange>,
    /// How many rows of the snapshot are in these ranges.
    #[n(4)]
    pub rows: u64,
    /// The first date among them, as it is encoded.
    #[n(5)]
    pub first_date: Option<String>,
    /// The last one.
    #[n(6)]
    pub last_date: Option<String>,
    /// Rows that stay in the live table though they were named or are old.
    #[n(7)]
    pub left: Vec<Left>,
}

/// Rows that follow each other in a snapshot.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct KeyRange {
    /// The encoded key of the first.
    #[n(0)]
    pub first: ByteString,
    /// The encoded key of the last.
    #[n(1)]
    pub last: ByteString,
}

/// Rows that stay.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Left {
    /// Their number.
    #[n(0)]
    pub rows: u64,
    /// The reason, in words.
    #[n(1)]
    pub why: String,
}

/// Files that are removed with the rows that they belong to.
#[derive(Debug, Clone, PartialEq, Eq, Default, Encode, Decode)]
#[cbor(map)]
pub struct PurgedFiles {
    /// The files, ascending by path, each once.
    #[n(0)]
    pub files: Vec<PurgedFile>,
    /// Files that stay in the folder though they were named or belonged to removed rows.
    #[n(1)]
    pub left: Vec<LeftFiles>,
}

/// A file that is removed.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct PurgedFile {
    /// Its path below the receipt's folder: names with `/` between.
    #[n(0)]
    pub path: ByteString,
    /// Its size in bytes.
    #[n(1)]
    pub size: u64,
}

/// Files that stay.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct LeftFiles {
    /// Their number.
    #[n(0)]
    pub files: u64,
    /// The reason, in words.
    #[n(1)]
    pub why: String,
}

impl ReceiptRecord {
    pub(super) fn check(&self) -> Result<()> {
        if self.ended.is_some() != (self.phase == PurgePhase::Ended) {
            return Err(FormatError::invalid(WHAT, "its end does not fit its phase"));
        }
        check_limit(WHAT, "tables", self.tables.len() as u64, limits::PURGED_TABLES_COUNT)?;
        let ranges = || self.tables.iter().flat_map(|table| &table.ranges);
        check_limit(WHAT, "ranges", ranges().count() as u64, limits::KEY_RANGES_COUNT)?;
        for key in ranges().flat_map(|range| [&range.first, &range.last]) {
            check_limit(WHAT, "key of a row", key.0.len() as u64, limits::ROW_KEY)?;
        }
        if !self.tables.iter().all(|table| (table.rows == 0) == table.ranges.is_empty()) {
            return Err(FormatError::invalid(WHAT, "a table has rows without ranges, or ranges without rows"));
        }
        self.files.as_ref().map_or(Ok(()), PurgedFiles::check)
    }
}

impl PurgedFiles {
    fn check(&self) -> Result<()> {
        check_limit(WHAT, "files", self.files.len() as u64, limits::PURGED_FILES_COUNT)?;
        if !self.files.is_sorted_by(|one, next| one.path < next.path) {
            return Err(FormatError::invalid(WHAT, "its files are not in order"));
        }
        // A name such as `..` could lead out of the folder that the files are restored into.
        let is_path = |path: &[u8]| path.split(|byte| *byte == b'/').all(|name| check_name(name).is_ok());
        if self.files.iter().all(|file| is_path(&file.path.0)) {
            Ok(())
        } else {
            Err(FormatError::invalid(WHAT, "the path of a file is none"))
        }
    }
}
