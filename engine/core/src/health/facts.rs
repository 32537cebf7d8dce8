//! The facts that the checks judge: numbers and ages, and nothing that must be looked up.

/// Everything that is judged.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Facts {
    /// The sources that are saved.
    pub sources: Vec<SourceFacts>,
    /// Whether the schedule that made backups was removed from this computer.
    pub is_schedule_removed: bool,
    /// The faults of the repository as a whole.
    pub faults: Faults,
    /// The last drill; `None` if this program cannot tell.
    pub drill: Option<DrillFacts>,
    /// Data that was read again since it was stored.
    pub reading: ReadingFacts,
    /// Other repositories that have copies of this one.
    pub copies: CopyFacts,
    /// Passwords and key files.
    pub keys: KeyFacts,
    /// The place of the repository.
    pub room: RoomFacts,
    /// Changes that look like an attack; `None` if nobody looked for them.
    pub unusual: Option<UnusualFacts>,
}

/// A source, as its newest snapshot shows it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SourceFacts {
    /// The age of its newest snapshot in seconds; `None` if that is from the future.
    pub age_seconds: Option<u64>,
    /// The age in seconds from which it is late; `None` if nobody said.
    pub expected_seconds: Option<u64>,
    /// Items that were not saved as they should be.
    pub problems: u64,
    /// Tables that are of a later moment than the others.
    pub late: u64,
    /// Tables and other objects that are missing.
    pub missing: u64,
    /// Whether the newest snapshot needs lost data.
    pub lost: bool,
    /// The files that its application names; `None` if no application is known, or its files were not looked up.
    pub named: Option<NamedFiles>,
}

/// The files that the rows of an application name.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct NamedFiles {
    /// All of them.
    pub all: u64,
    /// The number of files that the snapshot lacks.
    pub missing: u64,
}

/// Faults that do not belong to the newest snapshot of a source.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Faults {
    /// Snapshots that cannot be read.
    pub unreadable: u64,
    /// Manifests that have disappeared, and parts of the repository that are older than before.
    pub disappeared: u64,
    /// Older snapshots that need lost data.
    pub lost: u64,
    /// Manifests that were forgotten and are there again.
    pub put_back: u64,
}

/// The drills: restores for practice.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct DrillFacts {
    /// The age in seconds of the last one that brought everything back.
    pub good_age_seconds: Option<u64>,
    /// Whether the last one failed.
    pub last_failed: bool,
    /// How long it would take to bring everything back, in seconds.
    pub restore_seconds: Option<u64>,
}

/// Data that was read again and found good.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ReadingFacts {
    /// All stored bytes.
    pub all_bytes: u64,
    /// Bytes that nobody has read.
    pub never_bytes: u64,
    /// The age in seconds of the oldest successful reading among the others.
    pub oldest_seconds: Option<u64>,
    /// Bytes that the snapshots of the last weeks have stored: nobody expects that these were read again.
    pub new_bytes: u64,
    /// The age in seconds of the oldest snapshot: no byte is older.
    pub oldest_snapshot_seconds: Option<u64>,
}

/// Copies in other repositories.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CopyFacts {
    /// The known ones.
    pub known: Vec<CopyFact>,
    /// The age in seconds from which a copy is late; `None` if nobody said.
    pub expected_seconds: Option<u64>,
    /// Snapshots of a database that should have a supplemental copy and have none.
    pub missed: u64,
}

/// A copy in another repository.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CopyFact {
    /// The age in seconds of the newest snapshot in it; `None` if that snapshot is not known here any more.
    pub age_seconds: Option<u64>,
    /// The seconds since somebody looked at it.
    pub checked_seconds: u64,
}

/// Passwords and key files.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct KeyFacts {
    /// The number of those that open the whole repository.
    pub active: u64,
    /// The number of those that cannot be read.
    pub unreadable: u64,
    /// The seconds since somebody tried another one than that of this run; `None` if nobody has, as far as is known.
    pub tried_seconds: Option<u64>,
}

/// The place of the repository.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RoomFacts {
    /// Room that is left.
    pub free: Free,
    /// Bytes that are added each day; `None` if there are too few snapshots to tell.
    pub growth_bytes: Option<u64>,
    /// Whether it is on a disk of the things that are saved.
    pub is_shared: bool,
}

/// Room that is left in a place.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Free {
    /// Nobody could tell.
    #[default]
    Unknown,
    /// So many bytes.
    Bytes(u64),
    /// As much as is paid for.
    Unlimited,
}

/// Changes that look like an attack.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct UnusualFacts {
    /// Snapshots with changes that no person has explained yet.
    pub unanswered: u64,
}
