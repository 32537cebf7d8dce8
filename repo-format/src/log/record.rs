//! The record of a log: which part of which stream it holds.

use minicbor::{Decode, Encode};

use super::FIRST_OFFSET;
use crate::cbor::{self, ByteString};
use crate::database::{Flavour, Variable};
use crate::error::{FormatError, Result, check_limit};
use crate::id::{LeaseId, StreamId};
use crate::kinds::kinds;
use crate::limits;

const WHAT: &str = "log record";

kinds! {
    /// The reason why a stream begins.
    StreamStart {
        /// No stream of the server was there.
        First = 1 "first",
        /// The server had deleted what follows the stream before.
        Gap = 2 "gap",
        /// The server began its log anew.
        Reset = 3 "reset",
        /// The server lost what the stream before has.
        Fork = 4 "fork",
        /// Another server answers at the address.
        OtherServer = 5 "other server",
    }
}

kinds! {
    /// How much of what happened the events tell.
    Coverage {
        /// All of it.
        Whole = 1 "whole",
        /// The server leaves schemas out.
        Partial = 2 "partial",
        /// The server says that it lost events at the end.
        Incident = 3 "incident",
    }
}

/// A part of a stream.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct LogRecord {
    /// The stream.
    #[n(0)]
    pub stream: StreamId,
    /// The program that the server is.
    #[n(1)]
    pub flavour: Flavour,
    /// The result of `VERSION()`.
    #[n(2)]
    pub version: String,
    /// Identifies the server, as in its record in a snapshot.
    #[n(3)]
    pub identity: String,
    /// The place where it begins.
    #[n(4)]
    pub from: LogPlace,
    /// The place where it ends.
    #[n(5)]
    pub to: LogPlace,
    /// The log before; none in the first of a stream.
    #[n(6)]
    pub previous: Option<LeaseId>,
    /// Why the stream begins; there in its first log only.
    #[n(7)]
    pub start: Option<StreamStart>,
    /// The server's files that it has events of.
    #[n(8)]
    pub files: Vec<LogFile>,
    /// The server's clock minus that of the machine that fetched it, in milliseconds.
    #[n(9)]
    pub clock_ahead: i64,
    /// How many transactions there are.
    #[n(10)]
    pub transactions: u64,
    /// Variables that say what the events mean, in order of their names.
    #[n(11)]
    pub variables: Vec<Variable>,
    /// How much of what happened the events tell.
    #[n(12)]
    pub coverage: Coverage,
    /// Why that is not all.
    #[n(13)]
    pub coverage_reason: Option<String>,
    /// When the server's log ended at `to`: microseconds since 1970 by its own clock.
    #[n(14)]
    pub complete_until: i64,
}

/// A place between two transactions.
#[derive(Debug, Clone, PartialEq, Eq, Default, Encode, Decode)]
#[cbor(map)]
pub struct LogPlace {
    /// The server's file.
    #[n(0)]
    pub file: String,
    /// Bytes from its beginning.
    #[n(1)]
    pub offset: u64,
    /// GTIDs of everything before, or empty.
    #[n(2)]
    pub gtid: String,
}

/// Events of one of the server's files.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct LogFile {
    /// Its name.
    #[n(0)]
    pub name: String,
    /// Its format description event, whole.
    #[n(1)]
    pub format: ByteString,
    /// Offset of the first event.
    #[n(2)]
    pub first: u64,
    /// Offset behind the last event.
    #[n(3)]
    pub end: u64,
    /// Whether the server's file ends there.
    #[n(4)]
    pub is_closed: bool,
}

impl LogRecord {
    /// Checks and encodes the record.
    ///
    /// # Errors
    /// [`FormatError::Limit`] if it is too large; otherwise see [`FormatError`].
    pub fn encode(&self) -> Result<Vec<u8>> {
        self.check()?;
        cbor::encode_within(WHAT, limits::LOG_RECORD, self)
    }

    /// Decodes and checks the record.
    ///
    /// # Errors
    /// See [`FormatError`].
    pub fn decode(bytes: &[u8]) -> Result<Self> {
        let record: Self = cbor::decode_within(WHAT, limits::LOG_RECORD, bytes)?;
        record.check()?;
        Ok(record)
    }

    fn check(&self) -> Result<()> {
        check_limit(WHAT, "files", self.files.len() as u64, limits::LOG_FILES_COUNT)?;
        let invalid = |why: &str| Err(FormatError::invalid(WHAT, why));
        if self.previous.is_some() == self.start.is_some() {
            return invalid("a log follows another one, or begins a stream");
        }
        if self.files.iter().any(|file| file.first < FIRST_OFFSET || file.end < file.first) {
            return invalid("a file ends before it begins");
        }
        let open_before_last = self.files.iter().rev().skip(1).any(|file| !file.is_closed);
        if open_before_last {
            return invalid("a file that is not the last one has not ended");
        }
        Ok(())
    }
}
