//! Retention against a naive model, and what it refuses.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::date;
use jiff::{Span, ToSpan, Zoned};
use proptest::prelude::*;
use repo_format::cbor::ByteString;
use repo_format::id::LeaseId;
use repo_format::manifest::{ManifestKind, Problems, RootKind, Statistics};

use super::*;
use crate::ErrorKind;

pub(super) const HOUR: i64 = 3600;
const DAY: i64 = 24 * HOUR;
/// 2026-11-24 13:00 UTC, a Tuesday.
pub(super) const NOW: i64 = 1_795_525_200;

pub(super) fn snapshot(number: u32, seconds: i64) -> Manifest {
    let mut id = [0; 16];
    id[..4].copy_from_slice(&number.to_be_bytes());
    let root = Root {
        name: ByteString(b"images".to_vec()),
        kind: RootKind::Folder,
        path: ByteString(b"/srv/images".to_vec()),
    };
    Manifest {
        kind: ManifestKind::Snapshot,
        id: LeaseId(id),
        ids: Vec::new(),
        seconds,
        nanoseconds: 0,
        host: "server".into(),
        user: String::new(),
        tags: Vec::new(),
        program: String::new(),
        parent: None,
        seen: Vec::new(),
        config_version: 1,
        keyring_version: 1,
        condemned_seen: 0,
        roots: vec![root],
        tree: None,
        problems: Problems::default(),
        statistics: Statistics::default(),
        forgotten: None,
        origin: None,
        left_out: None,
        suffering: None,
        second_copy: None,
        evidence: None,
        held: None,
        held_folders: None,
    }
}

/// Snapshots of these times, oldest first.
fn snapshots(times: impl IntoIterator<Item = i64>) -> Vec<Manifest> {
    (0..).zip(times).map(|(number, time)| snapshot(number, time)).collect()
}

pub(super) fn conditions(now: i64) -> Conditions {
    Conditions { now: Time { seconds: now, nanoseconds: 0 }, zone: TimeZone::UTC, host: None, tag: None }
}

fn policy(rules: impl Into<Vec<Rule>>) -> Policy {
    Policy { rules: rules.into(), group_by: vec![GroupBy::Host, GroupBy::Roots] }
}

fn age(span: Span) -> Age {
    Age::new(span).unwrap()
}

/// The times that are kept.
fn kept(snapshots: Vec<Manifest>, rules: impl Into<Vec<Rule>>) -> Vec<i64> {
    let groups = judge(snapshots, &policy(rules), &conditions(NOW), &Known::default()).unwrap();
    let members = groups.iter().flat_map(|group| &group.members);
    members.filter(|judged| judged.is_kept()).map(|judged| judged.manifest.seconds).collect()
}

#[track_caller]
fn refused(snapshots: Vec<Manifest>, rules: impl Into<Vec<Rule>>, kind: ErrorKind, why: &str) {
    let error = judge(snapshots, &policy(rules), &conditions(NOW), &Known::default()).unwrap_err();
    assert_eq!(error.kind(), kind, "{error}");
    assert!(error.to_string().contains(why), "{error}");
}

/// A naive model of a rule: it follows the rule's text, and sorts only by time.
fn model(times: &[i64], rule: &Rule) -> BTreeSet<i64> {
    let newest = *times.iter().max().unwrap();
    let newest_of_each = |period: Period| {
        let mut of: BTreeMap<String, i64> = BTreeMap::new();
        for time in times {
            let zoned = Timestamp::from_second(*time).unwrap().to_zoned(TimeZone::UTC);
            let kept = of.entry(name(&zoned, period)).or_insert(*time);
            *kept = (*kept).max(*time);
        }
        of.into_values().collect::<BTreeSet<i64>>()
    };
    let hours = |age: &Age| {
        let from = Timestamp::from_second(newest).unwrap();
        newest - age.before(from, &TimeZone::UTC).as_second()
    };
    let last = |times: BTreeSet<i64>, count: u32| times.into_iter().rev().take(count as usize).collect();
    match rule {
        Rule::Last(count) => last(times.iter().copied().collect(), *count),
        Rule::Each(period, count) => {
            let all = newest_of_each(*period);
            let missing = all.len() < *count as usize;
            let oldest = times.iter().min().filter(|_| missing).copied();
            last(all, *count).into_iter().chain(oldest).collect()
        }
        Rule::Within(age) => times.iter().copied().filter(|time| newest - time <= hours(age)).collect(),
        Rule::EachWithin(period, age) => {
            newest_of_each(*period).into_iter().filter(|time| newest - time <= hours(age)).collect()
        }
        Rule::Tag(_) => BTreeSet::new(),
    }
}

fn name(time: &Zoned, period: Period) -> String {
    match period {
        Period::Hour => time.strftime("%Y-%m-%d %H").to_string(),
        Period::Day => time.strftime("%Y-%m-%d").to_string(),
        Period::Week => time.strftime("%G-W%V").to_string(),
        Period::Month => time.strftime("%Y-%m").to_string(),
        Period::Quarter => format!("{} Q{}", time.year(), (time.month() + 2) / 3),
        Period::Year => time.strftime("%Y").to_string(),
    }
}

fn period() -> impl Strategy<Value = Period> {
    use Period as P;
    prop::sample::select(vec![P::Hour, P::Day, P::Week, P::Month, P::Quarter, P::Year])
}

pub(super) fn rule() -> impl Strategy<Value = Rule> {
    let spans = prop_oneof![
        (1..1000i64).prop_map(|n| n.hours()),
        (1..400i64).prop_map(|n| n.days()),
        (1..30i64).prop_map(|n| n.months())
    ];
    let spans = spans.boxed();
    prop_oneof![
        (1..20u32).prop_map(Rule::Last),
        (period(), 1..20u32).prop_map(|(period, count)| Rule::Each(period, count)),
        spans.clone().prop_map(|span| Rule::Within(age(span))),
        (period(), spans).prop_map(|(period, span)| Rule::EachWithin(period, age(span))),
    ]
}

/// Times of snapshots, from every few minutes to every few weeks, until now.
fn times() -> impl Strategy<Value = Vec<i64>> {
    let steps = prop_oneof![60..HOUR, HOUR..DAY, DAY..60 * DAY];
    prop::collection::vec(steps, 1..60).prop_map(|steps| {
        let mut time = NOW;
        let mut times: BTreeSet<i64> = [NOW].into();
        for step in steps {
            time -= step;
            times.insert(time);
        }
        times.into_iter().collect()
    })
}

/// The snapshots that go, or `None` if a clock may have jumped.
fn judged(times: &[i64], rules: &[Rule]) -> Option<Vec<i64>> {
    match judge(snapshots(times.iter().copied()), &policy(rules), &conditions(NOW), &Known::default()) {
        Ok(groups) => {
            let members = groups.iter().flat_map(|group| &group.members);
            Some(members.filter(|judged| judged.is_kept()).map(|judged| judged.manifest.seconds).collect())
        }
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::Refused, "{error}");
            None
        }
    }
}

proptest! {
    #[test]
    fn what_is_kept_is_what_the_model_keeps(times in times(), rules in prop::collection::vec(rule(), 1..5)) {
        let expected: BTreeSet<i64> = rules.iter().flat_map(|rule| model(&times, rule)).collect();
        if let Some(kept) = judged(&times, &rules) {
            prop_assert_eq!(kept, expected.into_iter().collect::<Vec<_>>());
        }
    }

    #[test]
    fn judging_what_was_kept_keeps_all_of_it(times in times(), rules in prop::collection::vec(rule(), 1..5)) {
        if let Some(kept) = judged(&times, &rules)
            && let Some(again) = judged(&kept, &rules)
        {
            prop_assert_eq!(again, kept);
        }
    }

    #[test]
    fn one_more_rule_never_lets_more_go(times in times(), rules in prop::collection::vec(rule(), 2..5)) {
        if let (Some(fewer), Some(more)) = (judged(&times, &rules[1..]), judged(&times, &rules)) {
            prop_assert!(fewer.iter().all(|time| more.contains(time)));
        }
    }

    #[test]
    fn the_newest_is_always_kept(times in times(), rule in rule()) {
        if let Some(kept) = judged(&times, &[rule]) {
            prop_assert!(kept.contains(&NOW));
        }
    }
}

#[test]
fn the_hours_of_a_day_then_days_then_months_are_kept() {
    let hourly = snapshots((0..24 * 400).map(|hour| NOW - (24 * 400 - 1 - hour) * HOUR));
    let rules = [Rule::Each(Period::Hour, 24), Rule::Each(Period::Day, 7), Rule::Each(Period::Month, 12)];
    let groups = judge(hourly, &policy(rules), &conditions(NOW), &Known::default()).unwrap();
    let kept: Vec<_> = groups[0].members.iter().filter(|judged| judged.is_kept()).collect();
    // 24 hours, which have two of the 7 days; 12 months, of which the newest two are among those.
    assert_eq!(kept.len(), 24 + 5 + 11, "{kept:?}");
    let newest = &kept.last().unwrap().reasons;
    assert_eq!(newest[2], Reason::Counted(Rule::Each(Period::Month, 12), 1));
    assert_eq!(newest.len(), 3);
}

#[test]
fn the_oldest_stands_for_years_that_are_not_there_yet() {
    let daily = snapshots((0..300).map(|day| NOW - (299 - day) * DAY));
    let first = daily[0].seconds;
    let rule = Rule::Each(Period::Year, 5);
    assert_eq!(kept(daily.clone(), [rule.clone()]), [first, NOW]);
    let groups = judge(daily, &policy([rule.clone()]), &conditions(NOW), &Known::default()).unwrap();
    assert_eq!(groups[0].members[0].reasons, [Reason::Oldest(rule)]);
}

#[test]
fn days_begin_where_the_zone_says() {
    // 23:30 and 00:30 in New York are the same day in Greenwich.
    let night = date(2026, 11, 20).at(4, 30, 0, 0).to_zoned(TimeZone::UTC).unwrap().timestamp().as_second();
    let times = [night, night + HOUR];
    let rules = [Rule::EachWithin(Period::Day, age(9.days()))];
    assert_eq!(kept(snapshots(times), rules.clone()), [times[1]]);
    let zone = TimeZone::posix("EST5EDT,M3.2.0,M11.1.0").unwrap();
    let there = Conditions { zone, ..conditions(NOW) };
    let groups = judge(snapshots(times), &policy(rules), &there, &Known::default()).unwrap();
    assert!(groups[0].members.iter().all(Judged::is_kept));
}

#[test]
fn an_hour_that_comes_twice_is_two() {
    let zone = TimeZone::posix("EST5EDT,M3.2.0,M11.1.0").unwrap();
    // 01:30 with summer time, and 01:30 an hour later.
    let first = date(2026, 11, 1).at(5, 30, 0, 0).to_zoned(TimeZone::UTC).unwrap().timestamp().as_second();
    let there = Conditions { zone, ..conditions(NOW) };
    let groups =
        judge(snapshots([first, first + HOUR]), &policy([Rule::Each(Period::Hour, 2)]), &there, &Known::default())
            .unwrap();
    let reasons = groups[0].members.iter().map(|judged| &judged.reasons[..]);
    let counted = |place| vec![Reason::Counted(Rule::Each(Period::Hour, 2), place)];
    assert_eq!(reasons.collect::<Vec<_>>(), [&counted(2)[..], &counted(1)[..]]);
}

#[test]
fn age_counts_from_the_newest_so_that_nothing_goes_while_no_backups_are_made() {
    let long_ago = NOW - 1000 * DAY;
    let times = [long_ago, long_ago + 9 * DAY, long_ago + 10 * DAY];
    assert_eq!(kept(snapshots(times), [Rule::Within(age(1.day()))]), times[1..]);
}

#[test]
fn a_group_is_a_host_and_its_roots_in_any_order() {
    let mut all = snapshots((0..6).map(|n| NOW - n * HOUR));
    all[1].host = "other".into();
    all[2].roots[0].path = ByteString(b"/srv/dumps".to_vec());
    let second = Root { path: ByteString(b"/srv/dumps".to_vec()), ..all[0].roots[0].clone() };
    all[3].roots.push(second.clone());
    all[4].roots.insert(0, second);
    all[5].tags = vec!["a".into()];
    let groups = |by: &[GroupBy]| {
        let policy = Policy { rules: vec![Rule::Last(1)], group_by: by.to_vec() };
        let groups = judge(all.clone(), &policy, &conditions(NOW), &Known::default()).unwrap();
        groups.iter().map(|group| group.members.len()).collect::<Vec<_>>()
    };
    assert_eq!(groups(&[GroupBy::Host, GroupBy::Roots]), [1, 1, 2, 2]);
    assert_eq!(groups(&[GroupBy::Host]), [1, 5]);
    assert_eq!(groups(&[GroupBy::Tags]), [5, 1]);
    assert_eq!(groups(&[]), [6]);
}

#[test]
fn what_the_conditions_leave_out_is_in_no_group() {
    let mut all = snapshots((0..4).map(|n| NOW - n * HOUR));
    all[1].host = "other".into();
    all[2].tags = vec!["a".into()];
    let judged = |host: Option<&str>, tag: Option<&str>| {
        let only = Conditions { host: host.map(str::to_owned), tag: tag.map(str::to_owned), ..conditions(NOW) };
        let groups = judge(all.clone(), &policy([Rule::Last(1)]), &only, &Known::default()).unwrap();
        groups.iter().map(|group| group.members.len()).sum::<usize>()
    };
    assert_eq!((judged(None, None), judged(Some("other"), None), judged(Some("server"), Some("a"))), (4, 1, 1));
}

#[test]
fn snapshots_with_a_tag_are_kept_for_ever() {
    let mut all = snapshots([NOW - 900 * DAY, NOW - DAY, NOW]);
    all[0].tags = vec!["monthly".into(), "audit".into()];
    let expected = [all[0].seconds, NOW];
    assert_eq!(kept(all, [Rule::Last(1), Rule::Tag("audit".into())]), expected);
}

#[test]
fn a_policy_without_rules_is_refused() {
    refused(snapshots([NOW]), [], ErrorKind::Usage, "no rule says what to keep");
    refused(Vec::new(), [], ErrorKind::Usage, "no rule says what to keep");
}

#[test]
fn a_tag_that_no_snapshot_has_is_refused() {
    let rules = [Rule::Last(1), Rule::Tag("montly".into())];
    refused(snapshots([NOW - DAY, NOW]), rules.clone(), ErrorKind::Usage, "`montly`");
    assert!(kept(Vec::new(), rules).is_empty(), "nothing can go");
}

#[test]
fn a_policy_that_keeps_nothing_of_a_group_is_refused() {
    let mut all = snapshots([NOW - 2 * DAY, NOW - DAY, NOW]);
    all[1].host = "other".into();
    all[1].tags = vec!["audit".into()];
    refused(all, [Rule::Tag("audit".into())], ErrorKind::Usage, "all 2 snapshots of images on server");
}

#[test]
fn snapshots_from_the_future_stay_and_the_others_are_judged_without_them() {
    let rules = [Rule::Last(1)];
    for ahead in [2 * DAY, 400 * DAY] {
        assert_eq!(kept(snapshots([NOW - DAY, NOW, NOW + ahead]), rules.clone()), [NOW, NOW + ahead]);
    }
    assert_eq!(kept(snapshots([NOW - DAY, NOW, i64::MAX]), rules.clone()).len(), 2);
    assert_eq!(
        kept(snapshots([NOW + DAY, NOW + 2 * DAY]), rules.clone()).len(),
        2,
        "the clock of now is the wrong one"
    );
    assert_eq!(kept(snapshots([NOW - DAY, NOW, NOW + 60]), rules), [NOW + 60], "clocks differ a little");
}

#[test]
fn a_snapshot_that_was_put_back_stays_and_takes_no_place_in_what_a_rule_counts() {
    let all = snapshots([NOW - DAY, NOW - HOUR, NOW]);
    let known = Known { put_back: [all[2].id].into(), ..Known::default() };
    let groups = judge(all, &policy([Rule::Last(1)]), &conditions(NOW), &known).unwrap();
    let reasons: Vec<_> = groups[0].members.iter().map(|judged| judged.reasons.clone()).collect();
    assert_eq!(reasons, [vec![], vec![Reason::Counted(Rule::Last(1), 1)], vec![Reason::PutBack]]);
}

#[test]
fn a_snapshot_from_the_future_takes_no_place_in_what_a_rule_counts() {
    let groups =
        judge(snapshots([NOW - DAY, NOW, NOW + HOUR]), &policy([Rule::Last(1)]), &conditions(NOW), &Known::default())
            .unwrap();
    let reasons: Vec<_> = groups[0].members.iter().map(|judged| judged.reasons.clone()).collect();
    assert_eq!(reasons, [vec![], vec![Reason::Counted(Rule::Last(1), 1)], vec![Reason::FromTheFuture]]);
}

#[test]
fn a_snapshot_of_a_little_later_makes_nothing_older() {
    let times = [NOW - 2 * HOUR, NOW + 20 * HOUR];
    assert_eq!(kept(snapshots(times), [Rule::Within(age(3.hours()))]), times);
}

#[test]
fn a_jump_into_the_future_does_not_make_all_history_old() {
    // The clock of everything but the history is five years ahead.
    let (history, jump) = (NOW - 5 * 365 * DAY, NOW);
    let times: Vec<_> = (0..50).map(|day| history - (49 - day) * DAY).collect();
    let within = Rule::Within(age(30.days()));
    let after = |days: i64| [times.clone(), (0..days).map(|day| jump - (days - 1 - day) * DAY).collect()].concat();
    for days in [1, 2, 30] {
        refused(snapshots(after(days)), [within.clone()], ErrorKind::Refused, "perhaps a clock has jumped");
    }
    assert_eq!(kept(snapshots(after(31)), [within.clone()]).len(), 31, "nobody has minded for a month");
    // Rules that count do not depend on the clock, and the kept snapshots are history.
    assert_eq!(kept(snapshots(after(1)), [Rule::Last(5)]).len(), 5);
    assert_eq!(kept(snapshots(after(1)), [within, Rule::Last(5)]).len(), 5);
}

#[test]
fn a_jump_is_seen_though_more_goes_than_what_was_before_it() {
    let times = [NOW - 900 * DAY, NOW - 5 * HOUR, NOW - 4 * HOUR, NOW];
    let rules = [Rule::Within(age(2.hours()))];
    refused(snapshots(times), rules, ErrorKind::Refused, "all before (1) would go by age");
}

#[test]
fn ages_are_whole_hours_at_least() {
    for span in [Span::new(), 30.minutes(), 90.minutes(), 1.hour().seconds(1), -1.day()] {
        assert_eq!(Age::new(span), None, "{span:?}");
    }
    let shown = [1.hour(), 30.days(), 1.year().months(6)].map(|span| age(span).to_string());
    assert_eq!(shown, ["1h", "30d", "1y 6mo"]);
}
