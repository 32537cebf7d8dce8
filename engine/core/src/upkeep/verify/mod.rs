//! Verify: does everything exist that snapshots need, and is it intact?
//!
//! It reads the packs themselves, never this machine's cache: their tables go into a separate index for this run. Evidence, and since then
//! the cache, remember when each pack was last read whole and found good. The memory keeps the damaged packs and
//! affected snapshots. Need decides about damage: an index entry of a missing pack is normal, damage that nobody needs
//! is a note, and a needed chunk without an intact copy is a finding.

mod choice;
mod content;
mod evidence;
mod log;
mod need;
mod objects;
mod report;

use std::collections::HashMap;

use repo_format::id::{LeaseId, PackId};
use repo_format::manifest::ManifestKind;

use crate::catalog::Catalog;
use crate::error::{Error, Result};
use crate::evidence::{self as proof, Piece, ReadTimes};
use crate::monitor::Monitor;
use crate::repository::{ManifestObject, Repository, ScratchCatalog};

pub use evidence::{Recorded, VerifyRun, record};

use content::{Assignment, CheckedPacks};
use report::Report;

/// The depth of the check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Depth {
    /// All objects, but only the tables of packs.
    #[default]
    Structure,
    /// Every byte.
    ReadData,
    /// Every byte of the packs whose last check is oldest, and only the tables of the others.
    ReadPart(Part),
}

/// The part of all packs to read whole: as many packs as have this size together, or a little more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Percent of their size, 1 to 100.
    Percent(u8),
    /// Bytes.
    Bytes(u64),
}

/// How to verify.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct VerifyOptions {
    /// The depth of the check.
    pub depth: Depth,
}

/// The kind of damage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FindingKind {
    /// An object is damaged.
    DamagedObject,
    /// A pack, or a chunk in it, is damaged.
    DamagedPack,
    /// A snapshot needs data that no longer exists.
    LostData,
    /// A snapshot has disappeared, and no record says that it was forgotten.
    MissingSnapshot,
    /// An older copy has replaced an object.
    RolledBack,
}

/// Damage.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Finding {
    /// The object.
    pub object: String,
    /// Whether it is damaged, lost, missing or rolled back.
    pub kind: FindingKind,
    /// The fault.
    pub message: String,
    /// The affected snapshots and paths, at most 100.
    pub affected: Vec<(LeaseId, Vec<u8>)>,
}

/// The results of a check.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct VerifyReport {
    /// The number of snapshots whose needs were checked.
    pub snapshots: u64,
    /// The number of these that recorded problems: they hold less than their source had, which is not damage.
    pub with_problems: u64,
    /// The number of examined packs.
    pub packs: u64,
    /// The number of chunks in them.
    pub chunks: u64,
    /// The number of bytes of packs that were read.
    pub read_bytes: u64,
    /// The number of packs that were read whole.
    pub read_packs: u64,
    /// The bytes of all examined packs.
    pub pack_bytes: u64,
    /// Damage.
    pub findings: Vec<Finding>,
    /// Harmless oddities: leftovers of interrupted runs, and the like.
    pub notes: Vec<String>,
}

/// The shared state of one run.
struct Run<'r> {
    repository: &'r Repository,
    /// The tables of the packs, read from the packs themselves.
    catalog: &'r Catalog,
    report: &'r Report,
    monitor: &'r dyn Monitor,
}

/// Verifies a repository. Backups, prunes and forgets may run meanwhile.
///
/// # Errors
/// If the store cannot be listed, there is no space for the catalog of this run, or the monitor wishes to stop. Damage
/// is not an error.
pub fn verify(repository: &Repository, options: &VerifyOptions, monitor: &dyn Monitor) -> Result<VerifyReport> {
    repository.refuse_as_of()?;
    repository.doubt_kept_nodes();
    let report = Report::new(repository.warnings());
    // Snapshots come before packs, so that the new packs of a running backup are not taken for missing.
    let manifests = log::check_snapshots(repository, &report)?;
    objects::check_small_objects(repository, &report)?;
    objects::check_versions(repository, &manifests, &report)?;
    objects::check_copies(repository, &report)?;
    if repository.old_conditions_check().is_some() {
        report.note("it is more than a year since anybody tried whether the storage keeps what backups rely on: `enamel config check` does");
    }

    let pieces: Vec<Piece> = manifests.iter().cloned().filter_map(Piece::of).collect();
    let times = ReadTimes::of(&pieces);
    let catalog = ScratchCatalog::make(repository)?;
    let run = Run { repository, catalog: &catalog, report: &report, monitor };
    let listed = repository.list_packs()?;
    forget_gone(repository, &listed)?;
    let gone = repository.known_damage()?.into_keys().filter(|pack| !listed.contains_key(pack));
    repository.memory().forget_damaged_packs(&gone.collect::<Vec<_>>())?;
    let all = listed.iter().map(|(id, size)| (*id, *size)).collect();
    let assignment = choice::choose(repository, all, options.depth, &times)?;
    let mut packs = run.check(&assignment)?;
    if let Some(named) = objects::check_segments(repository, &packs, &report, monitor)? {
        report.note_damaged_packs_but(&named);
    }
    let checked = Checked::of(&manifests);
    let judgement = need::check_needs(&run, manifests, &mut packs)?;
    if monitor.is_cancelled() {
        return Err(Error::cancelled());
    }
    repository.remember_judgement(&judgement)?;
    Ok(report.finish(checked))
}

/// Verifies the needs of one snapshot, and nothing else. Faults of other packs become notes.
///
/// # Errors
/// As [`verify`]; [`crate::ErrorKind::NotFound`] if there is no such snapshot.
pub fn verify_snapshot(
    repository: &Repository,
    snapshot: LeaseId,
    options: &VerifyOptions,
    monitor: &dyn Monitor,
) -> Result<VerifyReport> {
    repository.refuse_as_of()?;
    repository.doubt_kept_nodes();
    let report = Report::new(repository.warnings());
    let Some(manifest) = objects::check_snapshot(repository, snapshot, &report)? else {
        return Ok(report.finish(Checked::default()));
    };
    let catalog = ScratchCatalog::make(repository)?;
    let listed = repository.list_packs()?;
    // All tables come first: only they show which packs are needed.
    let tables = Report::new(&[]);
    let all = listed.iter().map(|(id, size)| (*id, *size)).collect();
    let assignment = choice::choose(repository, all, Depth::Structure, &ReadTimes::default())?;
    let run = Run { repository, catalog: &catalog, report: &report, monitor };
    let mut packs = Run { report: &tables, ..run }.check(&assignment)?;
    let named = objects::check_segments(repository, &packs, &tables, monitor)?;
    report.note_findings_of(tables);

    let needed = need::packs_for(&run, &manifest)?;
    let needed = catalog.packs()?.into_iter().filter(|pack| needed.contains(&pack.id));
    let times = match options.depth {
        Depth::ReadPart(_) => ReadTimes::of(&proof::list(repository)?.pieces),
        _ => ReadTimes::default(),
    };
    let assignment = choice::choose(repository, needed.map(|p| (p.id, p.size)).collect(), options.depth, &times)?;
    packs.extend(run.check(&assignment)?);
    if let Some(named) = named {
        report.note_damaged_packs_but(&named);
    }
    let checked = Checked::of(std::slice::from_ref(&manifest));
    let judgement = need::check_needs(&run, vec![manifest], &mut packs)?;
    if monitor.is_cancelled() {
        return Err(Error::cancelled());
    }
    repository.remember_part(&judgement)?;
    Ok(report.finish(checked))
}

/// The counts of checked snapshots.
#[derive(Default)]
struct Checked {
    all: u64,
    with_problems: u64,
}

impl Checked {
    fn of(manifests: &[ManifestObject]) -> Self {
        let needing = manifests
            .iter()
            .filter(|object| !matches!(object.manifest.kind, ManifestKind::Record | ManifestKind::Evidence));
        let with_problems = needing.clone().filter(|object| object.manifest.problems.count > 0);
        Checked { all: needing.count() as u64, with_problems: with_problems.count() as u64 }
    }
}

/// Forgets packs of which this machine remembers that it read them, and that are gone.
fn forget_gone(repository: &Repository, listed: &HashMap<PackId, u64>) -> Result<()> {
    let verified = repository.catalog().verified()?;
    let gone: Vec<PackId> = verified.into_keys().filter(|id| !listed.contains_key(id)).collect();
    repository.catalog().forget_verified(&gone)
}

impl Run<'_> {
    fn check(&self, assignment: &Assignment) -> Result<CheckedPacks> {
        content::check_packs(self.repository, assignment, self.catalog, self.report, self.monitor)
    }

    /// Checks the tables of packs that were put after the others were listed.
    fn check_new_packs(&self, known: &CheckedPacks) -> Result<CheckedPacks> {
        let listed = self.repository.list_packs()?;
        let new = listed.iter().filter(|(id, _)| !known.was_seen(id)).map(|(id, size)| (*id, *size)).collect();
        self.check(&choice::choose(self.repository, new, Depth::Structure, &ReadTimes::default())?)
    }
}
