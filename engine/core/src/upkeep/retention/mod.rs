//! Retention decides which snapshots a policy keeps, and why. It is pure: the caller passes manifests, the time and the
//! time zone.
//!
//! Snapshots of the same host and roots form a group, unless the policy says otherwise. Each rule looks at each group
//! separately. A snapshot stays if any rule keeps it. Results that are probably mistakes are refused: see [`judge`].

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

/// The snapshots to keep.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// A snapshot stays if one of them keeps it.
    pub rules: Vec<Rule>,
    /// The properties that snapshots of a group share; if empty, all snapshots form one group.
    pub group_by: Vec<GroupBy>,
}

/// A rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rule {
    /// Keep this many of the newest.
    Last(u32),
    /// Keep the newest of each period, for this many of the newest periods that have any. Keep the oldest of all, too,
    /// while there are fewer periods.
    Each(Period, u32),
    /// Keep all that are not older than this, counted from the newest of the group.
    Within(Age),
    /// Keep the newest of each period if it is not older than this, counted from the newest of the group.
    EachWithin(Period, Age),
    /// Keep all with this tag.
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

/// A property that snapshots can share.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GroupBy {
    /// The machine.
    Host,
    /// The saved sources: kinds and paths of all roots, in any order.
    Roots,
    /// All tags, in any order.
    Tags,
}

/// The inputs of a judgement besides the policy.
#[derive(Debug, Clone)]
pub struct Conditions {
    /// The present time.
    pub now: Time,
    /// The time zone, which decides when a day begins.
    pub zone: TimeZone,
    /// Judge only snapshots of this host; ignore the others.
    pub host: Option<String>,
    /// Judge only snapshots with this tag.
    pub tag: Option<String>,
}

/// Facts about snapshots that are not in their manifests.
#[derive(Debug, Clone, Default)]
pub struct Known {
    /// Snapshots that need lost data.
    pub suffering: HashSet<LeaseId>,
    /// Snapshots that were whole at the last check.
    pub whole: HashSet<LeaseId>,
    /// Snapshots that were forgotten, and that someone has put back.
    pub put_back: HashSet<LeaseId>,
}

/// Snapshots that are judged together.
#[derive(Debug, Clone)]
pub struct Group {
    /// Their host, if the policy groups by it.
    pub host: Option<String>,
    /// Their roots, if the policy groups by them.
    pub roots: Option<Vec<Root>>,
    /// Their tags, if the policy groups by them.
    pub tags: Option<Vec<String>>,
    /// The snapshots, oldest first.
    pub members: Vec<Judged>,
}

/// A snapshot, and the reasons to keep it.
#[derive(Debug, Clone)]
pub struct Judged {
    /// The manifest, as it was read.
    pub manifest: Manifest,
    /// The reasons to keep it, in the order of the rules; empty if it goes.
    pub reasons: Vec<Reason>,
}

/// A reason to keep a snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reason {
    /// A rule that counts, and the snapshot's number in that count, from 1.
    Counted(Rule, u32),
    /// A rule that does not count.
    Fits(Rule),
    /// It is the oldest of its group, and a rule keeps more periods than there are.
    Oldest(Rule),
    /// It is the newest with these tables, which were damaged or gone when later ones were made.
    OnlyCopy(Vec<TableName>),
    /// No rule keeps it, but it is the newest complete one of its source.
    NewestWhole,
    /// The binary log of its database begins with it.
    BaseOfLog,
    /// It is from the future, so no rule can judge it.
    FromTheFuture,
    /// It was forgotten, and someone has put it back: if a rule counted it, another snapshot would go instead.
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
    /// Whether there is a reason to keep it.
    pub fn is_kept(&self) -> bool {
        !self.reasons.is_empty()
    }
}

/// Judges `snapshots`, in any order. Snapshots that `conditions` exclude are in no group. Under every policy the
/// newest whole snapshot of each source stays. A snapshot from the future, or one that was put back, stays as well, and
/// no rule counts it.
///
/// # Errors
/// [`crate::ErrorKind::Usage`] if the policy has no rule, keeps a tag that no snapshot has, or keeps nothing of a
/// group; if the conditions exclude all snapshots. [`crate::ErrorKind::Refused`] if a clock seems to have jumped: age
/// alone would forget everything before a long time without snapshots.
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
        group.members.sort_by_key(|judged| (judged.manifest.time(), judged.manifest.id));
    }
    Ok(groups)
}

/// The reason why no rule counts a snapshot, if there is one.
fn not_counted(manifest: &Manifest, now: Time, known: &Known) -> Option<Reason> {
    if known.put_back.contains(&manifest.id) {
        Some(Reason::PutBack)
    } else {
        machine::is_from_the_future(manifest.time(), now).then_some(Reason::FromTheFuture)
    }
}

/// The start of a snapshot's run.
fn started(manifest: &Manifest) -> Timestamp {
    timestamp(manifest.time())
}

/// Converts a time. A time beyond the calendar becomes the first or last possible one.
fn timestamp(time: Time) -> Timestamp {
    let nanoseconds = i32::try_from(time.nanoseconds).unwrap_or(0);
    let limit = if time.seconds < 0 { Timestamp::MIN } else { Timestamp::MAX };
    Timestamp::new(time.seconds, nanoseconds).unwrap_or(limit)
}
