//! Drill: restores a snapshot on trial, and examines what came back.
//!
//! ```text
//! trial      the database of the snapshot, in a scratch server or in schemas of their own; every row is compared
//! tables     CHECK TABLE, and how many rows there are
//! programs   views and routines
//! practice   the application: its settings, its hashes, files that rows name
//! files      a sample of files is restored, compared with its chunks, and looked at
//! account    all of that becomes steps, figures and notes of evidence
//! ```
//! A difference between the snapshot and what came back is a *fault*. A fault that the snapshot has, because its source had
//! it, is a *note*. Everything that was restored goes away again, also after a run that was killed: the next one finds it.

mod account;
mod files;
mod practice;
mod programs;
mod sample;
mod tables;
mod trial;

use std::time::Instant;

use repo_format::evidence::{Evidence, EvidenceKind, EvidenceNoteKind, EvidenceResult};
use repo_format::manifest::{Manifest, RootKind};

use crate::database::Address;
use crate::scratch::ScratchOptions;
use engine_core::crypto::random;
use engine_core::error::Result;
use engine_core::monitor::Monitor;
use engine_core::pack::ChunkReader;
use engine_core::repository::Repository;
use engine_core::snapshots::Snapshot;
use engine_core::snapshots::saved::databases;
use engine_core::words::counted;

pub use account::{Account, Step};
pub use tables::{Restored, examine_tables};

/// Which files are restored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sampling {
    /// About so many of them.
    About(u64),
    /// All of them.
    All,
}

/// The fate of schemas on a server that the user named.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Afterwards {
    /// They are dropped.
    #[default]
    Drop,
    /// They stay.
    Keep,
}

/// How to drill.
#[derive(Debug, Clone)]
pub struct DrillOptions {
    /// The scratch server and the folder for files.
    pub scratch: ScratchOptions,
    /// A server to use in its place.
    pub into: Option<Address>,
    /// Its schemas when the drill ends.
    pub afterwards: Afterwards,
    /// Files.
    pub sampling: Sampling,
    /// The seed of the sample; random if none is named.
    pub seed: Option<[u8; 32]>,
}

impl Default for DrillOptions {
    fn default() -> Self {
        DrillOptions {
            scratch: ScratchOptions::default(),
            into: None,
            afterwards: Afterwards::Drop,
            sampling: Sampling::About(200),
            seed: None,
        }
    }
}

/// Drills `snapshot`; gives the evidence of it, which is not put anywhere yet.
///
/// # Errors
/// [`engine_core::ErrorKind::NotFound`] if no suitable server is installed, [`engine_core::ErrorKind::NoSpace`] if there is
/// no room; if a server fails, or the monitor wishes to stop. Damage and differences are not errors.
pub fn drill(
    repository: &Repository,
    snapshot: &Snapshot,
    options: &DrillOptions,
    monitor: &dyn Monitor,
) -> Result<Evidence> {
    let began = Instant::now();
    let damaged = repository.sync_catalog(monitor)?.damaged;
    let reader = ChunkReader::new(repository);
    let mut account = Account::default();
    for (segment, error) in damaged {
        monitor.note(&format!("index/{segment} cannot be used: {error}"));
    }
    let manifest = &snapshot.manifest;
    let run = Run { reader: &reader, snapshot, options, monitor };
    if manifest.problems.count > 0 {
        let count = manifest.problems.count;
        account.step("snapshot", monitor, |step| {
            step.figure("problems of the backup", count);
            let things = counted(count, "thing");
            step.note(format!("the snapshot lacks {things} that the backup could not save, and named then"));
            Ok(())
        })?;
    }
    for root in databases(manifest) {
        match trial::examine(&run, &root.name.0, &mut account) {
            Err(error) if error.is_damage() => account.step("restore", monitor, |_| Err(error))?,
            examined => examined?,
        }
    }
    if !has(manifest, RootKind::Database) {
        account.left_out("restore", "the snapshot has no database");
    }
    practice::examine(&run, &mut account)?;
    let seed = options.seed.map_or_else(random, Ok)?;
    let sample = files::examine(&run, seed, &mut account)?;
    account.extrapolate(&manifest.statistics);
    let milliseconds = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    let (steps, notes, left_out) = account.into_parts();
    let notes_left_out = (left_out > 0).then_some(left_out);
    let result = match () {
        () if notes.iter().any(|note| note.kind == EvidenceNoteKind::Fault) => EvidenceResult::Failed,
        () if !notes.is_empty() => EvidenceResult::PassedWithNotes,
        () => EvidenceResult::Passed,
    };
    let place = repository.location();
    Ok(Evidence {
        place,
        milliseconds,
        steps,
        notes,
        notes_left_out,
        sample,
        ..Evidence::new(EvidenceKind::Drill, result)
    })
}

fn has(manifest: &Manifest, kind: RootKind) -> bool {
    manifest.roots.iter().any(|root| root.kind == kind)
}

/// The things that all parts of a drill work with.
struct Run<'r> {
    reader: &'r ChunkReader<'r>,
    snapshot: &'r Snapshot,
    options: &'r DrillOptions,
    monitor: &'r dyn Monitor,
}
