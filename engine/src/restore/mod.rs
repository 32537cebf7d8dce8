//! Restore: from a snapshot to a folder.
//!
//! ```text
//!  walk (this thread)            workers (one a core)
//!  folders of the snapshot ----> files, and pieces of large ones:   store -> pack -> chunk -> file
//!  beside those of the target    attributes of a file after its last piece, of a folder after its last file
//! ```
//!
//! Every name is a single one and never followed, so nothing can lead out of the target. What is lost in the repository is named, and
//! leaves zeros; everything else is restored.

mod attributes;
mod extents;
mod file;
mod links;
mod outcome;
mod walk;

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use crossbeam_channel::{Receiver, bounded};
use repo_format::node::Problem;

use crate::error::{Error, ErrorKind, Result};
use crate::filesystem;
use crate::monitor::{Monitor, Phase, Work};
use crate::pack::ChunkReader;
use crate::repository::Repository;
use crate::snapshots::Snapshot;
use crate::tree;

use file::Job;
use outcome::Tally;

/// Pieces of work that may wait.
const JOBS: usize = 64;

/// Whose the restored things become.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Owners {
    /// Users and groups by their names, by their ids where a name is unknown here.
    #[default]
    ByName,
    /// Users and groups by their ids.
    ById,
    /// The current user's.
    Ignore,
}

/// How to restore.
#[derive(Debug, Clone, Default)]
pub struct RestoreOptions {
    /// What to restore; empty for everything.
    pub path: Vec<u8>,
    /// Remove what the snapshot does not have.
    pub delete: bool,
    /// Only say what would be done.
    pub dry_run: bool,
    /// Whose things become.
    pub owners: Owners,
}

/// What is done with one thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// It is made.
    Create,
    /// It was there with another content.
    Rewrite,
    /// It was there with other attributes.
    Attributes,
    /// It was there and is not in the snapshot.
    Delete,
    /// It was there as it should be.
    Keep,
}

/// What came of a restore.
#[derive(Debug, Clone, Default)]
pub struct RestoreOutcome {
    /// Files that are now as in the snapshot.
    pub files: u64,
    /// Folders.
    pub directories: u64,
    /// Links, FIFOs, devices.
    pub others: u64,
    /// Bytes written into files.
    pub written_bytes: u64,
    /// Files whose content was right already.
    pub unchanged_files: u64,
    /// Things that were removed.
    pub deleted_entries: u64,
    /// What could not be restored as it was: the first 1,000.
    pub problems: Vec<Problem>,
    /// How many there were.
    pub problem_count: u64,
}

/// Everything that the threads of one restore share.
struct Run<'r> {
    reader: &'r ChunkReader<'r>,
    options: &'r RestoreOptions,
    monitor: &'r dyn Monitor,
    planned: &'r (dyn Fn(&[u8], Action) + Sync),
    tally: &'r Tally<'r>,
    owners: &'r filesystem::Owners,
    stop: &'r AtomicBool,
}

/// Restores what `options` say of `snapshot` into the folder `target`, which is made if it is not there.
///
/// A folder's contents come into `target` itself; the whole snapshot as one folder for each root; anything else under its name.
/// What is there already is compared, and only what differs is written. `planned` is told of each action; in a dry run nothing else
/// happens.
///
/// # Errors
/// [`ErrorKind::NotFound`] if the snapshot has no such path; if the target cannot be used or is full, or the monitor wishes to stop. What
/// can be worked around is a problem in the outcome.
pub fn restore(
    repository: &Repository,
    snapshot: &Snapshot,
    target: &Path,
    options: &RestoreOptions,
    planned: &(dyn Fn(&[u8], Action) + Sync),
    monitor: &dyn Monitor,
) -> Result<RestoreOutcome> {
    let report = repository.sync_catalog(monitor)?;
    for (segment, error) in report.damaged {
        monitor.note(&format!("index/{segment} cannot be used: {error}"));
    }
    let reader = ChunkReader::new(repository);
    let (path, entry) = tree::lookup(&reader, &snapshot.manifest, &options.path)?;
    let tally = Tally::new(monitor);
    let owners = filesystem::Owners::new();
    let stop = AtomicBool::new(false);
    let run = Run { reader: &reader, options, monitor, planned, tally: &tally, owners: &owners, stop: &stop };
    let target = walk::Target::open(target, options)?;
    // Of the whole snapshot it is known how much there is.
    let figures = &snapshot.manifest.statistics;
    let total = entry.is_none().then_some(Work { items: figures.files, bytes: figures.total_bytes });
    monitor.begin(Phase::Restore, total);
    let what = walk::What {
        path,
        entry,
        top: snapshot.manifest.tree_id(),
        entries: tree::EntryCount::new(&snapshot.manifest),
    };
    let result = run_threads(&run, target, what);
    monitor.end();
    result?;
    Ok(tally.into_outcome())
}

fn run_threads(run: &Run<'_>, target: walk::Target, what: walk::What) -> Result<()> {
    let workers = std::thread::available_parallelism().map_or(2, usize::from).clamp(2, 16);
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

/// Works until no more jobs come. After a failure anywhere the rest is thrown away.
fn work(run: &Run<'_>, jobs: &Receiver<Job>) -> Result<()> {
    for job in jobs {
        if run.stop.load(Ordering::Relaxed) || run.monitor.is_cancelled() {
            continue;
        }
        job.run(run)?;
    }
    Ok(())
}
