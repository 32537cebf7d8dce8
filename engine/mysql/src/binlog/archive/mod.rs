//! A server's log into the repository, without a hole: what follows the newest log of the same server is fetched.
//!
//! ```text
//! start     where fetching begins: behind them, or with a new stream       needed  what snapshots need first
//! reading   what arrives, checked and placed        write  events, index and record
//! pass      once, up to the end         watch     as it is written
//! ```
//!
//! A stream is one unbroken history of one server. A log whose server has deleted what follows it, began anew, or lost what was fetched, is not
//! continued: another stream begins, and says why.

mod needed;
mod pass;
mod reading;
mod start;
mod watch;
mod write;

pub(super) use pass::passing_reader;
pub use pass::{Archived, SavedLog};
pub(super) use reading::{Reading, Received};
pub use watch::{WatchOptions, watch};

use crate::database::{Address, attended};
use engine_core::error::Result;
use engine_core::monitor::Monitor;
use engine_core::repository::Repository;
use engine_core::session::WriterOptions;

use pass::{Archiver, Claim, Opened};

/// Fetches the events that the server at `address` has in its binary log and `repository` lacks, and merges small logs. Nothing is done if another run
/// reads the log.
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
    attended(address, monitor, |address| match Archiver::open(repository, address, Claim::Needed, writer, monitor)? {
        Opened::Ready(mut archiver, log) => {
            let saved = archiver.pass(&log)?;
            archiver.merge();
            Ok(Archived::Done(saved))
        }
        Opened::Not(not) => Ok(not),
    })
}

/// Fetches the same, and no more: also while another run reads the log, which may not have kept the last minute yet. The repository stores once what both keep.
///
/// # Errors
/// As [`archive`].
pub fn fetch(
    repository: &Repository,
    address: &Address,
    writer: &WriterOptions,
    monitor: &dyn Monitor,
) -> Result<Archived> {
    attended(address, monitor, |address| match Archiver::open(repository, address, Claim::IfFree, writer, monitor)? {
        Opened::Ready(mut archiver, log) => Ok(Archived::Done(archiver.pass(&log)?)),
        Opened::Not(not) => Ok(not),
    })
}
