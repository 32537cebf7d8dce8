//! Repair: the index made anew from the packs, whole chunks taken out of damaged packs, and what is lost by its name.
//!
//! ```text
//! segments, then packs -> good, damaged -> copies of whole chunks -> segments that name what is good -> what is lost
//! ```
//!
//! It runs as a writer, under a lease (FORMAT.md, section 13): so no prune that begins meanwhile deletes what it copies. It puts packs and
//! segments, and deletes only segments that it has replaced. A damaged pack leaves the index and stays where it is: it is for prune to delete.
//! Since nobody counts on a chunk of a pack that no segment names, the next backup stores again what was lost and its source still has.

mod aside;
mod condemned;
mod leases;
mod losses;
mod naming;
mod salvage;
mod segments;
mod survey;

use repo_format::entry::Time;
use repo_format::id::{LeaseId, PackId, SegmentId};

use crate::error::{Error, Result};
use crate::monitor::Monitor;
use crate::repository::{Author, MendRun, Mended, Repository, ScratchCatalog};
use crate::session::{WriterOptions, WriterSession};

use segments::Segments;
use survey::Survey;

/// How deep to look for damage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Depth {
    /// The tables of packs. A pack whose table is damaged is looked at whole.
    #[default]
    Structure,
    /// Every byte.
    ReadData,
}

/// What becomes of a list of condemned packs that is missing, damaged, or an older copy: as long as it is, nobody can write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum CondemnedPolicy {
    /// That is an error: nobody can know which packs a prune is about to delete.
    #[default]
    Refuse,
    /// It is begun anew. Only whoever knows that no prune is running may say so.
    BeginAnew,
}

/// How to repair.
#[derive(Debug, Clone, Default)]
pub struct RepairOptions {
    /// How deep to look.
    pub depth: Depth,
    /// What becomes of a list of condemned packs that is missing, damaged, or an older copy.
    pub condemned: CondemnedPolicy,
    /// Only say what would be done: nothing in the repository is changed.
    pub dry_run: bool,
    /// The machine.
    pub host: String,
    /// Program and version.
    pub program: String,
}

impl RepairOptions {
    /// Who speaks in records.
    fn author(&self) -> Author {
        Author { host: self.host.clone(), user: String::new(), program: self.program.clone() }
    }
}

/// A pack that is damaged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DamagedPack {
    /// The pack.
    pub id: PackId,
    /// What is wrong with it.
    pub message: String,
    /// Its chunks that are whole.
    pub whole_chunks: u64,
    /// Its chunks that are not.
    pub damaged_chunks: u64,
}

/// A snapshot that needs something that is lost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SufferingSnapshot {
    /// The snapshot.
    pub id: LeaseId,
    /// When its run started.
    pub time: Time,
    /// What in it suffers, at most [`PATHS_NAMED`]: files, and tables of databases as folders. The empty path stands for everything.
    pub paths: Vec<Vec<u8>>,
    /// Whether there are more of them.
    pub has_more: bool,
}

/// Paths that are named of a snapshot that suffers.
pub(crate) const PATHS_NAMED: usize = 1000;

/// What was repaired, and what cannot be.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct RepairOutcome {
    /// Packs looked at.
    pub packs: u64,
    /// Packs that are damaged; in the index no more.
    pub damaged_packs: Vec<DamagedPack>,
    /// Packs that the index named and that are gone.
    pub gone_packs: u64,
    /// Leases that were none, whose writers were shut out; and what was wrong with them.
    pub shut_out: Vec<(LeaseId, String)>,
    /// Packs that no segment named, and that are named now.
    pub named_packs: u64,
    /// Segments that cannot be read, and why.
    pub damaged_segments: Vec<(SegmentId, String)>,
    /// Segments that were replaced, those that cannot be read included.
    pub replaced_segments: u64,
    /// Segments that were put.
    pub new_segments: u64,
    /// Packs that were put, of chunks that were copied.
    pub new_packs: u64,
    /// Chunks that were copied.
    pub copied_chunks: u64,
    /// Bytes that were written.
    pub written_bytes: u64,
    /// Whether the list of condemned packs was begun anew.
    pub condemned_anew: bool,
    /// Chunks that snapshots need and that are nowhere whole.
    pub lost_chunks: u64,
    /// The snapshots that suffer from that, oldest first.
    pub suffering: Vec<SufferingSnapshot>,
    /// Snapshots that cannot be read, and why.
    pub unreadable_snapshots: Vec<(LeaseId, String)>,
    /// Those of them that were moved to `aside/`, since nothing can make them readable again: they stop no prune any more.
    pub set_aside: Vec<LeaseId>,
    /// What was put right of config, keys and their second copies.
    pub mended: Vec<Mended>,
}

impl RepairOutcome {
    /// Whether something is lost that this cannot bring back.
    pub fn has_losses(&self) -> bool {
        self.lost_chunks > 0 || !self.unreadable_snapshots.is_empty()
    }
}

/// What the parts of one run share.
struct Run<'r> {
    repository: &'r Repository,
    session: &'r WriterSession<'r>,
    options: &'r RepairOptions,
    /// The tables of all packs that have one, damaged packs included.
    catalog: &'r ScratchCatalog,
    monitor: &'r dyn Monitor,
}

/// Repairs what can be repaired. Backups, prunes and forgets may run meanwhile. It can be interrupted and repeated at any time.
///
/// # Errors
/// As any writer's: [`crate::ErrorKind::Damaged`] if `condemned` is missing or damaged, since then nobody can know which packs are about to
/// go; [`crate::ErrorKind::Fenced`]; [`crate::ErrorKind::NoSpace`]; [`crate::ErrorKind::PermissionDenied`] where segments may not be deleted.
/// Damage is no error.
pub fn repair(repository: &Repository, options: &RepairOptions, monitor: &dyn Monitor) -> Result<RepairOutcome> {
    // The keys first: without them nothing may be written.
    let mend = if options.dry_run { MendRun::Dry } else { MendRun::Real };
    let mut mended = repository.drop_stray_keyrings(mend)?;
    mended.extend(repository.mend_vital(mend)?);
    let shut_out = leases::shut_out(repository, options)?;
    // Snapshots first, packs later: what a running backup adds meanwhile is not missed.
    let (manifests, unreadable) = repository.read_manifests()?;
    let unreadable_snapshots =
        unreadable.iter().map(|object| (object.id, crate::error::chain(&object.error))).collect();
    let set_aside = aside::set_aside(repository, options, &manifests, &unreadable)?;
    let condemned_anew = match options.condemned {
        CondemnedPolicy::BeginAnew => condemned::begin_anew(repository, &manifests, options.dry_run)?,
        CondemnedPolicy::Refuse => false,
    };
    let outcome =
        RepairOutcome { unreadable_snapshots, condemned_anew, shut_out, mended, set_aside, ..RepairOutcome::default() };

    let RepairOptions { host, program, dry_run, .. } = options.clone();
    let writer = WriterOptions { host, program, dry_run, ..WriterOptions::default() };
    let session = WriterSession::begin(repository, &writer, monitor)?;
    let catalog = ScratchCatalog::make(repository)?;
    let run = Run { repository, session: &session, options, catalog: &catalog, monitor };
    // Segments first, packs later: a pack that a segment names and that is not listed then is gone, and not merely new.
    let segments = Segments::read(&run)?;
    let mut survey = Survey::make(&run, &segments)?;
    let mut outcome = RepairOutcome { named_packs: session.adopted_packs(), ..outcome };
    outcome.packs = survey.listed.len() as u64;
    salvage::salvage(&run, &segments, &mut survey, &mut outcome)?;
    naming::name_packs(&run, &segments, &survey, &mut outcome)?;
    let judgement = losses::find(&run, &manifests, &survey, &mut outcome)?;
    if monitor.is_cancelled() {
        return Err(Error::cancelled());
    }
    drop(session);
    if !options.dry_run {
        repository.record_judgement(&judgement, &options.author())?;
    }
    repository.remember_judgement(&judgement)?;
    if !options.dry_run {
        // What this machine's cache says of packs may be as wrong as the segments were.
        repository.catalog().forget_packs()?;
        repository.sync_catalog(monitor)?;
    }
    Ok(outcome)
}
