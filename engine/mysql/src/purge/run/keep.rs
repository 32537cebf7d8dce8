//! The receipts of a run: the first names the rows before any of them goes, the second names the rows that really went.

use repo_format::cbor::ByteString;
use repo_format::database::{LeftFiles, PurgedFile, PurgedFiles};
use repo_format::id::{Bytes32, LeaseId, PurgeId};

use super::options::RunOptions;
use super::outcome::Step;
use super::progress::Progress;
use crate::purge::files::FileSet;
use crate::purge::plan::Plan;
use crate::purge::tables::{KeySet, Source, Table};
use crate::purge::terms::Dates;
use engine_core::crypto::random;
use engine_core::error::{Result, chain};
use engine_core::machine;
use engine_core::monitor::Monitor;
use engine_core::repository::{Author, Repository};
use engine_core::session::{WriterOptions, WriterSession};
use engine_core::upkeep::receipt::{
    KeyRange, Left, PurgePhase, PurgedTable, ReceiptRecord, ReceiptSource, forget_superseded, put,
};

/// A receipt of what is going to be deleted.
pub(in crate::purge) struct Begun {
    pub id: LeaseId,
    record: ReceiptRecord,
}

/// Puts the receipts of a run.
pub(super) struct Keeper<'a> {
    pub repository: &'a Repository,
    pub source: &'a Source,
    pub plan: &'a Plan,
    pub options: &'a RunOptions,
}

impl Keeper<'_> {
    /// Names all rows that are going to be deleted. From then on they outlive their snapshot.
    ///
    /// # Errors
    /// See [`put`]: then nothing may be deleted.
    pub fn begin(&self, all: &[Progress<'_>], monitor: &dyn Monitor) -> Result<Begun> {
        let mut record = ReceiptRecord {
            purge: PurgeId(random()?),
            phase: PurgePhase::Begun,
            operator: self.options.operator.clone(),
            host: self.options.host.clone(),
            reason: self.options.reason.clone().unwrap_or_default(),
            plan: Bytes32(self.plan.digest()),
            cutoff: self.plan.rule.cutoff.to_string(),
            snapshot: self.plan.snapshot,
            server: self.plan.server.clone(),
            started: machine::now().seconds,
            ended: None,
            tables: Vec::new(),
            files: None,
        };
        for progress in all {
            let keys = [&progress.proof.parents].into_iter().chain(&progress.proof.children);
            let tables = tables(&self.plan.schema, progress, keys, &progress.proof.dates);
            record.tables.extend(tables.into_iter().filter(|table| table.rows > 0));
            if progress.job.attached.is_some() {
                record.files = Some(purged(&progress.proof.files));
            }
        }
        let id = self.put(&record, all, monitor)?;
        Ok(Begun { id, record })
    }

    /// Says what of it went, and what stayed and why; if all of it went, the receipt of the beginning is forgotten. Gives the receipt's id.
    ///
    /// # Errors
    /// See [`put`]: the receipt that names all rows is still there then.
    pub fn end(&self, begun: Begun, all: &[Progress<'_>], step: &Step, monitor: &dyn Monitor) -> Result<LeaseId> {
        let ended = Some(machine::now().seconds);
        let mut record = ReceiptRecord { phase: PurgePhase::Ended, ended, tables: Vec::new(), ..begun.record };
        for progress in all {
            let keys = [&progress.deleted.parents].into_iter().chain(&progress.deleted.children);
            let mut tables = tables(&self.plan.schema, progress, keys, &progress.deleted.dates);
            if let Some(parent) = tables.first_mut() {
                parent.left = left(progress, step);
            }
            record.tables.extend(tables.into_iter().filter(|table| table.rows > 0 || !table.left.is_empty()));
            if progress.job.attached.is_some() {
                let left = left_files(progress, step);
                record.files = Some(PurgedFiles { left, ..purged(&progress.deleted.files.files) });
            }
        }
        let id = self.put(&record, all, &Undisturbed(monitor))?;
        let RunOptions { operator, host, program, .. } = self.options.clone();
        // A receipt that repeats another may go. The rows are kept either way, so a failure here is only a note.
        if let Err(error) = forget_superseded(self.repository, &Author { host, user: operator, program }) {
            monitor.note(&format!("the receipt of the beginning stays beside that of the end: {}", chain(&error)));
        }
        Ok(id)
    }

    fn put(&self, record: &ReceiptRecord, all: &[Progress<'_>], monitor: &dyn Monitor) -> Result<LeaseId> {
        let RunOptions { host, operator, program, .. } = self.options.clone();
        let writer = WriterOptions { host, user: operator, program, dry_run: false };
        let session = WriterSession::begin(self.repository, &writer, monitor)?;
        let attached = all.iter().find_map(|progress| progress.job.attached.as_ref());
        let folder = attached.map(|attached| &attached.saved_folder[..]);
        let source = ReceiptSource { snapshot: &self.source.snapshot, root: &self.source.root, folder };
        put(session, &source, record, monitor).map_err(|e| e.context("cannot put the receipt of the purge"))
    }
}

/// Hides the wish to stop: the receipt of rows that are gone is written to its end.
struct Undisturbed<'m>(&'m dyn Monitor);

impl Monitor for Undisturbed<'_> {
    fn note(&self, message: &str) {
        self.0.note(message);
    }
}

fn tables<'k>(
    schema: &str,
    progress: &Progress<'_>,
    keys: impl Iterator<Item = &'k KeySet>,
    dates: &Dates,
) -> Vec<PurgedTable> {
    let range = |(first, last): (i128, i128)| KeyRange {
        first: ByteString(first.to_string().into_bytes()),
        last: ByteString(last.to_string().into_bytes()),
    };
    let tables = progress.job.tables().zip(keys).enumerate();
    let table = |(at, (table, keys)): (usize, (&Table<'_>, &KeySet))| {
        let dates = dates.range().filter(|_| at == 0);
        PurgedTable {
            schema: schema.to_owned(),
            table: table.name.clone(),
            category: progress.job.category.name.clone(),
            ranges: keys.runs().map(range).collect(),
            rows: keys.len(),
            first_date: dates.map(|(first, _)| first.to_owned()),
            last_date: dates.map(|(_, last)| last.to_owned()),
            left: Vec::new(),
        }
    };
    tables.map(table).collect()
}

fn purged(files: &FileSet) -> PurgedFiles {
    let file = |(path, size): (&Vec<u8>, &u64)| PurgedFile { path: ByteString(path.clone()), size: *size };
    PurgedFiles { files: files.iter().map(file).collect(), left: Vec::new() }
}

/// Files that stay, though they were named.
fn left_files(progress: &Progress<'_>, step: &Step) -> Vec<LeftFiles> {
    let counts = &progress.deleted.files.counts;
    let reached = counts.files + counts.left_files();
    let not_reached = match step {
        Step::Done => None,
        _ => Some(((progress.proof.files.len() as u64).saturating_sub(reached), "not reached".to_owned())),
    };
    let left = counts.left.iter().map(|(why, files)| (*files, why.clone()));
    let some = left.chain(not_reached).filter(|(files, _)| *files > 0);
    some.map(|(files, why)| LeftFiles { files, why }).collect()
}

/// Rows that stay, of the first pass and of the second.
fn left(progress: &Progress<'_>, step: &Step) -> Vec<Left> {
    let mut rows = progress.proof.left;
    rows += progress.deleted.left;
    let reached = progress.deleted.parents.len() + progress.deleted.left.total();
    let not_reached = match step {
        Step::Done => None,
        Step::TimeIsUp => Some("not reached: the time was up"),
        Step::Interrupted => Some("not reached: the run was stopped"),
        Step::Failed(why) => Some(why.as_str()),
    };
    let not_reached = not_reached.map(|why| (progress.proof.parents.len().saturating_sub(reached), why));
    let all = [
        (rows.not_saved, "old and not in the snapshot"),
        (rows.changed, "other than in the snapshot"),
        (rows.children, "what belongs to them is not in the snapshot as it is"),
        (rows.used, "something else needs them, or what belongs to them"),
        (rows.highest, "the highest number of a table stays"),
    ];
    let some = all.into_iter().chain(not_reached).filter(|(rows, _)| *rows > 0);
    some.map(|(rows, why)| Left { rows, why: why.to_owned() }).collect()
}
