//! Collects findings from all threads.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use super::{Finding, FindingKind, VerifyReport};
use crate::error::{Error, ErrorKind, Result, chain};

/// What has been found so far.
pub(super) struct Report {
    findings: Mutex<Vec<Finding>>,
    notes: Mutex<Vec<String>>,
    pub packs: AtomicU64,
    pub chunks: AtomicU64,
    pub read_bytes: AtomicU64,
}

impl Report {
    pub fn new(warnings: &[String]) -> Self {
        let report = Report {
            findings: Mutex::default(),
            notes: Mutex::default(),
            packs: AtomicU64::new(0),
            chunks: AtomicU64::new(0),
            read_bytes: AtomicU64::new(0),
        };
        for warning in warnings {
            report.find("repository", FindingKind::RolledBack, warning.clone());
        }
        report
    }

    /// Adds damage of an object.
    pub fn find(&self, object: impl ToString, kind: FindingKind, message: impl Into<String>) {
        self.add(Finding { object: object.to_string(), kind, message: message.into(), affected: Vec::new() });
    }

    /// Adds a finding.
    pub fn add(&self, finding: Finding) {
        self.findings.lock().unwrap_or_else(PoisonError::into_inner).push(finding);
    }

    /// Adds what is odd, and harmless.
    pub fn note(&self, message: impl Into<String>) {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner).push(message.into());
    }

    /// Takes the value of a check, or makes a finding of its failure; what prevents checking at all stays an error.
    pub fn check<T>(&self, object: impl ToString, kind: FindingKind, result: Result<T>) -> Result<Option<T>> {
        match result {
            Ok(value) => Ok(Some(value)),
            Err(error) if is_damage(&error) => {
                self.find(object, kind, chain(&error));
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    pub fn finish(self, snapshots: u64) -> VerifyReport {
        let mut findings = self.findings.into_inner().unwrap_or_else(PoisonError::into_inner);
        findings.sort_by(|a, b| a.object.cmp(&b.object));
        let mut notes = self.notes.into_inner().unwrap_or_else(PoisonError::into_inner);
        notes.sort();
        VerifyReport {
            snapshots,
            packs: self.packs.load(Ordering::Relaxed),
            chunks: self.chunks.load(Ordering::Relaxed),
            read_bytes: self.read_bytes.load(Ordering::Relaxed),
            findings,
            notes,
        }
    }
}

/// Whether an error says that an object is not what it should be. So does a disk that cannot read it, and a version or kind that nobody
/// has ever written there.
pub(super) fn is_damage(error: &Error) -> bool {
    let kinds =
        [ErrorKind::Damaged, ErrorKind::TooNew, ErrorKind::Io, ErrorKind::PermissionDenied, ErrorKind::WrongPassword];
    kinds.contains(&error.kind())
}
