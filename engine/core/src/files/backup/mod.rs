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
//! Every queue is bounded. A failure anywhere ends the whole run; the next run reuses what is durable by then.

mod buffers;
mod choice;
mod companion;
mod extents;
mod file;
mod folder_source;
mod gaps;
mod less;
mod levels;
mod parent;
mod problems;
mod progress;
mod queue;
mod roots;
mod run;
mod scan;
mod signals;
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
use repo_format::manifest::{HeldFolder, ManifestKind, Statistics};
use repo_format::node::Problem;

use crate::chunk::{Coder, ProfileName};
use crate::error::{Error, ErrorKind, Result};
use crate::files::source::exclude::ExcludeOptions;
use crate::hold;
use crate::machine;
use crate::monitor::{Monitor, Phase, Work};
use crate::pack::{ChunkStore, Mode, StoreTotals};
use crate::repository::{Repository, Unanswered};
use crate::session::{Draft, WriterOptions, WriterSession};

pub use folder_source::{Companion, DatabaseFigures, FolderSource, Loss, MendedTable, Missing};
pub use parent::{Parent, ParentEntries};
pub use progress::{CountedFile, FileState};
pub use run::{Run, join};

use buffers::Buffers;
use choice::Choice;
use parent::Parents;
use problems::ProblemLog;
use progress::Counters;
use queue::WorkQueue;
use roots::RootSource;
use scan::Scan;
use signals::SignalLog;

/// The number of events in a batch: waking the tree builder for each event would cost more than the event.
const EVENTS_PER_BATCH: usize = 64;
/// The number of batches that the walk may be ahead of the tree builder.
const EVENT_BATCHES: usize = 64;

/// Something to save.
#[non_exhaustive]
pub enum Source {
    /// A folder, or anything else that has a path.
    Path(PathBuf),
    /// A folder or file that is a copy of another, or was moved. It is saved as if it were at `from`.
    Moved {
        /// The present path.
        path: PathBuf,
        /// The path to record.
        from: PathBuf,
    },
    /// A stream, under a name.
    Stream {
        /// Its name in the snapshot.
        name: Vec<u8>,
        /// The data; a read error ends the backup.
        reader: Box<dyn Read + Send>,
    },
    /// A database server.
    Database(Box<dyn FolderSource>),
}

/// The snapshot to compare with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum ParentChoice {
    /// For each root, the newest snapshot of this host that contains it.
    #[default]
    Newest,
    /// This snapshot.
    Snapshot(LeaseId),
    /// None: read everything.
    None,
}

/// The metadata that must match for a file to count as unchanged.
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
    /// The things to omit.
    pub exclude: ExcludeOptions,
    /// Stay in the file system of each root.
    pub one_file_system: bool,
    /// The snapshot to compare with.
    pub parent: ParentChoice,
    /// The metadata that shows that a file is unchanged.
    pub trust: Trust,
    /// The chunk sizes for all files; by default, names decide.
    pub profile: Option<ProfileName>,
    /// Read and cut, but write nothing.
    pub dry_run: bool,
    /// Accept that a source holds much less than before, or that a disk is no longer mounted in it.
    pub allow_less: bool,
}

/// The result of a backup.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct BackupOutcome {
    /// The snapshot; `None` in a dry run.
    pub snapshot: Option<LeaseId>,
    /// The snapshot that it was compared with.
    pub parent: Option<LeaseId>,
    /// Counts of files and bytes.
    pub statistics: Statistics,
    /// The first 1,000 things that could not be saved completely.
    pub problems: Vec<Problem>,
    /// The number of all problems.
    pub problem_count: u64,
    /// The figures of each database.
    pub databases: Vec<DatabaseFigures>,
    /// Patterns of the options that matched nothing in any folder.
    pub unused_patterns: Vec<String>,
    /// The rules by which the snapshot is held.
    pub held: Vec<hold::Rule>,
    /// The number of devices, FIFOs and sockets. They are saved as such, without data that could be read from them.
    pub specials: u64,
    /// Losses and rollbacks that no user had confirmed when the run began.
    pub unanswered: Unanswered,
}

/// Saves `sources` as one snapshot.
///
/// Things that cannot be read are named in the outcome and in the snapshot; the rest is saved.
///
/// # Errors
/// If a source itself cannot be opened, a stream fails, the repository cannot be written, or the monitor wishes to
/// stop. Then there is no snapshot, and the next run reuses the stored chunks.
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
    let BackupOptions { host, user, program, dry_run, .. } = options.clone();
    let writer = WriterOptions { host, user, program, dry_run };
    let manifests = repository.manifests()?;
    repository.refuse_older_copies()?;
    let session = WriterSession::begin(repository, &writer, monitor)?;
    let described = |roots: &[roots::OpenRoot]| roots.iter().map(|root| root.described.clone()).collect::<Vec<_>>();
    let companion = roots::companion(&mut roots);
    let choice = choice::choose(repository, options, &manifests, &described(&roots), monitor)?;
    roots::name(&mut roots, &choice);
    let (described, excludes) = (described(&roots), roots::excludes(&roots));

    let mode = if options.dry_run { Mode::DryRun } else { Mode::Write };
    let written = session.write(mode, |store| save(store, roots, options, &choice, monitor))?;
    let mut saved = written.value;
    saved.count(written.totals);
    if let (Some(companion), Mode::Write) = (companion, mode) {
        companion::complete(&session, &mut saved, &described, &choice, &companion, monitor)?;
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
        // The session has read the list of condemned packs, and refuses an older one.
        unanswered: repository.unanswered_beside(&manifests),
        held: Vec::new(),
    };
    if options.dry_run {
        return Ok(outcome);
    }
    let mut folders = saved.folders;
    let run =
        hold::Run { host: &options.host, roots: &described, time: started, statistics: &statistics, folders: &folders };
    outcome.held = hold::judge(repository, &manifests, &run)?;
    let bits = outcome.held.iter().fold(0, |bits, rule| bits | rule.bit());
    folders.retain(|folder| bits & folder.rule != 0);
    let draft = Draft {
        held: (bits != 0).then_some(bits),
        held_folders: folders,
        time: started,
        tags: options.tags.clone(),
        parent: choice.id(),
        seen: manifests.newest_seen(),
        roots: described,
        tree: saved.tree,
        problem_count: saved.problem_count,
        problem_lists: saved.problem_lists,
        statistics,
        left_out: Some(gaps::left_out(options)),
        ..Draft::new(ManifestKind::Snapshot)
    };
    outcome.snapshot = Some(session.commit(draft, monitor)?.manifest.id);
    Ok(outcome)
}

/// The results of the threads.
struct Saved {
    tree: Option<ChunkId>,
    problem_lists: Vec<ChunkId>,
    problems: Vec<Problem>,
    problem_count: u64,
    statistics: Statistics,
    databases: Vec<DatabaseFigures>,
    specials: u64,
    /// The folders of the files that count against rules.
    folders: Vec<HeldFolder>,
}

impl Saved {
    /// Notes the amount of data added to the repository.
    fn count(&mut self, totals: StoreTotals) {
        self.statistics.new_chunks += totals.new_chunks;
        self.statistics.new_bytes += totals.new_bytes;
        self.statistics.stored_bytes += totals.stored_bytes;
    }
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
    let parents = Parents::new(store, &reader, choice, monitor)?;
    let (problems, counters, signals) =
        (ProblemLog::new(monitor), Counters::default(), SignalLog::new(machine::now().seconds));
    let (queue, buffers, stop) = (WorkQueue::new(), Buffers::default(), AtomicBool::new(false));
    let owners = crate::filesystem::Owners::new();
    let run = Run {
        store,
        options,
        monitor,
        problems: &problems,
        counters: &counters,
        signals: &signals,
        queue: &queue,
        buffers: &buffers,
        owners: &owners,
        parents: &parents,
        parent: parents.of(usize::MAX),
        stop: &stop,
    };
    let roots = roots.into_iter().map(|root| save_first(&run, root)).collect::<Result<Vec<_>>>()?;
    let databases = counters.statistics();
    // A parent says nothing of a source that it did not have.
    let all_known = roots.iter().all(|root| root.is_stored() || choice.of(root.number).is_some());
    let expected = parents.expected().filter(|_| all_known).map(|all| Work {
        items: all.items.saturating_sub(databases.files),
        bytes: all.bytes.saturating_sub(databases.total_bytes),
    });
    monitor.begin(Phase::Backup, expected);
    let scan = if expected.is_none() { Scan::of(&roots) } else { None };
    let result = run_threads(&run, roots, scan);
    monitor.end();
    let Built { tree, problem_lists } = result?;
    let mut statistics = counters.statistics();
    let (problem_count, problems) = problems.into_parts();
    let specials = counters.specials.into_inner();
    let databases = counters.databases.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    let shrunken = databases.iter().map(|figures| figures.shrunken.len() as u64).sum();
    statistics.signals = choice.of_all_roots().map(|parent| signals.signals(parent, &statistics, shrunken));
    let folders = signals.folders();
    Ok(Saved { tree, problem_lists, problems, problem_count, statistics, databases, specials, folders })
}

/// The results of the threads: the top directory, and lists of problems.
struct Built {
    tree: Option<ChunkId>,
    problem_lists: Vec<ChunkId>,
}

fn run_threads(run: &Run<'_>, roots: Vec<roots::OpenRoot>, scan: Option<Scan>) -> Result<Built> {
    let workers = std::thread::available_parallelism().map_or(2, usize::from).clamp(2, 16);
    let (events, built) = bounded(EVENT_BATCHES);
    std::thread::scope(|scope| {
        // Databases are saved by now, so none of these threads holds a lock that people wait for.
        let working = (0..workers).map(|_| {
            scope.spawn(|| {
                machine::go_last();
                run.part(|| worker::work(run))
            })
        });
        let working: Vec<_> = working.collect();
        let building = scope.spawn(|| run.part(|| tree::build(run, built)));
        if let Some(scan) = scan {
            scope.spawn(|| {
                machine::go_last();
                scan.run(run);
            });
        }
        let walked = run.part(|| walk::walk(run, roots, events));
        run.queue.close();
        let mut results = vec![walked];
        results.extend(working.into_iter().map(join));
        let built = join(building);
        run.counters.finish();
        let (tree, failures) = match built {
            Ok(tree) => (tree, results),
            Err(error) => (None, results.into_iter().chain([Err(error)]).collect()),
        };
        run.first_failure(failures)?;
        let mut coder = Coder::new(run.store.repository().config().zstd_level)?;
        Ok(Built { tree, problem_lists: run.problems.store(run.store, &mut coder)? })
    })
}

/// Saves a source that produces its folder itself. Databases come first: a row without its file would be a fault, a file
/// without its row is not.
fn save_first(run: &Run<'_>, root: roots::OpenRoot) -> Result<roots::OpenRoot> {
    let RootSource::Database(source) = root.what else { return Ok(root) };
    run.monitor.begin(Phase::Tables, None);
    let saved = source.save(&run.at_root(root.number), &root.described);
    run.monitor.end();
    let entry = saved?;
    Ok(roots::OpenRoot { what: RootSource::Saved(Box::new(entry)), ..root })
}

/// Progress: `bytes` more of one item.
fn done(bytes: u64) -> Work {
    Work { items: 1, bytes }
}
