//! Verify of logs: does each follow the one before, and has each what its records say?
//!
//! The check of the repository knows nothing of events. It finds bytes that are lost; this one finds logs that do not fit each other.

mod content;

use std::collections::{HashMap, HashSet};

use repo_format::id::{LeaseId, StreamId};

use crate::binlog::stored::StoredLog;
use crate::binlog::window::{Base, Records, all_ways, records};
use engine_core::error::{Error, Result, chain};
use engine_core::monitor::Monitor;
use engine_core::pack::ChunkReader;
use engine_core::repository::Repository;

/// How much of a log is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogDepth {
    /// Its records.
    Records,
    /// Every event, too.
    Events,
}

/// A fault of a log.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct LogFinding {
    /// The log: the one that is faulty, or the one that is missing.
    pub log: LeaseId,
    /// The address of its server, if that is known.
    pub address: Vec<u8>,
    /// The fault.
    pub message: String,
    /// No moment from here to the next snapshot can be restored: microseconds since 1970 by the server's clock; none if nobody knows.
    pub since: Option<i64>,
}

/// The result of a check.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct LogReport {
    /// How many logs were checked.
    pub logs: u64,
    /// Faults.
    pub findings: Vec<LogFinding>,
}

/// Checks all logs of `repository`. The index must be up to date.
///
/// # Errors
/// If the store cannot be listed, or the monitor wishes to stop. Damage is not an error.
pub fn check_logs(repository: &Repository, depth: LogDepth, monitor: &dyn Monitor) -> Result<LogReport> {
    let Records { logs, bases, unreadable } = records(repository)?;
    if logs.is_empty() && unreadable.is_empty() {
        return Ok(LogReport::default());
    }
    let mut check = Check::new(&logs);
    for (log, error) in unreadable {
        let message = format!("it cannot be read: {}", chain(&error));
        check.report.findings.push(LogFinding { log, address: Vec::new(), message, since: None });
    }
    check.chains(&logs, &forgotten(repository)?);
    let standing = bases_by_log(&logs, &bases);
    let reader = ChunkReader::new(repository);
    for log in &logs {
        if monitor.is_cancelled() {
            return Err(Error::cancelled());
        }
        check.report.logs += 1;
        let bases = standing.get(&log.id()).map_or(&[][..], |bases| bases);
        match content::faults(&reader, log, bases, depth) {
            Ok(faults) => faults.into_iter().for_each(|fault| check.find(log, fault)),
            Err(error) if error.is_damage() => check.find(log, chain(&error)),
            Err(error) => return Err(error),
        }
    }
    Ok(check.report)
}

struct Check<'l> {
    report: LogReport,
    logs: HashMap<LeaseId, &'l StoredLog>,
    /// Logs by the places where they end.
    ends: HashMap<(StreamId, &'l str, u64), &'l StoredLog>,
}

impl<'l> Check<'l> {
    fn new(logs: &'l [StoredLog]) -> Self {
        let end = |log: &'l StoredLog| ((log.record.stream, &log.record.to.file[..], log.record.to.offset), log);
        Check {
            report: LogReport::default(),
            logs: logs.iter().map(|log| (log.id(), log)).collect(),
            ends: logs.iter().map(end).collect(),
        }
    }

    /// The log that ends where this one begins.
    fn before(&self, log: &StoredLog) -> Option<&'l StoredLog> {
        let from = &log.record.from;
        self.ends.get(&(log.record.stream, &from.file[..], from.offset)).copied()
    }

    fn find(&mut self, log: &StoredLog, message: String) {
        let since = self.before(log).map(|before| before.record.complete_until);
        self.report.findings.push(LogFinding { log: log.id(), address: log.address().to_vec(), message, since });
    }

    /// Each log begins where another one ends, and no log is missing but those that were forgotten.
    fn chains(&mut self, logs: &[StoredLog], forgotten: &HashSet<LeaseId>) {
        let first: Vec<_> = logs.iter().filter(|log| self.before(log).is_none()).collect();
        for log in first {
            let Some(previous) = log.record.previous else { continue };
            match self.logs.get(&previous) {
                Some(before) => {
                    let (file, offset) = (&before.record.to.file, before.record.to.offset);
                    self.find(log, format!("it does not begin where the log before ends, at {file}:{offset}"));
                }
                None if forgotten.contains(&previous) => {}
                None if self.report.findings.iter().any(|finding| finding.log == previous) => {}
                None => {
                    let message = format!("it is not there, and the log {} follows it", log.id());
                    let address = log.address().to_vec();
                    self.report.findings.push(LogFinding { log: previous, address, message, since: None });
                }
            }
        }
    }
}

/// Manifests that records say were forgotten.
fn forgotten(repository: &Repository) -> Result<HashSet<LeaseId>> {
    let (manifests, _) = repository.read_manifests()?;
    Ok(manifests.iter().flat_map(|object| object.manifest.forgotten()).map(|seen| seen.id).collect())
}

/// The snapshots that stand in each log.
fn bases_by_log(logs: &[StoredLog], bases: &[Base]) -> HashMap<LeaseId, Vec<Base>> {
    let mut by_log: HashMap<LeaseId, Vec<Base>> = HashMap::new();
    for way in all_ways(logs, bases) {
        by_log.entry(way.logs()[0].id()).or_default().push(way.base.clone());
    }
    by_log
}
