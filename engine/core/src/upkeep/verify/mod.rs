//! Verify: is everything there that a snapshot needs, and is it what it should be?
//!
//! The packs themselves are asked, never this machine's cache: their tables go into an index of their own, for this run only. The cache
//! only remembers when each pack was last read whole and found good; the memory, which packs were not, and which snapshots suffer. Damage is judged by need: an index entry of a pack that is gone is
//! normal, what nobody needs is a note, a chunk that a snapshot needs and that is nowhere whole is a finding.

mod choice;
mod content;
mod log;
mod need;
mod objects;
mod report;

use repo_format::id::LeaseId;
use repo_format::manifest::ManifestKind;

use crate::catalog::Catalog;
use crate::error::{Error, Result};
use crate::monitor::Monitor;
use crate::repository::{ManifestObject, Repository, ScratchCatalog};

use content::{Assignment, CheckedPacks};
use report::Report;

/// How deep to look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Depth {
    /// All objects but the contents of packs, of which only the tables are read.
    #[default]
    Structure,
    /// Every byte.
    ReadData,
    /// Every byte of the packs that were longest not read, and of the others the tables.
    ReadPart(Part),
}

/// How much of all packs is read whole: as many packs as have this much together, or a little more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Percent of their bytes, 1 to 100.
    Percent(u8),
    /// Bytes.
    Bytes(u64),
}

/// How to verify.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct VerifyOptions {
    /// How deep to look.
    pub depth: Depth,
}

/// What kind of damage was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FindingKind {
    /// An object is not what it should be.
    DamagedObject,
    /// A pack, or a chunk in it, is not what it should be.
    DamagedPack,
    /// A snapshot needs something that is nowhere.
    LostData,
    /// A snapshot that was there is there no more, and nothing says that it was forgotten.
    MissingSnapshot,
    /// An object has been replaced by an older copy of itself.
    RolledBack,
}

/// Damage.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Finding {
    /// The object.
    pub object: String,
    /// What kind of damage.
    pub kind: FindingKind,
    /// What is wrong.
    pub message: String,
    /// What suffers from it: at most 100 of the snapshots and paths.
    pub affected: Vec<(LeaseId, Vec<u8>)>,
}

/// What verifying has found.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct VerifyReport {
    /// Snapshots whose needs were checked.
    pub snapshots: u64,
    /// Of these, how many were made with problems: they hold less than their source had, and that is no damage.
    pub with_problems: u64,
    /// Packs looked at.
    pub packs: u64,
    /// Chunks in them.
    pub chunks: u64,
    /// Bytes of packs that were read.
    pub read_bytes: u64,
    /// Damage.
    pub findings: Vec<Finding>,
    /// Harmless things: what interrupted runs left, and the like.
    pub notes: Vec<String>,
}

/// What the parts of one run share.
struct Run<'r> {
    repository: &'r Repository,
    /// The tables of the packs, as they say themselves.
    catalog: &'r Catalog,
    report: &'r Report,
    monitor: &'r dyn Monitor,
}

/// Verifies a repository. Backups, prunes and forgets may run meanwhile.
///
/// # Errors
/// If the store cannot be listed, there is no room for the catalog of this run, or the monitor wishes to stop. Damage is no error.
pub fn verify(repository: &Repository, options: &VerifyOptions, monitor: &dyn Monitor) -> Result<VerifyReport> {
    let report = Report::new(repository.warnings());
    // Snapshots first, packs later: what a running backup adds meanwhile is not missed.
    let manifests = log::check_snapshots(repository, &report)?;
    objects::check_small_objects(repository, &report)?;
    objects::check_versions(repository, &manifests, &report)?;
    objects::check_copies(repository, &report)?;

    let catalog = ScratchCatalog::make(repository)?;
    let run = Run { repository, catalog: &catalog, report: &report, monitor };
    let listed = repository.list_packs()?;
    let gone = repository.known_damage()?.into_keys().filter(|pack| !listed.contains_key(pack));
    repository.memory().forget_damaged_packs(&gone.collect::<Vec<_>>())?;
    let all = listed.iter().map(|(id, size)| (*id, *size)).collect();
    let assignment = choice::choose(repository, all, &listed, options.depth)?;
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

/// Verifies what one snapshot needs, and nothing else. What is wrong with other packs is noted.
///
/// # Errors
/// As [`verify`]; [`crate::ErrorKind::NotFound`] if there is no such snapshot.
pub fn verify_snapshot(
    repository: &Repository,
    snapshot: LeaseId,
    options: &VerifyOptions,
    monitor: &dyn Monitor,
) -> Result<VerifyReport> {
    let report = Report::new(repository.warnings());
    let Some(manifest) = objects::check_snapshot(repository, snapshot, &report)? else {
        return Ok(report.finish(Checked::default()));
    };
    let catalog = ScratchCatalog::make(repository)?;
    let listed = repository.list_packs()?;
    // All tables first: only they say which packs are needed.
    let tables = Report::new(&[]);
    let all = listed.iter().map(|(id, size)| (*id, *size)).collect();
    let assignment = choice::choose(repository, all, &listed, Depth::Structure)?;
    let run = Run { repository, catalog: &catalog, report: &report, monitor };
    let mut packs = Run { report: &tables, ..run }.check(&assignment)?;
    let named = objects::check_segments(repository, &packs, &tables, monitor)?;
    report.note_findings_of(tables);

    let needed = need::packs_for(&run, &manifest)?;
    let needed = catalog.packs()?.into_iter().filter(|pack| needed.contains(&pack.id));
    let assignment = choice::choose(repository, needed.map(|p| (p.id, p.size)).collect(), &listed, options.depth)?;
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

/// How many snapshots were checked.
#[derive(Default)]
struct Checked {
    all: u64,
    with_problems: u64,
}

impl Checked {
    fn of(manifests: &[ManifestObject]) -> Self {
        let needing = manifests.iter().filter(|object| object.manifest.kind != ManifestKind::Record);
        let with_problems = needing.clone().filter(|object| object.manifest.problems.count > 0);
        Checked { all: needing.count() as u64, with_problems: with_problems.count() as u64 }
    }
}

impl Run<'_> {
    fn check(&self, assignment: &Assignment) -> Result<CheckedPacks> {
        content::check_packs(self.repository, assignment, self.catalog, self.report, self.monitor)
    }

    /// Checks the tables of packs that were put since the others were listed.
    fn check_new_packs(&self, known: &CheckedPacks) -> Result<CheckedPacks> {
        let listed = self.repository.list_packs()?;
        let new = listed.iter().filter(|(id, _)| !known.was_seen(id)).map(|(id, size)| (*id, *size)).collect();
        self.check(&choice::choose(self.repository, new, &listed, Depth::Structure)?)
    }
}
