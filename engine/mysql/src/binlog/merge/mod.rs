//! Merges small logs: one that has all that they have takes their place.
//!
//! A watch keeps a log every minute, so a day of it is a thousand logs, and every command that asks what can be restored reads all of them. Logs
//! follow each other by their places, so nothing else names those that go.
//!
//! ```text
//! groups  which logs become one          write  their events, transactions and records -> one log
//! ```

mod groups;
#[cfg(test)]
mod tests;
mod write;

use std::collections::HashSet;
use std::time::Duration;

use repo_format::id::LeaseId;
use repo_format::manifest::SeenManifest;

use self::write::write_merged;
use super::stored::{StoredLog, StoredLogs};
use super::window::chains;
use engine_core::error::{ErrorKind, Result};
use engine_core::machine;
use engine_core::monitor::Monitor;
use engine_core::repository::{Author, Repository};
use engine_core::session::WriterOptions;
use engine_core::upkeep::forget::forget;

pub use groups::groups;

/// Somebody may be fetching what follows a log that is younger.
const YOUNG: Duration = Duration::from_secs(15 * 60);

/// How logs are merged.
#[derive(Debug, Clone)]
pub struct MergeOptions {
    /// Logs that were fetched less than so long ago stay.
    pub young: Duration,
    /// The identity of the writer.
    pub writer: WriterOptions,
}

impl Default for MergeOptions {
    fn default() -> Self {
        MergeOptions { young: YOUNG, writer: WriterOptions::default() }
    }
}

/// The result of a merge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Merged {
    /// Logs that were made.
    pub made: u64,
    /// Logs that went, as others have all of them.
    pub gone: u64,
}

/// Merges small logs of the server at `address`. Nobody else may do it at the same time: whoever reads the server's log has claimed it. First the merged
/// log is there, **then** the small ones go. A repository that lets nothing go keeps both.
///
/// # Errors
/// If a log cannot be read, or the repository cannot be written. The logs are as they were then, or there are two of the same.
pub fn merge(repository: &Repository, address: &str, options: &MergeOptions, monitor: &dyn Monitor) -> Result<Merged> {
    let writer = &options.writer;
    let young = i64::try_from(options.young.as_secs()).unwrap_or(i64::MAX);
    let StoredLogs { logs, .. } = StoredLogs::read(repository)?;
    let own: Vec<&StoredLog> = logs.iter().filter(|log| log.address() == address.as_bytes()).collect();
    let now = machine::now().seconds;
    let old: HashSet<LeaseId> =
        own.iter().filter(|log| log.manifest.seconds.saturating_add(young) <= now).map(|log| log.id()).collect();
    let chains = chains(&own);
    let mut merged = Merged::default();
    let mut going: HashSet<LeaseId> = HashSet::new();
    for chain in chains.iter().filter(|chain| chain.has_everything()) {
        // Fetching goes on behind the last.
        let (_, before) = chain.logs.split_last().unwrap_or((&chain.logs[0], &[]));
        let count = before.iter().take_while(|log| old.contains(&log.id())).count();
        for group in groups(&before[..count]) {
            let group = &before[group];
            write_merged(repository, address, group, writer, monitor)?;
            merged.made += 1;
            going.extend(group.iter().map(|log| log.id()));
        }
    }
    let on_chains: HashSet<LeaseId> = chains.iter().flat_map(|chain| &chain.logs).map(|log| log.id()).collect();
    let beside = own.iter().filter(|log| old.contains(&log.id()) && !on_chains.contains(&log.id()));
    // Others have all of it: a merge that died has left it, or another machine fetched it, too.
    let is_needless = |log: &&&StoredLog| chains.iter().any(|chain| chain.has_all_of(&[log]));
    going.extend(beside.filter(is_needless).map(|log| log.id()));
    merged.gone = forget_all(repository, &going, writer, monitor)?;
    Ok(merged)
}

fn forget_all(
    repository: &Repository,
    going: &HashSet<LeaseId>,
    writer: &WriterOptions,
    monitor: &dyn Monitor,
) -> Result<u64> {
    let present = repository.manifests()?.present;
    let named = present.iter().filter(|manifest| going.contains(&manifest.id));
    let named: Vec<_> = named.map(|manifest| SeenManifest { id: manifest.id, digest: manifest.digest }).collect();
    let author = Author { host: writer.host.clone(), user: writer.user.clone(), program: writer.program.clone() };
    match forget(repository, &named, &author, monitor) {
        Ok(outcome) => Ok(outcome.forgotten),
        // Both are there, and say the same.
        Err(error) if error.kind() == ErrorKind::PermissionDenied => Ok(0),
        Err(error) => Err(error),
    }
}
