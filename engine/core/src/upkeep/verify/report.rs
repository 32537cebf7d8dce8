//! Collects findings from all threads.

use std::collections::HashSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use repo_format::id::PackId;

use super::{Checked, Finding, FindingKind, VerifyReport};
use crate::error::{Result, chain};
use crate::repository::Repository;
use engine_store::ObjectName;

/// The findings so far.
pub(super) struct Report {
    findings: Mutex<Vec<Finding>>,
    notes: Mutex<Vec<String>>,
    pub packs: AtomicU64,
    pub chunks: AtomicU64,
    pub read_bytes: AtomicU64,
    pub read_packs: AtomicU64,
    pub pack_bytes: AtomicU64,
}

impl Report {
    pub fn new(warnings: &[String]) -> Self {
        let report = Report {
            findings: Mutex::default(),
            notes: Mutex::default(),
            packs: AtomicU64::new(0),
            chunks: AtomicU64::new(0),
            read_bytes: AtomicU64::new(0),
            read_packs: AtomicU64::new(0),
            pack_bytes: AtomicU64::new(0),
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

    /// Whether there is a finding about an object.
    pub fn names(&self, object: &str) -> bool {
        self.findings.lock().unwrap_or_else(PoisonError::into_inner).iter().any(|finding| finding.object == object)
    }

    /// Adds a harmless oddity.
    pub fn note(&self, message: impl Into<String>) {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner).push(message.into());
    }

    /// Takes the value of a check, or turns its failure into a finding. A failure that prevents checking at all stays
    /// an error.
    pub fn check<T>(&self, object: impl ToString, kind: FindingKind, result: Result<T>) -> Result<Option<T>> {
        match result {
            Ok(value) => Ok(Some(value)),
            Err(error) if error.is_damage() => {
                self.find(object, kind, chain(&error));
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// As [`Report::check`], for an object that was listed. If it has gone since, there is no finding: prune and forget
    /// may run meanwhile.
    pub fn check_object<T>(
        &self,
        repository: &Repository,
        name: ObjectName,
        kind: FindingKind,
        result: Result<T>,
    ) -> Result<Option<T>> {
        match result {
            Err(error) if error.is_damage() && repository.store().stat(&name)?.is_none() => Ok(None),
            result => self.check(name, kind, result),
        }
    }

    /// Turns damage of packs that are not in `named` into notes: nobody uses these packs, as after a repair.
    pub fn note_damaged_packs_but(&self, named: &HashSet<PackId>) {
        let mut findings = self.findings.lock().unwrap_or_else(PoisonError::into_inner);
        let damaged: HashSet<String> =
            findings.iter().filter(|f| f.kind == FindingKind::DamagedPack).map(|f| f.object.clone()).collect();
        if damaged.is_empty() {
            return;
        }
        let named = named.iter().map(|id| ObjectName::Pack(*id).to_string());
        let named: HashSet<String> = named.filter(|name| damaged.contains(name)).collect();
        let is_used = |finding: &Finding| finding.kind != FindingKind::DamagedPack || named.contains(&finding.object);
        let (kept, unused): (Vec<_>, Vec<_>) = std::mem::take(&mut *findings).into_iter().partition(is_used);
        *findings = kept;
        drop(findings);
        for Finding { object, message, .. } in unused {
            self.note(format!("{object} is damaged, and no index segment names it, so nobody uses it: {message}"));
        }
    }

    /// Turns the findings of another report into notes, because they do no harm here.
    pub fn note_findings_of(&self, other: Report) {
        for finding in other.finish(Checked::default()).findings {
            self.note(format!("{}: {}", finding.object, finding.message));
        }
    }

    pub(super) fn finish(self, checked: Checked) -> VerifyReport {
        let mut findings = self.findings.into_inner().unwrap_or_else(PoisonError::into_inner);
        findings.sort_by(|a, b| a.object.cmp(&b.object));
        let mut notes = self.notes.into_inner().unwrap_or_else(PoisonError::into_inner);
        notes.sort();
        VerifyReport {
            snapshots: checked.all,
            with_problems: checked.with_problems,
            packs: self.packs.load(Ordering::Relaxed),
            chunks: self.chunks.load(Ordering::Relaxed),
            read_bytes: self.read_bytes.load(Ordering::Relaxed),
            read_packs: self.read_packs.load(Ordering::Relaxed),
            pack_bytes: self.pack_bytes.load(Ordering::Relaxed),
            findings,
            notes,
        }
    }
}
