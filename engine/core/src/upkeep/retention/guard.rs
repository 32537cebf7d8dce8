//! Refuses a policy or a result that is probably a mistake.
//!
//! A clock that jumped is the worst case: by a wrong time, all history is old. Ages are counted from the newest
//! snapshot, so a wrong clock today does no harm unless a backup was made with it. Such a snapshot is either from the
//! future, and no rule counts it, or it follows a long time without snapshots.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use repo_format::manifest::Manifest;

use super::{Judged, Policy, Rule, started};
use crate::error::{Error, ErrorKind, Result};

/// A time without snapshots that is so long may be a clock that jumped.
const SILENCE: SignedDuration = SignedDuration::from_hours(90 * 24);
/// For this long afterwards, age alone does not forget earlier snapshots, so that a user has time to notice.
const TIME_TO_NOTICE: SignedDuration = SignedDuration::from_hours(30 * 24);

const CLOCK: &str =
    "Set the clock that is wrong. A snapshot is forgotten whatever its time when it is named: `enamel forget SNAP`.";

/// Refuses an unintended policy.
pub(super) fn check_policy(policy: &Policy, snapshots: &[Manifest]) -> Result<()> {
    if policy.rules.is_empty() {
        return Err(Error::new(ErrorKind::Usage, "nothing is forgotten: no rule says what to keep"));
    }
    let mut tags = policy.rules.iter().filter_map(|rule| if let Rule::Tag(tag) = rule { Some(tag) } else { None });
    let is_there = |tag: &String| snapshots.is_empty() || snapshots.iter().any(|manifest| manifest.tags.contains(tag));
    let Some(tag) = tags.find(|tag| !is_there(tag)) else { return Ok(()) };
    let message =
        format!("nothing is forgotten: snapshots with the tag `{tag}` are to be kept, but no snapshot has it");
    Err(Error::new(ErrorKind::Usage, message))
}

/// Refuses an unintended result for a group.
pub(super) fn check_judged(policy: &Policy, members: &[Judged], zone: &TimeZone) -> Result<()> {
    let Some(first_kept) = members.iter().position(Judged::is_kept) else { return refuse_to_empty(members) };
    let by_age = policy.rules.iter().any(|rule| matches!(rule, Rule::Within(_) | Rule::EachWithin(..)));
    let times: Vec<_> = members.iter().map(|judged| started(&judged.manifest)).collect();
    let newest = times.last().copied().unwrap_or_default();
    let is_suspicious = |before: Timestamp, after: Timestamp| {
        after.duration_since(before) > SILENCE && newest.duration_since(after) < TIME_TO_NOTICE
    };
    // Everything before the first kept snapshot goes.
    let silence = times[..=first_kept].windows(2).rposition(|two| is_suspicious(two[0], two[1]));
    let Some(before) = silence.filter(|_| by_age) else { return Ok(()) };
    let message = format!(
        "nothing is forgotten: no snapshot is from between {} and {} (snapshot {}), and all before ({}) would go by age: perhaps a clock has jumped",
        shown(times[before], zone),
        shown(times[before + 1], zone),
        members[before + 1].manifest.id,
        before + 1
    );
    Err(Error::new(ErrorKind::Refused, message).with_hint(CLOCK))
}

/// Refuses to keep nothing of a group.
fn refuse_to_empty(members: &[Judged]) -> Result<()> {
    let Some(newest) = members.last().map(|judged| &judged.manifest) else { return Ok(()) };
    let roots: Vec<_> = newest.roots.iter().map(|root| String::from_utf8_lossy(&root.name.0)).collect();
    let message = format!(
        "nothing is forgotten: all {} snapshots of {} on {} would go, because no rule keeps any of them",
        members.len(),
        roots.join(", "),
        newest.host
    );
    Err(Error::new(ErrorKind::Usage, message))
}

fn shown(time: Timestamp, zone: &TimeZone) -> String {
    time.to_zoned(zone.clone()).strftime("%Y-%m-%d %H:%M").to_string()
}
