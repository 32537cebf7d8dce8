//! Verify of logs: does each follow the one before, and has each what its records say?
//!
//! The check of the repository knows nothing of events. It finds bytes that are lost; this one finds logs that do not fit each other.

mod content;

use std::collections::{HashMap, HashSet};

use repo_format::id::LeaseId;

use crate::binlog::archive::{StoredLog, StoredLogs};
use crate::binlog::window::{Base, KnownLog, Records, records, standing};
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
    let StoredLogs { logs, unreadable } = StoredLogs::read(repository)?;
    if logs.is_empty() && unreadable.is_empty() {
        return Ok(LogReport::default());
    }
    let mut check = Check { report: LogReport::default(), logs: logs.iter().map(|log| (log.id(), log)).collect() };
    for (log, error) in unreadable {
        let message = format!("it cannot be read: {}", chain(&error));
        check.report.findings.push(LogFinding { log, address: Vec::new(), message, since: None });
    }
    check.chains(&logs, &forgotten(repository)?);
    let Records { logs: known, bases, .. } = records(repository)?;
    let standing = bases_by_log(&known, &bases);
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
}

impl Check<'_> {
    fn find(&mut self, log: &StoredLog, message: String) {
        let before = log.record.previous.and_then(|previous| self.logs.get(&previous));
        let since = before.map(|before| before.record.complete_until);
        self.report.findings.push(LogFinding { log: log.id(), address: log.address().to_vec(), message, since });
    }

    /// Each log begins where the one before ends, and no log is missing but those that were forgotten.
    fn chains(&mut self, logs: &[StoredLog], forgotten: &HashSet<LeaseId>) {
        for log in logs {
            let Some(previous) = log.record.previous else { continue };
            match self.logs.get(&previous) {
                Some(before) => {
                    let (from, to) = (&log.record.from, &before.record.to);
                    let is_next = (&from.file, from.offset) == (&to.file, to.offset);
                    if !is_next || before.record.stream != log.record.stream {
                        let (file, offset) = (&to.file, to.offset);
                        self.find(log, format!("it does not begin where the log before ends, at {file}:{offset}"));
                    }
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
fn bases_by_log(logs: &[KnownLog], bases: &[Base]) -> HashMap<LeaseId, Vec<Base>> {
    let mut by_log: HashMap<LeaseId, Vec<Base>> = HashMap::new();
    for (log, base) in standing(logs, bases) {
        by_log.entry(log).or_default().push(base.clone());
    }
    by_log
}
