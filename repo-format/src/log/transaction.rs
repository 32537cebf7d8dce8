//! Transactions of a log: where each stands, when it was committed, and what it changes.

use minicbor::{Decode, Encode};

use crate::cbor::{self, ByteString};
use crate::error::{FormatError, Result, check_limit};
use crate::kinds::kinds;
use crate::limits;

const WHAT: &str = "transaction record";
/// Bytes of the length before each record.
const LENGTH: usize = 4;

kinds! {
    /// How the time of a transaction is known.
    TimeSource {
        /// The server wrote down when it committed.
        Commit = 1 "commit",
        /// The event arrived then.
        Arrival = 2 "arrival",
        /// The server wrote down when the statement began.
        Statement = 3 "statement",
    }
}

/// Properties of a transaction: one bit each. Bits that a reader does not know stay.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Encode, Decode)]
#[cbor(transparent)]
pub struct TransactionFlags(#[n(0)] pub u64);

impl TransactionFlags {
    /// It changes definitions.
    pub const DEFINITIONS: TransactionFlags = TransactionFlags(1);
    /// It has statements besides rows.
    pub const STATEMENTS: TransactionFlags = TransactionFlags(2);
    /// It is only prepared (XA).
    pub const PREPARED: TransactionFlags = TransactionFlags(4);
    /// A statement of it failed half-way.
    pub const FAILED: TransactionFlags = TransactionFlags(8);
    /// It changes more tables than are listed.
    pub const MORE_TABLES: TransactionFlags = TransactionFlags(16);

    /// Whether all of `other` is set.
    pub fn has(self, other: TransactionFlags) -> bool {
        self.0 & other.0 == other.0
    }

    /// Sets all of `other`.
    pub fn add(&mut self, other: TransactionFlags) {
        self.0 |= other.0;
    }
}

/// A transaction.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct TransactionRecord {
    /// Place of its file in the log record.
    #[n(0)]
    pub file: u32,
    /// Offset in the server's file where it begins.
    #[n(1)]
    pub begin: u64,
    /// Offset behind its end.
    #[n(2)]
    pub end: u64,
    /// Bytes of the events' file before it.
    #[n(3)]
    pub skip: u64,
    /// When it was committed: microseconds since 1970 by the server's clock.
    #[n(4)]
    pub time: i64,
    /// How that is known.
    #[n(5)]
    pub time_source: TimeSource,
    /// Properties.
    #[n(6)]
    pub flags: TransactionFlags,
    /// Its GTID.
    #[n(7)]
    pub gtid: Option<String>,
    /// Tables that it changes as rows.
    #[n(8)]
    pub tables: Vec<ChangedTable>,
    /// The beginning of its first statement.
    #[n(9)]
    pub text: Option<ByteString>,
    /// The schema that the statement was given in.
    #[n(10)]
    pub schema: Option<String>,
}

/// Rows of a table that a transaction changes.
#[derive(Debug, Clone, PartialEq, Eq, Default, Encode, Decode)]
#[cbor(map)]
pub struct ChangedTable {
    /// Name of its schema.
    #[n(0)]
    pub schema: String,
    /// Its name.
    #[n(1)]
    pub table: String,
    /// How many rows are inserted.
    #[n(2)]
    pub inserted: u64,
    /// How many are updated.
    #[n(3)]
    pub updated: u64,
    /// How many are deleted.
    #[n(4)]
    pub deleted: u64,
}

impl TransactionRecord {
    /// Appends the record, behind its length, to `bytes`.
    ///
    /// # Errors
    /// [`FormatError`] if it is too large or contradicts itself.
    pub fn append_to(&self, bytes: &mut Vec<u8>) -> Result<()> {
        self.check()?;
        let encoded = cbor::encode_within(WHAT, limits::TRANSACTION_RECORD, self)?;
        let length = u32::try_from(encoded.len()).unwrap_or(u32::MAX);
        bytes.extend_from_slice(&length.to_le_bytes());
        bytes.extend_from_slice(&encoded);
        Ok(())
    }

    fn check(&self) -> Result<()> {
        check_limit(WHAT, "tables", self.tables.len() as u64, limits::CHANGED_TABLES_COUNT)?;
        let text = self.text.as_ref().map_or(0, |text| text.0.len() as u64);
        check_limit(WHAT, "text", text, limits::STATEMENT_TEXT)?;
        if self.end < self.begin {
            return Err(FormatError::invalid(WHAT, "it ends before it begins"));
        }
        Ok(())
    }
}

/// Takes records from bytes that arrive in pieces. Memory: one record and one piece.
#[derive(Debug, Default)]
pub struct TransactionsReader {
    bytes: Vec<u8>,
    start: usize,
}

impl TransactionsReader {
    /// Adds the next piece of the file.
    pub fn push(&mut self, piece: &[u8]) {
        self.bytes.drain(..self.start);
        self.start = 0;
        self.bytes.extend_from_slice(piece);
    }

    /// The next record; `None` if its end has not been pushed yet.
    ///
    /// # Errors
    /// [`FormatError`] if it is none.
    pub fn next_record(&mut self) -> Result<Option<TransactionRecord>> {
        let rest = &self.bytes[self.start..];
        let Some((length, rest)) = rest.split_first_chunk::<LENGTH>() else { return Ok(None) };
        let length = u32::from_le_bytes(*length);
        check_limit(WHAT, "size", length.into(), limits::TRANSACTION_RECORD)?;
        let Some(encoded) = usize::try_from(length).ok().and_then(|length| rest.get(..length)) else { return Ok(None) };
        let record: TransactionRecord = cbor::decode_within(WHAT, limits::TRANSACTION_RECORD, encoded)?;
        record.check()?;
        self.start += LENGTH + encoded.len();
        Ok(Some(record))
    }

    /// Ends the file.
    ///
    /// # Errors
    /// [`FormatError`] if it ends inside a record.
    pub fn finish(self) -> Result<()> {
        if self.start == self.bytes.len() { Ok(()) } else { Err(FormatError::invalid(WHAT, "it is cut short")) }
    }
}
