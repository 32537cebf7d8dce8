//! The decision: which notices are due, over years of clock.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use jiff::tz::TimeZone;
use proptest::prelude::*;

use super::cause::{Cause, Condition};
use super::due::{Notice, Told, Word, due, note};
use super::facts::{Absence, Closed, Ended, Facts, Seen, UndoneEnd, UndoneRemoval};
use super::words::Voice;
use crate::schedule::{Job, ScheduleSettings, Tries};

const HOUR: i64 = 3600;
/// 2026-11-30, a Monday, at 8 h.
const MONDAY: i64 = 1_796_025_600;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn absence() -> Absence {
    Absence {
        limit: Some(std::time::Duration::from_secs(4 * 3600)),
        hours: ScheduleSettings::default().rules().unwrap().office_hours,
        zone: TimeZone::UTC,
        jobs: Job::ALL.into(),
    }
}

fn facts(newest: i64) -> Facts {
    let mut facts = Facts::new(at(newest));
    facts.seen.newest = Some(at(newest));
    facts
}

fn causes(facts: &Facts, now: i64) -> Vec<Cause> {
    facts.conditions(&absence(), at(now)).into_keys().collect()
}

fn failing(facts: &mut Facts, job: Job, first: i64, last: i64, failures: u32) {
    facts.failing.insert(job, at(first));
    facts.tries.insert(job, Tries { failed: Some(at(last)), failures, ..Tries::default() });
}

#[test]
fn silence_is_the_rule() {
    assert!(causes(&facts(MONDAY), MONDAY + 3 * HOUR).is_empty());
    // A night and a Sunday are no time in which people work.
    let saturday_evening = MONDAY - 13 * HOUR - 24 * HOUR;
    assert!(causes(&facts(saturday_evening), MONDAY).is_empty());
}

#[test]
fn a_job_that_was_switched_off_after_it_failed_is_told_no_more() {
    let mut facts = facts(MONDAY);
    failing(&mut facts, Job::Copy, MONDAY - 9 * HOUR, MONDAY - HOUR, 9);
    assert_eq!(causes(&facts, MONDAY + HOUR), [Cause::Failed(Job::Copy)]);
    let jobs = Job::ALL.into_iter().filter(|job| *job != Job::Copy).collect();
    let off = Absence { jobs, ..absence() };
    assert!(facts.conditions(&off, at(MONDAY + HOUR)).is_empty());
    // Damage that it has found is still there.
    facts.damaged.insert(Job::Copy);
    assert_eq!(facts.conditions(&off, at(MONDAY + HOUR)).into_keys().collect::<Vec<_>>(), [Cause::Damage(Job::Copy)]);
}

#[test]
fn no_backup_for_some_office_hours_is_an_alarm() {
    assert_eq!(causes(&facts(MONDAY), MONDAY + 4 * HOUR), [Cause::Nothing]);
    // From Saturday at 18 h: one hour on Saturday, three on Monday.
    let saturday = MONDAY - 38 * HOUR;
    assert!(causes(&facts(saturday), MONDAY + 2 * HOUR - 1).is_empty());
    assert_eq!(causes(&facts(saturday), MONDAY + 2 * HOUR), [Cause::Nothing]);
    // There is none yet.
    assert_eq!(causes(&Facts::new(at(MONDAY)), MONDAY + 4 * HOUR), [Cause::Nothing]);
    // One from the future says nothing.
    let future = Facts { begun: at(MONDAY), ..facts(MONDAY + 1000 * HOUR) };
    assert_eq!(causes(&future, MONDAY + 5 * HOUR), [Cause::Nothing]);
    let off = Absence { limit: None, ..absence() };
    assert!(facts(MONDAY).conditions(&off, at(MONDAY + 50 * HOUR)).is_empty());
}

#[test]
fn a_job_that_fails_is_a_cause_after_three_tries_or_an_hour() {
    for (failures, minutes, is) in [(1, 0, false), (2, 59, false), (3, 3, true), (1, 60, true), (0, 500, false)] {
        let mut facts = facts(MONDAY);
        failing(&mut facts, Job::Copy, MONDAY, MONDAY, failures);
        assert_eq!(causes(&facts, MONDAY + minutes * 60) == [Cause::Failed(Job::Copy)], is, "{failures} {minutes}");
    }
}

#[test]
fn damage_is_a_cause_at_once_and_until_all_was_read_without() {
    let mut facts = facts(MONDAY);
    let ended = |exit| Ended { job: Job::Verify, at: at(MONDAY), seconds: 1, exit, is_done: exit.is_some() };
    facts.note(&ended(Some(4)));
    assert_eq!(causes(&facts, MONDAY), [Cause::Damage(Job::Verify)]);
    for exit in [None, Some(1), Some(3)] {
        facts.note(&ended(exit));
        assert!(facts.is_damaged(), "{exit:?} says nothing of damage");
    }
    facts.note(&ended(Some(0)));
    assert!(causes(&facts, MONDAY).is_empty());
    facts.seen.lost = 2;
    assert_eq!(causes(&facts, MONDAY), [Cause::Lost]);
}

#[test]
fn a_repository_that_stays_closed_is_a_cause() {
    let mut facts = facts(MONDAY);
    facts.closed = Some(Closed { since: at(MONDAY), exit: 10 });
    assert!(causes(&facts, MONDAY + 599).is_empty());
    assert_eq!(causes(&facts, MONDAY + 600), [Cause::Closed]);
}

#[test]
fn a_backup_that_looks_like_after_an_attack_is_told_each_day_until_somebody_answers() {
    let (mut facts, mut told) = (facts(MONDAY), BTreeMap::new());
    facts.seen.held = 1;
    assert_eq!(look(&facts, &mut told, MONDAY), [(Cause::Held, "new")]);
    facts.seen.newest = Some(at(MONDAY + 24 * HOUR));
    assert_eq!(look(&facts, &mut told, MONDAY + 24 * HOUR), [(Cause::Held, "again")]);
    facts.seen.held = 0;
    assert_eq!(look(&facts, &mut told, MONDAY + 25 * HOUR), [(Cause::Held, "well")]);
}

#[test]
fn a_trial_that_is_five_weeks_ago_is_told_each_week() {
    const DAY: i64 = 24 * HOUR;
    let mut told = BTreeMap::new();
    let mut on = |day: i64, drilled: Option<i64>| {
        let mut facts = facts(MONDAY + day * DAY);
        (facts.begun, facts.seen.drilled) = (at(MONDAY), drilled.map(|day| at(MONDAY + day * DAY)));
        look(&facts, &mut told, MONDAY + day * DAY)
    };
    assert!(on(34, None).is_empty(), "the schedule began 34 days ago");
    assert_eq!(on(35, None), [(Cause::Untried, "new")]);
    assert!(on(41, None).is_empty());
    assert_eq!(on(42, None), [(Cause::Untried, "again")]);
    assert_eq!(on(43, Some(43)), [(Cause::Untried, "well")]);
    assert!(on(77, Some(43)).is_empty());
    assert_eq!(on(78, Some(43)), [(Cause::Untried, "new")]);
    let jobs = Job::ALL.into_iter().filter(|job| *job != Job::Drill).collect();
    let off = Absence { jobs, ..absence() };
    assert!(Facts::new(at(MONDAY)).conditions(&Absence { limit: None, ..off }, at(MONDAY + 90 * DAY)).is_empty());
}

#[test]
fn a_removal_that_was_not_done_at_night_is_told_each_week_until_somebody_has_seen_it() {
    const DAY: i64 = 24 * HOUR;
    let mut told = BTreeMap::new();
    let mut on = |day: i64, end: Option<UndoneEnd>| {
        let mut facts = facts(MONDAY + day * DAY);
        facts.undone = end.map(|end| UndoneRemoval { at: at(MONDAY - 6 * HOUR), end });
        look(&facts, &mut told, MONDAY + day * DAY)
    };
    let (failed, not_begun) = (Some(UndoneEnd::Failed(None)), Some(UndoneEnd::NotBegun));
    assert!(on(0, None).is_empty());
    assert_eq!(on(0, failed), [(Cause::RemovalFailed, "new")]);
    assert!(on(6, failed).is_empty());
    assert_eq!(on(7, failed), [(Cause::RemovalFailed, "again")]);
    assert_eq!(on(8, None), [(Cause::RemovalFailed, "well")]);
    assert_eq!(on(9, not_begun), [(Cause::RemovalNotBegun, "new")]);
    assert_eq!(on(10, failed), [(Cause::RemovalFailed, "new"), (Cause::RemovalNotBegun, "well")]);
}

fn words(notices: &[Notice]) -> Vec<(Cause, &'static str)> {
    let word = |notice: &Notice| match notice.word {
        Word::New(_) => "new",
        Word::Again(_) => "again",
        Word::Well(_) => "well",
    };
    notices.iter().map(|notice| (notice.cause, word(notice))).collect()
}

/// Looks, sends everything, and gives what was sent.
fn look(facts: &Facts, told: &mut BTreeMap<Cause, Told>, now: i64) -> Vec<(Cause, &'static str)> {
    let notices = due(&facts.conditions(&absence(), at(now)), told, at(now));
    note(told, &notices, at(now));
    words(&notices)
}

#[test]
fn one_cause_is_one_notice_that_repeats_daily_and_ends_with_a_good_word() {
    let (mut facts, mut told) = (facts(MONDAY), BTreeMap::new());
    let four = MONDAY + 4 * HOUR;
    assert_eq!(look(&facts, &mut told, four), [(Cause::Nothing, "new")]);
    assert!(look(&facts, &mut told, four + 20).is_empty());
    assert!(look(&facts, &mut told, four + 24 * HOUR - 1).is_empty());
    assert_eq!(look(&facts, &mut told, four + 24 * HOUR), [(Cause::Nothing, "again")]);
    facts.seen.newest = Some(at(four + 25 * HOUR));
    assert_eq!(look(&facts, &mut told, four + 25 * HOUR), [(Cause::Nothing, "well")]);
    assert!(look(&facts, &mut told, four + 25 * HOUR + 20).is_empty() && told.is_empty());
}

#[test]
fn failed_backups_are_not_repeated_beside_the_alarm_that_there_are_none() {
    let (mut facts, mut told) = (facts(MONDAY), BTreeMap::new());
    failing(&mut facts, Job::Backup, MONDAY, MONDAY, 3);
    assert_eq!(look(&facts, &mut told, MONDAY), [(Cause::Failed(Job::Backup), "new")]);
    assert_eq!(look(&facts, &mut told, MONDAY + 5 * HOUR), [(Cause::Nothing, "new")]);
    assert_eq!(look(&facts, &mut told, MONDAY + 29 * HOUR), [(Cause::Nothing, "again")]);
}

#[test]
fn the_same_things_left_out_are_told_once() {
    let (mut facts, mut told) = (facts(MONDAY), BTreeMap::new());
    let mut with = |items: &[u64], hour: i64| {
        let items: BTreeSet<u64> = items.iter().copied().collect();
        let newest = Some(at(MONDAY + hour * HOUR));
        facts.seen = Seen { newest, lost: 0, left_out: items.len() as u64, items, ..Seen::default() };
        look(&facts, &mut told, MONDAY + hour * HOUR)
    };
    let new = [(Cause::LeftOut, "new")];
    assert_eq!(with(&[1, 2], 0), new);
    assert!(with(&[1, 2], 30).is_empty(), "the same");
    assert!(with(&[2], 50).is_empty(), "fewer");
    assert_eq!(with(&[2, 3], 80), new);
    assert!(with(&[4], 81).is_empty(), "at most one a day");
    assert_eq!(with(&[4], 104), new);
    assert_eq!(with(&[], 105), [(Cause::LeftOut, "well")]);
}

#[test]
fn no_sentence_is_empty_and_each_cause_has_its_own() {
    let voice = Voice { label: "Practice".to_owned(), zone: TimeZone::UTC };
    let condition = |exit| Condition { since: at(MONDAY), count: 3, exit, items: BTreeSet::new() };
    let mut texts = BTreeSet::new();
    for cause in Cause::all() {
        for word in [Word::New(condition(Some(10))), Word::Again(condition(None)), Word::Well(at(MONDAY))] {
            let message = voice.notices(&[Notice { cause, word }]);
            assert!(message.title.starts_with("Practice: ") && message.text.ends_with("Enamel, Practice"));
            assert!(texts.insert(message.text.clone()), "{}", message.text);
        }
    }
    let both = [
        Notice { cause: Cause::Damage(Job::Verify), word: Word::New(condition(None)) },
        Notice { cause: Cause::Nothing, word: Word::Well(at(MONDAY)) },
    ];
    let message = voice.notices(&both);
    assert_eq!(message.title, "Practice: damage was found");
    assert!(message.text.contains("Backups are made again."));
}

/// A step of a history: how far the clock goes, back or on, and what is true then.
#[derive(Debug, Clone)]
struct Step {
    minutes: i64,
    is_there: bool,
    is_sent: bool,
}

fn step() -> impl Strategy<Value = Step> {
    let minutes = prop_oneof![20 => 1_i64..180, 1 => -600_000_i64..600_000];
    (minutes, prop::bool::weighted(0.5), prop::bool::weighted(0.8)).prop_map(|(minutes, is_there, is_sent)| Step {
        minutes,
        is_there,
        is_sent,
    })
}

proptest! {
    /// A model that knows only whether somebody believes that it is well, and when they last heard otherwise.
    #[test]
    fn people_know_the_truth_and_hear_it_once_a_day(steps in prop::collection::vec(step(), 1..200)) {
        let mut told = BTreeMap::new();
        let mut now = MONDAY;
        let mut heard: Option<i64> = None;
        for Step { minutes, is_there, is_sent } in steps {
            now += minutes * 60;
            let mut facts = facts(now);
            facts.seen.lost = u64::from(is_there);
            let notices = due(&facts.conditions(&absence(), at(now)), &told, at(now));
            let said = words(&notices);
            let expected = match (is_there, heard) {
                (true, None) => vec![(Cause::Lost, "new")],
                (true, Some(last)) if last > now || now - last >= 24 * HOUR => vec![(Cause::Lost, "again")],
                (false, Some(_)) => vec![(Cause::Lost, "well")],
                _ => vec![],
            };
            prop_assert_eq!(&said, &expected);
            if is_sent && !said.is_empty() {
                note(&mut told, &notices, at(now));
                heard = is_there.then_some(now);
            }
            prop_assert_eq!(told.is_empty(), heard.is_none());
        }
    }

    /// An alarm of absence is there exactly if people worked for four hours, with anything known and any clock.
    #[test]
    fn the_alarm_of_absence_counts_minutes_at_work(newest in 0_i64..20_000, hours in -100_i64..100) {
        let (newest, now) = (MONDAY + newest * 60, MONDAY + newest * 60 + hours * HOUR);
        let office = absence();
        let works = |minute: &i64| office.hours.contains(at(*minute * 60).to_zoned(TimeZone::UTC).datetime());
        let worked = (newest / 60..now.max(newest) / 60).filter(works).count();
        let begun = Facts { begun: at(now), ..facts(newest) };
        prop_assert_eq!(causes(&begun, now).contains(&Cause::Nothing), worked >= 240);
    }
}
