//! Looks up what the checks judge.

use std::collections::HashSet;

use repo_format::entry::Time;
use repo_format::id::LeaseId;
use repo_format::manifest::{Manifest, ManifestKind};

use super::facts::{
    CopyFact, CopyFacts, DrillFacts, Facts, Faults, Free, KeyFacts, NamedFiles, ReadingFacts, RoomFacts, SourceFacts,
    UnusualFacts,
};
use super::read_again;
use crate::error::Result;
use crate::evidence::{self, Piece, Pieces};
use crate::hold;
use crate::machine;
use crate::repository::members::{MemberInfo, MemberState, Unlock, members};
use crate::repository::{Manifests, Reminder, Repository};
use crate::snapshots;
use crate::snapshots::status::{SourceStatus, Status};

const DAY: u64 = 86_400;
/// At most so many snapshots say how fast the repository grows.
const GROWTH_SNAPSHOTS: usize = 100;
/// Shorter spans say nothing about growth, in seconds.
const GROWTH_SPAN_MIN: u64 = DAY;

/// Facts that are not in the repository, and what its user expects.
#[derive(Debug, Clone, Default)]
pub struct HealthOptions {
    /// The age in seconds from which the newest snapshot of a source is late.
    pub expected_seconds: Option<u64>,
    /// The same for certain sources.
    pub expectations: Vec<Expectation>,
    /// Whether the schedule that made backups was removed from this computer.
    pub is_schedule_removed: bool,
    /// The age in seconds from which a second copy is late.
    pub copy_expected_seconds: Option<u64>,
    /// Snapshots of a database that should have a supplemental copy and have none.
    pub copies_missed: u64,
    /// Room that is left where the repository is.
    pub free: Free,
    /// Whether the repository is on a disk of the things that are saved.
    pub is_shared: bool,
}

/// The age from which a source is late.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Expectation {
    /// Its newest snapshot.
    pub newest: LeaseId,
    /// The age in seconds of that.
    pub seconds: u64,
}

/// Looks up the facts about `repository`, whose sources are as `status` says.
///
/// # Errors
/// If the store cannot be listed, or the cache or the keys cannot be read.
pub fn gather(repository: &Repository, status: &Status, options: &HealthOptions) -> Result<Facts> {
    let now = machine::now();
    let known = repository.manifests()?;
    let recent = Recent::read(repository, &known, now);
    let evidence = evidence::list(repository)?;
    Ok(Facts {
        sources: status.sources.iter().map(|source| source_facts(source, options)).collect(),
        is_schedule_removed: options.is_schedule_removed,
        faults: faults(repository, status)?,
        drill: Some(drill(&evidence, now)),
        reading: reading(repository, &evidence, &recent, now)?,
        copies: copies(status, options, now),
        keys: keys(repository, &evidence, now)?,
        room: RoomFacts { free: options.free, growth_bytes: recent.growth(now), is_shared: options.is_shared },
        unusual: Some(UnusualFacts { unanswered: hold::unanswered(repository, &known)? }),
    })
}

fn source_facts(source: &SourceStatus, options: &HealthOptions) -> SourceFacts {
    let manifest = &source.newest.manifest;
    let own = options.expectations.iter().filter(|expectation| expectation.newest == source.newest.id);
    let missing: usize = source.databases.iter().map(|database| database.missing.len()).sum();
    let late: usize = source.databases.iter().map(|database| database.late.len()).sum();
    SourceFacts {
        age_seconds: source.age_seconds,
        expected_seconds: own.map(|expectation| expectation.seconds).min().or(options.expected_seconds),
        problems: manifest.problems.count,
        late: late as u64,
        missing: missing as u64,
        lost: source.suffers_since.is_some(),
        named: named(manifest),
    }
}

fn named(manifest: &Manifest) -> Option<NamedFiles> {
    let statistics = &manifest.statistics;
    let missing = statistics.named_files_missing.unwrap_or(0);
    statistics.named_files.map(|all| NamedFiles { all, missing })
}

fn faults(repository: &Repository, status: &Status) -> Result<Faults> {
    let newest: HashSet<_> = status.sources.iter().map(|source| source.newest.id).collect();
    let lost = status.suffering.iter().filter(|snapshot| !newest.contains(&snapshot.id)).count();
    let older = repository.unanswered()?.older.len();
    Ok(Faults {
        unreadable: status.unreadable.len() as u64,
        disappeared: (status.missing.len() + older) as u64,
        lost: lost as u64,
        put_back: status.put_back.len() as u64,
    })
}

/// The newest snapshots, of the last weeks.
struct Recent {
    /// Newest first.
    manifests: Vec<Manifest>,
    /// When the oldest snapshot of all was made.
    oldest: Option<Time>,
}

impl Recent {
    fn read(repository: &Repository, known: &Manifests, now: Time) -> Self {
        // Sorted newest first.
        let oldest = known.present.iter().rfind(|m| m.kind == ManifestKind::Snapshot);
        let since = now.seconds.saturating_sub(i64::try_from(read_again::EXPECTED).unwrap_or(i64::MAX));
        let manifests = snapshots::recent(repository, known, since, GROWTH_SNAPSHOTS);
        Recent { manifests, oldest: oldest.map(|snapshot| snapshot.time) }
    }

    /// Bytes that are added each day. The first snapshot of a source says nothing about the next ones.
    fn growth(&self, now: Time) -> Option<u64> {
        let span = age(self.manifests.last()?.seconds, now);
        let later = self.manifests.iter().filter(|manifest| manifest.parent.is_some());
        let bytes: u128 = later.map(|manifest| u128::from(manifest.statistics.stored_bytes)).sum();
        let per_day = (bytes * u128::from(DAY)).checked_div(u128::from(span))?;
        (span >= GROWTH_SPAN_MIN).then(|| u64::try_from(per_day).unwrap_or(u64::MAX))
    }

    fn stored_bytes(&self) -> u64 {
        self.manifests.iter().map(|manifest| manifest.statistics.stored_bytes).fold(0, u64::saturating_add)
    }
}

fn drill(evidence: &Pieces, now: Time) -> DrillFacts {
    let Some(last) = evidence.newest_drill() else { return DrillFacts::default() };
    let passed = evidence.newest_passed_drill();
    let age_of = |piece: &Piece| age(piece.time.seconds, now);
    DrillFacts {
        good_age_seconds: passed.map(age_of),
        last_failed: passed.is_none_or(|passed| passed.id != last.id),
        restore_seconds: passed.and_then(|piece| piece.evidence.figure(evidence::BRING_BACK)).map(|time| time / 1000),
    }
}

fn reading(repository: &Repository, evidence: &Pieces, recent: &Recent, now: Time) -> Result<ReadingFacts> {
    let unread = evidence::unread(repository, evidence)?;
    Ok(ReadingFacts {
        all_bytes: unread.bytes,
        never_bytes: unread.never_bytes,
        oldest_seconds: unread.oldest.map(|seconds| age(seconds, now)),
        new_bytes: recent.stored_bytes(),
        oldest_snapshot_seconds: recent.oldest.map(|time| age(time.seconds, now)),
    })
}

fn copies(status: &Status, options: &HealthOptions, now: Time) -> CopyFacts {
    let known = status.second_copies.iter().map(|known| CopyFact {
        age_seconds: known.newest_time.map(|time| age(time.seconds, now)),
        checked_seconds: age(known.copy.checked, now),
    });
    CopyFacts { known: known.collect(), expected_seconds: options.copy_expected_seconds, missed: options.copies_missed }
}

/// Keys that were tried on any computer left evidence; this one knows besides which it was opened with.
fn keys(repository: &Repository, evidence: &Pieces, now: Time) -> Result<KeyFacts> {
    let all = members(repository)?;
    let is_active = |member: &&MemberInfo| member.state == MemberState::Active && member.unlock != Unlock::Unreadable;
    let mut tried = None;
    for member in all.iter().filter(is_active).filter(|member| !member.is_self) {
        let moment = repository.remembered_moment(Reminder::Opened(member.id))?;
        let elsewhere = evidence.newest_trial_of(member.id).map(|piece| piece.time.seconds);
        tried = tried.max(moment.map(|moment| moment.seconds)).max(elsewhere);
    }
    Ok(KeyFacts {
        active: all.iter().filter(is_active).count() as u64,
        unreadable: all.iter().filter(|member| member.unlock == Unlock::Unreadable).count() as u64,
        tried_seconds: tried.map(|seconds| age(seconds, now)),
    })
}

/// The seconds from a moment to `now`; none if clocks differ a little.
fn age(seconds: i64, now: Time) -> u64 {
    u64::try_from(now.seconds.saturating_sub(seconds)).unwrap_or(0)
}
