//! The facts about backups, and the causes that follow from them.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use engine::health::{Check, State};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::cause::{Cause, Condition};
use crate::schedule::{Job, OfficeHours, Tries};

/// A job that failed so often is a reason.
const TRIES: u32 = 3;
/// So is one that has failed for so long.
const FAILING: SignedDuration = SignedDuration::from_hours(1);
/// A repository that cannot be opened for so long is one: the agent is started again every few minutes.
const CLOSED: SignedDuration = SignedDuration::from_mins(10);
/// A trial that is longer ago is one, as in `enamel status`: a month, and some days for it.
const UNTRIED: SignedDuration = SignedDuration::from_hours(35 * 24);

/// The newest snapshots, as somebody last saw them.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Seen {
    /// The moment of the newest one of the sources, whoever made it.
    pub newest: Option<Timestamp>,
    /// How many need data that is lost.
    pub lost: u64,
    /// How many things the newest one left out.
    pub left_out: u64,
    /// Marks of these, at most a thousand.
    pub items: BTreeSet<u64>,
    /// How many look as if their source had been attacked, and nobody has answered.
    pub held: u64,
    /// When a drill last brought everything back.
    pub drilled: Option<Timestamp>,
    /// When a drill last restored from another repository, whether it passed or not.
    pub drilled_copy: Option<Timestamp>,
    /// How long it would take to bring everything back, in seconds.
    pub restore_seconds: Option<u64>,
    /// Stored bytes.
    pub repository_bytes: Option<u64>,
    /// The age of the oldest saved byte that was not read again since, as a moment.
    pub unread_since: Option<Timestamp>,
    /// The answers to the questions of `enamel status`.
    pub checks: Vec<Answer>,
}

/// The answer to a question of `enamel status`, which names no file, table or person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// Whether somebody should do something.
    pub is_wrong: bool,
    /// In words.
    pub sentence: String,
}

impl Answer {
    /// The answer of a check.
    pub fn of(check: &Check) -> Self {
        Answer { is_wrong: check.state >= State::Attention, sentence: check.sentence.clone() }
    }
}

/// Everything that decides whether somebody is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    /// Since when there is a schedule.
    pub begun: Timestamp,
    /// The snapshots.
    pub seen: Seen,
    /// The attempts at each job.
    pub tries: BTreeMap<Job, Tries>,
    /// When each job failed first since it last succeeded.
    pub failing: BTreeMap<Job, Timestamp>,
    /// The status that each job ended with, the last time that it ended by itself.
    pub exits: BTreeMap<Job, Option<i32>>,
    /// The jobs that found damage, and have not ended well since.
    pub damaged: BTreeSet<Job>,
    /// Since when the repository cannot be opened, and the status that this gives.
    pub closed: Option<Closed>,
    /// How long the last backup took that ended by itself.
    pub backup_seconds: Option<u64>,
    /// The removal of the night that did not do what was ordered, until somebody has seen that.
    pub undone: Option<UndoneRemoval>,
}

/// A removal that was ordered for the night, and did not do it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct UndoneRemoval {
    /// The time for which it was ordered.
    pub at: Timestamp,
    /// How far it came.
    pub end: UndoneEnd,
}

/// How far a removal came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum UndoneEnd {
    /// It has not begun.
    NotBegun,
    /// It began, and ended with this status; none if it was killed.
    Failed(Option<i32>),
}

/// A repository that cannot be opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Closed {
    /// Since when.
    pub since: Timestamp,
    /// The status that the agent ended with.
    pub exit: i32,
}

/// A job that has ended by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ended {
    /// The job.
    pub job: Job,
    /// When.
    pub at: Timestamp,
    /// How long it took.
    pub seconds: u64,
    /// The status that it ended with; none if a signal ended it.
    pub exit: Option<i32>,
    /// Whether it came to its end.
    pub is_done: bool,
}

/// The expectations by the settings of today: when time without a backup or drill is a reason, and which jobs count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Absence {
    /// So much time at work; none: it never is.
    pub limit: Option<Duration>,
    /// The times in which people work.
    pub hours: OfficeHours,
    /// The zone of these.
    pub zone: TimeZone,
    /// The jobs on schedule: that another one failed before it was switched off is nobody's business any more.
    pub jobs: BTreeSet<Job>,
}

impl Facts {
    /// Nothing is known.
    pub fn new(begun: Timestamp) -> Self {
        Facts {
            begun,
            seen: Seen::default(),
            tries: BTreeMap::new(),
            failing: BTreeMap::new(),
            exits: BTreeMap::new(),
            damaged: BTreeSet::new(),
            closed: None,
            backup_seconds: None,
            undone: None,
        }
    }

    /// Notes a job that has ended by itself.
    pub fn note(&mut self, ended: &Ended) {
        self.exits.insert(ended.job, ended.exit);
        let clears = match ended.job {
            // A check that left something out may have left out what is damaged.
            Job::Verify | Job::Drill => ended.exit == Some(0),
            Job::Backup | Job::Copy | Job::Forget => matches!(ended.exit, Some(0 | 3)),
        };
        if ended.exit == Some(4) {
            self.damaged.insert(ended.job);
        } else if clears {
            self.damaged.remove(&ended.job);
        }
        if ended.is_done {
            self.failing.remove(&ended.job);
        } else {
            self.failing.entry(ended.job).or_insert(ended.at);
        }
        if ended.job == Job::Backup {
            self.backup_seconds = Some(ended.seconds);
        }
    }

    /// Whether damage was found that is still there.
    pub fn is_damaged(&self) -> bool {
        self.seen.lost > 0 || !self.damaged.is_empty()
    }

    /// The causes that are there now.
    pub fn conditions(&self, absence: &Absence, now: Timestamp) -> BTreeMap<Cause, Condition> {
        let failed = Job::ALL.into_iter().filter_map(|job| Some((Cause::Failed(job), self.failed(job, now)?)));
        let failed = failed.filter(|(cause, _)| absence.jobs.iter().any(|job| *cause == Cause::Failed(*job)));
        let damage = Job::ALL.into_iter().filter_map(|job| Some((Cause::Damage(job), self.damage(job, now)?)));
        let rest = [
            (Cause::Lost, self.counted(self.seen.lost, now)),
            (Cause::Held, self.counted(self.seen.held, now)),
            (Cause::Nothing, self.nothing(absence, now)),
            (Cause::Untried, self.untried(absence, now)),
            (Cause::Closed, self.closed(now)),
            (Cause::LeftOut, self.left_out(now)),
        ];
        let rest = rest.into_iter().filter_map(|(cause, condition)| Some((cause, condition?)));
        failed.chain(damage).chain(rest).chain(self.undone.map(UndoneRemoval::condition)).collect()
    }

    fn failed(&self, job: Job, now: Timestamp) -> Option<Condition> {
        let tries = self.tries.get(&job).filter(|tries| tries.failures > 0)?;
        let since = self.failing.get(&job).copied().or(tries.failed)?;
        let is_long = since > now || now.duration_since(since) >= FAILING;
        let exit = self.exits.get(&job).copied().flatten();
        let found = Condition { since, count: u64::from(tries.failures), exit, items: BTreeSet::new() };
        (tries.failures >= TRIES || is_long).then_some(found)
    }

    fn damage(&self, job: Job, now: Timestamp) -> Option<Condition> {
        let found = Condition { since: now, count: 1, exit: None, items: BTreeSet::new() };
        self.damaged.contains(&job).then_some(found)
    }

    fn counted(&self, count: u64, now: Timestamp) -> Option<Condition> {
        (count > 0).then(|| Condition { since: now, count, exit: None, items: BTreeSet::new() })
    }

    fn left_out(&self, now: Timestamp) -> Option<Condition> {
        let found = self.counted(self.seen.left_out, now)?;
        Some(Condition { items: self.seen.items.clone(), ..found })
    }

    fn nothing(&self, absence: &Absence, now: Timestamp) -> Option<Condition> {
        // One from the future says nothing. A schedule from the future begins now: a clock was set back.
        let newest = self.seen.newest.filter(|newest| *newest <= now);
        let since = newest.unwrap_or(self.begun.min(now));
        let worked = absence.hours.between(since, now, &absence.zone);
        let count = worked.as_secs() / 3600;
        let found = Condition { since, count, exit: None, items: BTreeSet::new() };
        absence.limit.is_some_and(|limit| worked >= limit).then_some(found)
    }

    fn untried(&self, absence: &Absence, now: Timestamp) -> Option<Condition> {
        let drilled = self.seen.drilled.filter(|drilled| *drilled <= now);
        let since = drilled.unwrap_or(self.begun.min(now));
        let age = now.duration_since(since);
        let count = age.as_secs().unsigned_abs() / 86_400;
        let found = Condition { since, count, exit: None, items: BTreeSet::new() };
        (absence.jobs.contains(&Job::Drill) && age >= UNTRIED).then_some(found)
    }

    fn closed(&self, now: Timestamp) -> Option<Condition> {
        let Closed { since, exit } = self.closed?;
        let is_long = since > now || now.duration_since(since) >= CLOSED;
        is_long.then(|| Condition { since, count: 1, exit: Some(exit), items: BTreeSet::new() })
    }
}

impl UndoneRemoval {
    fn condition(self) -> (Cause, Condition) {
        let (cause, exit) = match self.end {
            UndoneEnd::NotBegun => (Cause::RemovalNotBegun, None),
            UndoneEnd::Failed(exit) => (Cause::RemovalFailed, exit),
        };
        (cause, Condition { since: self.at, count: 1, exit, items: BTreeSet::new() })
    }
}
