//! Parts of a server's binary log (FORMAT.md, section 11.3).
//!
//! ```text
//! database/                      a root of kind 4 in a manifest of kind 4
//!   .log                         LogRecord
//!   .transactions                TransactionRecords, each behind its length
//!   <file>@<offset>              events as the server sent them
//! ```

mod part;
mod record;
mod transaction;

use crate::entry::Time;

pub use part::{parse_part_name, part_name};
pub use record::{Coverage, LogFile, LogPlace, LogRecord, StreamStart};
pub use transaction::{ChangedTable, TimeSource, TransactionFlags, TransactionRecord, TransactionsReader};

/// Name of the file that holds a [`LogRecord`].
pub const LOG_FILE: &[u8] = b".log";
/// Name of the file that holds [`TransactionRecord`]s.
pub const TRANSACTIONS_FILE: &[u8] = b".transactions";
/// Offset of the first event in a server's file: behind its magic number.
pub const FIRST_OFFSET: u64 = 4;
/// Microseconds of a second: the unit of all times in logs.
pub const SECOND: i64 = 1_000_000;

/// A time as logs have it: microseconds since 1970.
pub fn microseconds(time: Time) -> i64 {
    time.seconds * SECOND + i64::from(time.nanoseconds / 1000)
}
