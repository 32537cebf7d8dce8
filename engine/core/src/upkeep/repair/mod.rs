//! Repair: rebuilds the index from the packs, copies intact chunks out of damaged packs, and names the losses.
//!
//! ```text
//! segments, then packs -> good, damaged -> copies of whole chunks -> segments that name what is good -> what is lost
//! ```
//! It runs as a writer, under a lease (FORMAT.md, section 13). So a prune that begins meanwhile does not delete its
//! copies. It puts packs and segments, and deletes only segments that it has replaced. A damaged pack leaves the index
//! and stays in place, until prune deletes it. No backup counts on a chunk of a pack that no segment names. So the next
//! backup stores lost chunks again if its source still has them.

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
use repo_format::lease::Purpose;

use crate::error::{Error, Result};
use crate::monitor::Monitor;
use crate::repository::{Author, MendRun, Mended, Repository, ScratchCatalog};
use crate::session::{WriterOptions, WriterSession};

use segments::Segments;
use survey::Survey;

/// The depth of the search for damage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Depth {
    /// The tables of packs. A pack with a damaged table is read whole.
    #[default]
    Structure,
    /// Every byte.
    ReadData,
}

/// The reaction to a list of condemned packs that is missing, damaged, or an older copy. In that state no backup can
/// run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum CondemnedPolicy {
    /// Fail: nobody can know which packs a prune is about to delete.
    #[default]
    Refuse,
    /// Rebuild it. Use this only if certainly no prune is running.
    BeginAnew,
}

/// How to repair.
#[derive(Debug, Clone, Default)]
pub struct RepairOptions {
    /// The depth of the search.
    pub depth: Depth,
    /// The reaction to a list of condemned packs that is missing, damaged, or an older copy.
    pub condemned: CondemnedPolicy,
    /// Change nothing in the repository, and only report.
    pub dry_run: bool,
    /// The machine.
    pub host: String,
    /// Program and version.
    pub program: String,
}

impl RepairOptions {
    /// The author of records.
    fn author(&self) -> Author {
        Author { host: self.host.clone(), user: String::new(), program: self.program.clone() }
    }
}

/// A pack that is damaged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DamagedPack {
    /// The pack.
    pub id: PackId,
    /// Its fault.
    pub message: String,
    /// The number of its intact chunks.
    pub whole_chunks: u64,
    /// The number of its damaged chunks.
    pub damaged_chunks: u64,
}

/// A snapshot that needs lost data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SufferingSnapshot {
    /// The snapshot.
    pub id: LeaseId,
    /// The start of its run.
    pub time: Time,
    /// The affected paths, at most [`PATHS_NAMED`]: files, and tables of databases as folders. The empty path stands
    /// for everything.
    pub paths: Vec<Vec<u8>>,
    /// Whether there are more of them.
    pub has_more: bool,
}

/// The number of paths that are named for an affected snapshot.
pub(crate) const PATHS_NAMED: usize = 1000;

/// The result of a repair: the repairs, and the losses that remain.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct RepairOutcome {
    /// The number of examined packs.
    pub packs: u64,
    /// Damaged packs, which are no longer in the index.
    pub damaged_packs: Vec<DamagedPack>,
    /// The number of packs that the index named and that are gone.
    pub gone_packs: u64,
    /// Invalid leases whose writers were shut out, and their faults.
    pub shut_out: Vec<(LeaseId, String)>,
    /// The number of packs that no segment named, and that are named now.
    pub named_packs: u64,
    /// Unreadable segments, and why.
    pub damaged_segments: Vec<(SegmentId, String)>,
    /// The number of replaced segments, including unreadable ones.
    pub replaced_segments: u64,
    /// The number of new segments.
    pub new_segments: u64,
    /// The number of new packs with copied chunks.
    pub new_packs: u64,
    /// The number of copied chunks.
    pub copied_chunks: u64,
    /// The number of written bytes.
    pub written_bytes: u64,
    /// Whether the list of condemned packs was rebuilt.
    pub condemned_anew: bool,
    /// The number of chunks that snapshots need and that have no intact copy.
    pub lost_chunks: u64,
    /// The affected snapshots, oldest first.
    pub suffering: Vec<SufferingSnapshot>,
    /// Unreadable snapshots, and why.
    pub unreadable_snapshots: Vec<(LeaseId, String)>,
    /// Unreadable snapshots that were moved to `aside/`, because nothing can make them readable again; they no longer
    /// stop a prune.
    pub set_aside: Vec<LeaseId>,
    /// The repairs of config, keys and their second copies.
    pub mended: Vec<Mended>,
}

impl RepairOutcome {
    /// Whether there are losses that this cannot repair.
    pub fn has_losses(&self) -> bool {
        self.lost_chunks > 0 || !self.unreadable_snapshots.is_empty()
    }
}

/// The shared state of one run.
struct Run<'r> {
    repository: &'r Repository,
    session: &'r WriterSession<'r>,
    options: &'r RepairOptions,
    /// The tables of all packs with a readable table, damaged packs included.
    catalog: &'r ScratchCatalog,
    monitor: &'r dyn Monitor,
}

/// Repairs everything that can be repaired. Backups, prunes and forgets may run meanwhile. It can be interrupted and
/// repeated at any time.
///
/// # Errors
/// A writer's errors: [`crate::ErrorKind::Damaged`] if `condemned` is missing or damaged, because then nobody can know
/// which packs are about to go; [`crate::ErrorKind::Fenced`]; [`crate::ErrorKind::NoSpace`];
/// [`crate::ErrorKind::PermissionDenied`] if segments may not be deleted. Damage is not an error.
pub fn repair(repository: &Repository, options: &RepairOptions, monitor: &dyn Monitor) -> Result<RepairOutcome> {
    repository.doubt_kept_nodes();
    let _alone = if options.dry_run { None } else { Some(repository.alone(Purpose::Repair)?) };
    // Keys come first: without them nothing may be written.
    let mend = if options.dry_run { MendRun::Dry } else { MendRun::Real };
    let mut mended = repository.drop_stray_keyrings(mend)?;
    mended.extend(repository.mend_vital(mend)?);
    let shut_out = leases::shut_out(repository, options)?;
    // Snapshots come before packs, so that the new packs of a running backup are not taken for missing.
    let (manifests, unreadable) = repository.read_manifests()?;
    let unreadable_snapshots =
        unreadable.iter().map(|object| (object.id, crate::error::chain(&object.error))).collect();
    let condemned_anew = match options.condemned {
        CondemnedPolicy::BeginAnew => condemned::begin_anew(repository, &manifests, options.dry_run)?,
        CondemnedPolicy::Refuse => false,
    };
    // Their records name the newest list of condemned packs, so that must be readable by now.
    let set_aside = aside::set_aside(repository, options, &manifests, &unreadable)?;
    let outcome =
        RepairOutcome { unreadable_snapshots, condemned_anew, shut_out, mended, set_aside, ..RepairOutcome::default() };

    let RepairOptions { host, program, dry_run, .. } = options.clone();
    let writer = WriterOptions { host, program, dry_run, ..WriterOptions::default() };
    let session = WriterSession::begin(repository, &writer, monitor)?;
    let catalog = ScratchCatalog::make(repository)?;
    let run = Run { repository, session: &session, options, catalog: &catalog, monitor };
    // Segments come before packs: a pack that a segment names and that is not listed then is gone, not new.
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
        // This machine's cache may be as wrong about packs as the segments were.
        repository.catalog().forget_packs()?;
        repository.sync_catalog(monitor)?;
    }
    Ok(outcome)
}
