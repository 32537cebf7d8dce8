//! Retention: which snapshots a policy keeps, and why. Pure: it is given manifests, the time and the time zone.
//!
//! Snapshots of the same host and roots form a group (or as the policy says), and each rule looks at each group by itself. A snapshot is
//! kept if any rule keeps it. What would be a mistake rather than a wish is refused: see [`judge`].

mod age;
mod calendar;
mod group;
mod guard;
mod rules;
#[cfg(test)]
mod tests;
mod whole;

use std::collections::HashSet;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use repo_format::entry::Time;
use repo_format::id::LeaseId;
use repo_format::manifest::{Manifest, Root};

use crate::error::Result;
use crate::machine;
use crate::snapshots::filter::Filter;

pub use age::Age;

/// What to keep.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// A snapshot is kept if one of them keeps it.
    pub rules: Vec<Rule>,
    /// What snapshots that are judged together have in common; nothing stands for all snapshots together.
    pub group_by: Vec<GroupBy>,
}

/// A rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rule {
    /// The newest ones, so many.
    Last(u32),
    /// Of each of the newest periods that have any, so many, the newest; and the oldest of all as long as there are fewer periods.
    Each(Period, u32),
    /// All that are not older than this, counted from the newest of the group.
    Within(Age),
    /// Of each period the newest, if it is not older than this, counted from the newest of the group.
    EachWithin(Period, Age),
    /// All with this tag.
    Tag(String),
}

/// A period of the calendar, in local time. Weeks begin on Monday.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "they are words of the calendar")]
pub enum Period {
    Hour,
    Day,
    Week,
    Month,
    Quarter,
    Year,
}

/// What snapshots can have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GroupBy {
    /// The machine.
    Host,
    /// What was saved: kinds and paths of all roots, in any order.
    Roots,
    /// All tags, in any order.
    Tags,
}

/// What a judgement depends on besides the policy.
#[derive(Debug, Clone)]
pub struct Conditions {
    /// The time.
    pub now: Time,
    /// Where days begin.
    pub zone: TimeZone,
    /// Only snapshots of this host; the others are left as they are.
    pub host: Option<String>,
    /// Only snapshots with this tag.
    pub tag: Option<String>,
}

/// What is known of snapshots besides what they say themselves.
#[derive(Debug, Clone, Default)]
pub struct Known {
    /// Those that need something that is lost.
    pub suffering: HashSet<LeaseId>,
    /// Those of which everything was there when somebody looked last.
    pub whole: HashSet<LeaseId>,
    /// Those that were forgotten, and that somebody has put back.
    pub put_back: HashSet<LeaseId>,
}

/// Snapshots that are judged together.
#[derive(Debug, Clone)]
pub struct Group {
    /// Their host, if the policy tells them apart by it.
    pub host: Option<String>,
    /// What was saved, likewise.
    pub roots: Option<Vec<Root>>,
    /// Their tags, likewise.
    pub tags: Option<Vec<String>>,
    /// The snapshots, oldest first.
    pub members: Vec<Judged>,
}

/// A snapshot, and what keeps it.
#[derive(Debug, Clone)]
pub struct Judged {
    /// What it says.
    pub manifest: Manifest,
    /// What keeps it, in the order of the rules; nothing if it goes.
    pub reasons: Vec<Reason>,
}

/// What keeps a snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reason {
    /// A rule that counts, and the snapshot's place in what it keeps, from 1.
    Counted(Rule, u32),
    /// A rule that does not count.
    Fits(Rule),
    /// It is the oldest of its group, and a rule keeps more periods than there are.
    Oldest(Rule),
    /// It is the newest that has these tables, which were damaged or gone when later ones were made.
    OnlyCopy(Vec<TableName>),
    /// No rule keeps it, but it is the newest of its source in which nothing is missing.
    NewestWhole,
    /// Its time has not come yet, so no rule can judge it.
    FromTheFuture,
    /// It was forgotten, and somebody has put it back: a rule would let another go for it.
    PutBack,
}

/// A table of a database.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TableName {
    /// Its schema.
    pub schema: String,
    /// Its name.
    pub table: String,
}

impl Judged {
    /// Whether anything keeps it.
    pub fn is_kept(&self) -> bool {
        !self.reasons.is_empty()
    }
}

/// Judges `snapshots`, in any order; those that `conditions` leave out are in no group. Whatever the policy is, the newest whole snapshot of
/// each source stays. One from the future, or one that was put back, stays as well, and takes no place in what a rule counts.
///
/// # Errors
/// [`crate::ErrorKind::Usage`] if the policy has no rule, keeps a tag that no snapshot has, or keeps nothing of a group; if the conditions
/// leave out all snapshots.
/// [`crate::ErrorKind::Refused`] if a clock seems to have jumped: age alone would forget all that was made before a long time without any.
pub fn judge(snapshots: Vec<Manifest>, policy: &Policy, conditions: &Conditions, known: &Known) -> Result<Vec<Group>> {
    guard::check_policy(policy, &snapshots)?;
    let filter = Filter { host: conditions.host.as_deref(), tag: conditions.tag.as_deref() };
    filter.check(snapshots.iter()).map_err(|error| error.context("nothing is forgotten"))?;
    let newest_whole = whole::newest_of_each_source(&snapshots, conditions.now, known);
    let considered: Vec<_> = snapshots.into_iter().filter(|manifest| filter.counts(manifest)).collect();
    let mut groups = group::groups(considered, &policy.group_by);
    for group in &mut groups {
        let (mut counted, mut others) = (Vec::new(), Vec::new());
        for mut judged in std::mem::take(&mut group.members) {
            judged.reasons.extend(not_counted(&judged.manifest, conditions.now, known));
            if judged.is_kept() { others.push(judged) } else { counted.push(judged) }
        }
        rules::apply(&policy.rules, &mut counted, timestamp(conditions.now), &conditions.zone);
        guard::check_judged(policy, &counted, &conditions.zone)?;
        let saved = counted.iter_mut().filter(|judged| !judged.is_kept() && newest_whole.contains(&judged.manifest.id));
        saved.for_each(|judged| judged.reasons.push(Reason::NewestWhole));
        group.members = counted.into_iter().chain(others).collect();
        group.members.sort_by_key(|judged| (time(&judged.manifest), judged.manifest.id));
    }
    Ok(groups)
}

/// Why no rule counts a snapshot, if none does.
fn not_counted(manifest: &Manifest, now: Time, known: &Known) -> Option<Reason> {
    if known.put_back.contains(&manifest.id) {
        Some(Reason::PutBack)
    } else {
        machine::is_from_the_future(time(manifest), now).then_some(Reason::FromTheFuture)
    }
}

/// When a snapshot's run started.
fn started(manifest: &Manifest) -> Timestamp {
    timestamp(time(manifest))
}

fn time(manifest: &Manifest) -> Time {
    Time { seconds: manifest.seconds, nanoseconds: manifest.nanoseconds }
}

/// A time; one that no calendar has is taken as the first or last that there is.
fn timestamp(time: Time) -> Timestamp {
    let nanoseconds = i32::try_from(time.nanoseconds).unwrap_or(0);
    let limit = if time.seconds < 0 { Timestamp::MIN } else { Timestamp::MAX };
    Timestamp::new(time.seconds, nanoseconds).unwrap_or(limit)
}
