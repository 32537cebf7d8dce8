//! The next job: a pure function of rules, time and history.
//!
//! Nothing is counted from a long sleep: each look compares times of the wall clock. A time in the future says nothing,
//! so a clock that was wrong holds nothing up.

use std::time::Duration;

use jiff::civil::{Time, Weekday};
use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{SignedDuration, Timestamp, ToSpan, Zoned};

use super::history::{History, Job, Tries};
use super::rules::{CopyRule, Period, Rules};
use crate::fnv;

/// The minutes after failures; the last one counts for all that follow.
const LADDER: [i64; 5] = [1, 2, 5, 10, 20];
/// The minutes after more failures of a job that nothing is lost by: it would fail for the same reason.
const LATER: i64 = 6 * 60;
/// The minutes after somebody has stopped a job: one that began again at once could not be stopped.
const LEFT_ALONE: i64 = 60;
/// Schedules are spread over so many seconds.
const SPREAD_SECONDS: u64 = 300;
/// Steps of backups that are looked at: a week of minutes.
const STEPS_MAX: usize = 7 * 24 * 60 + 1;

/// The seconds by which the steps of one machine and repository differ from those of others, always the same: hundreds of
/// offices do not ask one store at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Jitter(i64);

impl Jitter {
    /// The seconds of the machine `host` with the repository of this id.
    pub fn of(repository: &str, host: &str) -> Self {
        let hash = fnv::hash(repository.bytes().chain([0]).chain(host.bytes()));
        // Less than the spread.
        Jitter((hash % SPREAD_SECONDS).cast_signed())
    }
}

/// A job, and when it is to begin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Due {
    /// The job.
    pub job: Job,
    /// The time: it is due if that has come.
    pub at: Timestamp,
}

/// The job that goes first among those that are due at `now`, or else the one that is due first.
pub fn next(rules: &Rules, jitter: Jitter, now: &Zoned, history: &History) -> Option<Due> {
    // A job that is due goes before others by its place, whenever it was due.
    all(rules, jitter, now, history).min_by_key(|due| (due.at.max(now.timestamp()), due.job))
}

/// When the backup after one of `newest` is to begin; `None` if none is on schedule.
pub fn backup_after(rules: &Rules, jitter: Jitter, zone: &TimeZone, newest: Timestamp) -> Option<Timestamp> {
    backup_at(rules, jitter, &newest.to_zoned(zone.clone()), Some(newest))
}

/// When each job is to begin, but for those that never do.
pub fn all(rules: &Rules, jitter: Jitter, now: &Zoned, history: &History) -> impl Iterator<Item = Due> {
    Job::ALL.into_iter().filter_map(move |job| Some(Due { job, at: due_at(job, rules, jitter, now, history)? }))
}

/// When a job is to begin, with the past as it is now; `None` if it never is.
fn due_at(job: Job, rules: &Rules, jitter: Jitter, now: &Zoned, history: &History) -> Option<Timestamp> {
    let tries = history.tries(job);
    let seen = |time: Option<Timestamp>| time.filter(|time| *time <= now.timestamp());
    let done = seen(tries.done);
    let in_quiet = |period: Period| {
        let since = done.unwrap_or(history.begun.min(now.timestamp()));
        after(since, period, history.quiet_hour, jitter, now.time_zone())
    };
    let at = match job {
        Job::Backup => backup_at(rules, jitter, now, seen(history.newest))?,
        Job::Copy => match rules.copy? {
            CopyRule::Each(period) => in_quiet(period)?,
            CopyRule::AfterBackup => {
                let newest = seen(history.newest)?;
                if done.is_some_and(|done| done > newest) {
                    return None;
                }
                newest
            }
        },
        Job::Drill => in_quiet(rules.drill?)?,
        Job::Verify => in_quiet(rules.verify.as_ref()?.period)?,
        Job::Forget => in_quiet(rules.forget?)?,
    };
    let opens = if job == Job::Copy { opens_at(rules, now)? } else { Timestamp::MIN };
    let again = again_at(job, &tries, now.timestamp()).max(left_alone_until(&tries, now.timestamp()));
    Some(at.max(opens).max(again.unwrap_or(Timestamp::MIN)))
}

/// When the window of copies opens; the beginning of time if it is open. A window that was missed is past.
fn opens_at(rules: &Rules, now: &Zoned) -> Option<Timestamp> {
    match rules.copy_window {
        Some(window) if !window.has(now) => Some(window.next(now)?.timestamp()),
        _ => Some(Timestamp::MIN),
    }
}

/// When a job that failed is tried again.
fn again_at(job: Job, tries: &Tries, now: Timestamp) -> Option<Timestamp> {
    let last = if matches!(job, Job::Backup | Job::Copy) { LADDER[LADDER.len() - 1] } else { LATER };
    tried_at(tries, last, now)
}

/// Until when a job that somebody has stopped is left alone.
fn left_alone_until(tries: &Tries, now: Timestamp) -> Option<Timestamp> {
    let stopped = tries.stopped.filter(|stopped| *stopped <= now)?;
    stopped.checked_add(SignedDuration::from_mins(LEFT_ALONE)).ok()
}

/// When a notice that was not sent is tried again; `None` if none was tried.
pub fn sent_at(tries: &Tries, now: Timestamp) -> Option<Timestamp> {
    tried_at(tries, LADDER[LADDER.len() - 1], now)
}

/// The next try in steps of the ladder, and in steps of `last` minutes after these.
fn tried_at(tries: &Tries, last: i64, now: Timestamp) -> Option<Timestamp> {
    let failed = tries.failed.filter(|failed| tries.failures > 0 && *failed <= now)?;
    let place = tries.failures as usize - 1;
    failed.checked_add(SignedDuration::from_mins(LADDER.get(place).copied().unwrap_or(last))).ok()
}

/// The first step of a backup that comes half an interval after the newest snapshot or later. Steps of one interval are
/// the same at all times, so snapshots do not drift, and one that was made by hand takes the place of one.
fn backup_at(rules: &Rules, jitter: Jitter, now: &Zoned, newest: Option<Timestamp>) -> Option<Timestamp> {
    if rules.backup.is_none() && rules.otherwise.is_none() {
        return None;
    }
    let Some(newest) = newest else { return Some(now.timestamp()) };
    let in_hours = |interval: Duration, is_office: bool| {
        let seconds = i64::try_from(interval.as_secs()).ok()?;
        let mut at = first_step(newest.as_second() + seconds / 2, seconds, jitter);
        for _ in 0..STEPS_MAX {
            let time = Timestamp::from_second(at).ok()?;
            if rules.office_hours.contains(time.to_zoned(now.time_zone().clone()).datetime()) == is_office {
                return Some(time);
            }
            at += seconds;
        }
        None
    };
    let office = rules.backup.and_then(|interval| in_hours(interval, true));
    let other = rules.otherwise.and_then(|interval| in_hours(interval, false));
    office.into_iter().chain(other).min()
}

/// The first step at `from` or later: seconds since 1970.
fn first_step(from: i64, interval: i64, jitter: Jitter) -> i64 {
    let late = (from - jitter.0).rem_euclid(interval);
    if late == 0 { from } else { from - late + interval }
}

/// The first time of a period after `since`.
fn after(since: Timestamp, period: Period, hour: i8, jitter: Jitter, zone: &TimeZone) -> Option<Timestamp> {
    let mut day = since.to_zoned(zone.clone()).date().yesterday().ok()?;
    let time = Time::new(hour, i8::try_from(jitter.0 / 60).ok()?, i8::try_from(jitter.0 % 60).ok()?, 0).ok()?;
    loop {
        if is_in(period, day.weekday(), day.day()) {
            let at = first_instant(zone, day.to_datetime(time))?;
            if at > since {
                return Some(at);
            }
        }
        day = day.checked_add(1.day()).ok()?;
    }
}

fn is_in(period: Period, weekday: Weekday, day: i8) -> bool {
    match period {
        Period::Daily => true,
        Period::Weekly(on) => on == weekday,
        Period::Monthly => day == 1,
    }
}

/// The instant of a local time: the first, if it comes twice, and when the clock goes on, if it leaves the time out.
fn first_instant(zone: &TimeZone, local: jiff::civil::DateTime) -> Option<Timestamp> {
    let found = zone.to_ambiguous_timestamp(local);
    match found.offset() {
        AmbiguousOffset::Gap { .. } => {
            let later = found.later().ok()?;
            zone.preceding(later).next().map(|transition| transition.timestamp())
        }
        AmbiguousOffset::Unambiguous { .. } | AmbiguousOffset::Fold { .. } => found.earlier().ok(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::super::rules::ScheduleSettings;
    use super::*;

    const ZONES: [&str; 5] =
        ["America/New_York", "Europe/Berlin", "Australia/Lord_Howe", "Asia/Kathmandu", "America/Sao_Paulo"];

    fn at(text: &str) -> Zoned {
        text.parse().unwrap()
    }

    fn usual() -> Rules {
        ScheduleSettings::default().rules().unwrap()
    }

    fn history(begun: &Zoned) -> History {
        History { begun: begun.timestamp(), newest: None, quiet_hour: 2, jobs: BTreeMap::new() }
    }

    fn local(due: Option<Timestamp>, now: &Zoned) -> String {
        due.map(|at| at.to_zoned(now.time_zone().clone()).datetime().to_string()).unwrap_or_default()
    }

    #[test]
    fn the_first_backup_is_due_at_once_and_the_others_on_the_hour() {
        let now = at("2026-11-30T09:10:00[America/New_York]");
        let mut past = history(&now);
        let backup = |past: &History, now: &Zoned| local(due_at(Job::Backup, &usual(), Jitter(0), now, past), now);
        assert_eq!(backup(&past, &now), "2026-11-30T09:10:00");
        past.newest = Some(now.timestamp());
        assert_eq!(backup(&past, &now), "2026-11-30T10:00:00");
        past.newest = Some(at("2026-11-30T09:31:00[America/New_York]").timestamp());
        assert_eq!(
            backup(&past, &at("2026-11-30T09:40:00[America/New_York]")),
            "2026-11-30T11:00:00",
            "one by hand takes the place of one"
        );
    }

    #[test]
    fn a_snapshot_from_the_future_holds_no_backup_up() {
        let now = at("2026-11-30T09:10:00[America/New_York]");
        let past = History { newest: Some(at("2026-12-24T09:00:00[America/New_York]").timestamp()), ..history(&now) };
        assert_eq!(due_at(Job::Backup, &usual(), Jitter(7), &now, &past), Some(now.timestamp()));
    }

    #[test]
    fn a_local_time_that_is_left_out_is_when_the_clock_goes_on_and_one_that_comes_twice_counts_once() {
        let begun = at("2026-03-07T12:00:00[America/New_York]");
        let verify = |past: &History, now: &Zoned| local(due_at(Job::Verify, &usual(), Jitter(290), now, past), now);
        assert_eq!(verify(&history(&begun), &begun), "2026-03-08T03:00:00");
        let begun = at("2026-10-31T12:00:00[America/New_York]");
        let mut past = History { quiet_hour: 1, ..history(&begun) };
        assert_eq!(
            due_at(Job::Verify, &usual(), Jitter(0), &begun, &past),
            Some("2026-11-01T05:00:00Z".parse().unwrap())
        );
        let done = Some("2026-11-01T05:05:00Z".parse().unwrap());
        past.jobs.insert(Job::Verify, Tries { done, ..Tries::default() });
        assert_eq!(verify(&past, &at("2026-11-01T01:30:00-05:00[America/New_York]")), "2026-11-02T01:04:50");
    }

    #[test]
    fn a_job_that_failed_is_tried_again_after_longer_and_longer_times() {
        let now = at("2026-11-30T09:10:00[Europe/Berlin]");
        for (failures, minutes) in [(1, 1), (2, 2), (3, 5), (4, 10), (5, 20), (6, 20), (1000, 20)] {
            let mut past = history(&now);
            past.jobs.insert(Job::Backup, Tries { failures, failed: Some(now.timestamp()), ..Tries::default() });
            let due = due_at(Job::Backup, &usual(), Jitter(0), &now, &past).unwrap();
            assert_eq!(due.as_second() - now.timestamp().as_second(), minutes * 60, "{failures}");
            past.jobs.insert(Job::Forget, Tries { done: None, ..past.jobs[&Job::Backup] });
            let forget = due_at(Job::Forget, &usual(), Jitter(0), &now, &past).unwrap();
            assert!(failures <= 5 || forget.as_second() - now.timestamp().as_second() >= 6 * 3600, "{failures}");
            // The clock was put back: the failure has not happened yet.
            let earlier = now.checked_sub(3.hours()).unwrap();
            assert_eq!(due_at(Job::Backup, &usual(), Jitter(0), &earlier, &past), Some(earlier.timestamp()));
        }
    }

    #[test]
    fn a_job_that_somebody_stopped_is_left_alone_for_an_hour() {
        let now = at("2026-11-30T09:10:00[Europe/Berlin]");
        for job in [Job::Backup, Job::Copy, Job::Verify] {
            let mut past = History { newest: None, ..history(&now) };
            past.newest = (job == Job::Copy).then(|| now.timestamp());
            past.jobs.insert(job, Tries { stopped: Some(now.timestamp()), ..Tries::default() });
            let due = due_at(job, &usual(), Jitter(0), &now, &past).unwrap();
            assert!(due.as_second() - now.timestamp().as_second() >= 3600, "{job:?}");
            assert!(job == Job::Verify || due.as_second() - now.timestamp().as_second() == 3600, "{job:?}");
            // The clock was put back: nobody has stopped it yet.
            let earlier = now.checked_sub(3.hours()).unwrap();
            let due = due_at(job, &usual(), Jitter(0), &earlier, &past);
            assert!(job != Job::Backup || due == Some(earlier.timestamp()), "{due:?}");
        }
    }

    #[test]
    fn a_copy_waits_for_its_window_and_a_missed_window_for_the_next_one() {
        let rules = Rules { copy_window: Some("22:00-06:00".parse().unwrap()), ..usual() };
        let copy = |now: &str, newest: &str| {
            let newest = Some(at(newest).timestamp());
            let past = History { newest, ..history(&at("2026-11-01T00:00:00[Europe/Berlin]")) };
            due_at(Job::Copy, &rules, Jitter(0), &at(now), &past)
                .unwrap()
                .to_zoned(TimeZone::get("Europe/Berlin").unwrap())
        };
        let noon = "2026-11-30T12:00:00[Europe/Berlin]";
        let opens = at("2026-11-30T22:00:00[Europe/Berlin]");
        assert_eq!(copy("2026-11-30T13:00:00[Europe/Berlin]", noon), opens);
        assert_eq!(copy("2026-11-30T13:00:00[Europe/Berlin]", "2026-11-28T12:00:00[Europe/Berlin]"), opens);
        assert_eq!(copy("2026-11-30T23:00:00[Europe/Berlin]", noon), at(noon));
    }

    #[test]
    fn a_copy_follows_each_snapshot_once() {
        let now = at("2026-11-30T09:10:00[Europe/Berlin]");
        let mut past = history(&now);
        assert_eq!(due_at(Job::Copy, &usual(), Jitter(0), &now, &past), None);
        past.newest = Some(at("2026-11-30T09:05:00[Europe/Berlin]").timestamp());
        assert_eq!(due_at(Job::Copy, &usual(), Jitter(0), &now, &past), past.newest);
        past.jobs.insert(Job::Copy, Tries { done: Some(now.timestamp()), ..Tries::default() });
        assert_eq!(due_at(Job::Copy, &usual(), Jitter(0), &now, &past), None);
    }

    #[test]
    fn offices_differ_by_minutes_and_each_is_always_the_same() {
        let jitters: std::collections::BTreeSet<i64> =
            (0..100).map(|n| Jitter::of("c17bc452", &format!("office{n}")).0).collect();
        assert!(jitters.len() > 60 && jitters.iter().all(|seconds| (0..300).contains(seconds)));
        assert_eq!(Jitter::of("c17bc452", "reception"), Jitter(225), "a release that changes this moves every office");
    }

    /// The time that a machine is looked at.
    const MINUTES: i64 = 9 * 1440;

    /// A machine that sleeps, fails and is looked at each minute, as the agent does.
    struct Office {
        rules: Rules,
        jitter: Jitter,
        past: History,
        runs: Vec<(Job, Timestamp)>,
    }

    impl Office {
        fn look(&mut self, now: &Zoned, succeeds: bool) {
            let Some(Due { job, at }) = next(&self.rules, self.jitter, now, &self.past) else { return };
            if at > now.timestamp() {
                return;
            }
            self.runs.push((job, now.timestamp()));
            let tries = self.past.jobs.entry(job).or_default();
            if !succeeds {
                *tries = Tries { failures: tries.failures + 1, failed: Some(now.timestamp()), ..*tries };
                return;
            }
            *tries = Tries { done: Some(now.timestamp()), ..Tries::default() };
            if job == Job::Backup {
                self.past.newest = Some(now.timestamp());
            }
        }

        fn times(&self, job: Job) -> Vec<Timestamp> {
            self.runs.iter().filter(|(of, _)| *of == job).map(|(_, at)| *at).collect()
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 8, ..ProptestConfig::default() })]

        /// Weeks around any day of years with changes of the clock, with nights in which the machine is off, and failures.
        #[test]
        fn awake_machines_are_backed_up_in_time_and_asleep_ones_once_afterwards(
            zone in 0..ZONES.len(),
            day in 0_i64..3650,
            jitter in 0_i64..300,
            sleeps in proptest::collection::vec((0_i64..MINUTES, 1_i64..4000), 0..4),
            failing in proptest::collection::vec(0_i64..MINUTES, 0..6),
        ) {
            let zone = TimeZone::get(ZONES[zone]).unwrap();
            let start = Timestamp::from_second(1_700_000_000 + day * 86_400).unwrap();
            let mut office = Office { rules: usual(), jitter: Jitter(jitter), past: history(&start.to_zoned(zone.clone())), runs: Vec::new() };
            let is_asleep = |minute: i64| sleeps.iter().any(|(from, long)| (*from..from + long).contains(&minute));
            for minute in 0..MINUTES {
                if !is_asleep(minute) {
                    let now = Timestamp::from_second(start.as_second() + minute * 60).unwrap().to_zoned(zone.clone());
                    office.look(&now, !failing.contains(&minute));
                }
            }
            let backups = office.times(Job::Backup);
            let minute_of = |at: Timestamp| (at.as_second() - start.as_second()) / 60;
            for pair in backups.windows(2) {
                let (from, to) = (minute_of(pair[0]), minute_of(pair[1]));
                let awake = (from..to).filter(|minute| !is_asleep(*minute)).count();
                let was_office = (from..to).all(|minute| {
                    let at = Timestamp::from_second(start.as_second() + minute * 60).unwrap();
                    office.rules.office_hours.contains(at.to_zoned(zone.clone()).datetime())
                });
                // Half an interval late at most, and some minutes for other jobs and tries.
                prop_assert!(awake <= 6 * 60 + 10, "{from} {to}");
                prop_assert!(!was_office || awake <= 90 + 10, "{from} {to}");
            }
            // A run that succeeded is not followed by another before half of the shorter interval, whatever was slept through.
            let mut last: Option<i64> = None;
            for at in backups.iter().map(|at| minute_of(*at)) {
                if let Some(last) = last.filter(|last| !failing.contains(last)) {
                    prop_assert!(at - last >= 30, "{last} {at}");
                }
                last = Some(at);
            }
            // A daily job is done once for each day, as soon as the machine is awake after its hour.
            let verifies = office.times(Job::Verify);
            let mut days = Vec::new();
            for minute in 1..MINUTES {
                let time = |minute: i64| Timestamp::from_second(start.as_second() + minute * 60).unwrap().to_zoned(zone.clone());
                let (before, now) = (time(minute - 1), time(minute));
                let has_come = |at: &Zoned| at.hour() >= 2;
                if has_come(&now) && (!has_come(&before) || before.date() != now.date()) && days.last() != Some(&(now.date(), true)) {
                    days.push((now.date(), true));
                    let first = verifies.iter().map(|at| minute_of(*at)).find(|at| *at >= minute);
                    let awake = (minute..first.unwrap_or(MINUTES)).filter(|minute| !is_asleep(*minute)).count();
                    prop_assert!(awake <= 6 + 3 || !failing.is_empty(), "{now}: {awake}");
                }
            }
            prop_assert!(verifies.len() <= days.len() + failing.len(), "{verifies:?}");
        }
    }
}
