//! Evidence: what was tried with the saved data, and how it went (FORMAT.md, section 11.4).

use minicbor::{Decode, Encode};

use crate::cbor::ByteString;
use crate::error::{FormatError, Result, check_limit};
use crate::id::{Bytes32, PackId, RepositoryId};
use crate::kinds::kinds;
use crate::limits;
use crate::seen::SeenManifest;

const WHAT: &str = "evidence";

/// Bytes of a pack's id that a reading keeps.
pub const SHORT_PACK: usize = 8;

kinds! {
    /// The kind of trial.
    EvidenceKind {
        /// A snapshot was restored on trial and examined.
        Drill = 1 "drill",
        /// The repository was checked.
        Verify = 2 "verify",
        /// A key was tried.
        KeyTried = 3 "key-tried",
        /// A copy in another place was read back.
        CopyReadBack = 4 "copy-read-back",
        /// A loss was accepted.
        Acceptance = 5 "acceptance",
        /// Somebody has looked at other evidence.
        Review = 6 "review",
        /// Actions of people.
        Actions = 7 "actions",
    }
}

kinds! {
    /// How it went.
    EvidenceResult {
        /// Everything was as it should be.
        Passed = 1 "passed",
        /// Something was left out, or is to be known.
        PassedWithNotes = 2 "passed-with-notes",
        /// Saved data are damaged, or do not come back as they were.
        Failed = 3 "failed",
        /// It could not be carried out.
        NotDone = 4 "not-done",
    }
}

kinds! {
    /// The meaning of a note.
    EvidenceNoteKind {
        /// The source has it as well, or it was left out.
        Note = 1 "note",
        /// Only what was restored or stored has it.
        Fault = 2 "fault",
    }
}

kinds! {
    /// How an action ended.
    ActionEnd {
        /// It was done.
        Done = 1 "done",
        /// It was done, and something was left out.
        Incomplete = 2 "incomplete",
        /// It failed.
        Failed = 3 "failed",
        /// Somebody stopped it.
        Stopped = 4 "stopped",
        /// It was refused.
        Refused = 5 "refused",
        /// The program ended before it.
        NotKnown = 6 "not-known",
    }
}

/// A trial, and how it went.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Evidence {
    /// A drill, a check, …
    #[n(0)]
    pub kind: EvidenceKind,
    /// How it went.
    #[n(1)]
    pub result: EvidenceResult,
    /// The place of the repository, in words without secrets.
    #[n(2)]
    pub place: String,
    /// How long it took, in milliseconds.
    #[n(3)]
    pub milliseconds: u64,
    /// Its parts, in their order.
    #[n(4)]
    pub steps: Vec<EvidenceStep>,
    /// Facts to know besides.
    #[n(5)]
    pub notes: Vec<EvidenceNote>,
    /// How many more notes there were.
    #[n(6)]
    pub notes_left_out: Option<u64>,
    /// The person who did it, or has looked at it; absent if it is the user of the manifest.
    #[n(7)]
    pub by: Option<String>,
    /// The snapshot that it is about.
    #[n(8)]
    pub snapshot: Option<SeenManifest>,
    /// The repository that the snapshot was restored from, if that is another one.
    #[n(9)]
    pub copy: Option<RepositoryId>,
    /// A sample that was drawn.
    #[n(10)]
    pub sample: Option<Sample>,
    /// Packs that were read whole and are good, by time.
    #[n(11)]
    pub readings: Option<Vec<Reading>>,
    /// Packs that were read whole and are damaged.
    #[n(12)]
    pub damaged: Option<ShortPacks>,
    /// The runs that this one stands for, if it stands for several.
    #[n(13)]
    pub runs: Option<Runs>,
    /// Evidence that this is a review of.
    #[n(14)]
    pub reviewed: Option<Vec<SeenManifest>>,
    /// Actions of people, in the order of their start.
    #[n(15)]
    pub actions: Option<Vec<Action>>,
}

/// Something that a person ordered.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Action {
    /// A random number; the same number is the same action.
    #[n(0)]
    pub number: u64,
    /// Its start, in seconds since 1970.
    #[n(1)]
    pub seconds: i64,
    /// The person.
    #[n(2)]
    pub person: String,
    /// Their role.
    #[n(3)]
    pub role: String,
    /// The order.
    #[n(4)]
    pub what: String,
    /// How it ended.
    #[n(5)]
    pub end: ActionEnd,
    /// The thing that it was about. It names nobody whose data are saved.
    #[n(6)]
    pub about: Option<String>,
}

impl Action {
    fn check(&self) -> Result<()> {
        for text in [&self.person, &self.role, &self.what].into_iter().chain(&self.about) {
            check_limit(WHAT, "text of an action", text.len() as u64, limits::ACTION_TEXT)?;
        }
        Ok(())
    }
}

/// A part of what was tried.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct EvidenceStep {
    /// Its name, in the program's words.
    #[n(0)]
    pub name: String,
    /// How it went.
    #[n(1)]
    pub result: EvidenceResult,
    /// How long it took, in milliseconds.
    #[n(2)]
    pub milliseconds: u64,
    /// Its figures.
    #[n(3)]
    pub figures: Vec<Figure>,
    /// The thing that was used, or why the step was left out.
    #[n(4)]
    pub text: Option<String>,
}

/// A number with its name.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Figure {
    /// The things that it counts, with their unit.
    #[n(0)]
    pub name: String,
    /// The number.
    #[n(1)]
    pub value: u64,
}

/// A fact about a step.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct EvidenceNote {
    /// Whether it is a fault.
    #[n(0)]
    pub kind: EvidenceNoteKind,
    /// Place of its step in the list of steps.
    #[n(1)]
    pub step: u32,
    /// It in words.
    #[n(2)]
    pub text: String,
}

/// A sample that was drawn, so that it can be drawn once more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Sample {
    /// The seed.
    #[n(0)]
    pub seed: Bytes32,
    /// How many were drawn.
    #[n(1)]
    pub count: u64,
    /// The number that they were drawn from.
    #[n(2)]
    pub of: u64,
    /// Keyed digest of their names.
    #[n(3)]
    pub digest: Bytes32,
}

/// Packs that were read whole.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Reading {
    /// The time before which none of them was read, in seconds since 1970.
    #[n(0)]
    pub seconds: i64,
    /// The packs.
    #[n(1)]
    pub packs: ShortPacks,
}

/// The runs that one evidence stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Runs {
    /// How many.
    #[n(0)]
    pub count: u64,
    /// When the first began, in seconds since 1970.
    #[n(1)]
    pub first: i64,
    /// When the last began.
    #[n(2)]
    pub last: i64,
}

/// The first bytes of ids of packs, ascending, each once.
#[derive(Debug, Clone, PartialEq, Eq, Default, Encode, Decode)]
#[cbor(transparent)]
pub struct ShortPacks(#[n(0)] ByteString);

impl ShortPacks {
    /// The first bytes of the ids of these packs.
    pub fn of(packs: impl IntoIterator<Item = PackId>) -> Self {
        packs.into_iter().map(|pack| short(&pack)).collect()
    }

    /// Each of them.
    pub fn iter(&self) -> impl Iterator<Item = [u8; SHORT_PACK]> {
        self.0.0.as_chunks::<SHORT_PACK>().0.iter().copied()
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.0.0.len() / SHORT_PACK
    }

    fn check(&self) -> Result<()> {
        let (packs, rest) = self.0.0.as_chunks::<SHORT_PACK>();
        if rest.is_empty() && packs.is_sorted_by(|a, b| a < b) {
            Ok(())
        } else {
            Err(FormatError::invalid(WHAT, "packs that are cut off, or not in order"))
        }
    }
}

impl FromIterator<[u8; SHORT_PACK]> for ShortPacks {
    fn from_iter<T: IntoIterator<Item = [u8; SHORT_PACK]>>(packs: T) -> Self {
        let mut packs: Vec<_> = packs.into_iter().collect();
        packs.sort_unstable();
        packs.dedup();
        ShortPacks(ByteString(packs.concat()))
    }
}

/// The first bytes of a pack's id.
pub fn short(pack: &PackId) -> [u8; SHORT_PACK] {
    pack.0.first_chunk().copied().unwrap_or_default()
}

impl Evidence {
    /// Evidence without any facts.
    pub fn new(kind: EvidenceKind, result: EvidenceResult) -> Self {
        Evidence {
            kind,
            result,
            place: String::new(),
            milliseconds: 0,
            steps: Vec::new(),
            notes: Vec::new(),
            notes_left_out: None,
            by: None,
            snapshot: None,
            copy: None,
            sample: None,
            readings: None,
            damaged: None,
            runs: None,
            reviewed: None,
            actions: None,
        }
    }

    /// The value of the first figure of this name in any step.
    pub fn figure(&self, name: &str) -> Option<u64> {
        let mut figures = self.steps.iter().flat_map(|step| &step.figures);
        figures.find(|figure| figure.name == name).map(|figure| figure.value)
    }

    /// Packs that were read whole and are good, by time.
    pub fn readings(&self) -> &[Reading] {
        self.readings.as_deref().unwrap_or_default()
    }

    /// The evidence that this is a review of.
    pub fn reviewed(&self) -> &[SeenManifest] {
        self.reviewed.as_deref().unwrap_or_default()
    }

    /// Actions of people.
    pub fn actions(&self) -> &[Action] {
        self.actions.as_deref().unwrap_or_default()
    }

    /// The first bytes of packs that were read whole and are damaged.
    pub fn damaged(&self) -> impl Iterator<Item = [u8; SHORT_PACK]> {
        self.damaged.iter().flat_map(ShortPacks::iter)
    }

    /// How many packs it names.
    fn packs(&self) -> usize {
        let lists = self.readings().iter().map(|reading| &reading.packs).chain(&self.damaged);
        lists.map(ShortPacks::count).sum()
    }

    pub(crate) fn check(&self) -> Result<()> {
        check_limit(WHAT, "steps", self.steps.len() as u64, limits::EVIDENCE_STEPS_COUNT)?;
        check_limit(WHAT, "notes", self.notes.len() as u64, limits::EVIDENCE_NOTES_COUNT)?;
        check_limit(WHAT, "packs", self.packs() as u64, limits::EVIDENCE_PACKS_COUNT)?;
        check_limit(WHAT, "reviewed evidence", self.reviewed().len() as u64, limits::REVIEWED_COUNT)?;
        check_limit(WHAT, "actions", self.actions().len() as u64, limits::ACTIONS_COUNT)?;
        self.actions().iter().try_for_each(Action::check)?;
        for step in &self.steps {
            check_limit(WHAT, "figures of a step", step.figures.len() as u64, limits::EVIDENCE_FIGURES_COUNT)?;
        }
        if self.notes.iter().any(|note| note.step as usize >= self.steps.len()) {
            return Err(FormatError::invalid(WHAT, "a note about a step that it does not have"));
        }
        if self.runs.is_some_and(|runs| runs.count == 0 || runs.last < runs.first) {
            return Err(FormatError::invalid(WHAT, "it stands for no run, or the last began before the first"));
        }
        if self.sample.is_some_and(|sample| sample.count > sample.of) {
            return Err(FormatError::invalid(WHAT, "a sample of more than there is"));
        }
        let lists = self.readings().iter().map(|reading| &reading.packs).chain(&self.damaged);
        lists.into_iter().try_for_each(ShortPacks::check)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packs_are_kept_in_order_and_once() {
        let pack = |n: u8| PackId([n; 32]);
        let packs = ShortPacks::of([pack(3), pack(1), pack(3)]);
        assert_eq!(packs.iter().collect::<Vec<_>>(), [[1; 8], [3; 8]]);
        assert_eq!((packs.count(), packs.check()), (2, Ok(())));
        for wrong in [vec![1; 7], [[2; 8], [1; 8]].concat(), [[1; 8], [1; 8]].concat()] {
            assert!(ShortPacks(ByteString(wrong)).check().is_err());
        }
    }
}
