//! Applies each rule to a group.

use std::collections::HashSet;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::calendar::period_of;
use super::{Judged, Period, Reason, Rule, started};

/// Notes for each of `members`, oldest first, which of `rules` keep it.
pub(super) fn apply(rules: &[Rule], members: &mut [Judged], now: Timestamp, zone: &TimeZone) {
    let Some(newest) = members.last().map(|judged| started(&judged.manifest)) else { return };
    // Counts from the newest snapshot, so that nothing goes while no backups are made; but never from a time in the
    // future.
    let from = newest.min(now);
    for rule in rules {
        match rule {
            Rule::Last(count) => keep_last(rule, *count, members),
            Rule::Each(period, count) => keep_each(rule, *period, *count, members, zone),
            Rule::Within(age) => {
                let at_least = age.before(from, zone);
                keep_if(rule, members, |judged| started(&judged.manifest) >= at_least);
            }
            Rule::EachWithin(period, age) => keep_each_within(rule, *period, age.before(from, zone), members, zone),
            Rule::Tag(tag) => keep_if(rule, members, |judged| judged.manifest.tags.contains(tag)),
        }
    }
}

fn keep_if(rule: &Rule, members: &mut [Judged], fits: impl Fn(&Judged) -> bool) {
    let kept = members.iter_mut().filter(|judged| fits(judged));
    kept.for_each(|judged| judged.reasons.push(Reason::Fits(rule.clone())));
}

fn keep_last(rule: &Rule, count: u32, members: &mut [Judged]) {
    let newest = members.iter_mut().rev().zip(1..=count);
    newest.for_each(|(judged, place)| judged.reasons.push(Reason::Counted(rule.clone(), place)));
}

fn keep_each(rule: &Rule, period: Period, count: u32, members: &mut [Judged], zone: &TimeZone) {
    let mut found = 0;
    for judged in newest_of_each(period, members, zone).take(usize::try_from(count).unwrap_or(usize::MAX)) {
        found += 1;
        judged.reasons.push(Reason::Counted(rule.clone(), found));
    }
    // Until there are as many periods as the rule asks for, the oldest snapshot stands for the missing ones. Otherwise
    // a rule for years would keep only the last day of the first year.
    let Some(oldest) = members.first_mut().filter(|_| found < count) else { return };
    let is_counted = matches!(oldest.reasons.last(), Some(Reason::Counted(by, _)) if by == rule);
    if !is_counted {
        oldest.reasons.push(Reason::Oldest(rule.clone()));
    }
}

fn keep_each_within(rule: &Rule, period: Period, at_least: Timestamp, members: &mut [Judged], zone: &TimeZone) {
    let kept = newest_of_each(period, members, zone).take_while(|judged| started(&judged.manifest) >= at_least);
    kept.for_each(|judged| judged.reasons.push(Reason::Fits(rule.clone())));
}

/// The newest snapshot of each period, newest first.
fn newest_of_each<'j>(
    period: Period,
    members: &'j mut [Judged],
    zone: &TimeZone,
) -> impl Iterator<Item = &'j mut Judged> {
    let mut seen = HashSet::new();
    let zone = zone.clone();
    let is_first =
        move |judged: &&mut Judged| seen.insert(period_of(&started(&judged.manifest).to_zoned(zone.clone()), period));
    members.iter_mut().rev().filter(is_first)
}
