//! Copies between repositories (FORMAT.md, section 13.2): snapshots, receipts and logs of one repository, sealed anew in
//! another.
//!
//! ```text
//!   choose: manifests of the source -> those that the target lacks
//!   for each: lease -> walk -> chunks (-> nodes with new ids) -> manifest
//! ```
//! The source is only read. Each manifest is a run of its own in the target, so an interrupted copy leaves whole ones,
//! and data that the next run finds. A repository that was made for copies of another ([`init_like`]) gives data the
//! same ids. In any other, data gets new ids, and nodes are written anew with these, from the leaves up.
//!
//! [`init_like`]: crate::repository::init_like

mod addresses;
mod carry;
mod check;
mod choice;
mod complete;
mod one;
mod present;
mod record;
mod rewrite;
mod roots;
mod table;
mod vouched;
mod walk;

use std::collections::HashSet;

use repo_format::entry::Time;
use repo_format::id::{LeaseId, PackId};
use repo_format::manifest::ManifestKind;

use crate::error::{Error, ErrorKind, Result};
use crate::monitor::{Monitor, Phase, Work};
use crate::repository::{ManifestObject, Repository, family};
use crate::session::WriterOptions;
use addresses::Addresses;
use check::Copies;
use choice::Choice;
use complete::Complete;
use one::{Known, Run};

pub use check::CopyCheck;
pub use present::Present;
pub use record::{Checked, Recorded, record};
pub use roots::RootChoice;

/// The manifests to copy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// These snapshots.
    Named(Vec<LeaseId>),
    /// Everything that the target lacks.
    All,
    /// Everything that the target lacks and that is newer than the newest copy of the same sources there. So a copy that
    /// the target has forgotten does not come back.
    New,
}

/// How to copy.
#[derive(Debug, Clone, Default)]
pub struct CopyOptions {
    /// The roots to copy; all of them if this is empty.
    pub only: Vec<RootChoice>,
    /// The writer in the target. Its `dry_run` copies nothing and says how much there is.
    pub writer: WriterOptions,
}

/// A manifest of the source, for display.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceManifest {
    /// Its id.
    pub id: LeaseId,
    /// A snapshot, a receipt or a log.
    pub kind: ManifestKind,
    /// Its time.
    pub time: Time,
}

/// A manifest that was copied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CopiedManifest {
    /// The original.
    pub source: SourceManifest,
    /// The id of the copy; `None` in a dry run.
    pub id: Option<LeaseId>,
    /// Names of roots that it lacks.
    pub left_out: Vec<Vec<u8>>,
    /// Chunks that the target lacked.
    pub new_chunks: u64,
    /// Their plain bytes.
    pub new_bytes: u64,
    /// Bytes of new packs and segments.
    pub stored_bytes: u64,
    /// The new packs.
    pub new_packs: Vec<PackId>,
}

/// A manifest that could not be copied. Nothing of it is in the target but data that a later run uses.
#[derive(Debug)]
pub struct FailedCopy {
    /// The original.
    pub source: SourceManifest,
    /// Why.
    pub error: Error,
}

/// The result of copying.
#[derive(Debug, Default)]
pub struct CopyOutcome {
    /// The copied manifests, oldest first.
    pub copied: Vec<CopiedManifest>,
    /// The manifests that could not be copied.
    pub failed: Vec<FailedCopy>,
    /// Chosen manifests whose copies were there.
    pub present: Vec<CopyRef>,
    /// Chosen manifests that have none of the chosen roots.
    pub without_roots: Vec<SourceManifest>,
    /// How many manifests are older than the newest copy and not there, of those that were not asked for.
    pub older: u64,
    /// Manifests of the source that cannot be read, and why.
    pub unreadable: Vec<(LeaseId, Error)>,
    /// The result of reading back what was copied.
    pub check: CopyCheck,
}

/// A manifest and its copy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CopyRef {
    /// The original.
    pub source: SourceManifest,
    /// The id of the copy.
    pub copy: LeaseId,
}

/// Copies manifests of `source` that `target` lacks into it, the oldest first. A manifest that cannot be copied is
/// in the outcome, and the others go on.
///
/// # Errors
/// [`ErrorKind::Usage`] if both are the same repository; [`ErrorKind::NotFound`] for a named one that does not exist; if the
/// target cannot be written, the storage does not answer, or the monitor wishes to stop. Whole copies remain.
pub fn copy(
    source: &Repository,
    target: &Repository,
    what: &What,
    options: &CopyOptions,
    monitor: &dyn Monitor,
) -> Result<CopyOutcome> {
    if source.id() == target.id() {
        let message = format!("{} and {} are the same repository", source.location(), target.location());
        return Err(Error::new(ErrorKind::Usage, message));
    }
    source.sync_catalog(monitor)?;
    let present = Present::read(source, target)?;
    let Choice { chosen, mut outcome } = choice::choose(source, &present, what, options)?;
    let mut known = Known { complete: Complete::default(), addresses: Addresses::Same };
    if !chosen.is_empty() {
        known.addresses = Addresses::between(source, target, monitor)?;
    }
    monitor.begin(Phase::Copy, Some(expected(&chosen, &present, source)));
    for original in chosen {
        let run = Run { source, target, options, present: &present, monitor };
        let described = SourceManifest::of(&original.manifest);
        match run.copy(original, &mut known) {
            Ok(copied) => outcome.copied.push(copied),
            Err(error) if ends_everything(&error) => return Err(error),
            Err(error) => {
                known.complete.clear();
                outcome.failed.push(FailedCopy { source: described, error });
            }
        }
        monitor.advance(Work { items: 1, bytes: 0 });
    }
    monitor.end();
    let ids: Vec<_> = outcome.copied.iter().filter_map(|copied| copied.id).collect();
    let new_packs: Vec<_> = outcome.copied.iter().flat_map(|copied| copied.new_packs.iter().copied()).collect();
    let copies = Copies { target, ids: &ids, new_packs: &new_packs, complete: &known.complete };
    outcome.check = copies.check(monitor)?;
    Ok(outcome)
}

/// About how much there is to copy. A snapshot after others of the same sources adds what was new when it was made.
fn expected(chosen: &[ManifestObject], present: &Present, source: &Repository) -> Work {
    let mut met = HashSet::new();
    let bytes = chosen.iter().map(|object| {
        let manifest = &object.manifest;
        let sources = family(source, &manifest.host, &manifest.roots);
        let is_first = met.insert(sources) && present.newest_like(source, manifest).is_none();
        let statistics = &manifest.statistics;
        if is_first { statistics.total_bytes } else { statistics.new_bytes }
    });
    Work { items: chosen.len() as u64, bytes: bytes.fold(0, u64::saturating_add) }
}

/// Whether the next manifest would fail likewise. Damage in one says nothing about the others.
fn ends_everything(error: &Error) -> bool {
    !(error.is_damage() || error.kind() == ErrorKind::NotFound)
}
