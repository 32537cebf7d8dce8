//! A server's log into the repository, without a hole: what follows the newest log of the same server is fetched.
//!
//! ```text
//! stored    logs that are there         contents  what they hold
//! start     where fetching begins: behind them, or with a new stream       needed  what snapshots need first
//! reading   what arrives, checked and placed        write  events, index and record
//! pass      once, up to the end         watch     as it is written
//! ```
//!
//! A stream is one unbroken history of one server. A log whose server has deleted what follows it, began anew, or lost what was fetched, is not
//! continued: another stream begins, and says why.

mod contents;
mod needed;
mod pass;
mod reading;
mod start;
mod stored;
mod watch;
mod write;

pub use contents::{EventIter, TransactionIter};
pub use pass::{Archived, SavedLog};
pub(super) use reading::{Reading, Received};
pub use stored::{StoredLog, StoredLogs};
pub(super) use stored::{part_entry, read_manifest};
pub use watch::{WatchOptions, watch};

use crate::database::{Address, attended};
use engine_core::error::Result;
use engine_core::monitor::Monitor;
use engine_core::repository::Repository;
use engine_core::session::WriterOptions;

use pass::{Archiver, Opened};

/// Fetches the events that the server at `address` has in its binary log and `repository` lacks.
///
/// # Errors
/// If the server cannot be reached, sends damaged events, or is lost; if the repository cannot be written. Everything
/// kept before stays.
pub fn archive(
    repository: &Repository,
    address: &Address,
    writer: &WriterOptions,
    monitor: &dyn Monitor,
) -> Result<Archived> {
    attended(address, monitor, |address| match Archiver::open(repository, address, writer, monitor)? {
        Opened::Ready(archiver, log) => Ok(Archived::Done(archiver.pass(&log)?)),
        Opened::Not(not) => Ok(not),
    })
}
