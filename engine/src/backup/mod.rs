//! Backup: from sources to a snapshot.
//!
//! ```text
//!  walk (this thread)          workers (one a core)                  uploaders
//!  folders in order     ---->  read, cut, id, code, seal     ---->   packs, index, segments
//!        |  events, in order         |  contents
//!        v                           v
//!  tree builder (a thread): directories from the leaves up  ---->  the root's node  ->  manifest
//! ```
//!
//! Every queue is bounded. A failure anywhere ends all of it; what is durable by then is reused by the next run.

mod buffers;
mod choice;
mod companion;
mod database;
mod extents;
mod file;
mod gaps;
mod less;
mod levels;
mod parent;
mod problems;
mod progress;
mod queue;
mod roots;
mod special;
mod tree;
mod unchanged;
mod walk;
mod worker;

use std::io::Read;
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use crossbeam_channel::bounded;
use repo_format::id::{ChunkId, LeaseId};
use repo_format::manifest::{KIND_SNAPSHOT, LeftOut, Manifest, Problems, Root, SeenManifest, Statistics};
use repo_format::node::Problem;
use repo_format::{entry::Time, limits};

use crate::chunk::{Coder, ProfileName};
use crate::error::{Error, ErrorKind, Result};
use crate::machine;
use crate::monitor::{Monitor, Phase, Work};
use crate::pack::{ChunkStore, Mode, StoreTotals, UPLOADERS};
use crate::repository::{ManifestObject, Manifests, Repository, WriterOptions, WriterSession};
use crate::source::exclude::ExcludeOptions;

pub use database::{Companion, DatabaseFigures, DatabaseSource, Missing};

use buffers::Buffers;
use choice::Choice;
use parent::{Parent, Parents};
use problems::ProblemLog;
use progress::Counters;
use queue::WorkQueue;

/// Events travel in batches of so many: waking the tree builder for each costs more than most of them.
const EVENTS_PER_BATCH: usize = 64;
/// Batches that the walk may be ahead of the tree builder.
const EVENT_BATCHES: usize = 64;

/// Something to save.
pub enum Source {
    /// A folder, or anything else that has a path.
    Path(PathBuf),
    /// A folder or file that is a copy of another, or was moved: it is saved as if it were there.
    Moved {
        /// Where it is.
        path: PathBuf,
        /// Where it is said to be.
        from: PathBuf,
    },
    /// A stream, under a name.
    Stream {
        /// Its name in the snapshot.
        name: Vec<u8>,
        /// Where it comes from; an error ends the backup.
        reader: Box<dyn Read + Send>,
    },
    /// A database server.
    Database(Box<DatabaseSource>),
}

/// Which snapshot to compare with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ParentChoice {
    /// For each root the newest one of this host that has it.
    #[default]
    Newest,
    /// This one.
    Snapshot(LeaseId),
    /// None: read everything.
    None,
}

/// What makes a file count as unchanged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Trust {
    /// Path, inode, size, modification time and change time.
    #[default]
    Inode,
    /// Path, size and modification time: for network shares, whose inodes and change times are not stable.
    SizeAndTime,
}

/// How to back up.
#[derive(Debug, Clone, Default)]
pub struct BackupOptions {
    /// Tags of the snapshot.
    pub tags: Vec<String>,
    /// This machine.
    pub host: String,
    /// This user.
    pub user: String,
    /// Program and version.
    pub program: String,
    /// What to leave out.
    pub exclude: ExcludeOptions,
    /// Stay in the file system of each root.
    pub one_file_system: bool,
    /// What to compare with.
    pub parent: ParentChoice,
    /// When a file counts as unchanged.
    pub trust: Trust,
    /// Chunk sizes for all files, instead of by their names.
    pub profile: Option<ProfileName>,
    /// Read and cut, but write nothing.
    pub dry_run: bool,
    /// It is meant to be so that a source holds much less than before, or that nothing is mounted in it any more.
    pub allow_less: bool,
}

/// What came of a backup.
#[derive(Debug, Clone)]
pub struct BackupOutcome {
    /// The snapshot; none in a dry run.
    pub snapshot: Option<LeaseId>,
    /// What it was compared with.
    pub parent: Option<LeaseId>,
    /// Figures.
    pub statistics: Statistics,
    /// What could not be saved as it should be: the first 1,000.
    pub problems: Vec<Problem>,
    /// How many there were.
    pub problem_count: u64,
    /// What came of each database.
    pub databases: Vec<DatabaseFigures>,
    /// Patterns of the options that have left nothing out of any folder.
    pub unused_patterns: Vec<String>,
    /// Devices, FIFOs and sockets: they are saved as such, not what could be read from them.
    pub specials: u64,
}

/// Everything that the threads of one backup share.
struct Run<'r> {
    store: &'r ChunkStore<'r>,
    options: &'r BackupOptions,
    monitor: &'r dyn Monitor,
    problems: &'r ProblemLog<'r>,
    counters: &'r Counters,
    queue: &'r WorkQueue,
    buffers: &'r Buffers,
    owners: &'r crate::filesystem::Owners,
    parents: &'r Parents<'r>,
    /// What the root at hand is compared with.
    parent: Parent<'r>,
    stop: &'r AtomicBool,
}

impl Run<'_> {
    /// Fails if the user wishes to stop, or another thread of the run has failed.
    fn check_stop(&self) -> Result<()> {
        if self.monitor.is_cancelled() {
            return Err(Error::cancelled());
        }
        match self.stop.load(std::sync::atomic::Ordering::Relaxed) {
            true => Err(Error::new(ErrorKind::Cancelled, "stopped because of an earlier failure")),
            false => Ok(()),
        }
    }
}

/// Saves `sources` as one snapshot.
///
/// What cannot be read is named in the outcome and in the snapshot; the rest is saved.
///
/// # Errors
/// If a source itself cannot be opened, a stream fails, the repository cannot be written, or the monitor wishes to stop. Then there is
/// no snapshot, and what was stored is reused by the next run.
pub fn backup(
    repository: &Repository,
    sources: Vec<Source>,
    options: &BackupOptions,
    monitor: &dyn Monitor,
) -> Result<BackupOutcome> {
    if sources.is_empty() {
        return Err(Error::new(ErrorKind::Usage, "there is nothing to back up: no path was given"));
    }
    let (started, clock) = (machine::now(), Instant::now());
    let options = &BackupOptions { exclude: options.exclude.resolved()?, ..options.clone() };
    let mut roots = roots::open(sources, options)?;
    let writer =
        WriterOptions { host: options.host.clone(), program: options.program.clone(), dry_run: options.dry_run };
    let manifests = repository.manifests()?;
    let session = WriterSession::begin(repository, &writer, monitor)?;
    let described = |roots: &[roots::OpenRoot]| roots.iter().map(|root| root.described.clone()).collect::<Vec<_>>();
    let companion = roots::companion(&mut roots);
    let choice = choice::choose(repository, options, &manifests, &described(&roots), monitor)?;
    roots::name(&mut roots, &choice);
    let (described, excludes) = (described(&roots), roots::excludes(&roots));

    let mode = if options.dry_run { Mode::DryRun } else { Mode::Write };
    let store = ChunkStore::new(&session, mode)?;
    let mut saved = save(&store, roots, options, &choice, monitor)?;
    let mut counted = store.counted();
    drop(store);
    if let (Some(companion), Mode::Write) = (companion, mode) {
        counted.extend(companion::complete(&session, &mut saved, &described, &choice, &companion, monitor)?);
    }
    let mut statistics = saved.statistics;
    statistics.milliseconds = u64::try_from(clock.elapsed().as_millis()).unwrap_or(u64::MAX);
    let mut outcome = BackupOutcome {
        snapshot: None,
        parent: choice.id(),
        statistics,
        problems: saved.problems,
        problem_count: saved.problem_count,
        databases: saved.databases,
        unused_patterns: roots::unused_patterns(options, &excludes),
        specials: saved.specials,
    };
    if options.dry_run {
        return Ok(outcome);
    }
    let details = Details {
        started,
        parent: choice.id(),
        statistics,
        roots: described,
        problem_count: saved.problem_count,
        left_out: gaps::left_out(options),
    };
    let manifest = describe(&session, options, &manifests, details, saved.tree, &saved.problem_lists)?;
    outcome.snapshot = Some(session.id());
    commit(session, manifest, &counted, monitor)?;
    Ok(outcome)
}

/// What the threads have made of the sources.
struct Saved {
    tree: Option<ChunkId>,
    problem_lists: Vec<ChunkId>,
    problems: Vec<Problem>,
    problem_count: u64,
    statistics: Statistics,
    databases: Vec<DatabaseFigures>,
    specials: u64,
}

fn save(
    store: &ChunkStore<'_>,
    roots: Vec<roots::OpenRoot>,
    options: &BackupOptions,
    choice: &Choice,
    monitor: &dyn Monitor,
) -> Result<Saved> {
    let repository = store.repository();
    let reader = crate::pack::ChunkReader::new(repository);
    let parents = Parents::new(store, &reader, choice)?;
    let (problems, counters) = (ProblemLog::new(monitor), Counters::default());
    let (queue, buffers, stop) = (WorkQueue::new(), Buffers::default(), AtomicBool::new(false));
    let owners = crate::filesystem::Owners::new();
    let run = Run {
        store,
        options,
        monitor,
        problems: &problems,
        counters: &counters,
        queue: &queue,
        buffers: &buffers,
        owners: &owners,
        parents: &parents,
        parent: parents.of(usize::MAX),
        stop: &stop,
    };
    monitor.begin(Phase::Backup, parents.expected());
    let result = run_threads(&run, roots);
    monitor.end();
    let (tree, problem_lists, totals) = result?;
    let mut statistics = counters.statistics();
    statistics.new_chunks = totals.new_chunks;
    statistics.new_bytes = totals.new_bytes;
    statistics.stored_bytes = totals.stored_bytes;
    let (problem_count, problems) = problems.into_parts();
    let specials = counters.specials.into_inner();
    let databases = counters.databases.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    Ok(Saved { tree, problem_lists, problems, problem_count, statistics, databases, specials })
}

type Finished = (Option<ChunkId>, Vec<ChunkId>, StoreTotals);

fn run_threads(run: &Run<'_>, roots: Vec<roots::OpenRoot>) -> Result<Finished> {
    let workers = std::thread::available_parallelism().map_or(2, usize::from).clamp(2, 16);
    let (events, built) = bounded(EVENT_BATCHES);
    let scan_roots = roots::to_scan(&roots);
    std::thread::scope(|scope| {
        for _ in 0..UPLOADERS {
            scope.spawn(|| run.store.run_uploads());
        }
        // Else the uploaders would wait for ever for a thread that has panicked.
        let _guard = AbandonOnPanic(run.store);
        // Databases first: a row may come before its file, a file that is missing is the fault to avoid.
        let roots = database::save_all(run, roots).inspect_err(|_| run.store.abandon())?;
        let working: Vec<_> = (0..workers).map(|_| scope.spawn(|| ended(run, worker::work(run)))).collect();
        let building = scope.spawn(|| ended(run, tree::build(run, built)));
        if run.parents.expected().is_none() {
            scope.spawn(|| progress::scan_after_a_while(run, scan_roots));
        }
        let walked = ended(run, walk::walk(run, roots, events));
        run.queue.close();
        let mut results = vec![walked];
        results.extend(working.into_iter().map(join));
        let built = join(building);
        run.counters.finish();
        let (tree, failures) = match built {
            Ok(tree) => (tree, results),
            Err(error) => (None, results.into_iter().chain([Err(error)]).collect()),
        };
        let stored = first_failure(run, failures).and_then(|()| finish(run));
        if stored.is_err() {
            run.store.abandon();
        }
        stored.map(|(lists, totals)| (tree, lists, totals))
    })
}

/// Ends the uploads when a thread panics, so that the panic comes through.
struct AbandonOnPanic<'s, 'r>(&'s ChunkStore<'r>);

impl Drop for AbandonOnPanic<'_, '_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.abandon();
        }
    }
}

/// Stops the other threads if `result` is a failure.
fn ended<T>(run: &Run<'_>, result: Result<T>) -> Result<T> {
    if result.is_err() {
        run.stop.store(true, std::sync::atomic::Ordering::Relaxed);
        run.queue.abort();
    }
    result
}

fn join<T>(thread: std::thread::ScopedJoinHandle<'_, Result<T>>) -> Result<T> {
    thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

/// The failure that the others followed from.
fn first_failure(run: &Run<'_>, results: Vec<Result<()>>) -> Result<()> {
    if run.monitor.is_cancelled() {
        return Err(Error::cancelled());
    }
    let mut failures: Vec<_> = results.into_iter().filter_map(Result::err).collect();
    failures.sort_by_key(|error| error.kind() == ErrorKind::Cancelled);
    failures.into_iter().next().map_or(Ok(()), Err)
}

fn finish(run: &Run<'_>) -> Result<(Vec<ChunkId>, StoreTotals)> {
    let mut coder = Coder::new(run.store.repository().config().zstd_level)?;
    let lists = run.problems.store(run.store, &mut coder)?;
    Ok((lists, run.store.finish()?))
}

/// What a manifest says besides its roots and problems.
struct Details {
    started: Time,
    parent: Option<LeaseId>,
    statistics: Statistics,
    roots: Vec<Root>,
    problem_count: u64,
    left_out: LeftOut,
}

fn describe(
    session: &WriterSession<'_>,
    options: &BackupOptions,
    manifests: &Manifests,
    details: Details,
    tree: Option<ChunkId>,
    problem_lists: &[ChunkId],
) -> Result<ManifestObject> {
    let repository = session.repository();
    let ids: Vec<ChunkId> = tree.iter().chain(problem_lists).copied().collect();
    let first_list = u32::from(tree.is_some());
    let seen = manifests.present.iter().take(usize::try_from(limits::SEEN_COUNT).unwrap_or(0));
    let manifest = Manifest {
        kind: KIND_SNAPSHOT,
        id: session.id(),
        seconds: details.started.seconds,
        nanoseconds: details.started.nanoseconds,
        host: options.host.clone(),
        user: options.user.clone(),
        tags: options.tags.clone(),
        program: options.program.clone(),
        parent: details.parent,
        seen: seen.map(|m| SeenManifest { id: m.id, digest: m.digest }).collect(),
        config_version: repository.config().version,
        keyring_version: repository.keyring_version(),
        condemned_seen: session.condemned_seen(),
        roots: details.roots,
        tree: tree.map(|_| 0),
        problems: Problems { count: details.problem_count, lists: (first_list..).take(problem_lists.len()).collect() },
        statistics: details.statistics,
        forgotten: None,
        left_out: Some(details.left_out),
        ids,
    };
    let plain = manifest.encode().map_err(|e| {
        Error::caused(ErrorKind::Usage, "cannot describe the snapshot: there are too many roots or tags", e)
    })?;
    let digest = repository.keys().manifest_digest(&plain);
    Ok(ManifestObject { manifest, digest })
}

fn commit(
    session: WriterSession<'_>,
    object: ManifestObject,
    counted: &[repo_format::id::PackId],
    monitor: &dyn Monitor,
) -> Result<()> {
    let repository = session.repository();
    let plain = object.manifest.encode().map_err(|e| Error::damaged("a new manifest", e))?;
    let segments = session.segments().clone();
    session.commit(&plain, counted)?;
    // From here on the snapshot exists, so nothing that fails may say that the backup did.
    let tidied = repository
        .catalog()
        .remember_manifest(&repository.remembered_form(&object))
        .and_then(|()| repository.catalog().remember_counted(object.manifest.id, counted))
        .and_then(|()| repository.merge_small_segments(&segments));
    if let Err(error) = tidied {
        let why = crate::error::chain(&error);
        monitor.note(&format!("the snapshot is saved; tidying up is left to the next backup: {why}"));
    }
    Ok(())
}

/// Progress of `bytes` more of one item.
fn done(bytes: u64) -> Work {
    Work { items: 1, bytes }
}
