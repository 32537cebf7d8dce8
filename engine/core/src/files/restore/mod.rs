//! Restores a snapshot to a folder.
//!
//! ```text
//!  walk (this thread)            workers (one a core)
//!  folders of the snapshot ----> files, and pieces of large ones:   store -> pack -> chunk -> file
//!  beside those of the target    attributes of a file after its last piece, of a folder after its last file
//! ```
//! Every name is a single name and never followed, so nothing can lead out of the target. Lost data is reported, and
//! leaves zeros; everything else is restored.

mod ahead;
mod attributes;
mod delete;
mod extents;
mod file;
mod judge;
mod links;
mod outcome;
mod place;
mod protect;
mod rules;
mod scope;
mod special;
mod spelling;
mod target;
mod walk;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crossbeam_channel::{Receiver, bounded};
use repo_format::manifest::Manifest;
use repo_format::node::Problem;

use crate::error::{Error, ErrorKind, Result};
use crate::filesystem;
use crate::monitor::{Monitor, Phase, Work};
use crate::pack::ChunkReader;
use crate::repository::Repository;
use crate::snapshots::Snapshot;
use crate::snapshots::part::database_size;
use crate::tree;

pub use delete::{Deletions, KeptReason};

use ahead::Task;
use outcome::Tally;
use protect::Protected;
use target::Target;

/// The number of jobs that may wait.
const JOBS: usize = 64;

/// The owners of the restored things.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Owners {
    /// Users and groups by name; by id if the name is unknown here.
    #[default]
    ByName,
    /// Users and groups by their ids.
    ById,
    /// The current user.
    Ignore,
}

/// How to restore.
#[derive(Debug, Clone, Default)]
pub struct RestoreOptions {
    /// The path to restore; empty for everything.
    pub path: Vec<u8>,
    /// The names of roots that are left out of a whole snapshot, such as databases that are restored otherwise.
    pub without: Vec<Vec<u8>>,
    /// Remove things that the snapshot does not have, in folders that it contains completely.
    pub delete: bool,
    /// Let files and links replace folders with contents, and folders replace links. `delete` implies this.
    pub overwrite: bool,
    /// Give an existing target the attributes of the restored folder.
    pub target_attributes: bool,
    /// Paths in use, which are neither removed nor written to: the repository, caches, keys, settings.
    pub protected: Vec<PathBuf>,
    /// The deletions that the user confirmed, from [`plan`]. With `None` they are planned now, and nobody is asked.
    pub deletions: Option<Arc<Deletions>>,
    /// Change nothing, and only report the actions.
    pub dry_run: bool,
    /// The owners of the restored things.
    pub owners: Owners,
    /// Leave modes, owners, times and extended attributes to the system, for targets that have none.
    pub contents_only: bool,
}

/// The action for one thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// It is new.
    Create,
    /// It existed with another content.
    Rewrite,
    /// It existed with other attributes.
    Attributes,
    /// It existed and is not in the snapshot.
    Delete,
    /// It is right already.
    Keep,
}

/// The result of a restore.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct RestoreOutcome {
    /// The number of files that now are as in the snapshot.
    pub files: u64,
    /// The number of folders.
    pub directories: u64,
    /// The number of links, FIFOs and devices.
    pub others: u64,
    /// The number of bytes written into files.
    pub written_bytes: u64,
    /// The number of files whose content was right already.
    pub unchanged_files: u64,
    /// The number of removed things.
    pub deleted_entries: u64,
    /// The size of the removed files in bytes.
    pub deleted_bytes: u64,
    /// The number of things that stayed though the snapshot does not have them, by reason.
    pub kept: BTreeMap<KeptReason, u64>,
    /// The first 1,000 things that could not be restored completely.
    pub problems: Vec<Problem>,
    /// The number of all problems.
    pub problem_count: u64,
}

/// The purpose of a walk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Purpose {
    /// Plan the deletions.
    Survey,
    /// Report the actions.
    DryRun,
    /// Restore.
    Restore,
}

/// Everything that the threads of one restore share.
struct Run<'r> {
    reader: &'r ChunkReader<'r>,
    options: &'r RestoreOptions,
    purpose: Purpose,
    monitor: &'r dyn Monitor,
    planned: &'r (dyn Fn(&[u8], Action) + Sync),
    tally: &'r Tally<'r>,
    owners: &'r filesystem::Owners,
    protected: &'r Protected,
    deletions: &'r Mutex<Deletions>,
    stop: &'r AtomicBool,
}

impl Run<'_> {
    /// The deletions: in a survey those found so far, otherwise those that were confirmed.
    fn plan(&self) -> MutexGuard<'_, Deletions> {
        self.deletions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether things may be changed.
    fn writes(&self) -> bool {
        self.purpose == Purpose::Restore
    }

    /// Whether something may replace a thing that is an obstacle.
    fn may_replace(&self) -> bool {
        self.options.delete || self.options.overwrite
    }
}

/// The deletions of a restore with `options`. Changes nothing.
///
/// # Errors
/// As [`restore`].
pub fn plan(
    repository: &Repository,
    snapshot: &Snapshot,
    target: &Path,
    options: &RestoreOptions,
    monitor: &dyn Monitor,
) -> Result<Deletions> {
    let reader = open_reader(repository, monitor)?;
    let (protected, request) = (Protected::new(&options.protected), Request { snapshot, target, options });
    request.check(&protected)?;
    survey(&reader, &request, &protected, monitor)
}

/// Restores the part of `snapshot` that `options` names into the folder `target`, and makes the folder if needed.
///
/// The contents of a folder go directly into `target`; the whole snapshot gets one folder per root; anything else keeps
/// its name. Existing things are compared, and only differences are written. `planned` hears of each action; in a dry
/// run nothing else happens. Deletions are planned before anything is written, and each is checked again before it
/// happens.
///
/// # Errors
/// [`ErrorKind::NotFound`] if the snapshot has no such path; [`ErrorKind::Usage`] if the target is in use, or if it is
/// the root of the file system and something would be deleted; [`ErrorKind::Refused`] if something would be deleted and
/// the snapshot does not record its exclusions; if the target cannot be used or is full, or the monitor wishes to stop.
/// Other failures are problems in the outcome.
pub fn restore(
    repository: &Repository,
    snapshot: &Snapshot,
    target: &Path,
    options: &RestoreOptions,
    planned: &(dyn Fn(&[u8], Action) + Sync),
    monitor: &dyn Monitor,
) -> Result<RestoreOutcome> {
    let reader = open_reader(repository, monitor)?;
    let (protected, request) = (Protected::new(&options.protected), Request { snapshot, target, options });
    request.check(&protected)?;
    let deletions = match &options.deletions {
        Some(agreed) => agreed.as_ref().clone(),
        None if options.delete || options.overwrite => survey(&reader, &request, &protected, monitor)?,
        None => Deletions::default(),
    };
    let purpose = if options.dry_run { Purpose::DryRun } else { Purpose::Restore };
    let (tally, stop, deletions) = (Tally::new(monitor), AtomicBool::new(false), Mutex::new(deletions));
    let owners = filesystem::Owners::new();
    let run = Run {
        reader: &reader,
        options,
        purpose,
        monitor,
        planned,
        tally: &tally,
        owners: &owners,
        protected: &protected,
        deletions: &deletions,
        stop: &stop,
    };
    let what = request.what(&reader)?;
    let target = Target::open(target, purpose)?;
    // Only the total of the whole snapshot is known.
    let total = what.entry.is_none().then(|| expected(&reader, &snapshot.manifest, &options.without)).transpose()?;
    monitor.begin(Phase::Restore, total);
    let result = run_threads(&run, target, what);
    monitor.end();
    result?;
    Ok(tally.into_outcome())
}

/// The work of a whole snapshot.
fn expected(reader: &ChunkReader<'_>, manifest: &Manifest, without: &[Vec<u8>]) -> Result<Work> {
    let mut bytes = manifest.statistics.total_bytes;
    for root in without {
        bytes = bytes.saturating_sub(database_size(reader, manifest, root)?.bytes);
    }
    Ok(Work { items: manifest.statistics.files, bytes })
}

fn open_reader<'r>(repository: &'r Repository, monitor: &dyn Monitor) -> Result<ChunkReader<'r>> {
    let report = repository.sync_catalog(monitor)?;
    for (segment, error) in report.damaged {
        monitor.note(&format!("index/{segment} cannot be used: {error}"));
    }
    Ok(ChunkReader::new(repository))
}

/// The request of the caller.
struct Request<'q> {
    snapshot: &'q Snapshot,
    target: &'q Path,
    options: &'q RestoreOptions,
}

impl Request<'_> {
    /// Refuses a request that could do harm.
    fn check(&self, protected: &Protected) -> Result<()> {
        protected.check_target(self.target)?;
        if !self.options.delete {
            return Ok(());
        }
        if filesystem::Dir::open(self.target).is_ok_and(|dir| protect::is_whole_system(&dir)) {
            let message = "nothing is deleted in the root of the file system: restore to a folder, or without deleting";
            return Err(Error::new(ErrorKind::Usage, message));
        }
        match self.snapshot.manifest.left_out {
            Some(_) => Ok(()),
            None => Err(Error::new(
                ErrorKind::Refused,
                format!(
                    "nothing is deleted by snapshot {}: an older version made it, which did not record exclusions; restore without deleting",
                    self.snapshot.id
                ),
            )),
        }
    }

    fn what<'r>(&'r self, reader: &ChunkReader<'_>) -> Result<walk::What<'r>> {
        let manifest = &self.snapshot.manifest;
        let (path, entry) = tree::lookup(reader, manifest, &self.options.path)?;
        Ok(walk::What { path, entry, manifest, entries: tree::EntryCount::new(manifest) })
    }
}

/// Plans the deletions.
fn survey(
    reader: &ChunkReader<'_>,
    request: &Request<'_>,
    protected: &Protected,
    monitor: &dyn Monitor,
) -> Result<Deletions> {
    // The restore reports these problems when it meets them again.
    let silent = Silent(monitor);
    let (tally, stop, deletions) = (Tally::new(&silent), AtomicBool::new(false), Mutex::default());
    let owners = filesystem::Owners::new();
    let run = Run {
        reader,
        options: request.options,
        purpose: Purpose::Survey,
        monitor: &silent,
        planned: &|_, _| {},
        tally: &tally,
        owners: &owners,
        protected,
        deletions: &deletions,
        stop: &stop,
    };
    let what = request.what(reader)?;
    let target = Target::open(request.target, Purpose::Survey)?;
    // A survey reads only folders, so no worker waits for these.
    let (jobs, arrivals) = bounded(JOBS);
    walk::walk(&run, target, what, jobs)?;
    drop(arrivals);
    Ok(deletions.into_inner().unwrap_or_else(PoisonError::into_inner))
}

/// Only answers whether to stop.
struct Silent<'m>(&'m dyn Monitor);

impl Monitor for Silent<'_> {
    fn is_cancelled(&self) -> bool {
        self.0.is_cancelled()
    }
}

fn run_threads(run: &Run<'_>, target: Target, what: walk::What<'_>) -> Result<()> {
    let workers = std::thread::available_parallelism().map_or(2, usize::from).clamp(2, 16);
    let workers = workers.max(run.reader.repository().store().medium().gets_at_once);
    let (jobs, arrivals) = bounded(JOBS);
    let (walked, worked) = std::thread::scope(|scope| {
        let working: Vec<_> = (0..workers)
            .map(|_| {
                let arrivals = arrivals.clone();
                scope.spawn(move || ended(run, work(run, &arrivals)))
            })
            .collect();
        drop(arrivals);
        let walked = ended(run, walk::walk(run, target, what, jobs));
        let joined =
            working.into_iter().map(|worker| worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        (walked, joined.collect::<Vec<_>>())
    });
    if run.monitor.is_cancelled() {
        return Err(Error::cancelled());
    }
    let (links, walked) = match walked {
        Ok(links) => (Some(links), Ok(())),
        Err(error) => (None, Err(error)),
    };
    let mut failures: Vec<Error> = worked.into_iter().chain([walked]).filter_map(Result::err).collect();
    failures.sort_by_key(|error| error.kind() == ErrorKind::Cancelled);
    match (failures.into_iter().next(), links) {
        (Some(error), _) => Err(error),
        (None, Some(links)) => links.make(run),
        (None, None) => Ok(()),
    }
}

fn ended<T>(run: &Run<'_>, result: Result<T>) -> Result<T> {
    if result.is_err() {
        run.stop.store(true, Ordering::Relaxed);
    }
    result
}

/// Works until no more jobs come. After a failure anywhere, drops the remaining jobs.
fn work(run: &Run<'_>, tasks: &Receiver<Task<'_>>) -> Result<()> {
    for Task { job, chunks } in tasks {
        if run.stop.load(Ordering::Relaxed) || run.monitor.is_cancelled() {
            continue;
        }
        job.run(run, &chunks)?;
    }
    Ok(())
}
