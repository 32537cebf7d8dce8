//! The week since the last summary, and when the next one goes out.

use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan, Zoned};
use serde::{Deserialize, Serialize};

use super::settings::WeekTime;
use crate::schedule::{History, Jitter, Job, Rules, next};

/// More backups than one a minute are not counted.
const STEPS_MAX: u64 = 7 * 24 * 60;

/// The jobs that were done since the last summary.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Week {
    /// When it began.
    pub since: Timestamp,
    /// Backups that were made.
    pub made: u64,
    /// Some of these that left something out.
    pub left_out: u64,
    /// Jobs that failed and were tried again.
    pub failed: u64,
    /// Checks of the repository.
    pub verified: u64,
    /// Second copies.
    pub copied: u64,
    /// Drills.
    pub drilled: u64,
}

impl Week {
    /// A week that begins now.
    pub fn new(since: Timestamp) -> Self {
        Week { since, made: 0, left_out: 0, failed: 0, verified: 0, copied: 0, drilled: 0 }
    }

    /// Counts a job that has ended.
    pub fn count(&mut self, job: Job, exit: Option<i32>) {
        match (job, exit) {
            (Job::Backup, Some(0 | 3)) => {
                self.made += 1;
                self.left_out += u64::from(exit == Some(3));
            }
            (Job::Verify, Some(0 | 3 | 4)) => self.verified += 1,
            (Job::Copy, Some(0 | 3)) => self.copied += 1,
            (Job::Drill, Some(0 | 3)) => self.drilled += 1,
            (Job::Forget, Some(0 | 3)) => {}
            _ => self.failed += 1,
        }
    }

    /// Whether the summary is due that goes out at `time`.
    pub fn is_over(&self, time: WeekTime, now: &Zoned) -> bool {
        // A week from the future says nothing: a clock was set back.
        self.since > now.timestamp() || last(time, now).is_some_and(|last| self.since < last)
    }
}

/// The last moment of a week at which it was this day and time, until now.
fn last(time: WeekTime, now: &Zoned) -> Option<Timestamp> {
    let zone: &TimeZone = now.time_zone();
    let today = now.date();
    (0..=7).find_map(|days| {
        let day = today.checked_sub(days.days()).ok().filter(|day| day.weekday() == time.day)?;
        let at = zone.to_ambiguous_timestamp(day.to_datetime(time.time)).compatible().ok()?;
        (at <= now.timestamp()).then_some(at)
    })
}

/// How many backups the schedule has in a time, for a computer that is always on.
pub fn backups_due(rules: &Rules, since: Timestamp, until: &Zoned) -> u64 {
    let rules = Rules { copy: None, verify: None, drill: None, forget: None, ..rules.clone() };
    let mut history = History { begun: since, newest: Some(since), quiet_hour: 0, jobs: Default::default() };
    let mut count = 0;
    while count < STEPS_MAX {
        let at = history.newest.unwrap_or(since).to_zoned(until.time_zone().clone());
        match next(&rules, Jitter::default(), &at, &history) {
            Some(due) if due.at <= until.timestamp() => history.newest = Some(due.at),
            _ => break,
        }
        count += 1;
    }
    count
}

#[cfg(test)]
mod tests {
    use jiff::civil::{Time, Weekday};

    use super::*;
    use crate::schedule::ScheduleSettings;

    fn at(text: &str) -> Zoned {
        text.parse().unwrap()
    }

    #[test]
    fn a_summary_goes_out_once_a_week_and_not_in_the_first_days() {
        let monday = WeekTime { day: Weekday::Monday, time: Time::constant(7, 0, 0, 0) };
        // 2026-11-30 is a Monday.
        let week = |since: &str| Week::new(at(since).timestamp());
        let begun = week("2026-11-24T10:00-05:00[America/New_York]");
        for (now, is) in [
            ("2026-11-24T11:00-05:00[America/New_York]", false),
            ("2026-11-30T06:59-05:00[America/New_York]", false),
            ("2026-11-30T07:00-05:00[America/New_York]", true),
            // The computer was off.
            ("2026-12-02T12:00-05:00[America/New_York]", true),
            ("2026-11-01T12:00-05:00[America/New_York]", true),
        ] {
            assert_eq!(begun.is_over(monday, &at(now)), is, "{now}");
        }
        let sent = week("2026-11-30T07:00:10-05:00[America/New_York]");
        assert!(!sent.is_over(monday, &at("2026-12-07T06:59-05:00[America/New_York]")));
        assert!(sent.is_over(monday, &at("2026-12-07T07:00-05:00[America/New_York]")));
    }

    #[test]
    fn the_schedule_says_how_many_backups_a_week_has() {
        let rules = ScheduleSettings::default().rules().unwrap();
        let week = |since: &str, until: &str| backups_due(&rules, at(since).timestamp(), &at(until));
        // Twelve in office hours, at 19, 23 and 3 else, and six on Sunday.
        let due = week("2026-11-23T07:00+00:00[UTC]", "2026-11-30T06:59+00:00[UTC]");
        assert!((90..=102).contains(&due), "{due}");
        let off =
            ScheduleSettings { backup: "off".to_owned(), otherwise: "off".to_owned(), ..ScheduleSettings::default() };
        assert_eq!(backups_due(&off.rules().unwrap(), Timestamp::UNIX_EPOCH, &at("2026-11-30T06:59+00:00[UTC]")), 0);
    }

    #[test]
    fn jobs_are_counted_by_how_they_ended() {
        let mut week = Week::new(Timestamp::UNIX_EPOCH);
        for (job, exit) in [
            (Job::Backup, Some(0)),
            (Job::Backup, Some(3)),
            (Job::Backup, Some(4)),
            (Job::Verify, Some(4)),
            (Job::Copy, None),
            (Job::Forget, Some(0)),
        ] {
            week.count(job, exit);
        }
        assert_eq!((week.made, week.left_out, week.failed, week.verified, week.copied), (2, 1, 2, 1, 0));
    }
}
