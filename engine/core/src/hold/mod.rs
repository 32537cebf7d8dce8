//! Holds: a snapshot that looks as if its source had been attacked keeps everything as it is, until a person answers (FORMAT.md,
//! section 11).
//!
//! ```text
//! rules    signals of a snapshot -> the rules that it breaks
//! judge    the same, with what is usual for the source, and what a person has said
//! purged   rows and files that purges have removed, which nobody misses
//! answers  records of people; a hold is open while there is none
//! ```

mod answers;
mod judge;
mod purged;
mod rules;

use repo_format::entry::Time;
use repo_format::id::LeaseId;
use repo_format::manifest::{Manifest, ManifestKind};

use crate::error::{Error, ErrorKind, Result};
use crate::memory::RememberedManifest;
use crate::repository::{Manifests, Repository};
use crate::words;

pub use answers::{Answer, Expectation, Verdict};
pub use judge::{Run, judge};
pub use purged::{Purged, purged_since};
pub use rules::Rule;

use answers::Said;

/// A snapshot that is held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hold {
    /// The snapshot.
    pub snapshot: LeaseId,
    /// The start of its run.
    pub time: Time,
    /// Its machine.
    pub host: String,
    /// The rules that it breaks.
    pub rules: Vec<Rule>,
    /// The findings of these, as ends of sentences.
    pub words: Vec<String>,
    /// The answer, if there is one.
    pub answer: Option<Answer>,
}

impl Hold {
    fn of(manifest: &Manifest, said: &Said) -> Option<Self> {
        let bits = manifest.held.filter(|_| manifest.kind == ManifestKind::Snapshot)?;
        let (rules, signals) = (Rule::of_bits(bits), manifest.statistics.signals.unwrap_or_default());
        Some(Hold {
            snapshot: manifest.id,
            time: manifest.time(),
            host: manifest.host.clone(),
            words: rules.iter().map(|rule| rule.words(&signals)).collect(),
            rules,
            answer: said.answer_to(manifest.id).cloned(),
        })
    }
}

/// All holds, the oldest first.
///
/// # Errors
/// If the repository cannot be read.
pub fn list(repository: &Repository) -> Result<Vec<Hold>> {
    let (manifests, _) = repository.read_manifests()?;
    let manifests: Vec<Manifest> = manifests.into_iter().map(|object| object.manifest).collect();
    let said = Said::by(&manifests);
    Ok(manifests.iter().filter_map(|manifest| Hold::of(manifest, &said)).collect())
}

/// How many snapshots are held while nobody has answered. Answers are read only if one is held.
///
/// # Errors
/// If the repository cannot be read.
pub fn unanswered(repository: &Repository, manifests: &Manifests) -> Result<u64> {
    let held = repository.remembered_holds()?;
    let held: Vec<RememberedManifest> = manifests.present.iter().filter(|m| held.contains(&m.id)).copied().collect();
    if held.is_empty() {
        return Ok(0);
    }
    let snapshots = repository.each_readable(&held).map(|read| read.map(|object| object.manifest));
    let snapshots: Vec<Manifest> = snapshots.collect::<Result<_>>()?;
    let (records, _) = repository.read_records(&manifests.present)?;
    let said = Said::by(records.iter().map(|record| &record.manifest));
    Ok(open(&snapshots, &said).count() as u64)
}

/// The holds among `manifests` that nobody has answered.
fn open<'m>(manifests: impl IntoIterator<Item = &'m Manifest>, said: &Said) -> impl Iterator<Item = Hold> {
    manifests.into_iter().filter_map(|manifest| Hold::of(manifest, said)).filter(|hold| hold.answer.is_none())
}

/// Refuses to delete anything while a snapshot among `manifests` is held and nobody has answered. The records are among them, too.
///
/// # Errors
/// [`ErrorKind::Refused`] then.
pub fn refuse<'m>(manifests: impl IntoIterator<Item = &'m Manifest> + Clone) -> Result<()> {
    let said = Said::by(manifests.clone());
    let Some(hold) = open(manifests, &said).next() else { return Ok(()) };
    let id = words::short(hold.snapshot);
    let message = format!(
        "snapshot {id} of {} looks as if its source had been attacked: {}; nothing is deleted until somebody has looked",
        hold.host,
        hold.words.join(", and ")
    );
    Err(Error::new(ErrorKind::Refused, message)
        .with_hint("`enamel hold list` says what was seen, and `enamel hold answer` goes on."))
}
